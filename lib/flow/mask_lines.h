/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of mask.h: what stays of a text stays on its line. Nobody else includes this. */
#ifndef GPUPT_MASK_LINES_H
#define GPUPT_MASK_LINES_H

#include "flow/mask.h"

/* What has been written of a text, by lines. */
struct mask_lines {
	char *next;	   /* in the text */
	unsigned int line; /* the one that comes next, from 1 */
	unsigned int written;
	struct text *ret;
};

/* Adds a line, with empty ones for those that were left out before it. */
void mask_add_line(struct mask_lines *l, unsigned int line, const char *s);
/* Where a remark begins at the end of a line, or the line's end. */
char *mask_remark(char *line);

#endif
