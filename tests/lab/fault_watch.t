#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A soak with systemd, a real QEMU and the watchers: one VM lives through all of it and is
# rebooted now and then, with one watcher; another's starts and stops go wrong, drawn by
# the seed. In the end nothing is left over, and the watcher that lived on has not grown.
# takes: 240 s
[ -e /lab/lib.sh ] || LAB_LIMIT=${LAB_FULL:+5400} exec "$(dirname "$0")/boot" --systemd twins "$0"
. /lab/lib.sh
. /lab/fault.sh
. /lab/system.sh

good='hostpci0: 0000:02:00,pcie=1'
vm 101 'hostpci0: 0000:01:00,pcie=1'
vm 102 "$good"
before
cycles=8
[ -z "$full" ] || cycles=60

fds() { ls "/proc/$1/fd" | wc -l; }
rss() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status"; }
twin_home() { [ "$(drvs 02:00.0 02:00.1)" = "radeon snd_hda_intel" ]; }
qemu_of() { cat "$QEMU/$1.pid" 2>/dev/null; }

start 101
is "$rc" 0 "the VM that lives on starts"
ok "somebody watches over it" watching 101
w=$(watcher 101)

# A first reboot, which fills whatever is filled once.
reboot_it() {
	local old
	old=$(qemu_of 101)
	run qm reboot 101
	within 40 rebooted "$old"
}
rebooted() { [ -n "$(qemu_of 101)" ] && [ "$(qemu_of 101)" != "$1" ] && running 101; }
ok "it is rebooted" reboot_it
/bin/sleep 2
fds_1=$(fds "$w") rss_1=$(rss "$w")

i=0 bad=0
while [ $i -lt $cycles ]; do
	random 5
	case $rnd in
	0)
		did="a reboot of the VM that lives on"
		reboot_it || did="$did, which did not come back"
		[ "$(watcher 101)" = "$w" ] || did="$did, and another watcher"
		;;
	1)
		did="QEMU does not start"
		vm 102 "$good" 'args: -device no-such-device'
		run qm start 102
		vm 102 "$good"
		;;
	2)
		did="QEMU is killed"
		run qm start 102
		kill -9 "$(qemu_of 102)" 2>/dev/null
		;;
	3)
		random 3000
		did="the task is killed after $rnd ms"
		setsid qm start 102 >$T/task 2>&1 &
		task=$!
		usleep $((rnd * 1000))
		kill -9 -- "-$task" 2>/dev/null
		wait $task 2>/dev/null
		;;
	4)
		did="the watcher is killed, and then QEMU"
		run qm start 102
		kill -9 "$(watcher 102)" 2>/dev/null
		kill -9 "$(qemu_of 102)" 2>/dev/null
		;;
	esac
	# A QEMU that outlived its task is somebody's to stop.
	! running 102 || run qm stop 102
	within 60 settled 102 && within 10 twin_home && [ "$(drvs 01:00.0 01:00.1)" = "vfio-pci vfio-pci" ] || {
		bad=$((bad + 1))
		note "cycle $i: $did: leases $(leases), twin $(drvs 02:00.0 02:00.1)" "$out$err"
		run gpupt-helper reconcile
	}
	i=$((i + 1))
done
is $bad 0 "$cycles cycles: each time the twin came home, and the other card stayed where it was"
is "$(watcher 101)" "$w" "one watcher has seen it all"
/bin/sleep 2
fds_2=$(fds "$w") rss_2=$(rss "$w")
is "$fds_2" "$fds_1" "it has no more descriptors than after the first reboot"
ok "and its memory is flat ($rss_1 kB, $rss_2 kB)" test $((rss_2 - rss_1)) -le 256
tally faults $i
stop 101
ok "with its VM it ends" within 20 settled 101
# What Proxmox VE reserved for starts that were killed lapses by itself, after minutes.
rm -f $QEMU/pci-id-reservations
as_before
ok "no process of ours is left" nobody
is "$(systemctl list-units --failed --no-legend --plain 'gpupt-*' | awk '{ print $1 }')" "" "and no unit of ours has failed"

done_testing
