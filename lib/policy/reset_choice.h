/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to do about a card's reset. Pure. */
#ifndef GPUPT_RESET_CHOICE_H
#define GPUPT_RESET_CHOICE_H

#include "host/reset.h"
#include "policy/facts.h"

struct reset_choice {
	char method[24];     /* to be selected in reset_method before the first reset; "": leave it */
	bool reset;	     /* do a reset of the function ourselves */
	bool works_in_guest; /* QEMU's own reset at start is likely to work */
	char how[24];	     /* by which method, with reset */
	char why[224];	     /* one clause: what was chosen, or what stands in the way */
	char guest_why[192]; /* one clause for works_in_guest */
	const char *remedy;  /* with !works_in_guest; may be NULL */
};

/*
 * reset = auto resets AMD's cards, which keep the state of the last VM, and leaves the others to QEMU; device_specific comes
 * first where the kernel has it. A method by name is done for any vendor. none does nothing.
 */
void reset_choose(const struct facts *f, const struct fn_facts *fn, const struct gpu_settings *g, struct reset_choice *ret);

#endif
