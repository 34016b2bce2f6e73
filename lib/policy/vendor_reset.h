/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The module vendor-reset: cards that it can reset, what is to be said of them, and what a host that is made ready does at boot. Pure.
 *
 * reset_choice.h has device_specific selected for the start of a VM, too. Both are wanted. The rule holds from boot on and for everybody:
 * for a VM without our hookscript, and for resets by hand. The hook serves a host that was never made ready, and one on which the module
 * was loaded later; where the rule is in force it finds device_specific selected, and there is no step.
 */
#ifndef GPUPT_POLICY_VENDOR_RESET_H
#define GPUPT_POLICY_VENDOR_RESET_H

#include "policy/finding.h"
#include "policy/settings.h"
#include "policy/setup.h"

/* Is the module to be loaded at boot? If it is installed and there is a card that it knows, which is not to be reset otherwise. */
bool vendor_reset_wanted(const struct setup *s, const struct settings *set);

/*
 * Adds udev's rules that select device_specific for exactly these cards: each by address and identity. None if the module is not wanted.
 * 0 or -ENOMEM.
 */
int vendor_reset_rules(const struct setup *s, const struct settings *set, struct text *ret);

/* Findings about such cards, of b's slot or, with NULL, of the host, while the module is not loaded. */
void vendor_reset_judge(const struct setup *s, const struct settings *set, const struct bdf *slot, struct findings *ret);

#endif
