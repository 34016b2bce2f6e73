#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Unbinds that do not return: a process opens the card after it was judged to be free.
# The deadline comes, the task ends, the card is stuck and everything refuses it, nothing
# that only looks hangs, and when the holder is gone reconcile finishes.
# takes: 150 s
[ -e /lab/lib.sh ] || exec "$(dirname "$0")/boot" twins "$0"
. /lab/lib.sh
. /lab/fault.sh

vm 101 'hostpci0: 0000:01:00,pcie=1'
vm 102 'hostpci0: 0000:02:00,pcie=1'
run_limit=60
before

# A hook that sleeps some seconds before its Nth CALL: what is done to the card then, no check has seen.
sleepy() { # PHASE CALL N [PATH]
	cat >/var/lib/vz/snippets/sleepy <<-HOOK
		#!/bin/sh
		[ "\$2" = $1 ] || exec $HOOK "\$@"
		exec strace -qq -o $T/sleepy.log ${4:+-P $4} -e trace=$2 \\
			-e inject=$2:delay_enter=8000000:when=$3 $HOOK "\$@"
	HOOK
	chmod 755 /var/lib/vz/snippets/sleepy
	sed -i "s,^hookscript:.*,hookscript: local:snippets/sleepy," /etc/pve/qemu-server/101.conf
}
# unbinds PHASE EVENT: which of the hook's forks is the one for the unbind of the step that the record announces by EVENT. Before it
# is the one that aims driver_override; between the two the hook looks at who holds the card.
unbinds() {
	run strace -qq -o $T/forks -e trace=write,clone $HOOK 101 "$1"
	awk -v event="$2" '/^clone/ { n++; if (seen && ++forks == 2) { print n; exit } }
		index($0, "\"" event) { seen = 1 }' $T/forks
}
awake() { sed -i "s,^hookscript:.*,hookscript: local:snippets/gpupt-hook," /etc/pve/qemu-server/101.conf; }
recorded() { grep -q "$1" /run/gpupt/lease/101; }
# In vfio-pci's unbind it sleeps as one that could be woken, but SIGTERM does not.
hanging() { ! nobody; }

# No look at the card waits for it, and each says what is the matter.
looks() {
	local look
	for look in "list" "list --json" "status" "status --json" "check" "check 101" "check 102" "check --json"; do
		# shellcheck disable=SC2086 # words
		run gpupt-helper $look
		ok "$look returns within 6 s (it took $took)" test "$took" -le 6 -a "$rc" -ne 124
	done
	run gpupt-helper status
	like "$out" "$1 is stuck: process [0-9]+ waits in the kernel" "status says that it is stuck, and on what"
	like "$out" "end what has the card open, then 'gpupt-helper reconcile'" "… and what to do"
	run gpupt-helper check 101
	is "$rc" 1 "check of the VM blocks"
	like "$out" "stuck" "… for that"
}
refusals() {
	start 101
	is "$rc" 255 "a start is refused"
	ok "… within 20 s (it took $took)" test "$took" -le 20
	like "$err" 'stuck|waits in the kernel|still has a GPU' "… for that"
	run gpupt-helper reset 01:00.0
	is "$rc" 1 "a reset is refused"
	ok "… within 10 s (it took $took)" test "$took" -le 10
	like "$err" 'stuck|VM 101 has it' "… for that"
	run gpupt-helper release 101
	ok "release gives up within 20 s (it took $took, $rc)" test "$took" -le 20
	ok "… and does not claim success while something is left" test "$rc" -ne 0 -o -z "$(leases)"
	note "$out$err"
	run gpupt-helper reconcile
	ok "reconcile gives up within 20 s (it took $took, $rc)" test "$took" -le 20
	ok "… and does not claim success either" test "$rc" -ne 0 -o -z "$(leases)"
	note "$out$err"
	ok "one process of ours hangs, not one more for each try" test "$(ours | grep -c .)" -le 1
}
other_card() {
	run $HOOK 102 pre-start
	is "$rc" 0 "the other card goes to its VM"
	ok "… on vfio-pci" on_vfio 02:00.0 02:00.1
	run $HOOK 102 post-stop
	is "$rc $(drvs 02:00.0 02:00.1)" "0 radeon snd_hda_intel" "… and comes back"
}

