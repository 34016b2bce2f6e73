#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# VMs that take turns with one card, holders that are waited for, and backups of VMs that do not run.
# takes: 190 s
[ -e /lab/lib.sh ] || LAB_LIMIT=900 exec "$(dirname "$0")/boot" twins "$0"
. /lab/lib.sh

vm 101 'hostpci0: 0000:01:00,pcie=1'
vm 102 'hostpci0: 0000:01:00,pcie=1'
conf() { printf '%s\n' "$@" >/etc/gpupt/gpupt.conf; }
ours() { printf '%s\n' "$out" | grep '^gpupt: '; }
both_gone() { gone 101 && gone 102; }
all_stop() {
	stop 101
	stop 102
	as_before
}
conf
before

scene "not unless it is permitted"
start 101
is "$rc" 0 "VM 101 starts"
start 102
is "$rc" 255 "VM 102 is refused"
like "$err" '0000:01:00.0 belongs to VM 101' "who has the card is said"
ok "VM 101 runs undisturbed" running 101

scene "VM 102 takes the card from VM 101"
conf '[defaults]' 'vms = shutdown'
run gpupt-helper check -v 102
is "$rc" 0 "check: the start would not be refused"
like "$out" 'The start of VM 102 would shut down VM 101: it has 0000:01:00.0' "… and says what it would do"
like "$out" 'driver 0000:01:00.0 [^ ]+ radeon[^ ]* -> vfio-pci' "… and which steps would follow"
ok "… VM 101 runs" running 101
seen=$(cleanups)
start 102
is "$rc" 0 "VM 102 starts"
note "$out"
note "$err"
like "$(ours | head -n 1)" '^gpupt: VM 101 is shut down for VM 102: it has 0000:01:00.0$' "what happens to VM 101 is said first"
ok "VM 101 does not run any more" gone 101
ok "its cleanup comes to an end" within 30 cleaned "$seen"
ok "VM 102 runs" running 102
ok "… and sees the card" guest_sees 102 1002:5159
ok "on vfio-pci" on_vfio 01:00.0 01:00.1
is "$(leases)" "102 " "the lease is that of VM 102"
is "$(drvs 02:00.0 02:00.1)" "radeon snd_hda_intel" "the twin is where it was"

scene "VM 102 does not hear"
: >/run/lab/deaf-102
conf '[defaults]' 'vms = shutdown' 'shutdown-timeout = 3'
start 101
is "$rc" 255 "VM 101 is refused"
like "$err" 'VM 102 has 0000:01:00.0 and did not shut down: qm shutdown ended with status 255: VM quit/powerdown failed - got timeout' "by a sentence with qm's reason"
like "$err" 'what to do: .*shutdown-timeout.*force-stop = 1' "and with what helps"
ok "… within 20 s (it took $took s)" test "$took" -le 20
ok "VM 102 runs, with its card" running 102
is "$(leases)" "102 " "whose lease stands"
ok "on vfio-pci" on_vfio 01:00.0 01:00.1

scene "… and is stopped where that is allowed"
conf '[defaults]' 'vms = shutdown' 'shutdown-timeout = 3' 'force-stop = 1'
seen=$(cleanups)
start 101
is "$rc" 0 "VM 101 starts"
note "$out"
like "$(ours)" 'VM 102 did not shut down within 3 s: it is stopped \(force-stop = 1\)' "that it was forced is said"
ok "VM 102 does not run" gone 102
ok "its cleanup comes to an end" within 30 cleaned "$seen"
ok "VM 101 runs" running 101
is "$(leases)" "101 " "the lease is that of VM 101"
rm /run/lab/deaf-102

scene "a VM whose configuration is locked"
conf '[defaults]' 'vms = shutdown' 'force-stop = 1'
vm 101 'hostpci0: 0000:01:00,pcie=1' 'lock: migrate'
start 102
is "$rc" 255 "VM 102 is refused"
like "$err" 'VM 101 has 0000:01:00.0 and is locked \(migrate\)' "by the lock"
ok "VM 101 runs" running 101
vm 101 'hostpci0: 0000:01:00,pcie=1'

scene "the way it was before qemu-server 9.1.13: post-stop comes from qm cleanup alone"
: >$QEMU/force-legacy-cleanup
seen=$(cleanups)
start 102
is "$rc" 0 "VM 102 starts"
note "$out"
note "$err"
ok "VM 101's cleanup comes to an end" within 60 cleaned "$seen"
ok "VM 102 runs" running 102
is "$(leases)" "102 " "with the lease"
ok "… and sees the card" guest_sees 102 1002:5159
rm $QEMU/force-legacy-cleanup
all_stop

