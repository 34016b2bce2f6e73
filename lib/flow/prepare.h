/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk of a preparation: look at the host, decide, and make the steps, which stay on record until `revert`. One record for all
 * preparations. While one is under way a file says from which step of the record on: what a crash leaves is found by it.
 */
#ifndef GPUPT_FLOW_PREPARE_H
#define GPUPT_FLOW_PREPARE_H

#include "flow/report.h"
#include "policy/prepare.h"

#define PREPARE_DIR	   "/var/lib/gpupt/prepare"
#define PREPARE_RECORD	   PREPARE_DIR "/record"
#define PREPARE_UNFINISHED PREPARE_DIR "/unfinished"
#define PREPARE_SINCE	   "since" /* a note: seconds since the epoch, of the first one on record */

/* A card that is asked for, and what for. */
struct prepare_gpu {
	struct bdf gpu; /* its display function */
	bool has_mode;	/* else as gpupt.conf has it */
	enum mode mode;
};

struct prepare {
	const struct root *root;
	const struct prepare_gpu *gpus; /* written to gpupt.conf */
	size_t n_gpus;
	bool adopt;
	/* What prepare_look() finds and decides. */
	struct settings settings;
	char *settings_text;
	struct setup setup;
	struct pins pins;
	struct record record;
	unsigned int unfinished; /* the number of the first step of a preparation that was cut off; 0: none was */
	struct prepare_facts facts;
	struct plan plan;
	struct findings found;
	struct text reboot; /* what the new state needs a reboot for, a line each */
};

/* 0 or -errno: the host cannot be read, or gpupt.conf is not to be understood. */
int prepare_look(struct prepare *p, struct err *e);
void prepare_done(struct prepare *p);
#define _cleanup_prepare_ _cleanup_(prepare_done)

/*
 * Makes the plan's steps. 0; -EBUSY: another process prepares; -EUCLEAN: it failed, and not everything could be put back; -errno: it
 * failed, and all of it was put back.
 */
int prepare_make(struct prepare *p, const struct engine *en, struct err *e);

struct revert {
	const struct root *root;
	bool unfinished; /* only what a preparation that was cut off has made */
	bool dry_run;
	struct text reboot; /* what a reboot is needed for */
	bool left; /* something stays as somebody else has changed it */
	struct text kept; /* paths of what stays since something depends on it by now, with commas between */
};

/*
 * Puts back what is on record, for en's watch to tell. 0; -ENOENT: nothing is; -EBUSY; -EUCLEAN: something could not be put back and
 * stays on record; -errno. What somebody else has changed is left, what something depends on is kept, and neither is a failure.
 */
int revert_run(struct revert *r, const struct engine *en, const struct report *report, struct err *e);

/*
 * The record, only read, and whether the last preparation, or its revert, has not come to its end. Without open steps nothing is
 * prepared. 0 or -errno; record_close() it.
 */
int prepare_read(const struct root *r, struct record *ret, bool *ret_unfinished, struct err *e);

/* Findings on what was prepared and is not in force, and on a preparation that was cut off. Nothing is written. 0 or -errno. */
int prepare_check(const struct root *r, const struct setup *setup, const struct settings *settings, struct findings *ret, struct err *e);

#endif
