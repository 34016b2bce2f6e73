/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gathers what the next boot will find. Nothing is written; lsinitramfs(8) and modinfo(8) are run where they are needed. */
#ifndef GPUPT_FLOW_NEXT_BOOT_H
#define GPUPT_FLOW_NEXT_BOOT_H

#include "policy/next_boot.h"
#include "policy/pins.h"

/*
 * s, set and pins: of this host. 0 or -errno. It takes some seconds for each kernel if a card is reserved, since their initramfs are
 * unpacked then.
 */
int next_boot_load(const struct root *r, const struct setup *s, const struct settings *set, const struct pins *pins,
		   struct next_boot *ret, struct err *e);

#endif
