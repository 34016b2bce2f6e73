#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# `prepare` for a reserved card, on a machine that boots by itself and has radeon in its initramfs: vfio-pci has the card
# before radeon could take it, its twin is on radeon, and after `revert` the machine is what it was, file by file.
# takes: 1800 s
[ -e /lab/lib.sh ] || LAB_LIMIT=${LAB_LIMIT:-2400} exec "$(dirname "$0")/boot" --disk=grub twins "$0" -action reboot=reset
. /lab/lib.sh
. /lab/system.sh
. /lab/disk.sh

case $boot_n in
1)
	scene "as it was installed"
	at_home
	keep_tree first
	run gpupt-helper prepare 02:00=reserved --dry-run
	is "$rc" 0 "--dry-run"
	like "$out" '^rebuild initramfs: update-initramfs -u -k all ' "… shows what would be done"
	run gpupt-helper prepare 02:00=reserved
	is "$rc" 1 "without --yes, and with nobody there to ask, nothing is done"
	is "$(ours)" "" "… and nothing was touched"

	scene "prepared"
	run gpupt-helper prepare 02:00=reserved --yes
	is "$rc|$(complaints)" "0|" "prepare (it took $took s)"
	note "$err"
	note "$out"
	like "$err" '^update-initramfs -u -k all …$' "… says which program runs"
	like "$out" '^This host is prepared\.' "… says so"
	like "$out" 'which driver a card has from the start' "… and what a reboot is needed for"
	ok "so does the system's own marker" test -e /run/reboot-required
	run gpupt-helper prepare 02:00=reserved
	is "$rc" 0 "once more"
	like "$out" '^This host is prepared already\.$' "… there is nothing left to do"
	is "$(cards)" "radeon snd_hda_intel radeon snd_hda_intel" "the cards are where they were"
	like "$(findings info)" '^reboot-pending$' "check: a reboot is missing"
	for f in '/vfio-pci\.ko' '^scripts/init-top/gpupt$' '^etc/udev/rules\.d/10-gpupt\.rules$'; do
		ok "the initramfs has $f" in_initrd "$f"
	done
	run gpupt-helper check --next-boot
	is "$rc" 0 "check --next-boot"
	like "$out" "^ok +next-ready +$kver " "… says that the kernel is as prepared"
	unlike "$out" "^(warn|block)" "… and finds nothing wrong"
	reboot_clean
	;;
2)
	scene "the boot after it"
	reserved
	ok "vfio-pci was there before radeon" earlier 'vfio_pci: add|VFIO - User Level' 'radeon kernel modesetting enabled'
	ok "… which came before the root filesystem" earlier 'radeon kernel modesetting enabled' "$root_mounted"
	unlike "$(findings warn)" 'not-in-force' "check: all of it is in force"
	like "$(gpupt-helper status)" 'prepared' "status tells of it"
	run gpupt-helper prepare
	like "$out" '^This host is prepared already\.$' "prepare has nothing to do"

	scene "reverted"
	run gpupt-helper revert --yes
	is "$rc|$(complaints)" "0|" "revert (it took $took s)"
	note "$err"
	note "$out"
	like "$out" '^This host is as it was before' "… says so"
	like "$out" 'which driver a card has from the start' "… and what a reboot is needed for"
	is "$(ours)" "" "nothing of ours is left"
	reboot_clean
	;;
*)
	scene "the boot after that"
	at_home
	tree_same first "all files are what they were"
	run gpupt-helper revert --yes
	is "$rc" 0 "revert once more"
	like "$out" 'not prepared' "… there is nothing to take back"
	done_testing
	;;
esac
