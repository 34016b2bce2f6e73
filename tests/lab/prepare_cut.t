#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The power goes while the host is prepared, or while that is taken back: the boot puts back what was begun, and goes on
# taking back. At two steps, others each time; with LAB_FULL=1 at every one. And where the boot does not, `prepare --resume`
# goes on with it.
# takes: 1800 s
[ -e /lab/lib.sh ] || LAB_LIMIT=${LAB_LIMIT:-14400} exec "$(dirname "$0")/boot" --disk=grub twins "$0" -action reboot=reset
. /lab/lib.sh
. /lab/system.sh
. /lab/disk.sh

record=/var/lib/gpupt/prepare/record
# cut_at STEP: the power goes when that step has begun, or somewhat later. An initramfs is made for a minute or so.
cut_at() {
	gpupt-helper prepare 02:00=reserved --yes >/dev/null 2>&1 &
	within 120 grep -q "^begin $1 " $record
	grep -q "^begin $1 rebuild initramfs" $record && /bin/sleep $(($(seed) % 40))
	note "at step $1, $(sed -n "s/^begin $1 \([a-z]* [^ ]*\).*/\1/p" $record)"
	reboot_by power_cut
}
repaired() {
	ok "what was begun is put back" within 1200 test ! -e $record -a ! -e /var/lib/gpupt/prepare/unfinished
	is "$(ours)" "" "nothing of ours is left"
	tree_same first "all files are what they were"
	booted_as_said
	# what was there at this boot may have moved a function: that is said, and is over with the next
	[ "$(cards)" = "radeon snd_hda_intel radeon snd_hda_intel" ] || ok "a reboot is said to be needed" grep -qx gpupt /run/reboot-required.pkgs
}
# steps: which are tried, one a line
steps() { cat $notes/steps; }

case $boot_n in
1)
	keep_tree first
	n=$(gpupt-helper prepare 02:00=reserved --dry-run --json | json steps step | wc -l)
	ok "there are steps ($n)" test "$n" -ge 8
	echo "$n" >$notes/all
	if [ -n "$(full)" ]; then
		seq "$n"
	else
		# one of a file, and one of what is made of them, which come last
		printf '%s\n' $(($(seed) % (n - 2) + 1)) $((n - $(seed) % 2))
	fi >$notes/steps
	;;
*)
	if [ "$boot_n" -le $(($(steps | wc -l) + 1)) ]; then
		repaired
		note "--- $(grep -c . $notes/steps) cuts"
	fi
	;;
esac
step=$(steps | sed -n "${boot_n}p")
if [ -n "$step" ]; then
	scene "the power goes in the middle of a preparation"
	cut_at "$step"
fi
case $((boot_n - $(steps | wc -l))) in
1)
	scene "it goes when the files are there, and no initramfs, and nobody puts them back"
	systemctl mask -q gpupt-repair.service
	cut_at "$(cat $notes/all)"
	;;
2)
	ok "it is as it was left" test -e /var/lib/gpupt/prepare/unfinished
	like "$(findings warn)" '^cut-off$' "check says so"
	run gpupt-helper prepare 02:00=reserved --yes
	is "$rc" 1 "prepare does not simply go on"
	like "$err" '--resume' "… and says how"
	run gpupt-helper prepare --resume --yes
	is "$rc" 0 "prepare --resume (it took $took s)"
	run gpupt-helper prepare
	like "$out" '^This host is prepared already\.$' "there is nothing left to do"
	systemctl unmask -q gpupt-repair.service
	scene "the power goes just after"
	reboot_by power_cut
	;;
3)
	reserved
	scene "it goes while that is taken back"
	gpupt-helper revert --yes >/dev/null 2>&1 &
	within 60 grep -q '^undo ' $record
	/bin/sleep $(($(seed) % 30))
	reboot_by power_cut
	;;
4)
	repaired
	reboot_clean
	;;
5)
	at_home
	tree_same first "all files are what they were"
	done_testing
	;;
esac
