/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record of a reset, or of a way home, as a person wants to see it: one that is under way, or that was cut short. Only reads. */
#ifndef GPUPT_HELPER_RESET_VIEW_H
#define GPUPT_HELPER_RESET_VIEW_H

#include "plan/errand.h"
#include "plan/record.h"

struct reset_view {
	struct bdf gpu;
	struct record rec;
	bool homeward;	       /* a container's start brings the card home; else a reset */
	struct bdf *functions; /* gpu, and those that have an open step */
	size_t n;
	pid_t pid; /* the process that is at work on it, 0: nobody */
};

/* The cards that have a record. 0 or -errno; free *ret. */
int reset_view_all(const struct root *r, struct bdf **ret, size_t *ret_n);
/* 0, -ENOENT (no record, or none any more), -EBADMSG (err names the line), -errno. */
int reset_view_load(const struct root *r, struct bdf gpu, struct reset_view *ret, struct err *e);
void reset_view_done(struct reset_view *v);
#define _cleanup_reset_view_ _cleanup_(reset_view_done)

#endif
