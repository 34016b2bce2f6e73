/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An error is -errno and one sentence: what, where, why. The caller owns the sentence; only main and commands print it. */
#ifndef GPUPT_ERR_H
#define GPUPT_ERR_H

#include "base/cleanup.h"

struct err {
	char text[512];
};

/* Sets the sentence and returns r (0 or -errno), so that a failing function can end in `return err_set(…)`. A NULL e is fine. */
int err_set(struct err *e, int r, const char *fmt, ...) _printf_(3, 4);

/* The same with ": " and the errno's own words behind the sentence. */
int err_errno(struct err *e, int r, const char *fmt, ...) _printf_(3, 4);

#endif
