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
	const struct strv *unset;    /* of prepare_options_of() those that are off */
	const struct strv *unloaded; /* modules that are to be loaded at every boot and are not there */
	const struct strv *running;  /* of prepare_units_of() those that have a process */
};

/* Adds what is not in force, and why; before a reboot that is no more than a note. */
void prepare_judge(const struct prepare_state *s, struct findings *ret);

/*
 * Adds a finding for each card that gpupt.conf reserves and that our rule for udev does not know by address and identity: it was reserved,
 * or has come, after the preparation. Is there any?
 */
bool prepare_judge_unprepared(const struct setup *s, const struct settings *set, struct findings *ret);

/*
 * The files below /sys/module that say of each option that was prepared whether it is in force: "kvm/parameters/ignore_msrs". 0 or
 * -ENOMEM.
 */
int prepare_options_of(const struct prepare_steps *before, struct strv *ret);

/* The modules of the file in modules-load.d that was prepared. 0 or -ENOMEM. */
int prepare_modules_of(const struct prepare_steps *before, struct strv *ret);

/* NVIDIA's services that were given a condition: nvidia_units.h. 0 or -ENOMEM. */
int prepare_units_of(const struct prepare_steps *before, struct strv *ret);

#endif
