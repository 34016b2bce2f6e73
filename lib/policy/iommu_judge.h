/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why the running kernel uses no IOMMU, and what helps. Pure. */
#ifndef GPUPT_POLICY_IOMMU_JUDGE_H
#define GPUPT_POLICY_IOMMU_JUDGE_H

#include "host/iommu.h"
#include "host/loader.h"
#include "policy/finding.h"

/*
 * Off in the firmware, not switched on by the kernel's parameters, or switched on for the next boot: three findings, of which one is made,
 * if any. Without boot and loader (NULL) the second and the third are not told apart from one that does not work.
 */
void iommu_judge(const struct iommu *i, const struct boot *b, const struct loader *l, struct findings *ret);

/*
 * Would a kernel with these parameters use the machine's IOMMU? By intel_iommu=, amd_iommu= and iommu= of the kernel-parameters guide;
 * the last of a name counts, but iommu=off stands (iommu_setup() in arch/x86/kernel/pci-dma.c).
 */
enum tri iommu_would_be_on(const struct iommu *i, const char *const params[], size_t n);

#endif
