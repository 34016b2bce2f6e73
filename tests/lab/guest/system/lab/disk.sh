# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# What scenarios on a machine that boots from its own disk have beyond system.sh: what the
# next boot will be, and whether the disk is as it was.

kver=$(uname -r)
initrd=/boot/initrd.img-$kver
notes=/var/lib/lab
# Under TCG an initramfs takes minutes.
run_limit=1200

# --- the disk, as a list ----------------------------------------------------------

# What a boot, or the making of an initramfs, changes by itself.
not_compared() {
	cat <<-'END'
		/var/lib/initramfs-tools   the checksum of an initramfs as a file, with its times
		/var/lib/lab               what the scenario notes down over its boots
		/boot/initrd.img-*         times in the archive: what is in it is compared, by initrd_list
	END
}
# listing ROOT PATH…: a line for whatever is there, and one for the content of each file; in
# ROOT, whose name is left out. Modification times are no difference. Kernel modules, which
# are most of it, nobody has any business to write: a file's number and when it was changed
# say more than its content, and cost less.
listing() {
	local root=$1
	shift
	(
		cd "$root/" || exit 1
		set -f
		# shellcheck disable=SC2046 # one word per path
		find "$@" -xdev \( -false $(not_compared | sed 's,^/\([^ ]*\) .*,-o -path \1,') \) -prune -o \
			-printf '%y %04m %U:%G %p -> %l\n' -type f \
			\( -path 'usr/lib/modules/*' -printf '%i %s %C@ %p\n' -o -fprint0 "$T/files" \) | LC_ALL=C sort -k 4
		LC_ALL=C sort -z "$T/files" | xargs -0 -r sha256sum
	)
}
# initrd_list FILE: what is in an initramfs
initrd_list() {
	rm -rf "$T/initrd"
	unmkinitramfs "$1" "$T/initrd" 2>"$T/err" || cat "$T/err"
	listing "$T/initrd" .
	rm -rf "$T/initrd"
}
# esp_list: what is on the partition that the firmware or GRUB starts from
esp_list() {
	local f
	[ -e /etc/kernel/proxmox-boot-uuids ] || return 0
	on_esp listing . . | grep -v 'initrd\.img-'
	on_esp sh -c 'find . -name "initrd.img-*" -exec cat {} +' >"$T/esp-initrd"
	initrd_list "$T/esp-initrd"
}
# on_esp COMMAND…: in its directory
on_esp() {
	mkdir -p /run/esp
	mount -o ro "/dev/disk/by-uuid/$(head -n 1 /etc/kernel/proxmox-boot-uuids)" /run/esp || return 1
	local rc=0
	(cd /run/esp && "$@") || rc=$?
	umount /run/esp
	return $rc
}
# tree: all that a preparation could change, for `same`
tree() {
	local f
	listing / etc boot usr lib var/lib
	for f in /boot/initrd.img-*; do
		echo "in $f:"
		initrd_list "$f"
	done
	echo "on the partition:"
	esp_list
}
# keep_tree NAME: that is noted down; tree_is NAME: it is so still; tree_same NAME DESCRIPTION:
# and a test that says so
keep_tree() { tree >"$notes/tree.$1"; }
tree_is() {
	tree >"$T/tree"
	diff "$notes/tree.$1" "$T/tree" >"$T/diff"
}
tree_same() {
	tree_is "$1"
	result $? "$2" || note "$(grep '^[<>]' "$T/diff" | head -n 60)"
}

# A reboot as from the menu, which does not come back; systemd's other way is logind, which
# these machines are without.
reboot_clean() { reboot_by systemctl start --no-block --job-mode=replace-irreversibly reboot.target; }

# --- the next boot ----------------------------------------------------------------

# in_initrd PATTERN: the names of what is in the initramfs that match
in_initrd() { lsinitramfs "$initrd" | grep -E "$1"; }
# next_cmdline: what the loader will give the kernel
next_cmdline() {
	case $(cat /etc/kernel/proxmox-boot-uuids 2>/dev/null):$(ls -d /sys/firmware/efi 2>/dev/null) in
	:*) sed -n 's/^[[:space:]]*linux[[:space:]]*[^ ]* //p' /boot/grub/grub.cfg | head -n 1 ;;
	*:) on_esp sed -n 's/^[[:space:]]*linux[[:space:]]*[^ ]* //p' grub/grub.cfg | head -n 1 ;;
	*) on_esp sed -n 's/^options *//p' "loader/entries/proxmox-$kver.conf" ;;
	esac
}
# earlier REGEX REGEX: the kernel has said both, the first before the second
earlier() {
	local a b
	a=$(dmesg | grep -n -m 1 -E -- "$1") && b=$(dmesg | grep -n -m 1 -E -- "$2")
	printf '%s\n' "$1: ${a:-never}" "$2: ${b:-never}"
	[ -n "$b" ] && [ "${a%%:*}" -lt "${b%%:*}" ]
}
# What was asked of `boot`: a number that chooses, and whether all is to be gone through.
seed() { sed -n 's/.* lab\.seed=\([0-9]*\).*/\1/p' /lab/args; }
full() { grep -o ' lab\.full' /lab/args; }
root_mounted='EXT4-fs \(vda3\): mounted'

# --- the cards ----------------------------------------------------------------------

cards() { drvs 01:00.0 01:00.1 02:00.0 02:00.1; }
# Where the loader itself says something, it says it first.
booted_as_said() {
	is "$(sed -e 's/^\(BOOT_IMAGE\|initrd\)=[^ ]* //' /proc/cmdline)" "$(next_cmdline)" "booted with the command line that the loader has"
}
# at_home, reserved: all are on their drivers; those of the second slot are on vfio-pci, and have never been anywhere else
at_home() {
	is "$(cards)" "radeon snd_hda_intel radeon snd_hda_intel" "both cards are on their drivers"
	booted_as_said
}
reserved() {
	is "$(drvs 02:00.0 02:00.1)" "vfio-pci vfio-pci" "the reserved card is on vfio-pci"
	unlike "$(dmesg)" '(radeon|snd_hda_intel) 0000:02:00\.' "… and its drivers never had it"
	is "$(drvs 01:00.0 01:00.1)" "radeon snd_hda_intel" "its twin is on its drivers"
	booted_as_said
}
# complaints: what the last run has said on its standard error but for which program runs meanwhile
complaints() { printf '%s\n' "$err" | grep -v ' …$'; }
# ours: what `prepare` has made, and not `make install`
ours() {
	find /etc \( -path /etc/gpupt -o -path /etc/apt -o -path '*.wants' \) -prune -o -name '*gpupt*' -print
	ls -d /var/lib/gpupt/prepare 2>/dev/null
}
