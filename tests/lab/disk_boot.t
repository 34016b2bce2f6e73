#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The lab's own promise for `prepare`: a Debian that boots by GRUB from its own disk, on the
# initramfs and the command line that it makes itself; and a list of what is on the disk that
# is the same after a boot, and after an initramfs has been made again.
# takes: 1800 s
[ -e /lab/lib.sh ] || LAB_LIMIT=1800 exec "$(dirname "$0")/boot" --disk=grub twins "$0" -action reboot=reset
. /lab/lib.sh
. /lab/system.sh
. /lab/disk.sh

case $boot_n in
1)
	scene "as it was installed"
	at_home
	like "$(cat /proc/cmdline)" '^BOOT_IMAGE=/boot/vmlinuz-[^ ]* root=UUID=[^ ]* ro console=ttyS0 ' "by GRUB"
	unlike "$(cat /proc/cmdline)" 'iommu' "… which says nothing of an IOMMU"
	is "$(findmnt -n -o FSTYPE,SOURCE /)" "ext4   /dev/vda3" "from its own disk"
	fails "no loop in its initramfs" in_initrd '/loop\.ko'
	ok "radeon came from there" earlier 'radeon kernel modesetting enabled' "$root_mounted"
	fails "… and not after the root filesystem" earlier "$root_mounted" 'radeon kernel modesetting enabled'
	keep_tree first
	reboot_clean
	;;
2)
	at_home
	tree_same first "a boot changes nothing"
	scene "an initramfs made again"
	sum=$(sha256sum "$initrd")
	run_limit=900
	run update-initramfs -u -k all
	is "$rc" 0 "update-initramfs (it took $took s)"
	[ "$sum" = "$(sha256sum "$initrd")" ] || note "it is another file"
	run update-grub
	is "$rc" 0 "update-grub (it took $took s)"
	tree_same first "… with the same in it"
	scene "settings of an administrator"
	sed -i 's/^GRUB_CMDLINE_LINUX_DEFAULT=.*/GRUB_CMDLINE_LINUX_DEFAULT="quiet lab.mark=1"/' /etc/default/grub
	echo loop >>/etc/initramfs-tools/modules
	run update-initramfs -u -k all
	is "$rc" 0 "update-initramfs (it took $took s)"
	run update-grub
	ok "loop is in the initramfs" in_initrd '/loop\.ko'
	fails "that is a difference" tree_is first
	reboot_clean
	;;
3)
	at_home
	like "$(cat /proc/cmdline)" ' quiet lab\.mark=1$' "with the new parameter"
	ok "loop came from the initramfs" earlier 'loop: module loaded' "$root_mounted"
	scene "the power goes while an initramfs is made"
	update-initramfs -u -k all >/dev/null 2>&1 &
	/bin/sleep 10
	reboot_by power_cut
	;;
*)
	at_home
	like "$(cat /proc/cmdline)" ' quiet lab\.mark=1$' "it comes back"
	done_testing
	;;
esac