scene "a VM that was started without us"
printf '%s\n' 'machine: q35' 'hostpci0: 0000:01:00,pcie=1' >/etc/pve/qemu-server/103.conf
start 103
is "$rc" 0 "VM 103 starts"
is "$(leases)" "" "without a lease"
seen=$(cleanups)
start 102
is "$rc" 0 "VM 102 starts"
like "$(ours | head -n 1)" '^gpupt: VM 103 is shut down for VM 102' "VM 103 is shut down"
ok "its cleanup comes to an end" within 30 cleaned "$seen"
is "$(leases)" "102 " "the lease is that of VM 102"
rm /etc/pve/qemu-server/103.conf
all_stop

scene "both start at once, each would shut the other down"
for round in 1 2 3; do
	t0=$(now)
	qm start 101 >$T/one 2>&1 &
	one=$!
	qm start 102 >$T/two 2>&1 &
	two=$!
	ok "$round: both tasks end" within 120 eval "ended $one && ended $two"
	note "after $(($(now) - t0)) s: $(cat $T/one $T/two)"
	wait $one $two
	running 101 && a=yes || a=no
	running 102 && b=yes || b=no
	like "$a $b" '^(yes no|no yes)$' "$round: one of them runs"
	stop 101
	stop 102
	ok "$round: everything stops" both_gone
	as_before "$round: everything is as it was"
done

scene "a process that holds the card is waited for"
conf '[defaults]' 'processes = wait 100'
hold "$(control 01:00.1)"
qm start 101 >$T/task 2>&1 &
task=$!
ok "the start waits" within 30 grep -q "^gpupt: VM 101 waits, 100 s at most, for sleep ($holder).*: it holds 0000:01:00.1" $T/task
fails "… and has not ended" ended $task
is "$(drvs 01:00.0 01:00.1)" "radeon snd_hda_intel" "… nothing was touched"
is "$(claims)" "0000:01:00.0 0000:01:00.1 " "… but the card is claimed"
let_go
ok "it ends when the process has ended" within 60 ended $task
wait $task
is "$?" 0 "… and was a success"
note "$(cat $T/task)"
ok "VM 101 runs" running 101
stop 101
as_before

scene "… but not for ever"
conf '[defaults]' 'processes = wait 2'
hold "$(drm 01:00.0 card)"
start 101
is "$rc" 255 "the start is refused"
like "$err" "0000:01:00.0 is held by sleep \\($holder\\)" "naming the process"
as_before
conf '[defaults]' 'processes = wait 100'
setsid qm start 101 >$T/task 2>&1 &
task=$!
ok "another start waits" within 30 grep -q 'waits, 100 s at most' $T/task
kill -TERM -- "-$task"
ok "its task is interrupted, and ends" within 20 ended $task
wait $task
let_go
as_before
is "$(claims)" "" "the card is nobody's"

scene "backups of VMs that do not run"
conf '[defaults]' 'vms = shutdown' 'force-stop = 1' 'processes = terminate'
start 101
is "$rc" 0 "VM 101 starts"
is "$(findings warn 102 | tr '\n' ' ')" "backup-refused claimed in-use " "check: a backup of VM 102 would be refused now"
run qm backup 102 true
is "$rc" 255 "the backup of VM 102 fails"
like "$err" 'VM 102 cannot start: a backup takes no card that is in use' "and says why"
ok "VM 101 runs undisturbed" running 101
is "$(leases)" "101 " "with its card"
stop 101
hold "$(control 01:00.1)"
run qm backup 102 true
is "$rc" 255 "nor is a process ended for one"
ok "… it is still there" kill -0 "$holder"
like "$err" "0000:01:00.1 is held by sleep \\($holder\\)" "… but named"
let_go
run qm backup 102 true
is "$rc" 0 "a card that nobody uses goes to it"
as_before "and comes back"

scene "backups that do not want the card"
conf '[gpu 01:00]' 'backup = refuse'
is "$(findings info 101 | grep backup)" "backup-refused" "check names the VM"
run qm backup 101 true
is "$rc" 255 "the backup of VM 101 is refused"
like "$err" 'its backup would take 0000:01:00.0, and gpupt.conf has backup = refuse' "by that key"
as_before
start 101
is "$rc" 0 "VM 101 starts"
# long enough for the cleanup of the QEMU before it to notice, or it waits for half a minute, with the lock
seen=$(cleanups)
run qm backup 101 sleep 3
ok "the cleanup comes to an end" within 30 cleaned "$seen"
is "$rc" 0 "while it runs, its backup in stop mode is made"
ok "… and it runs again" running 101
ok "… with its card" on_vfio 01:00.0 01:00.1
stop 101
as_before

done_testing
