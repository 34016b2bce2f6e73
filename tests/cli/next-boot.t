#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `check --next-boot`: what each kernel would find, which one is next, and apt's hook.
. "$(dirname "$0")/lib.sh"

next=6.11.11-2-pve newer=6.8.12-10-pve here=6.8.12-9-pve old=6.5.13-6-pve
look() {
	before=$(listing)
	helper --root "$tree" check --next-boot --json
	is "$rc|$err|$([ "$(listing)" = "$before" ] && echo same)" "0||same" "check --next-boot"
}
# finds NAME SEVERITY KERNEL MESSAGE: the last look has it
finds() {
	is "$(json findings severity "finding=^$1\$" "subject=^$3\$" "message=$4" | sort -u)" "$2" "$1: $2, about $3" || note "$out"
}
remedy() { like "$(json findings remedy "finding=^$1\$" "subject=^$2\$")" "$3" "… what to do"; }
lacks() { is "$(json findings subject "finding=^$1\$" "subject=^${2:-.*}\$")" "" "no $1${2:+ about $2}"; }
ready() { finds next-ready ok "$1" "^$1( \(boots next\))? is as prepared"; }
# initramfs KERNEL NAME…: what is in it
initramfs() {
	local k=$1
	shift
	printf '%s\n' "$@" >"$tree/gpupt-initramfs/$k"
}
all='usr/lib/modules/KVER/kernel/drivers/vfio/pci/vfio-pci.ko scripts/init-top/gpupt etc/udev/rules.d/10-gpupt.rules'
grub_default() { sed -i "s|set default=\"0\"|set default=\"$1\"|" "$tree/boot/grub/grub.cfg"; }

# --- the initramfs -----------------------------------------------------------------

tree kernels
look
finds initramfs-lacks warn $next "$next \(boots next\) lacks the module vfio-pci, gpupt's script \(init-top\), gpupt's rule for udev: reserved cards \(0000:01:00.0\)"
remedy initramfs-lacks $next "^run 'update-initramfs -u -k $next'\$"
lacks initramfs-lacks $newer
lacks initramfs-old
ready $here
ready $old
lacks next-unknown
# parts of it, by what they are called
initramfs $next usr/lib/modules/$next/kernel/drivers/vfio/pci/vfio-pci-core.ko usr/lib/modules/$next/x/xvfio-pci.ko scripts/init-top/gpupt-x \
	scripts/init-bottom/gpupt etc/udev/rules.d/10-gpupt.rules.old
look
finds initramfs-lacks warn $next "lacks the module vfio-pci, gpupt's script \(init-top\), gpupt's rule for udev:"
for file in vfio-pci.ko vfio_pci.ko vfio-pci.ko.xz vfio-pci.ko.zst; do
	initramfs $next ./lib/modules/$next/kernel/drivers/vfio/pci/$file scripts/init-top/gpupt
	look
	finds initramfs-lacks warn $next "lacks gpupt's rule for udev:"
done
initramfs $next $all
look
lacks initramfs-lacks
# what `prepare` makes is not there at all
rm "$tree/etc/udev/rules.d/10-gpupt.rules"
initramfs $next $all .
sed -i /rules/d "$tree/gpupt-initramfs/$next"
look
remedy initramfs-lacks $next "^run 'gpupt-helper prepare'\$"
# nobody can look into it
rm "$tree/gpupt-initramfs/$next"
look
finds next-unseen info $next 'initramfs of .* cannot be seen: .* no program is run'
lacks next-ready $next
# a card that is shared needs nothing in there
put /etc/gpupt/gpupt.conf ''
look
lacks next-unseen
lacks initramfs-lacks

