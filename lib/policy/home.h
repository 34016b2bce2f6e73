/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a function belongs when no VM has it. Pure. */
#ifndef GPUPT_POLICY_HOME_H
#define GPUPT_POLICY_HOME_H

#include "policy/facts.h"

/*
 * A native driver that has it now, or an override that an administrator set, is its home. A function that is found on no driver
 * or on vfio-pci at nobody's wish goes to what gpupt.conf says, else to what is remembered of this very device, else to what its
 * modalias asks for. False if nothing is known: then it stays as it was found. The driver must be known.
 */
bool home_value(const struct fn_facts *fn, const struct settings *s, struct driver_value *ret);

#endif
