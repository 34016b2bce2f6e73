/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Containers that came to want a card while it was away. They are put on the record of the lease before the card goes home, so that whoever
 * is to bring them back when it is there knows of them even if we do not live to see it.
 */
#ifndef GPUPT_NEWCOMERS_H
#define GPUPT_NEWCOMERS_H

#include "flow/report.h"
#include "plan/record.h"
#include "policy/facts.h"
#include "policy/settings.h"

/*
 * f is about the functions of the lease, and gets its containers. Looks at nothing that does not answer. Those that somebody else has to
 * bring back are told. 0 or -errno.
 */
int newcomers_note(struct facts *f, const struct settings *s, const struct root *r, struct record *rec, const struct report *report,
		   struct err *e);

#endif
