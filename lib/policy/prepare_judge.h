/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Has what was prepared come into force? Pure. */
#ifndef GPUPT_POLICY_PREPARE_JUDGE_H
#define GPUPT_POLICY_PREPARE_JUDGE_H

#include "policy/prepare.h"

struct prepare_state {
	const struct setup *setup;
	const struct settings *settings;
	struct prepare_steps before;
	bool cut_off;		     /* one was begun and not finished */
	bool rebooted;		     /* since the last preparation */
	const struct strv *unloaded; /* modules that are to be loaded at every boot and are not there */
};

/* Adds what is not in force, and why; before a reboot that is no more than a note. */
void prepare_judge(const struct prepare_state *s, struct findings *ret);

/* The modules of the file in modules-load.d that was prepared. 0 or -ENOMEM. */
int prepare_modules_of(const struct prepare_steps *before, struct strv *ret);

#endif