# older than what belongs into it
tree kernels
touch "$tree/etc/initramfs-tools/hooks/gpupt"
look
finds initramfs-lacks warn $next .
lacks initramfs-old $next
finds initramfs-old info $here "the initramfs of $here is older than what belongs into it: /etc/initramfs-tools/hooks/gpupt\$"
remedy initramfs-old $here "^run 'update-initramfs -u -k $here'\$"
put /etc/modprobe.d/vfio.conf 'options vfio-pci ids=10de:2484\n'
put /etc/modprobe.d/other.conf 'options kvm nested=1\n'
look
finds initramfs-old info $here 'hooks/gpupt, /etc/modprobe.d/vfio.conf$'
put /etc/udev/rules.d/90-gpu.rules 'ATTR{vendor}=="0x10de", ATTR{class}=="0x030000", ATTR{driver_override}="vfio-pci"\n'
look
finds initramfs-old info $here 'hooks/gpupt, /etc/modprobe.d/vfio.conf$'
put /usr/share/initramfs-tools/hooks/udev 'cp -p /etc/udev/rules.d/*.rules "$DESTDIR/lib/udev/rules.d/"\n'
look
finds initramfs-old info $here '/etc/modprobe.d/vfio.conf, /etc/udev/rules.d/90-gpu.rules$'
rm "$tree/etc/udev/rules.d/90-gpu.rules"
touch -d '-3 seconds' "$tree/boot/initrd.img-$here"
touch -d '-2 seconds' "$tree/etc/initramfs-tools/hooks/gpupt" "$tree/etc/modprobe.d/vfio.conf"
look
lacks initramfs-old $here
rm "$tree/boot/initrd.img-$next"
look
finds initramfs-missing warn $next "$next \(boots next\) has no initramfs: there is no /boot/initrd.img-$next"
remedy initramfs-missing $next "^run 'update-initramfs -c -k $next'\$"
lacks initramfs-lacks $next

# --- GRUB --------------------------------------------------------------------------

# boots KERNEL: the one that is next
boots() {
	is "$(json findings subject 'message=boots next' | sort -u)" "$1" "$1 boots next" || note "$out"
}
tree kernels
look
boots $next
for choice in '1>3' 1\>gnulinux-$here-advanced-1a2b gnulinux-advanced-1a2b\>gnulinux-$here-advanced-1a2b \
	"Advanced options for Proxmox VE GNU/Linux>Proxmox VE GNU/Linux, with Linux $here"; do
	tree kernels
	grub_default "$choice"
	look
	boots $here
done
finds initramfs-lacks info $next "the initramfs of $next lacks"
for choice in 7 no-such-entry 1; do
	tree kernels
	grub_default "$choice"
	look
	boots $next
done
tree kernels
grub_default '${saved_entry}'
look
boots $next
put /boot/grub/grubenv "# GRUB Environment Block\nsaved_entry=gnulinux-advanced-1a2b>gnulinux-$here-advanced-1a2b\n#########"
look
boots $here
put /boot/grub/grubenv "# GRUB Environment Block\nsaved_entry=0\nnext_entry=1>4\n#########"
look
boots $old
grub_default '0'
tree kernels
put /boot/grub/grubenv "# GRUB Environment Block\nnext_entry=1>2\n#########"
look
boots $newer
finds module-missing warn $newer 'DKMS has not built nvidia'
# not to be told
tree kernels
grub_default '${other}'
look
finds next-unknown info host 'cannot be told: GRUB decides by a variable'
finds initramfs-lacks warn $next '\(may boot next\)'
finds module-missing warn $newer '\(may boot next\)'
tree kernels
grub_default 2
look
finds next-unknown info host "GRUB's default entry boots no kernel of this system"
tree kernels
rm "$tree/boot/grub/grub.cfg"
look
finds next-unseen info host "entries cannot be seen: there is no /boot/grub/grub.cfg"
finds next-unknown info host 'there is no /boot/grub/grub.cfg'
lacks entry-missing
rm "$tree"/boot/vmlinuz-*
look
finds next-unknown info host 'there is no kernel in /boot'
remedy next-unknown host '^mount /boot'
# what is no kernel
tree kernels
for name in vmlinuz-6.12.old vmlinuz-6.12.dpkg-new vmlinuz- vmlinuz vmlinux-6.12 "vmlinuz-6 12" System.map-6.12; do
	: >"$tree/boot/$name"
done
look
lacks entry-missing

