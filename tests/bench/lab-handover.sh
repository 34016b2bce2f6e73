#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# lab-handover.sh: in the lab, a card of two functions goes to vfio-pci and back: by the hook, and by the same writes to
# sysfs made by a shell. In turn, medians of ROUNDS. Lines for tests/bench/run begin with "bench ".
# Without KVM every instruction of ours is emulated while an emulated card has nothing to do at a bind: there the ratio
# says little about a host, on which a driver of a real card takes a second and more.
# shellcheck shell=dash disable=SC1091,SC2034,SC2086,SC2317
[ -e /lab/lib.sh ] || exec "$(dirname "$0")/../lab/boot" twins "$0"
. /lab/lib.sh

ROUNDS=7
card=0000:01:00
vm 101 "hostpci0: $card,pcie=1"

# hundredths of a second: the clock that a shell has here
ticks() { tr -d . </proc/uptime | cut -d ' ' -f 1; }

# move BDF DRIVER CONTROL D3COLD OVERRIDE: what the hook writes for one function, without a look before or after
move() {
	local d=$PCI/devices/$1
	echo "$2" >"$d/driver_override"
	echo "$1" >"$d/driver/unbind"
	echo "$1" >$PCI/drivers_probe
	echo "$3" >"$d/power/control"
	echo "$4" >"$d/d3cold_allowed"
	[ "$5" = "$2" ] || echo "$5" >"$d/driver_override"
}
take_by_hand() {
	move $card.1 vfio-pci on 0 vfio-pci
	move $card.0 vfio-pci on 0 vfio-pci
}
return_by_hand() {
	move $card.0 radeon "$control0" "$d3cold0" ''
	move $card.1 snd_hda_intel "$control1" "$d3cold1" ''
}
take_by_hook() { $HOOK 101 pre-start; }
return_by_hook() { $HOOK 101 post-stop; }

control0=$(cat $PCI/devices/$card.0/power/control) d3cold0=$(cat $PCI/devices/$card.0/d3cold_allowed)
control1=$(cat $PCI/devices/$card.1/power/control) d3cold1=$(cat $PCI/devices/$card.1/d3cold_allowed)

# timed NAME FUNCTION DRIVERS: appends its time to a list, and stops if the card is not where it should be
timed() {
	local t0
	t0=$(ticks)
	$2 >$T/bench.out 2>&1
	echo $(($(ticks) - t0)) >>"$T/$1"
	[ "$(drvs $card.0 $card.1)" = "$3" ] && return
	note "$2 left $(drvs $card.0 $card.1):"
	note "$(cat $T/bench.out)"
	exit 1
}
round() { # hook | hand
	timed "take-$1" "take_by_$1" "vfio-pci vfio-pci"
	timed "return-$1" "return_by_$1" "radeon snd_hda_intel"
}
median() { sort -n "$T/$1" | sed -n "$(((ROUNDS + 1) / 2))p"; }

modprobe vfio-pci
# once for modules and caches
round hook
round hand
rm -f $T/take-* $T/return-*
for i in $(seq $ROUNDS); do
	round hook
	round hand
done
for way in take return; do
	awk -v a="$(median $way-hook)" -v b="$(median $way-hand)" -v way=$way 'BEGIN {
		printf "bench (d) in the lab, %s: hook / the same writes by hand%s|%.2f   (%d ms / %d ms)\n", way,
			way == "take" ? " (aim: < 1.1)" : "", a / (b ? b : 1), a * 10, b * 10 }'
	note "$way: hook $(tr '\n' ' ' <"$T/$way-hook"), by hand $(tr '\n' ' ' <"$T/$way-hand") (1/100 s)"
done
exit 0