scene "sound: the control node is opened after the check"
# header, boot, since, lock, cards; then the first step
sleepy pre-start write 6 /run/gpupt/lease/101
qm start 101 >$T/task 2>&1 &
task=$!
within 20 recorded 'note cards'
hold "$(control 01:00.1)"
within 40 ended $task
wait $task
is $? 255 "the start fails"
like "$(cat $T/task)" "0000:01:00.1 is held by sleep \\($holder\\): /dev/snd/controlC" "it was seen right before the unbind, and is named"
ok "nothing hangs" nobody
awake
let_go
restored "all is as before"

scene "… and after the last look, too"
n=$(unbinds pre-start 'begin 1 ')
run $HOOK 101 post-stop
ok "the hook forks for its unbind (fork $n)" test "$n" -gt 1
sleepy pre-start clone "$n"
qm start 101 >$T/task 2>&1 &
task=$!
within 20 recorded 'begin 1'
usleep 3000000
hold "$(control 01:00.1)"
t0=$(now)
within 40 ended $task
took=$(($(now) - t0))
ok "the task ends, $took s after the node was opened" test "$took" -le 30
wait $task
is $? 255 "it fails"
note "$(cat $T/task)"
like "$(cat $T/task)" 'stuck|did not return within' "saying why"
ok "although a process of ours still waits in the kernel" hanging
note "$(ours)"
pid=$(ours | sed 's/ .*//')
# shellcheck disable=SC2010
is "$(ls -l "/proc/$pid/fd" | grep -c 'pipe:')" 0 "… which holds no pipe of the task"
awake
looks 0000:01:00.1
refusals
other_card
let_go
ok "the child ends when the holder does" within 10 nobody
twin_sounds
run gpupt-helper reconcile
is "$rc" 0 "reconcile finishes"
note "$out$err"
restored "all is as before"

scene "vfio: the device is held when the VM has stopped"
run $HOOK 101 pre-start
is "$rc" 0 "the card is with the VM"
keep_open vfio 0000:01:00.0
run $HOOK 101 post-stop
is "$rc" 3 "post-stop gives up"
ok "… within 15 s (it took $took)" test "$took" -le 15
like "$err" "(^|[^0-9])$holder([^0-9]|\$)" "… naming the process"
like "$err" "gpupt-helper release 101" "… and what to do"
ok "nothing hangs" nobody
is "$(leases)" "101 " "the lease stands"
ok "the card stays on vfio-pci" on_vfio 01:00.0 01:00.1
run gpupt-helper reconcile
is "$rc" 3 "reconcile does not claim success either"
let_go
run gpupt-helper release 101
is "$rc" 0 "that, then, succeeds"
restored "all is as before"

scene "… and only after post-stop has looked"
run $HOOK 101 pre-start
n=$(unbinds post-stop 'undo 2')
run $HOOK 101 pre-start
sleepy post-stop clone "$n"
: >$QEMU/101.cleanup
/var/lib/vz/snippets/sleepy 101 post-stop >$T/task 2>&1 &
task=$!
within 20 recorded 'undo 2'
usleep 3000000
keep_open vfio 0000:01:00.0
t0=$(now)
within 40 ended $task
took=$(($(now) - t0))
ok "post-stop ends, $took s after the device was opened" test "$took" -le 30
wait $task
is $? 3 "not everything could be put back"
note "$(cat $T/task)"
ok "a process of ours waits in the kernel" hanging
awake
looks 0000:01:00.0
refusals
other_card
let_go
ok "the child ends when the holder does" within 10 nobody
twin_sounds
run gpupt-helper reconcile
is "$rc" 0 "reconcile finishes"
note "$out$err"
restored "all is as before"

tally faults $scenes
done_testing
