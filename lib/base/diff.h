/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is different between two texts, as diff -u shows it: for people, who know that form. */
#ifndef GPUPT_BASE_DIFF_H
#define GPUPT_BASE_DIFF_H

#include "base/text.h"

#define DIFF_LINES_MAX 2000 /* of a text: beyond, it is shown as replaced as a whole */

/*
 * Adds the hunks, with three lines of context, each line behind `indent`. NULL is a text that is not there. Nothing for equal texts. The
 * missing newline at an end is shown as diff does. Without memory: t->r.
 */
void diff_unified(const char *before, const char *after, const char *indent, struct text *t);

#endif
