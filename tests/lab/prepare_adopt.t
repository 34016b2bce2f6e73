#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A host that others have been at, in every file that there is for it: nothing of theirs is touched without --adopt, with it
# the cards are what gpupt.conf says, and `revert` gives them back what they had written.
# takes: 1800 s
[ -e /lab/lib.sh ] || LAB_LIMIT=${LAB_LIMIT:-3600} exec "$(dirname "$0")/boot" --disk=grub twins "$0" -action reboot=reset
. /lab/lib.sh
. /lab/system.sh
. /lab/disk.sh

# as guides on the web have it
foreign() {
	cat >/etc/modprobe.d/vfio.conf <<-'END'
		# passthrough
		options vfio-pci ids=1002:5159,8086:293e disable_vga=1
		softdep radeon pre: vfio-pci
		softdep snd-hda-intel pre: vfio-pci
	END
	echo 'blacklist radeon' >/etc/modprobe.d/blacklist.conf
	printf 'vfio\nvfio_iommu_type1\nvfio_pci\n' >>/etc/modules
	printf 'vfio_pci ids=1002:5159,8086:293e\n' >>/etc/initramfs-tools/modules
	cat >/etc/udev/rules.d/40-vfio.rules <<-'END'
		# both cards
		ACTION=="add", SUBSYSTEM=="pci", KERNEL=="0000:0[12]:00.?", ATTR{driver_override}="vfio-pci"
	END
	cat >/etc/initramfs-tools/scripts/init-top/vfio <<-'END'
		#!/bin/sh
		[ "$1" = prereqs ] && exit 0
		for dev in 0000:01:00.0 0000:01:00.1; do
			echo vfio-pci >/sys/bus/pci/devices/$dev/driver_override
		done
		modprobe -i vfio-pci
	END
	chmod 755 /etc/initramfs-tools/scripts/init-top/vfio
	sed -i 's/^GRUB_CMDLINE_LINUX_DEFAULT=.*/GRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=off vfio-pci.ids=1002:5159"/' /etc/default/grub
	mkdir -p /etc/default/grub.d
	echo 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX modprobe.blacklist=radeon"' >/etc/default/grub.d/gpu.cfg
}

case $boot_n in
1)
	foreign
	update-initramfs -u -k all >/dev/null 2>&1
	update-grub >/dev/null 2>&1
	reboot_clean
	;;
2)
	scene "what others have written"
	like "$(cat /proc/cmdline)" ' modprobe\.blacklist=radeon quiet intel_iommu=off vfio-pci\.ids=1002:5159$' "is in force"
	unlike "$(cards)" 'radeon' "no card is on radeon"
	keep_tree foreign
	run gpupt-helper check
	for f in /etc/modprobe.d/vfio.conf /etc/modprobe.d/blacklist.conf /etc/initramfs-tools/modules /etc/udev/rules.d/40-vfio.rules \
		/etc/initramfs-tools/scripts/init-top/vfio /etc/default/grub /etc/default/grub.d/gpu.cfg; do
		like "$out" "pinned .*$f" "check names $f"
	done
	run gpupt-helper prepare 02:00=reserved --yes
	is "$rc" 1 "it is not prepared with the IOMMU off"
	like "$err" 'intel_iommu=off' "… and says so"
	is "$(ours)" "" "… and nothing was touched"

	scene "--adopt"
	run gpupt-helper prepare --adopt 02:00=reserved --yes
	is "$rc" 0 "prepare (it took $took s)"
	note "$(next_cmdline)"
	unlike "$(next_cmdline)" 'vfio-pci\.ids|blacklist|iommu=off' "what others have asked of the kernel is out"
	like "$(next_cmdline)" ' console=ttyS0 .* drm_kms_helper\.fbdev_emulation=0 .* quiet' "… and nothing else is"
	run gpupt-helper prepare
	like "$out" '^This host is prepared already\.$' "there is nothing left to do"
	reboot_clean
	;;
3)
	scene "the boot after it"
	reserved
	unlike "$(gpupt-helper check)" ' pinned ' "check finds no foreign line"
	run gpupt-helper revert --yes
	is "$rc|$(complaints)" "0|" "revert (it took $took s)"
	reboot_clean
	;;
*)
	scene "the boot after that"
	tree_same foreign "all files are what others had made of them"
	like "$(cat /proc/cmdline)" ' modprobe\.blacklist=radeon quiet intel_iommu=off vfio-pci\.ids=1002:5159$' "and in force"
	done_testing
	;;
esac
