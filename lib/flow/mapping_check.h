/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the machine is still the one that a mapping describes, by the rules and in the words of assert_valid() in
 * PVE/Mapping/PCI.pm. Proxmox VE asks it at every start about every alternative of the node (parse_hostpci() in
 * PVE/QemuServer/PCI.pm), the one that it will take or not, and only after pre-start: a start that fails there would leave us
 * with the card.
 */
#ifndef GPUPT_MAPPING_CHECK_H
#define GPUPT_MAPPING_CHECK_H

#include "flow/select.h"

/*
 * Presence, ids, subsystem and IOMMU group. 0, or -EINVAL with the first difference: "'id' does not match for 'gpu'
 * (1002:73bf != 10de:2204)", what is there before what is configured. A function that is in no group is not held against the
 * mapping's iommugroup: judge() finds that, and says what helps.
 */
int mapping_check(const struct root *r, const struct mapping *m, struct err *e);

/*
 * The mapping's mdev, by which Proxmox VE means that each device offers mediated devices, and no other does (since
 * pve-guest-common 5.1.7). It looks when the functions in sel are on vfio-pci, where none offers any: only a native driver makes
 * mdev_supported_types, or nvidia. 0 or -EINVAL.
 */
int mapping_check_mdev(const struct root *r, const struct mapping *m, const struct selection *sel, struct err *e);

#endif
