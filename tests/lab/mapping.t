#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Two VMs, one mapping with two cards: each gets one, whoever comes first.
# takes: 95 s
[ -e /lab/lib.sh ] || exec "$(dirname "$0")/boot" twins "$0"
. /lab/lib.sh

cat >/etc/pve/mapping/pci.cfg <<'MAP'
gpu
	description either of the two
	map id=1002:5159,iommugroup=5,node=lab,path=0000:01:00,subsystem-id=1af4:1100
	map id=1002:5159,iommugroup=6,node=lab,path=0000:02:00,subsystem-id=1af4:1100
	map id=1002:5159,node=elsewhere,path=0000:03:00
MAP
vm 101 'hostpci0: mapping=gpu,pcie=1'
vm 102 'hostpci0: mapping=gpu,pcie=1'
vm 103 'hostpci0: mapping=gpu,pcie=1'
before

# card_of VMID: the card that QEMU has
card_of() { qm monitor "$1" info qtree | sed -n 's/.*host = "\(.*\)\.0"/\1/p'; }

round() {
	qm start 101 >$T/101 2>&1 &
	a=$!
	qm start 102 >$T/102 2>&1 &
	b=$!
	wait $a
	ra=$?
	wait $b
	rb=$?
	is "$ra $rb" "0 0" "$1: both start"
	[ "$ra $rb" = "0 0" ] || note "$(cat $T/101 $T/102)"
	c1=$(card_of 101) c2=$(card_of 102)
	is "$(printf '%s\n%s\n' "$c1" "$c2" | sort | tr '\n' ' ')" "0000:01:00 0000:02:00 " "… each with a card of its own ($c1, $c2)"
	is "$(leases)" "101 102 " "… two leases"
	ok "… all on vfio-pci" on_vfio 01:00.0 01:00.1 02:00.0 02:00.1
	for id in 101 102; do
		[ $id = 101 ] && c=$c1 || c=$c2
		like "$(reservations)" "^$c\.0 $id pid:$(cat $QEMU/$id.pid)\$" "… Proxmox VE reserved $c for VM $id, and so did we"
	done
}

scene "started together"
round "at once"
start 103
is "$rc" 255 "a third VM is refused"
like "$err" '101|102' "and told by whom the cards are used"
ok "101 runs" running 101
ok "102 runs" running 102

scene "one stops, the third gets its card"
c=$(card_of 102)
stop 102
start 103
is "$rc" 0 "the third starts"
is "$(card_of 103)" "$c" "with the card that became free"
stop 103
stop 101
as_before

scene "again"
round "again"
qm stop 101 >$T/101 2>&1 &
a=$!
qm stop 102 >$T/102 2>&1 &
wait $a $!
within 20 gone 101
as_before "stopped together, everything is as it was"

scene "the first alternative is held by a process"
hold "$(control 01:00.1)"
# Proxmox VE sees no process: it would choose the first whatever we do.
start 101
is "$rc" 255 "the start is refused"
like "$err" "(^|[^0-9])$holder([^0-9]|\$)" "naming the process"
let_go
as_before

scene "a mapping of another machine"
sed 's/iommugroup=6/iommugroup=12/' /etc/pve/mapping/pci.cfg >$T/pci.cfg
cat $T/pci.cfg >/etc/pve/mapping/pci.cfg
start 101
is "$rc" 255 "the start is refused, although the first alternative would do"
like "$err" "^gpupt: VM 101 cannot start: hostpci0: PCI device mapping invalid \(hardware probably changed\): 'iommugroup' does not match for 'gpu' \(6 != 12\)" "before anything is taken, in Proxmox VE's words"
as_before
sed 's/^hookscript:.*//' /etc/pve/qemu-server/101.conf >$T/101.conf
cat $T/101.conf >/etc/pve/qemu-server/101.conf
start 101
is "$rc" 255 "without the hook it is refused as well"
like "$err" "^PCI device mapping invalid \(hardware probably changed\): 'iommugroup' does not match for 'gpu' \(6 != 12\)" "in these words"

scene "a mapping that is not there"
vm 104 'hostpci0: mapping=none,pcie=1'
start 104
is "$rc" 255 "is refused"
like "$err" "none" "by name"
as_before

done_testing
