#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# QEMU ends and nobody calls post-stop. It gets a grace of half a minute, then the
# watcher does what it would have done.
# takes: 260 s
[ -e /lab/lib.sh ] || LAB_LIMIT=900 exec "$(dirname "$0")/boot" --systemd twins "$0"
. /lab/lib.sh
. /lab/system.sh

vm 101 'hostpci0: 0000:01:00,pcie=1'
before
pid() { cat $QEMU/101.pid 2>/dev/null; }
# Proxmox VE's own reservation of a VM that is gone: it takes it over when it sees it.
drop_reservations() { rm -f $QEMU/pci-id-reservations $QEMU/101.*; }

scene "QEMU crashes and qmeventd is not there"
start 101
is "$rc" 0 "the VM starts"
w=$(watcher 101)
ok "watched" within 10 holds_pidfd "$w" "$(pid)"
ok "qmeventd is gone" no_cleanup 101
mark
kill -9 "$(pid)"
/bin/sleep 10
is "$(leases)" "101 " "post-stop has its time: nothing is done yet after 10 s"
ok "… but half a minute later" within 50 settled 101
ok "the card is home" home
like "$(said gpupt-settle@101)" 'nobody gave its GPUs back' "the watcher did it"
drop_reservations
as_before

scene "before 9.1.13: stopped and started at once, post-stop is skipped"
: >$QEMU/force-legacy-cleanup
start 101
w=$(watcher 101) old=$(pid)
ok "watched" within 10 holds_pidfd "$w" "$old"
no_cleanup 101
run qm stop 101
start 101
is "$rc" 0 "the VM starts again"
ok "with its card" on_vfio 01:00.0 01:00.1
is "$(leases)" "101 " "and its lease"
is "$(watcher 101)" "$w" "the same watcher"
ok "… has turned to the new QEMU" within 15 holds_pidfd "$w" "$(pid)"
stop 101
ok "a stop with post-stop ends it" within 10 settled 101
as_before

scene "before 9.1.13: stopped, and post-stop never comes"
start 101
no_cleanup 101
run qm stop 101
is "$rc" 0 "the VM stops"
ok "the card comes home" within 60 settled 101
rm $QEMU/force-legacy-cleanup
drop_reservations
as_before

scene "destroyed while it has the card"
start 101
rm /etc/pve/qemu-server/101.conf
kill -9 "$(pid)"
ok "the card comes home" within 60 settled 101
drop_reservations
as_before
vm 101 'hostpci0: 0000:01:00,pcie=1'

scene "the task dies before Proxmox VE has noted that there is something to clean up"
# As if: without this file nobody calls post-stop, however the VM ends.
start 101
rm $QEMU/101.cleanup
no_cleanup 101
ok "QEMU runs" running 101
ok "with the card" on_vfio 01:00.0 01:00.1
ok "watched" within 15 holds_pidfd "$(watcher 101)" "$(pid)"
run qm stop 101
is "$rc" 0 "it can be stopped"
ok "on vfio-pci: there was no post-stop" on_vfio 01:00.0 01:00.1
ok "the card comes home" within 60 settled 101
drop_reservations
as_before

scene "the watcher is killed while it waits for post-stop"
start 101
no_cleanup 101
w=$(watcher 101)
kill -9 "$(pid)"
/bin/sleep 3
kill -9 "$w"
ok "its successor settles" within 60 settled 101
ok "the card is home" home
drop_reservations
as_before

done_testing
