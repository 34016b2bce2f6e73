/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which cards' ROMs a host that is made ready keeps in files, for `romfile=` of a VM, and what is wrong with such files. Pure. */
#ifndef GPUPT_POLICY_ROM_PLAN_H
#define GPUPT_POLICY_ROM_PLAN_H

#include "plan/plan.h"
#include "policy/finding.h"
#include "policy/setup.h"

/*
 * Adds an optional rom step for each AMD display whose ROM has no file yet, of the functions in `which` or, with NULL, of all; none for a
 * card that a VM has, and none where there is no directory of Proxmox VE's for it. What they set is still to be read (ROM_UNREAD). NVIDIA's
 * and Intel's cards need no such file: their ROMs can be read by a VM, or are none. 0 or -ENOMEM.
 */
int rom_plan(const struct setup *s, const struct bdf_list *which, struct plan *p);

/* Findings about files that have the name of a card's ROM and are none, of b's slot or, with NULL, of all cards. */
void rom_judge(const struct setup *s, const struct bdf *slot, struct findings *ret);

#endif