# entries
tree kernels
sed -i '/vmlinuz-6.8.12-10/,/initrd/ { /linux/s/ iommu=pt//; }' "$tree/boot/grub/grub.cfg"
sed -i '/initrd.*6.8.12-9/d' "$tree/boot/grub/grub.cfg"
sed -i '/6.5.13-6/d' "$tree/boot/grub/grub.cfg"
put /etc/default/grub.d/x.cfg 'GRUB_CMDLINE_LINUX="amd_iommu=force_isolation"\n'
look
finds entry-old warn $next "the entry of $next \(boots next\) in /boot/grub/grub.cfg is older than /etc/default/grub: it lacks amd_iommu=force_isolation\$"
finds entry-old info $newer 'it lacks amd_iommu=force_isolation iommu=pt$'
remedy entry-old $next "^run 'update-grub'\$"
finds entry-missing info $old "GRUB has no entry for $old\$"
remedy entry-missing $old "^run 'update-grub'\$"
rm "$tree/etc/default/grub.d/x.cfg"
look
lacks entry-old $next
finds entry-old info $here 'is older than its initramfs: it names none'

# the IOMMU
tree kernels
sed -i 's/quiet iommu=pt/quiet iommu=pt amd_iommu=off/' "$tree/boot/grub/grub.cfg"
look
finds next-iommu warn $next "with $next \(boots next\) the IOMMU \(IVRS\) will be off"
finds next-iommu info $here "with $here the IOMMU"
lacks entry-old

# --- modules -----------------------------------------------------------------------

tree kernels
look
finds module-missing warn $next 'DKMS has not built vendor-reset 0.1.1 for'
remedy module-missing $next "^run 'dkms install vendor-reset/0.1.1 -k $next'\$"
finds module-missing info $newer "DKMS has not built nvidia 550.163.01 for $newer: its headers are not installed"
remedy module-missing $newer "^install proxmox-headers-$newer, then run 'dkms install nvidia/550.163.01 -k $newer'\$"
is "$(json findings message message=zfs)" "" "a module that no card needs is not looked at"
rm "$tree/lib/modules/$here/updates/dkms/nvidia-modeset.ko"
look
finds module-missing info $here "DKMS has built nvidia for $here, but there is no /lib/modules/$here/updates/dkms/nvidia-modeset.ko"
remedy module-missing $here "dkms install --force nvidia/550.163.01 -k $here"
# a kernel whose name begins with another's
tree kernels
mkdir "$tree/var/lib/dkms/nvidia/x"
ln -s x "$tree/var/lib/dkms/nvidia/kernel-$newer-rt-x86_64"
look
finds module-missing info $newer 'DKMS has not built nvidia'
ln -s x "$tree/var/lib/dkms/nvidia/kernel-$newer-aarch64"
mkdir "$tree/var/lib/dkms/nvidia/x/module"
: >"$tree/var/lib/dkms/nvidia/x/module/n.ko.zst"
look
finds module-missing info $newer 'there is no .*updates/dkms/n.ko.zst'
# compressed: nobody unpacks it here
: >"$tree/lib/modules/$newer/updates/dkms/n.ko.zst" 2>/dev/null || { mkdir -p "$tree/lib/modules/$newer/updates/dkms" && : >"$tree/lib/modules/$newer/updates/dkms/n.ko.zst"; }
look
lacks module-missing $newer
lacks module-unsigned $newer
# the only NVIDIA card is reserved, too: the host needs no driver for it
printf '[gpu 02:00]\nmode = reserved\n' >>"$tree/etc/gpupt/gpupt.conf"
rm -r "$tree"/var/lib/dkms/nvidia/kernel-*
look
is "$(json findings message message=nvidia)" "" "no driver for a card that is never at home"
finds initramfs-lacks warn $next 'reserved cards \(0000:01:00.0, 0000:02:00.0\)'

# signatures
tree kernels
printf 'code\n' >"$tree/lib/modules/$here/updates/dkms/vendor-reset.ko"
: >"$tree/lib/modules/$next/updates/dkms/nvidia.ko"
look
finds module-unsigned info $here "Secure Boot is on, and /lib/modules/$here/updates/dkms/vendor-reset.ko has no signature: $here does not load it"
finds module-unsigned warn $next 'nvidia.ko has no signature'
remedy module-unsigned $next 'dkms\(8\)'
printf '\006\000\000\000\000' >"$tree/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
look
lacks module-unsigned

