/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NVIDIA's services and rules of udev on a host that has no card left for them: what keeps them from reaching for the driver. They serve
 * all of its cards, so nothing is done as long as one stays with the host; the hook stops a service for a card that leaves. Pure.
 */
#ifndef GPUPT_POLICY_NVIDIA_UNITS_H
#define GPUPT_POLICY_NVIDIA_UNITS_H

#include "policy/settings.h"
#include "policy/setup.h"

enum { NVIDIA_PATH_LEN = 96 };

struct nvidia_file {
	char path[NVIDIA_PATH_LEN];
	const char *text, *why; /* constants */
};

struct nvidia_plan {
	struct nvidia_file v[NVIDIA_UNITS + NVIDIA_RULES];
	size_t n;
};

/* Where our drop-in for a unit is. Returns ret. */
const char *nvidia_drop_in_path(const char *unit, char ret[static NVIDIA_PATH_LEN]);

/*
 * The files of ours that the host is to have for it: a drop-in for each service that is installed, and, for each rule of a package, a file
 * of its name in /etc that hides it, unless somebody else has put one there. None unless there is a display of NVIDIA's and all are
 * reserved; what is not there and was made by us is to go.
 */
void nvidia_plan(const struct setup *s, const struct settings *set, struct nvidia_plan *ret);

#endif
