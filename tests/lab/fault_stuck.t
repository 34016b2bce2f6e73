#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Unbinds that do not return while somebody watches: what has the card open is seen by nobody, as the only descriptor is on
# its way through a socket. The task ends by its deadline; when the device is let go of, the watcher finishes, unasked.
# takes: 180 s
[ -e /lab/lib.sh ] || LAB_LIMIT=900 exec "$(dirname "$0")/boot" --systemd twins "$0"
. /lab/lib.sh
. /lab/fault.sh
. /lab/system.sh

vm 101 'hostpci0: 0000:01:00,pcie=1'
vm 102 'hostpci0: 0000:02:00,pcie=1'
run_limit=60
before

is_stuck() { gpupt-helper status | grep -q "$1 is stuck: process [0-9]* waits in the kernel"; }
one_hangs() { [ "$(ours | grep -cv "^$(watcher 101) ")" = 1 ]; }

# As long as it hangs: the watcher stays, everybody refuses, and the twin is served.
meanwhile() {
	ok "status says on what" within 10 is_stuck "$1"
	ok "the watcher is there" watching 101
	is "$(leases)" "101 " "the lease stands"
	start 101
	is "$rc" 255 "another start is refused"
	ok "… within 30 s (it took $took)" test "$took" -le 30
	like "$err" 'stuck|waits in the kernel|still has a GPU' "… for that"
	start 102
	is "$rc $(drvs 02:00.0 02:00.1)" "0 vfio-pci vfio-pci" "the other card goes to its VM"
	stop 102
	ok "… and comes back" within 20 settled 102
	is "$(drvs 02:00.0 02:00.1)" "radeon snd_hda_intel" "… home"
	# the watcher apart, which may look at the moment by a child
	ok "one process of ours hangs, not one more for each try" within 10 one_hangs
}

scene "the sound device is held when the VM starts"
keep_open --hidden node "$(control 01:00.1)"
mark
start 101
is "$rc" 255 "the start is refused"
ok "within 30 s (it took $took)" test "$took" -le 30
like "$err" 'stuck|did not return within' "saying why"
meanwhile 0000:01:00.1
mark
let_go
ok "when the device is let go of, the watcher finishes" within 30 settled 101
note "$(said gpupt-settle@101)"
twin_sounds
restored "all is as before"

scene "vfio: the device is held when nobody gave the card back"
start 101
is "$rc" 0 "the VM starts"
ok "somebody watches" watching 101
no_cleanup 101
kill -9 "$(cat $QEMU/101.pid)"
within 10 gone 101
keep_open --hidden vfio 0000:01:00.0
mark
ok "the watcher tries, and the card is stuck" within 90 is_stuck 0000:01:00.0
meanwhile 0000:01:00.0
let_go
ok "when the device is let go of, the watcher finishes" within 30 settled 101
note "$(said gpupt-settle@101)"
twin_sounds
rm -f $QEMU/pci-id-reservations $QEMU/101.*
restored "all is as before"

scene "the watcher is killed while the card is stuck"
keep_open --hidden node "$(control 01:00.1)"
start 101
is "$rc" 255 "the start is refused"
ok "the card is stuck" within 10 is_stuck 0000:01:00.1
old=$(watcher 101)
kill -9 "$old"
another() { w=$(watcher 101) && [ "$w" != 0 ] && [ "$w" != "$old" ]; }
ok "systemd starts another" within 10 another
let_go
ok "when the device is let go of, that one finishes" within 30 settled 101
twin_sounds
restored "all is as before"

tally faults $scenes
done_testing
