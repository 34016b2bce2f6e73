#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What is given back is what was taken, whatever the configuration says by then;
# and starts that fail after our part in them.
# takes: 130 s
[ -e /lab/lib.sh ] || exec "$(dirname "$0")/boot" twins "$0"
. /lab/lib.sh

scene "hostpci is deleted while the VM runs"
vm 101 'hostpci0: 0000:01:00,pcie=1'
before
start 101
is "$rc" 0 "the VM starts"
qm set 101 --delete hostpci0
stop 101
is "$rc" 0 "the VM stops"
unlike "$(cat /etc/pve/qemu-server/101.conf)" hostpci "the config names no card any more"
as_before "the card came back from the record"

scene "hostpci names the other card by now"
vm 101 'hostpci0: 0000:01:00,pcie=1'
start 101
is "$rc" 0 "the VM starts"
qm set 101 --hostpci0 0000:02:00,pcie=1
stop 101
as_before "the first came back, the second was left alone"
start 101
ok "the next start takes the second" on_vfio 02:00.0 02:00.1
is "$(drvs 01:00.0 01:00.1)" "radeon snd_hda_intel" "and only that"
stop 101
as_before

scene "a function of the slot that is not named"
vm 101 'hostpci0: 0000:01:00.0,pcie=1'
start 101
is "$rc" 0 "the VM starts"
# Both are in one group: without the audio function VFIO calls it not viable, and
# Proxmox VE would drag it along by new_id.
ok "both are on vfio-pci, as the group demands" on_vfio 01:00.0 01:00.1
like "$out$err" '01:00\.1' "and a line says so"
unlike "$(qm monitor 101 info qtree)" '0000:01:00.1' "QEMU has the display only"
stop 101
as_before

scene "QEMU does not start"
vm 101 'hostpci0: 0000:01:00,pcie=1' 'args: -device no-such-device'
start 101
is "$rc" 255 "the start fails after pre-start"
fails "no QEMU" running 101
is "$(leases)" "101 " "the lease is still there: no post-stop was called"
is "$(claims)" "0000:01:00.0 0000:01:00.1 " "so are the claims"
run gpupt-helper status
like "$out" 101 "status shows it"
run gpupt-helper release 101
is "$rc" 0 "release gives the card back"
rm -f $QEMU/pci-id-reservations
before_reservations=$(grep -c . $T/before)
ok "there is something to compare" test "$before_reservations" -gt 5
as_before
run gpupt-helper release 101
is "$rc" 0 "releasing what nobody has is no error"

scene "… and is started again instead"
start 101
is "$rc" 255 "the start fails"
vm 101 'hostpci0: 0000:01:00,pcie=1'
start 101
is "$rc" 0 "the next start adopts the lease"
stop 101
as_before "with the drivers of the time before the first"

scene "release of a VM that runs"
start 101
run gpupt-helper release 101
is "$rc" 1 "is refused"
ok "it still has its card" on_vfio 01:00.0 01:00.1
ok "and runs" running 101

scene "QEMU crashes"
seen=$(cleanups)
kill -9 "$(cat $QEMU/101.pid)"
ok "qm cleanup runs" within 30 cleaned "$seen"
as_before "post-stop gave the card back"

done_testing