# the directory of a kernel's modules
tree kernels
rm -r "$tree/lib/modules/$old"
look
finds module-missing info $old "$old has no modules: there is no /lib/modules/$old"

# --- proxmox-boot-tool, systemd-boot --------------------------------------------------

tree esp
look
finds next-unseen info host 'the partitions of proxmox-boot-tool are not mounted'
finds next-ready ok $here "^$here \(boots next\) is as prepared, as far as can be seen"
finds next-iommu info $old "with $old the IOMMU \(DMAR\) will be off"
remedy next-iommu $old '^add intel_iommu=on'
lacks next-iommu $here
finds module-missing info 6.12.43.deb13-amd64 i915-sriov
remedy module-missing 6.12.43.deb13-amd64 '^install linux-headers-6.12.43'
put /etc/kernel/proxmox-boot-pin "$old\n"
look
boots $old
finds next-iommu warn $old 'boots next'
put /etc/kernel/cmdline 'root=ZFS=rpool/ROOT/pve-1 boot=zfs intel_iommu=on\n'
look
lacks next-iommu
put /etc/kernel/next-boot-pin "$here\n"
look
boots $here
put /etc/kernel/next-boot-pin "6.2.16-1-pve\n"
look
finds next-unknown info host '/etc/kernel/next-boot-pin names 6.2.16-1-pve, which is not installed'
rm "$tree"/etc/kernel/*-pin
put /etc/kernel/proxmox-boot-manual-kernels '6.12.43+deb13-amd64\n'
look
boots 6.12.43+deb13-amd64
put /sys/firmware/efi/efivars/LoaderEntryOneShot-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f ''
look
finds next-unknown info host 'systemd-boot has been told an entry'
# what is on the partitions
esp=/run/gpupt/esp first=7DF2-8A0C second=7DF3-11AA
# esp_entry UUID KERNEL PARAMETERS
esp_entry() {
	put "$esp/$1/loader/entries/proxmox-$2.conf" "version $2\noptions $3\nlinux /EFI/proxmox/$2/vmlinuz-$2\ninitrd /EFI/proxmox/$2/initrd.img-$2\n"
	put "$esp/$1/EFI/proxmox/$2/initrd.img-$2" ''
}
tree esp
put /etc/kernel/proxmox-boot-uuids "$first\n$second\n"
for uuid in $first $second; do
	for k in $here $old; do
		esp_entry $uuid $k 'root=ZFS=rpool/ROOT/pve-1 boot=zfs'
	done
done
look
lacks next-unseen
lacks esp-behind
lacks entry-old
finds next-ready ok $here "^$here \(boots next\) is as prepared\$"
finds next-iommu info $old "with $old the IOMMU \(DMAR\) will be off"
finds entry-missing info '6.12.43\+deb13-amd64' 'systemd-boot by proxmox-boot-tool has no entry for'
remedy entry-missing '6.12.43\+deb13-amd64' "^run 'proxmox-boot-tool refresh'; before it 'proxmox-boot-tool kernel add 6.12.43"
# one that a refresh has passed over
esp_entry $second $here 'root=ZFS=rpool/ROOT/pve-1'
rm "$tree$esp/$second/loader/entries/proxmox-$old.conf"
look
finds esp-behind warn $second "the partition $second, .*: it lacks an entry for $old; it has other parameters for $here than $first\$"
remedy esp-behind $second "^run 'proxmox-boot-tool refresh'"
lacks next-ready $here
lacks entry-old
rm -r "${tree:?}$esp/$second"
look
finds esp-behind warn $second "the partition $second, .* cannot be looked at: it is not there"
finds next-ready ok $here 'as far as can be seen'
# the first: what is on it is what counts, and if it is away the other
esp_entry $second $here 'root=ZFS=rpool/ROOT/pve-1 boot=zfs'
put "$esp/$first/EFI/proxmox/$here/initrd.img-$here" 'longer'
put /etc/kernel/cmdline 'root=ZFS=rpool/ROOT/pve-1 boot=zfs intel_iommu=on\n'
look
finds esp-behind warn $first "its initramfs is not the one in /boot for $here\$"
finds esp-behind warn $second "it lacks an entry for $old\$"
finds entry-old warn $here "in /loader/entries/proxmox-$here.conf of $first is older than /etc/kernel/cmdline: it lacks intel_iommu=on"
rm -r "${tree:?}$esp/$first"
look
finds entry-old warn $here "proxmox-$here.conf of $second is older"
finds entry-missing info $old 'has no entry'
rm -r "${tree:?}$esp/$second"
look
finds next-unseen info host 'the partitions of proxmox-boot-tool are not mounted'
# the same partitions with GRUB
tree esp
rm -r "$tree/sys/firmware/efi"
put /proc/cmdline "BOOT_IMAGE=/vmlinuz-$here root=ZFS=rpool/ROOT/pve-1 boot=zfs\n"
look
boots $here
put "$esp/$first/grub/grub.cfg" "menuentry 'x' {\n\tlinux /vmlinuz-$here root=ZFS=rpool/ROOT/pve-1 boot=zfs\n\tinitrd /initrd.img-$here\n}\n"
put "$esp/$first/initrd.img-$here" 'longer'
look
lacks next-unseen
finds entry-missing info $old 'GRUB by proxmox-boot-tool has no entry'
finds esp-behind warn $first "its initramfs is not the one in /boot for $here\$"
put /etc/default/grub.d/x.cfg 'GRUB_DEFAULT="1>2"\n'
look
finds next-unknown info host "GRUB_DEFAULT is '1>2'"
# systemd-boot as Debian has it
tree esp
rm "$tree/etc/kernel/proxmox-boot-uuids"
look
finds next-unseen info host 'the EFI system partition is not mounted'
for k in $here $old 6.12.43+deb13-amd64; do
	put /boot/efi/loader/entries/debian-$k.conf "title x\nversion $k\noptions root=ZFS=rpool/ROOT/pve-1\noptions boot=zfs\nlinux /debian/$k/linux\ninitrd /debian/$k/initrd.img\n"
done
look
boots 6.12.43+deb13-amd64
lacks entry-missing
lacks entry-old
sed -i 's/boot=zfs//' "$tree/boot/efi/loader/entries/debian-$here.conf"
rm "$tree/boot/efi/loader/entries/debian-$old.conf"
put /boot/efi/loader/loader.conf "timeout 3\ndefault debian-$here*\n"
look
boots $here
finds entry-old warn $here 'it lacks boot=zfs'
finds entry-missing info $old "systemd-boot has no entry for $old"
remedy entry-missing $old "^run 'kernel-install add $old /boot/vmlinuz-$old'\$"
put /boot/efi/loader/loader.conf "default nothing\n"
look
finds next-unknown info host "systemd-boot has no entry 'nothing'"

# --- in passing ----------------------------------------------------------------------

tree kernels
helper --root "$tree" check --next-boot --quiet
is "$rc|$err" "0|" "check --next-boot --quiet"
is "$(printf '%s\n' "$out" | sed 's/;.*//; s/ lacks.*//')" "gpupt: the initramfs of $next (boots next)
gpupt: DKMS has not built vendor-reset 0.1.1 for $next (boots next)" "… what is wrong, in lines"
like "$out" "; what to do: run 'dkms install vendor-reset/0.1.1 -k $next'\$" "… with what to do"
helper --root "$tree" check --next-boot -q --json
is "$(json findings severity | sort -u)" "warn" "… as a list"
grub_default '1>3'
helper --root "$tree" check --next-boot -q
is "$rc|$out|$err" "0||" "all is well with what boots next: not a word"

