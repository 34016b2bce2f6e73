/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines of a file that a step has given another text, found again when others have come or gone around them. Steps for several lines of
 * one file stand from the last to the first, so that each finds its line at its number. Pure.
 */
#ifndef GPUPT_PLAN_LINE_H
#define GPUPT_PLAN_LINE_H

#include <limits.h>

#include "base/text.h"

/* Either of these texts, without the last newline; several lines have "\n" between them. */
struct line_texts {
	const char *before, *after;
};

struct line_found {
	const char *at;	   /* where it begins; NULL: nowhere, or nobody can tell where */
	const char *value; /* before or after of the texts, whichever is there */
	size_t places;	   /* how many there are to choose from */
};

/*
 * Where either text stands as whole lines of file: with its first as line nr, counted from 1, or else at exactly one other place. Of two
 * that begin together the longer counts, and none is looked for within another. A carriage return before the newline is not part of a line.
 */
struct line_found line_find(const char *file, size_t nr, const struct line_texts *t);

/* Line nr without its end. False if the file ends before. */
bool line_at(const char *file, size_t nr, const char **ret, size_t *ret_len);

/* Appends the file with the other text in the place of the one that was found; every other byte stays. */
void line_replace(const char *file, const struct line_found *found, const struct line_texts *t, struct text *ret);

/* The target of a line step, "PATH NR", and the reverse: 0, or -EINVAL. */
void line_target(const char *path, size_t nr, struct text *ret);
int line_target_parse(const char *target, char ret_path[static PATH_MAX], size_t *ret_nr);

#endif
