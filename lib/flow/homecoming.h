/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container starts: the cards that it names are brought home, where nobody has them. */
#ifndef GPUPT_HOMECOMING_H
#define GPUPT_HOMECOMING_H

#include "flow/report.h"
#include "policy/settings.h"
#include "pve/config.h"

struct homecoming {
	const struct root *root;
	const struct settings *settings;
	const struct report *report;
	const struct config *ct; /* the container's */
	bool dry_run;
};

/*
 * Of each card that the container names and that is not with its driver: a lease whose VM does not run any more is given back; what
 * is found on vfio-pci, or on no driver, and is nobody's goes to its home, unless after-stop = keep; otherwise it is said who has it.
 * Locks are tried and not waited for: the start of a container is never held up for a card. 0; -EUCLEAN: a card did not come home
 * (said); -errno.
 */
int homecoming_run(const struct homecoming *h, struct err *e);

#endif