# FILE is as old as apt's run
tree kernels
touch "$tree/stamp"
since() {
	helper --root "$tree" check --next-boot -q --changed-since /stamp
	is "$rc|$err|$(printf '%s' "$out" | grep -c .)" "0||$1" "--changed-since: $2"
}
since 0 "nothing has changed"
touch "$tree/etc/apt"
since 0 "nothing that counts has changed"
: >"$tree/boot/initrd.img-$next.new"
mv "$tree/boot/initrd.img-$next.new" "$tree/boot/initrd.img-$next"
since 2 "an initramfs"
for what in boot/vmlinuz-6.14-pve lib/modules/$here/modules.dep var/lib/dkms/nvidia/kernel-$newer-x86_64 var/lib/dkms/new lib/modules/6.14; do
	sleep 0.02
	touch "$tree/stamp"
	since 0 "before $what"
	mkdir "$tree/$what"
	since 2 "$what"
done
touch "$tree/stamp"
put /etc/gpupt/gpupt.conf 'nonsense\n'
since 0 "nothing is said of gpupt.conf either"
put /etc/gpupt/gpupt.conf '[gpu 01:00]\nmode = reserved\n'
rm "$tree/stamp"
since 2 "no such file"

helper check --changed-since /x
is "$rc|$err" "2|gpupt-helper: --changed-since goes with --next-boot alone; see 'gpupt-helper help'" "--changed-since alone"
helper check --next-boot --changed-since x
is "$rc" 2 "--changed-since with a relative path"
helper --root "$tree" check --next-boot 01:00
is "$rc|$err" "2|gpupt-helper: --next-boot is about the host: it goes with no GPU and no VMID; see 'gpupt-helper help'" "--next-boot and a card"
helper list --next-boot
is "$rc|$err" "2|gpupt-helper: list has no option '--next-boot': it belongs to check; see 'gpupt-helper help'" "--next-boot of another command"
helper help check
like "$out" '^  --next-boot +look at each kernel' "help of check has it"
helper help
unlike "$out" 'next-boot' "help of all has not"
helper help options list
unlike "$out" 'next-boot' "nor has the list of another command's options"
helper help options check
like "$out" '^--next-boot$' "that of its own has"
helper help options --json
is "$(json options commands 'option=^--next-boot')" check "… and whose it is"

