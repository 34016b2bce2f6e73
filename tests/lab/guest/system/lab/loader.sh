# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The scenario of prepare_esp.t and prepare_esp_grub.t: proxmox-boot-tool keeps what the machine
# starts from, and an administrator has switched the IOMMU off. `prepare` has the kernel use it
# and a card reserved, in the files of this loader, and `revert` takes that back.
. /lab/lib.sh
. /lab/system.sh
. /lab/disk.sh

# loader NAME FILE
loader() {
	like "$(gpupt-helper prepare --adopt --dry-run)" "^(param|line) $2[ @:].*intel_iommu=off" "of $1 it is $2 that counts"
	keep_tree first
	run gpupt-helper prepare --adopt 02:00=reserved --yes
	is "$rc|$(complaints)" "0|" "prepare (it took $took s)"
	like "$(next_cmdline)" ' intel_iommu=on iommu=pt( |$)' "the next boot has the IOMMU"
	unlike "$(next_cmdline)" 'intel_iommu=off' "… which nothing switches off"
	like "$(next_cmdline)" '(^| )console=ttyS0 ' "… and what else there was"
	run gpupt-helper check --next-boot
	unlike "$out" 'esp-behind|next-unseen' "check --next-boot: the partition can be seen, and is as it should be"
}
# full_partition: the copy of an initramfs does not fit, neither of the new one nor of that from before
full_partition() {
	local at=/run/esp esp
	esp=/dev/disk/by-uuid/$(head -n 1 /etc/kernel/proxmox-boot-uuids)
	scene "the loader's partition is full"
	# lib.sh makes it, and nobody else before something is in it
	rmdir /var/lib/gpupt
	keep_tree before
	mkdir -p $at
	mount "$esp" $at
	find $at -name 'initrd.img-*' -delete
	dd if=/dev/zero of=$at/filler bs=1M 2>/dev/null
	umount $at
	run gpupt-helper prepare --adopt --yes
	is "$rc" 3 "it fails (it took $took s)"
	like "$err" 'proxmox-boot-tool refresh' "… and says where"
	like "$err" 'No space left on device' "… and why"
	like "$err" 'not everything could be put back' "… and that something is left"
	like "$(gpupt-helper check --next-boot)" 'warn +esp-behind' "check --next-boot: what is on the partition is not what is in /boot"
	mount "$esp" $at
	rm $at/filler
	umount $at
	run gpupt-helper revert --unfinished --yes
	is "$rc" 0 "once there is room it is put back"
	is "$(ours)" "" "nothing of ours is left"
	tree_same before "… and all files are what they were"
	scene "prepared"
}
case $boot_n in
1)
	like "$(cat /proc/cmdline)" 'intel_iommu=off' "the IOMMU is switched off"
	is "$(ls /sys/class/iommu)" "" "… there is none"
	full_partition
	loader "$@"
	reboot_clean
	;;
2)
	like "$(cat /proc/cmdline)" ' intel_iommu=on iommu=pt( |$)' "booted with it"
	ok "there is an IOMMU" test -e /sys/class/iommu/dmar0
	reserved
	unlike "$(findings warn)" 'not-in-force' "check: all of it is in force"
	run gpupt-helper revert --yes
	is "$rc|$(complaints)" "0|" "revert (it took $took s)"
	reboot_clean
	;;
*)
	is "$(ls /sys/class/iommu)" "" "the IOMMU is switched off again"
	at_home
	tree_same first "all files are what they were, on the loader's partition as well"
	done_testing
	;;
esac
