#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Somebody holds the card: the start is refused and names who, before anything
# is touched. Not refused, each of these hangs, oopses or loses nodes.
# takes: 55 s
[ -e /lab/lib.sh ] || exec "$(dirname "$0")/boot" twins "$0"
. /lab/lib.sh

vm 101 'hostpci0: 0000:01:00,pcie=1'
before

refused() { # DEVICE WHAT
	hold "$1"
	start 101
	is "$rc" 255 "$2: the start is refused"
	ok "… within 5 s (it took $took s)" test "$took" -le 5
	like "$err" "(^|[^0-9])$holder([^0-9]|\$)" "… naming the process"
	like "$err" "sleep" "… and its command"
	run gpupt-helper check 101
	is "$rc" 1 "… check says so, too"
	like "$out" "$holder" "… naming the process"
	as_before "… nothing was touched"
	let_go
}

scene "sound"
refused "$(control 01:00.1)" "the control node of its audio function"
refused "$(ls /dev/snd/pcmC"$(control 01:00.1 | tr -cd 0-9)"D0p)" "its PCM"

scene "DRM"
refused "$(drm 01:00.0 card)" "its card node"
refused "$(drm 01:00.0 renderD)" "its render node"

scene "a copy of the node, as a container has it"
mkdir -p /tmp/ct/dev/dri /sys/fs/cgroup/lxc/200
mknod /tmp/ct/dev/dri/card9 c 226 "$(stat -c %T "$(drm 01:00.0 card)" | sed 's/^/0x/' | xargs printf '%d')"
hold /tmp/ct/dev/dri/card9
echo "$holder" >/sys/fs/cgroup/lxc/200/cgroup.procs
start 101
is "$rc" 255 "the start is refused"
like "$err" "(^|[^0-9])$holder([^0-9]|\$)" "naming the process"
like "$err" "200" "and the container"
let_go
as_before "nothing was touched"

scene "the twin's nodes are nobody's business"
hold "$(control 02:00.1)"
start 101
is "$rc" 0 "the VM starts"
ok "on vfio-pci" on_vfio 01:00.0 01:00.1
stop 101
let_go
as_before

scene "a process on the VFIO group itself"
rebind 01:00.0 vfio-pci
rebind 01:00.1 vfio-pci
group=/dev/vfio/$(basename "$(readlink $PCI/devices/0000:01:00.0/iommu_group)")
# read and write: the group node refuses to be opened for reading only
/bin/sleep 1000 <>"$group" &
holder=$!
usleep 300000
start 101
is "$rc" 255 "the start is refused"
like "$err" "(^|[^0-9])$holder([^0-9]|\$)" "naming the process"
let_go
rebind 01:00.0 radeon
rebind 01:00.1 snd_hda_intel
as_before

done_testing
