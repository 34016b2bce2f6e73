/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IOMMU of the running kernel. What the command line says is not asked: AMD's is on by default, Intel's
 * from Linux 6.8.
 */
#ifndef GPUPT_HOST_IOMMU_H
#define GPUPT_HOST_IOMMU_H

#include "host/pci.h"

struct iommu {
	unsigned int units;  /* entries of /sys/class/iommu (dmarN, ivhdN, …): in use by the kernel */
	unsigned int groups; /* entries of /sys/kernel/iommu_groups, but for those of vfio's no-IOMMU mode */
	/* the ACPI table in which the firmware describes one: "DMAR" (Intel), "IVRS" (AMD), "IORT" (Arm), or
	 * "" */
	char firmware[8];
	/* there are ACPI tables to look at: an empty `firmware` then means that it is switched off there */
	bool firmware_known;
	/* the kernel uses Intel's without being told to (CONFIG_INTEL_IOMMU_DEFAULT_ON); asked only where it matters */
	enum tri intel_default;
};

/*
 * That of any kernel, from its configuration beside it in /boot. Proxmox VE's kernels have it on from 6.8 (its Administration
 * Guide, "PCI(e) Passthrough"); Debian's have it on for all but the processor's graphics, by an
 * option of their own ("intel-iommu: Add Kconfig option to exclude iGPU by default" among the patches of its package linux).
 */
enum tri iommu_intel_default(const struct root *r, const char *release);

enum iommu_state {
	IOMMU_ON,	 /* groups exist: isolation works */
	IOMMU_NO_GROUPS, /* units are driven, but no device is in a group */
	IOMMU_OFF,	 /* the firmware has one, the kernel does not use it */
	IOMMU_ABSENT,	 /* neither: switched off in the firmware, or the machine has none */
};

/* 0 or -errno. */
int iommu_load(const struct root *r, struct iommu *ret, struct err *e);
enum iommu_state iommu_state(const struct iommu *i);

/*
 * The functions of group `group`, sorted, bridges among them (fn.bridge tells), without config space. 0, -ENOENT if there is no
 * such group, -errno.
 */
int iommu_group_functions(const struct root *r, int group, struct pci_list *ret, struct err *e);
/* The group's default domain, "DMA", "DMA-FQ", "identity" …, or "" where the kernel does not say, or not in
 * time (SLOW_MS of slow.h). */
void iommu_group_type(const struct root *r, int group, char *buf, size_t size);

#endif
