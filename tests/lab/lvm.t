#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A disk in the card's IOMMU group that belongs to LVM, as udev sees it: as a member of
# a volume group, and with a logical volume on it that is in use.
# takes: 60 s
[ -e /lab/lib.sh ] || LAB_LIMIT=600 exec "$(dirname "$0")/boot" --systemd groups "$0"
. /lab/lib.sh
. /lab/system.sh

disk=$(basename "$(ls -d $PCI/devices/0000:03:00.0/nvme/nvme*)")n1
vm 102 'hostpci0: 0000:02:00,pcie=1'
before

refused() { # REGEX WHAT
	run gpupt-helper check 102
	is "$rc" 1 "$2: check blocks"
	like "$out" "group-danger.*$1" "… and names it"
	start 102
	is "$rc" 255 "… the start is refused"
	like "$err" "0000:03:00\.0.*$1" "… naming it"
	as_before "… nothing was touched"
}

scene "a physical volume next door"
ok "the disk is made one" pvcreate -q "/dev/$disk"
udevadm settle
refused "$disk is a member of LVM" "a member of LVM"

scene "a logical volume that is active"
ok "a volume group" vgcreate -q data "/dev/$disk"
ok "a volume in it" lvcreate -q -Zn -L 16M -n vm data
udevadm settle
refused "$disk is (a member of LVM|part of dm-[0-9]+ \(data-vm\))" "an active logical volume"

scene "none of it any more"
vgremove -q -f data
pvremove -q "/dev/$disk"
udevadm settle
start 102
is "$rc" 0 "the disk goes along"
ok "on vfio-pci" on_vfio 02:00.0 02:00.1 03:00.0
stop 102
within 10 settled 102
as_before

done_testing
