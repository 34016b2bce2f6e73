#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Real processes at once: two VMs that want one card, and all who may give it back.
# takes: 90 s
[ -e /lab/lib.sh ] || LAB_LIMIT=${LAB_FULL:+5400} exec "$(dirname "$0")/boot" twins "$0"
. /lab/lib.sh
. /lab/fault.sh

run_limit=60
card='0000:01:00.0 0000:01:00.1 '
vm 101 'hostpci0: 0000:01:00,pcie=1'
vm 102 'hostpci0: 0000:01:00,pcie=1'
mkdir -p /var/lock/qemu-server

# What Proxmox VE does around its call: the VM's lock is held, after a start that goes
# well until QEMU runs, which here is until $T/over is there.
cat >$T/task.pl <<'PERL'
use Fcntl ':flock';
my ($hook, $vmid, $phase, $over) = @ARGV;
open my $l, '>>', "/var/lock/qemu-server/lock-$vmid.conf" or die;
my $end = time + 10;
until (flock($l, LOCK_EX | LOCK_NB)) { exit 99 if time > $end; select undef, undef, undef, 0.05 }
my $status = system($hook, $vmid, $phase) >> 8;
open my $f, '>', "/tmp/$vmid.rc" or die;
print $f $status;
close $f;
select undef, undef, undef, 0.05 while $phase eq 'pre-start' && !$status && $over && !-e $over;
exit $status;
PERL
as_task() { perl $T/task.pl $HOOK "$1" "$2" >"$T/$1.$2" 2>&1 </dev/null; }
starting() { perl $T/task.pl $HOOK "$1" pre-start $T/over >"$T/$1.pre-start" 2>&1 </dev/null; }
# started VMID…: their hooks have ended; then their tasks may
started() {
	local v
	for v; do within 30 test -s "$T/$v.rc" || note "deadlock: $v"; done
	touch $T/over
	wait
}
status() { cat "$T/$1.rc" 2>/dev/null || echo none; }
afresh() { rm -f $T/over $T/*.rc; }
# both COMMAND -- COMMAND: at once; statuses in $ra and $rb
both() {
	local one=
	while [ "$1" != -- ]; do
		one="$one $1"
		shift
	done
	shift
	# shellcheck disable=SC2086 # words
	$one &
	a=$!
	"$@" &
	b=$!
	within 60 ended $a || note "deadlock: $one"
	within 60 ended $b || note "deadlock: $*"
	wait $a
	ra=$?
	wait $b
	rb=$?
}
quietly() { "$@" >"$T/quiet.$1.$2" 2>&1 </dev/null; }
before

rounds=12
[ -z "$full" ] || rounds=100
scene "$rounds times: two VMs start, one card"
won_101=0 won_102=0 bad=0
i=0
while [ $i -lt $rounds ]; do
	afresh
	# Who is a little earlier changes from round to round.
	random 300
	case $((rnd % 3)) in
	0)
		starting 101 &
		starting 102 &
		;;
	1)
		starting 102 &
		usleep $((rnd * 1000))
		starting 101 &
		;;
	2)
		starting 101 &
		usleep $((rnd * 1000))
		starting 102 &
		;;
	esac
	started 101 102
	ra=$(status 101) rb=$(status 102)
	case "$ra $rb" in
	"0 1") winner=101 loser=102 won_101=$((won_101 + 1)) ;;
	"1 0") winner=102 loser=101 won_102=$((won_102 + 1)) ;;
	*)
		bad=$((bad + 1))
		note "round $i: 101 ended with $ra, 102 with $rb" "$(cat $T/101.pre-start $T/102.pre-start)"
		winner=none
		;;
	esac
	if [ $winner != none ]; then
		grep -q "VM $winner" $T/$loser.pre-start && [ "$(leases)" = "$winner " ] && [ "$(claims)" = "$card" ] &&
			on_vfio 01:00.0 01:00.1 || {
			bad=$((bad + 1))
			note "round $i: $winner has it; leases $(leases), claims $(claims), drivers $(drvs 01:00.0 01:00.1)" \
				"$loser was told: $(cat $T/$loser.pre-start)"
		}
		as_task $winner post-stop || {
			bad=$((bad + 1))
			note "round $i: $(cat $T/$winner.post-stop)"
		}
	else
		gpupt-helper reconcile >/dev/null 2>&1
	fi
	i=$((i + 1))
done
is $bad 0 "exactly one got it each time, and the other was told who ($won_101 times 101, $won_102 times 102)"
tally races $i
restored "nothing is left"

rounds=4
[ -z "$full" ] || rounds=25
scene "$rounds times: release, reconcile and post-stop at once"
i=0 bad=0
while [ $i -lt $rounds ]; do
	as_task 101 pre-start || bad=$((bad + 1))
	as_task 101 post-stop &
	p=$!
	both quietly gpupt-helper release 101 -- quietly gpupt-helper reconcile
	within 60 ended $p || note "deadlock: post-stop"
	wait $p
	rp=$?
	# release may find Proxmox VE at work, or nothing left to do; nobody may fail otherwise.
	if [ $rp -ne 0 ] || [ $ra -gt 1 ] || [ $rb -ne 0 ] || [ "$(drvs 01:00.0 01:00.1)" != "radeon snd_hda_intel" ]; then
		bad=$((bad + 1))
		note "round $i: post-stop $rp, release $ra, reconcile $rb: $(cat $T/101.post-stop $T/quiet.*)"
	fi
	[ $ra -eq 0 ] || grep -qE 'Proxmox VE is working on VM 101|is working on the GPUs of VM 101' $T/quiet.gpupt-helper.release || {
		bad=$((bad + 1))
		note "round $i: release said $(cat $T/quiet.gpupt-helper.release)"
	}
	i=$((i + 1))
done
is $bad 0 "each time the card came home once, and everybody was content"
tally races $i
restored "nothing is left"

scene "$rounds times: a start while another VM's lease is being settled"
i=0 bad=0
while [ $i -lt $rounds ]; do
	as_task 101 pre-start || bad=$((bad + 1))
	# 101's start came to nothing.
	both as_task 102 pre-start -- quietly gpupt-helper reconcile
	if [ $ra -eq 0 ]; then
		[ "$(leases)" = "102 " ] && on_vfio 01:00.0 01:00.1 || {
			bad=$((bad + 1))
			note "round $i: 102 has it; leases $(leases) drivers $(drvs 01:00.0 01:00.1)"
		}
	else
		grep -q 'VM 101' $T/102.pre-start || {
			bad=$((bad + 1))
			note "round $i: $(cat $T/102.pre-start)"
		}
	fi
	[ $rb -eq 0 ] || {
		bad=$((bad + 1))
		note "round $i: reconcile $rb: $(cat $T/quiet.gpupt-helper.reconcile)"
	}
	note "round $i: 102 $([ $ra -eq 0 ] && echo got it || echo was refused)"
	as_task 102 post-stop || bad=$((bad + 1))
	gpupt-helper reconcile >/dev/null 2>&1
	i=$((i + 1))
done
is $bad 0 "it got the card or was told who has it"
tally races $i
restored "nothing is left"

scene "$rounds times: two alternatives of a mapping, three VMs"
cat >/etc/pve/mapping/pci.cfg <<'MAP'
gpu
	map id=1002:5159,iommugroup=5,node=lab,path=0000:01:00,subsystem-id=1af4:1100
	map id=1002:5159,iommugroup=6,node=lab,path=0000:02:00,subsystem-id=1af4:1100
MAP
for v in 101 102 103; do vm $v 'hostpci0: mapping=gpu,pcie=1'; done
i=0 bad=0
while [ $i -lt $rounds ]; do
	afresh
	for v in 101 102 103; do starting $v & done
	started 101 102 103
	ra=$(status 101) rb=$(status 102) rp=$(status 103)
	[ "$((ra + rb + rp))" -eq 1 ] && on_vfio 01:00.0 01:00.1 02:00.0 02:00.1 && [ "$(leases | wc -w)" -eq 2 ] || {
		bad=$((bad + 1))
		note "round $i: $ra $rb $rp, leases $(leases), $(drvs 01:00.0 01:00.1 02:00.0 02:00.1)" "$(cat $T/10?.pre-start)"
	}
	as_task 103 post-stop &
	p=$!
	both as_task 101 post-stop -- as_task 102 post-stop
	wait $p
	i=$((i + 1))
done
is $bad 0 "two of three got one each"
tally races $i
restored "nothing is left"

done_testing
