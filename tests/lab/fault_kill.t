#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# kill -9 at every call of a hand-over and of a return; afterwards each of those who
# may come by brings the machine back to what it was.
# takes: 265 s
[ -e /lab/lib.sh ] || LAB_LIMIT=${LAB_FULL:+5400} exec "$(dirname "$0")/boot" twins "$0"
. /lab/lib.sh
. /lab/fault.sh

vm 101 'hostpci0: 0000:01:00,pcie=1'
vm 102 'hostpci0: 0000:01:00,pcie=1'
# Loaded once: a module that stays is no difference.
/sbin/modprobe vfio-pci
/sbin/modprobe vfio_iommu_type1
before
first() { rm -rf /run/gpupt /var/lib/gpupt/* $QEMU/pci-id-reservations; }

# settle_by N: one of those who may be next
settle_by() {
	case $1 in
	0)
		by=reconcile
		run gpupt-helper reconcile
		;;
	1)
		by=release
		run gpupt-helper release 101
		;;
	2)
		by="post-stop"
		run $HOOK 101 post-stop
		;;
	3)
		by="the next start and stop"
		run $HOOK 101 pre-start
		[ "$rc" -ne 0 ] || on_vfio 01:00.0 01:00.1 || rc=99
		[ "$rc" -ne 0 ] || run $HOOK 101 post-stop
		;;
	4)
		by="another VM that wants the card"
		run $HOOK 102 pre-start
		[ "$rc" -ne 0 ] || on_vfio 01:00.0 01:00.1 || rc=99
		[ "$rc" -ne 0 ] || run $HOOK 102 post-stop
		;;
	esac
}

scene "the calls of a hand-over"
first
points $T/start $HOOK 101 pre-start
is "$rc" 0 "it succeeds"
ok "on vfio-pci" on_vfio 01:00.0 01:00.1
points $T/stop $HOOK 101 post-stop
is "$rc" 0 "so does the return"
restored "and all is as before"
note "a hand-over makes $(wc -l <$T/start) calls, a return $(wc -l <$T/stop)"
ok "enough of them to be the real thing" test "$(wc -l <$T/start)" -ge 50

# each PHASE POINTS
each() {
	local phase=$1 call n i=0 bad=0
	while read -r call n <&3; do
		first
		if [ "$phase" = post-stop ]; then
			run $HOOK 101 pre-start
			[ "$rc" -eq 0 ] || ok "the hand-over before" false
		fi
		killed "$call" "$n" $HOOK 101 "$phase"
		if [ "$rc" -ne 137 ]; then
			is "$rc" 137 "$phase, killed before $call $n"
		fi
		at="$(drvs 01:00.0 01:00.1) $(ovr 01:00.0) $(ovr 01:00.1)"
		settle_by $((i % 5))
		if [ "$rc" -ne 0 ] || [ "$(drvs 01:00.0 01:00.1)" != "radeon snd_hda_intel" ]; then
			is "$rc $(drvs 01:00.0 01:00.1)" "0 radeon snd_hda_intel" "$phase, killed before $call $n (at $at): $by succeeds"
			note "$out$err"
		fi
		# Whoever came by did his own business; what else lies about is for reconcile.
		[ "$by" = reconcile ] || gpupt-helper reconcile >$T/out 2>&1
		restored "$phase, killed before $call $n (at $at), then $by" || {
			bad=$((bad + 1))
			run gpupt-helper reconcile
			note "reconcile: $rc $out$err"
			rebind 01:00.0 radeon
			rebind 01:00.1 snd_hda_intel
			rm -f $QEMU/pci-id-reservations
			within 10 unchanged || before
		}
		i=$((i + 1))
	done 3<"$2"
	note "$phase: $i crash points, $bad bad"
	tally crash-points $i
}

scene "kill -9 within a hand-over"
sample 24 $T/start >$T/some
each pre-start $T/some

scene "kill -9 within a return"
sample 16 $T/stop >$T/some
each post-stop $T/some

done_testing
