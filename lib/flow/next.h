/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hookscript that a VM had before gpupt's: next in [vm N] of gpupt.conf. */
#ifndef GPUPT_NEXT_H
#define GPUPT_NEXT_H

#include "base/root.h"
#include "policy/settings.h"
#include "pve/config.h"

/*
 * 1 with its path, if it can be run as Proxmox VE would run it; 0 if the VM has none; -errno with a sentence that says what is
 * wrong with it. -ELOOP: it is the file that the VM's own hookscript is, or the running program, by whatever name, or gpupt's snippet.
 * cfg is the VM's configuration, or NULL if there is none any more.
 */
int next_find(const struct root *r, const struct settings *s, const struct config *cfg, unsigned int vmid,
	      char ret[static PATH_MAX], struct err *e);

#endif
