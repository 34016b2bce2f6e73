#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# No IOMMU: vfio-pci's probe fails while the write that asks for it succeeds. Said
# beforehand, with nothing touched.
# takes: 20 s
[ -e /lab/lib.sh ] || exec "$(dirname "$0")/boot" noiommu "$0"
. /lab/lib.sh

vm 101 'hostpci0: 0000:01:00,pcie=1'
before
run gpupt-helper list
is "$rc" 0 "list works"
like "$out" '01:00\.0' "and shows the card"
run gpupt-helper check
is "$rc" 1 "check: something blocks"
like "$(findings block)" '^iommu-off$' "named iommu-off"
run gpupt-helper check 101
is "$rc" 1 "check of the VM blocks, too"
start 101
is "$rc" 255 "the start is refused"
like "$err" 'IOMMU' "for want of an IOMMU"
like "$(tail -n 3 $T/err)" 'intel_iommu|firmware|BIOS|VT-d|AMD-Vi' "with a remedy"
as_before "nothing was touched"

done_testing