# --- apt -----------------------------------------------------------------------------

if ! command -v apt-config >/dev/null; then
	skip 8 "no apt-config"
	done_testing
fi
# the commands as apt has them, with a helper of ours and a stamp of ours
commands() { apt-config -c "$top/conf/apt.conf" dump | sed -n "s/^DPkg::$1:: \"\(.*gpupt.*\)\";\$/\1/p"; }
ok "apt reads its file" apt-config -c "$top/conf/apt.conf" dump
is "$(commands Pre-Invoke | wc -l) $(commands Post-Invoke | wc -l)" "1 1" "a command before, and one after"
mkdir "$T/apt"
cat >"$T/apt/gpupt-helper" <<END
#!/bin/sh
echo "\$*" >>"$T/apt/called"
[ -e "$T/apt/stamp" ] || echo "no stamp"
exit 1
END
chmod +x "$T/apt/gpupt-helper"
hook() { run sh -c "$(commands "$1" | sed "s,/run/gpupt-apt,$T/apt/stamp,g; s,/usr/sbin/gpupt-helper,$T/apt/gpupt-helper,g; s,/run/systemd/system,${2:-$T},")"; }
hook Pre-Invoke
is "$rc|$out$err|$(cd "$T/apt" && echo stamp*)" "0||stamp" "before: a stamp"
hook Post-Invoke
is "$rc|$out$err|$(cat "$T/apt/called")" "0||check --next-boot --quiet --changed-since $T/apt/stamp" "after: check; that it fails is nothing to apt"
is "$(ls "$T/apt")" "called
gpupt-helper" "… and no stamp is left"
rm "$T/apt/called"
hook Pre-Invoke /no/such/directory
hook Post-Invoke
is "$rc|$out$err|$(ls "$T/apt")" "0||gpupt-helper" "nothing where no system runs, as in a chroot"
hook Pre-Invoke
rm "$T/apt/gpupt-helper"
hook Post-Invoke
is "$rc|$out$err|$(ls "$T/apt")" "0||" "nothing without the program"
run sh -c "$(commands Pre-Invoke | sed "s,/run/gpupt-apt,$T/none/stamp,g; s,/run/systemd/system,$T,")"
is "$rc|$out$err" "0|" "where no stamp can be made, apt goes on"
done_testing
