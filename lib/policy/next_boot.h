/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The next boot: will it be as prepared, with each of the kernels that are installed? What counts is what they find then: the initramfs,
 * the boot loader's entry, modules that DKMS has built. lib/flow/next_boot.c gathers it. Pure.
 */
#ifndef GPUPT_POLICY_NEXT_BOOT_H
#define GPUPT_POLICY_NEXT_BOOT_H

#include "host/dkms.h"
#include "host/esp.h"
#include "host/initramfs.h"
#include "policy/finding.h"
#include "policy/settings.h"
#include "policy/setup.h"

/* What there is to know of one kernel beside kernels.h. */
struct next_kernel {
	struct strv newer;	    /* files that are in its initramfs and have been written since that was */
	struct initramfs initramfs; /* only if a card is reserved, and it has one */
};

struct next_boot {
	struct kernels kernels;
	struct next_kernel *v; /* one for each of them, in their order */
	struct boot_entries entries;
	struct esps esps; /* of proxmox-boot-tool; the entries are those of the first that can be seen */
	struct dkms dkms; /* signatures are known where Secure Boot is on */
	bool prepared;	  /* both files for reserved cards are on this host */
};

void next_boot_done(struct next_boot *n);
#define _cleanup_next_boot_ _cleanup_(next_boot_done)

/* Is it a function of a card that is reserved? Is there one? */
bool next_boot_is_reserved(const struct settings *set, const struct setup_fn *fn);
bool next_boot_reserves(const struct setup *s, const struct settings *set);
/* Does a module of DKMS matter for the cards that are there? By its name: nvidia…, vendor-reset, i915-sriov…. */
bool next_boot_needs(const struct setup *s, const struct settings *set, const struct dkms_module *m);
/* The kernel that boots next, or NULL if that cannot be told. */
const struct kernel *next_boot_kernel(const struct next_boot *n);

/* Of each kernel what it lacks, or that it is ready. What is about one that does not boot next is no more than a notice. */
void next_boot_judge(const struct setup *s, const struct settings *set, const struct next_boot *n, struct findings *ret);

#endif
