/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Breaks lines between words: libsmartcols by itself breaks them anywhere. */
#ifndef GPUPT_WRAP_H
#define GPUPT_WRAP_H

#include "base/text.h"

/* Appends s with newlines in the place of blanks, so that no line is longer than width bytes, except by a single long word. */
void wrap_words(const char *s, size_t width, struct text *ret);

/*
 * Shares out what a terminal has left among n columns whose longest texts are natural[i] long: each gets what it needs, or, where
 * that is too much, its part of the rest in proportion, but never less than 20.
 */
void wrap_widths(const size_t *natural, size_t n, size_t left, size_t *ret);

#endif
