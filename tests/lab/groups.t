#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What else is in the card's IOMMU group: Proxmox VE takes it all, so what the
# host needs has to be refused, and what goes along has to come back.
# takes: 130 s
[ -e /lab/lib.sh ] || exec "$(dirname "$0")/boot" groups "$0"
. /lab/lib.sh

disk=$(basename "$(ls -d $PCI/devices/0000:03:00.0/nvme/nvme*)")n1
vm 101 'hostpci0: 0000:01:00,pcie=1'
vm 102 'hostpci0: 0000:02:00,pcie=1'
vm 103 'hostpci0: 0000:04:00.0,pcie=1'
vm 104 'hostpci0: 0000:06:00.0,pcie=1'
before

refused() { # VMID REGEX WHAT
	run gpupt-helper check "$1"
	is "$rc" 1 "$3: check blocks"
	like "$out" "$2" "… and names it"
	start "$1"
	is "$rc" 255 "… the start is refused"
	like "$err" "$2" "… naming it"
	like "$err" '^gpupt|0000:|remedy|move|unmount|stop' "… with a remedy"
	as_before "… nothing was touched"
}

scene "a group of its own"
start 101
is "$rc" 0 "the VM starts"
stop 101
as_before

scene "a mounted filesystem next door"
mke2fs -q "/dev/$disk" >/dev/null 2>&1 || mkfs.ext2 "/dev/$disk" >/dev/null 2>&1
mkdir -p /mnt
ok "mounted" mount -t ext4 "/dev/$disk" /mnt
before
refused 102 '03:00\.0.*/mnt|/mnt.*03:00\.0' "nvme with a mounted filesystem"
ok "the disk still works" sh -c 'echo hello >/mnt/hello && sync'
umount /mnt

scene "… that only another mount namespace has"
# as LXC mounts a container's mount point
unshare -m --propagation private sh -c "mount -t ext4 /dev/$disk /mnt && exec sleep 1000" &
keeper=$!
ok "mounted" within 10 grep -q "/dev/$disk" /proc/$keeper/mounts
unlike "$(cat /proc/mounts)" "/dev/$disk" "… and not to be seen here"
before
refused 102 "$disk is in use: a container or a service has it mounted" "nvme with a container's filesystem"
is "$(drv 03:00.0)" nvme "… and it is still there"
kill $keeper
wait $keeper 2>/dev/null
ok "it is free again" within 10 sh -c "! grep -q /dev/$disk /proc/*/mounts"

scene "swap next door"
mkswap "/dev/$disk" >/dev/null
ok "swap is on" swapon "/dev/$disk"
before
refused 102 'swap' "nvme with swap"
swapoff "/dev/$disk"

scene "a disk next door that somebody has open, raw"
# as a VM has it that was given /dev/disk/by-id/…: no mount, no swap, nothing stacked on it
hold "/dev/$disk"
before
refused 102 "$disk" "nvme that a process has open"
like "$err" "03:00\.0 is held by sleep \($holder\).*/dev/$disk" "… by the holder's name"
is "$(drv 03:00.0)" nvme "… and it is still there"
let_go

scene "an idle nvme next door goes along and comes back"
before
start 102
is "$rc" 0 "the VM starts"
ok "all three are on vfio-pci" on_vfio 02:00.0 02:00.1 03:00.0
like "$out$err" '03:00\.0' "and a line says so"
ok "QEMU runs" running 102
stop 102
is "$(drv 03:00.0)" nvme "nvme has its disk back"
ok "which is there" within 10 test -b "/dev/$disk"
as_before

scene "the uplink next door"
ip link set eth0 up
ip addr add 192.0.2.2/24 dev eth0
ip route add default via 192.0.2.1 dev eth0
before
refused 103 'eth0' "the interface of the default route"
ip route del default
ip addr del 192.0.2.2/24 dev eth0
ip link add vmbr0 type bridge && ip link set eth0 master vmbr0
refused 103 'eth0|vmbr0' "the port of a bridge"
ip link set eth0 nomaster
ip link del vmbr0
ip link set eth0 down
start 103
is "$rc" 0 "idle, it goes along"
ok "both are on vfio-pci" on_vfio 04:00.0 05:00.0
stop 103
is "$(drvs 04:00.0 05:00.0)" "bochs-drm e1000e" "and comes back"
as_before

scene "a physical function with active virtual functions"
echo 2 >$PCI/devices/0000:07:00.0/sriov_numvfs
within 10 test -e $PCI/devices/0000:07:00.2
before
refused 104 '07:00\.0' "a PF with VFs"
is "$(cat $PCI/devices/0000:07:00.0/sriov_numvfs)" 2 "the VFs live"
echo 0 >$PCI/devices/0000:07:00.0/sriov_numvfs

done_testing
