#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Starts and stops of one VM, each with something that goes wrong, drawn by the seed;
# after every one of them the machine is what it was, and nothing has grown.
# takes: 100 s
[ -e /lab/lib.sh ] || LAB_LIMIT=${LAB_FULL:+5400} exec "$(dirname "$0")/boot" twins "$0"
. /lab/lib.sh
. /lab/fault.sh

run_limit=60
vm 101 'hostpci0: 0000:01:00,pcie=1'
before
cycles=24
[ -z "$full" ] || cycles=200

kill_within() { # PHASE MILLISECONDS
	$HOOK 101 "$1" >$T/killed 2>&1 </dev/null &
	hook=$!
	usleep $(($2 * 1000))
	kill -9 $hook 2>/dev/null
	wait $hook 2>/dev/null
}
whole() {
	run $HOOK 101 pre-start
	[ "$rc" -eq 0 ] || return
	run $HOOK 101 post-start
	run $HOOK 101 post-stop
}
conf() { vm 101 "$@"; }

slab() { sed -n 's/^SUnreclaim: *\([0-9]*\) kB/\1/p' /proc/meminfo; }
count() { ls -d /proc/[0-9]* | wc -l; }

i=0 bad=0 killed=0 refused=0 plain=0
while [ $i -lt $cycles ]; do
	random 7
	what=$rnd
	random 1500
	case $what in
	0)
		did="nothing went wrong"
		whole
		plain=$((plain + 1))
		;;
	1)
		did="the start killed after $rnd ms"
		kill_within pre-start $rnd
		killed=$((killed + 1))
		;;
	2)
		did="the stop killed after $((rnd / 2)) ms"
		run $HOOK 101 pre-start
		kill_within post-stop $((rnd / 2))
		killed=$((killed + 1))
		;;
	3)
		did="held"
		hold "$(control 01:00.1)"
		run $HOOK 101 pre-start
		[ "$rc" -eq 1 ] || did="held, and yet $rc"
		let_go
		refused=$((refused + 1))
		;;
	4)
		did="another configuration at the stop"
		run $HOOK 101 pre-start
		conf 'hostpci0: 0000:02:00,pcie=1'
		run $HOOK 101 post-stop
		conf 'hostpci0: 0000:01:00,pcie=1'
		;;
	5)
		did="start and start again, killed after $rnd ms"
		run $HOOK 101 pre-start
		kill_within pre-start $rnd
		killed=$((killed + 1))
		;;
	6)
		did="start, and its child killed, too"
		$HOOK 101 pre-start >$T/killed 2>&1 </dev/null &
		hook=$!
		usleep $((rnd * 1000))
		for p in $(ours | sed 's/ .*//'); do kill -9 "$p" 2>/dev/null; done
		wait $hook 2>/dev/null
		killed=$((killed + 1))
		;;
	esac
	run gpupt-helper reconcile
	if [ "$rc" -ne 0 ] || ! { within 8 unchanged && within 5 nothing_left; }; then
		bad=$((bad + 1))
		restored "cycle $i: $did"
		note "reconcile: $rc $out$err"
		rebind 01:00.0 radeon
		rebind 01:00.1 snd_hda_intel
		rm -rf /run/gpupt
	fi
	i=$((i + 1))
	# The first cycles fill caches.
	[ $i -ne $((cycles / 4)) ] || { slab_1=$(slab) count_1=$(count); }
done
is $bad 0 "$cycles cycles: all is as before after each ($plain plain, $killed kills, $refused refusals)"
tally faults $i
restored "at the end, too"
slab_2=$(slab) count_2=$(count)
note "kernel memory that is not given back: $slab_1 kB after a quarter, $slab_2 kB at the end; processes $count_1, $count_2"
ok "memory is flat" test $((slab_2 - slab_1)) -lt 4096
ok "there are no more processes than before" test "$count_2" -le $((count_1 + 2))
ok "no file has grown" test "$(find /run/gpupt /var/lib/gpupt -type f | wc -l)" -le 3

done_testing
