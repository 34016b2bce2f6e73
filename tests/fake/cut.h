/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hand-over, or a return, that is cut off or fails at each of its calls in turn; afterwards all is as if it had not been. */
#ifndef GPUPT_TESTS_CUT_H
#define GPUPT_TESTS_CUT_H

#include "tests/fake/vm.h"

struct cut {
	struct fake *(*make)(void); /* a fresh machine, the VM's card at home */
	unsigned int vmid;
	bool returning; /* post-stop of a VM that was started before; else pre-start */
	const char *what;
};

/*
 * The process is killed at the nth call, for every FAKE_EVERYth n, and reconcile comes by: the machine is as it was, no lease is left,
 * no unbind has hung. How many calls there are; anything else ends the test program with the call's number.
 */
unsigned int cut_killed(const struct cut *c, enum fake_fault fault);

/*
 * Each write to the kernel and each program fails once instead. In ret_failed how many of them failed the hand-over or return;
 * at_once: a hand-over that fails has put everything back by itself. How many there are.
 */
unsigned int cut_failing(const struct cut *c, enum fake_fault fault, bool at_once, unsigned int *ret_failed);

#endif
