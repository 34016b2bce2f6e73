#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `capture`: a tree that is captured once more gives the same answers; secrets stay where they are; the real machine, with Proxmox
# VE's files over its /etc in a mount namespace of its own.
. "$(dirname "$0")/lib.sh"

# unpack: the archive $T/c.tar, whose machine is then $copy
unpack() {
	rm -rf "$T/copy"
	mkdir "$T/copy"
	tar -C "$T/copy" -xf "$T/c.tar" || return
	copy=$T/copy/machine
}
# capture: $tree into $copy
capture() {
	rm -f "$T/c.tar"
	helper --root "$tree" capture "$T/c.tar"
	[ "$rc" -eq 0 ] && unpack
}
# same COMMAND…: does it say the same of both?
same() {
	local out1 rc1
	helper --root "$tree" "$@"
	out1=$out$err rc1=$rc
	helper --root "$copy" "$@"
	is "$rc|$out$err" "$rc1|$out1" "$(basename "$tree"): $*"
}
all_the_same() {
	same list --json -o +id,companions,methods,vms,cts
	same check --json
	same check --verbose
	same check --next-boot --json
	same status --json
	same hooks --json
}

for t in "$top"/tests/trees/*.tree; do
	tree "$(basename "$t" .tree)"
	before=$(listing)
	capture
	is "$rc|$err" "0|" "capture of $(basename "$t" .tree)"
	is "$(listing)" "$before" "… changes nothing in it"
	all_the_same
done

# what else a host has: VMs with hooks and mappings, one that runs, a lease, a stuck card, a node called otherwise
tree twins
vm 101 'hostpci0: 0000:01:00,pcie=1' 'hookscript: local:snippets/gpupt-hook'
vm 102 'hostpci0: mapping=card,pcie=1'
sed -i 's,local:snippets/gpupt-hook,local:snippets/plain,' "$tree/etc/pve/qemu-server/102.conf"
vm 103 'hostpci0: 02:00'
put /var/lib/vz/snippets/plain 'something\n'
put /etc/pve/mapping/pci.cfg 'card\n\tdescription %s\n\tmap node=pve,path=0000:02:00,id=1002:5159\n\n'
put /etc/pve/storage.cfg 'dir: local\n\tpath /var/lib/vz\n\tcontent snippets\n'
put /etc/gpupt/gpupt.conf '# a word of mine\n[vm 103]\nnext = local:snippets/plain\n'
put /run/qemu-server/101.pid '5100\n'
put /proc/5100/cmdline '/usr/bin/kvm\0000-id\0000101\0000-name\0000a-name\0000-pidfile\0000/var/run/qemu-server/101.pid\0000-smbios\0000serial=77\0000'
put /proc/5100/stat '5100 (kvm) S 1 5100 5100 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0 123456 654321\n'
put /proc/5100/comm 'kvm\n'
lease 101 "0000:01:00.0 0000:01:00.1" "$(boot_of)" 'begin 1 attr /sys/class/vtconsole/vtcon1/bind 1 0 why\ndone 1\n'
put /run/gpupt/stuck/0000:03:00.0 '4242 778 writing unbind\n'
put /proc/4242/stat '4242 (gpupt-hook) D 1 4242 4242 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 778 0 0\n'
capture
is "$rc|$err" "0|" "capture of a host at work"
helper --root "$tree" status --json
is "$(json leases vmid,state)" "101 running
null stuck" "a VM runs, and a card is stuck"
all_the_same
same check 101 102 103
is "$(tr '\0' ' ' <"$copy/proc/5100/cmdline")" "/usr/bin/kvm -id 101 -pidfile /var/run/qemu-server/101.pid " "of QEMU's command line what makes it a VM's"
is "$(cat "$copy/etc/gpupt/gpupt.conf")" "#
[vm 103]
next = local:snippets/plain" "comments of gpupt.conf are blank"

# a host that is prepared: what is gpupt's own stays as it is, also in the record of it; the files of others are masked there, too
tree foreign
put /etc/gpupt/gpupt.conf '# a word of mine\n[gpu 03:00] a word of mine\nafter-stop = keep ; a word of mine\n'
put /etc/udev/rules.d/mine.rules 'KERNEL=="0000:01:00.0", ATTR{driver_override}="vfio-pci" # a word of mine\n'
put /etc/modprobe.d/mine.conf 'options vfio-pci ids=1002:5159 # a word of mine\n'
helper --root "$tree" prepare --adopt 03:00=reserved --yes
is "$rc" 0 "a host is prepared"
capture
is "$rc|$err" "0|" "capture of it"
same status
same check --json
unlike "$out" '"finding": *"edited"' "… in which nothing looks as if somebody had changed it"
helper --root "$copy" prepare
like "$out" '^This host is prepared already' "… nor as if anything were missing"
steps=$(grep -c ^begin "$tree/var/lib/gpupt/prepare/record")
is "$(grep -c ^begin "$copy/var/lib/gpupt/prepare/record")" "$steps" "all steps are on record"
ok "none of its words is somebody's" sh -c '! grep -rE "word.*of.*mine" "$1"' sh "$copy"
put /var/lib/gpupt/prepare/record "gpupt-record 1\nbegin 1 nothing"
echo >>"$tree/var/lib/gpupt/prepare/record"
capture
same status
like "$err" 'damaged' "a damaged record is one in the copy, too"

# nothing that is somebody's own
secret=kaBoodle
tree containers
cat >"$tree/etc/pve/qemu-server/104.conf" <<END
#notes: $secret
args: -uuid $secret
cipassword: $secret
citype: nocloud
ciuser: $secret
description: $secret
hostpci0: 01:00,pcie=1
ide2: local:iso/$secret.iso,media=cdrom
ipconfig0: ip=10.9.8.7/24,gw=10.9.8.1
name: $secret
nameserver: 10.9.8.2
net0: virtio=BC:24:11:AA:BB:CC,bridge=vmbr0
scsi0: local-lvm:vm-104-disk-0,serial=$secret
searchdomain: $secret.example
smbios1: uuid=$secret,serial=$secret
sshkeys: ssh-rsa%20$secret
tags: $secret
vmgenid: $secret

[PENDING]
name: $secret

[$secret]
hostpci0: 01:00
sshkeys: $secret
END
cat >"$tree/etc/pve/lxc/212.conf" <<END
#$secret
dev0: /dev/dri/renderD128
hostname: $secret
lxc.environment: TOKEN=$secret
lxc.mount.entry: /tank/$secret mnt/x none bind
mp0: local-lvm:$secret,mp=/x
net0: name=eth0,hwaddr=BC:24:11:AA:BB:CD,ip=10.9.8.8/24
END
put /etc/pve/storage.cfg "dir: local\n\tpath /var/lib/vz\n\ncifs: share\n\tserver 10.9.8.3\n\tshare $secret\n\tusername $secret\n\tdomain $secret\n"
put /etc/pve/mapping/pci.cfg "card\n\tdescription $secret\n\tmap node=pve,path=0000:01:00,id=1002:5159,description=$secret\n"
put /etc/pve/priv/token.cfg "$secret\n"
put /etc/pve/ha/resources.cfg "vm: 104\n\tcomment $secret\n\tgroup $secret\n\tstate started\n\nservice: $secret\n"
put /etc/gpupt/gpupt.conf "# $secret\n[defaults]\n"
put /etc/modprobe.d/x.conf "# $secret\noptions bonding arp_ip_target=10.9.8.4\noptions vfio-pci ids=1002:5159\ninstall x $secret\nblacklist radeon\n"
put /etc/modules "# $secret\nvfio\nbonding arp_ip_target=10.9.8.4\n"
put /etc/initramfs-tools/modules "vfio_pci ids=1002:5159 # $secret\n"
put /etc/initramfs-tools/scripts/init-top/card "#!/bin/sh\ntoken=$secret\ncard=0000:01:00.0 # $secret\necho vfio-pci >/sys/bus/pci/devices/\$card/driver_override\n"
put /etc/initramfs-tools/scripts/init-premount/other "ip=10.9.8.5 token=$secret card=0000:01:00.0\n"
put /etc/udev/rules.d/90-x.rules "# $secret\nNAME=\"$secret\"\nKERNEL==\"0000:01:00.0\", ATTR{serial}==\"$secret\", \\\\\n# $secret\n\tATTR{driver_override}=\"vfio-pci\"\n"
put /usr/lib/udev/rules.d/99-other.rules "NAME=\"$secret\"\n"
put /etc/driverctl.d/pci-0000:01:00.0 "$secret with blanks\n"
put /etc/driverctl.d/net-x "$secret\n"
put /etc/default/grub "# $secret\nGRUB_DISTRIBUTOR='$secret'\nGRUB_CMDLINE_LINUX=\"ip=10.9.8.5 \\\\\n rd.luks.key=$secret vfio-pci.ids=1002:5159\"\n"
put /etc/default/grub.d/x.cfg "if $secret; then\nGRUB_CMDLINE_LINUX=$secret\n"
put /etc/kernel/cmdline "root=UUID=$secret nfsroot=10.9.8.3:/$secret iommu=pt\n# $secret\n"
put /etc/kernel/proxmox-boot-uuids "$secret\n"
put /boot/config-6.8.12-9-pve "CONFIG_DEFAULT_HOSTNAME=$secret\nCONFIG_INTEL_IOMMU_DEFAULT_ON=y\n"
put /boot/vmlinuz-6.8.12-9-pve "$secret"
put /boot/initrd.img-6.8.12-9-pve "$secret"
put /boot/grub/grub.cfg "# $secret\npassword_pbkdf2 root $secret\nset default=\"gnulinux-4f9b2c10-1111-2222-3333-444455556666\"\nmenuentry 'x' --id 'gnulinux-4f9b2c10-1111-2222-3333-444455556666' {\nlinux /$secret/vmlinuz-6.8.12-9-pve root=UUID=$secret ip=10.9.8.5 iommu=pt\ninitrd /$secret/initrd.img\n}\n"
put /boot/grub/grubenv "# $secret\nother=$secret\nsaved_entry=0\n"
put /boot/efi/loader/entries/debian-1.conf "title $secret\nmachine-id $secret\noptions root=UUID=$secret iommu=pt\nlinux /$secret/vmlinuz-6.8.12-9-pve\n"
put /boot/efi/loader/entries/$secret.conf "linux /vmlinuz-6.8\n"
put /boot/efi/loader/loader.conf "# $secret\ndefault debian-*\n"
put /etc/kernel/proxmox-boot-pin "6.8.12-9-pve\n$secret with blanks\n"
put /lib/modules/6.8.12-9-pve/modules.builtin "kernel/$secret.ko\nkernel/drivers/vfio/pci/vfio-pci.ko\n"
put /lib/modules/6.8.12-9-pve/updates/dkms/n.ko "$secret~Module signature appended~\n"
put /gpupt-initramfs/6.8.12-9-pve "cryptroot/$secret\nscripts/init-top/gpupt\n"
put /sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f '\0006\0000\0000\0000G\0000R\0000U\0000B\0000'
put /sys/firmware/efi/efivars/LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f "$secret"
put /etc/shadow "$secret\n"
put /proc/cmdline "BOOT_IMAGE=/vmlinuz root=UUID=$secret ro quiet ip=10.9.8.5::10.9.8.1 password=$secret intel_iommu=on -- $secret\n"
put /proc/net/route "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\nenx0123456789ab\t00000000\t0108090A\t0003\t0\t0\t0\t00000000\t0\t0\t0\neth0\t0008090A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
put /proc/self/mountinfo "22 27 0:21 / /proc rw - proc proc rw\n30 27 0:50 /$secret /mnt/$secret rw - nfs4 10.9.8.6:/$secret rw,addr=10.9.8.6\n31 27 8:1 / /boot rw - ext4 /dev/disk/by-label/$secret rw\n"
put /proc/net/unix "Num       RefCount Protocol Flags    Type St Inode Path\n0000000000000000: 00000002 00000000 00010000 0001 01 2010 @/var/lib/lxc/201/command\n0: 2 0 10000 1 1 9 /run/$secret\n"
card=$tree/sys/bus/pci/devices/0000:01:00.0
printf '%s' "$secret" >"$card/vpd"
printf '%s\n' "$secret" >"$card/uevent"
printf '%s\n' "$secret" >"$card/serial_number"
printf '%s\n' "$secret" >"$card/sriov_numvfs"
printf '%s' "$secret" >"$card/rom"
put /sys/class/dmi/id/product_serial "$secret\n"
put /sys/firmware/acpi/tables/DMAR "$secret"
put /run/udev/data/b8:0 "E:ID_SERIAL=$secret\nE:ID_FS_UUID=$secret\nE:ID_FS_TYPE=ext4\n"
put /proc/driver/nvidia/gpus/0000:01:00.0/information "Model: x\nGPU UUID: $secret\nVideo BIOS: $secret\nDevice Minor: 0\n"
mkdir -p "$tree/sys/devices/pci0000:00/net/enx0123456789ab" "$tree/sys/class/net"
ln -s ../../devices/pci0000:00/net/enx0123456789ab "$tree/sys/class/net/enx0123456789ab"
mkdir -p "$tree/sys/fs/btrfs/12345678-1234-1234-1234-123456789abc/devices"
: >"$tree/sys/fs/btrfs/12345678-1234-1234-1234-123456789abc/devices/sda"
ln -s "$tree/etc/shadow" "$tree/run/qemu-server/pci-id-reservations"
capture
is "$rc|$err" "0|" "capture of a host with secrets"
is "$(grep -rli "$secret" "$copy"; find "$copy" | grep -i "$secret")" "" "none of them is in it"
is "$(grep -rlE '10\.9\.8\.|0108090A|BC:24:11|0123456789ab|12345678-1234' "$copy"; find "$copy" | grep -E '0123456789ab|12345678-')" "" "nor an address, nor a UUID"
is "$(find "$copy" -name vpd -o -name uevent -o -name sriov_numvfs -o -name shadow -o -name priv -o -name product_serial)" "" "nor what is not to be read"
is "$(cat "$copy/etc/pve/qemu-server/104.conf")" "hostpci0: 01:00,pcie=1" "of a VM what names devices"
is "$(cat "$copy/etc/pve/storage.cfg")" 'dir: local
	path /var/lib/vz

cifs: share' "of storages what leads to a hookscript"
is "$(cat "$copy/etc/modprobe.d/x.conf")" '

options vfio-pci ids=1002:5159

blacklist radeon' "of modprobe.d what is about cards, where it is"
is "$(cat "$copy/etc/modules")" '
vfio
bonding' "of modules that are loaded their names"
is "$(cat "$copy/etc/initramfs-tools/modules")" 'vfio_pci ids=1002:5159 ' "… and what cards' have behind them"
is "$(cat "$copy/etc/initramfs-tools/scripts/init-top/card")" '

card=0000:01:00.0'" "'
echo vfio-pci >/sys/bus/pci/devices/$card/driver_override' "of a program about drivers what is about them"
is "$(cat "$copy/etc/udev/rules.d/90-x.rules")" '

KERNEL=="0000:01:00.0", ATTR{serial}=="?", \
#
	ATTR{driver_override}="vfio-pci"' "of udev's rules those about drivers"
is "$(cat "$copy/etc/driverctl.d/pci-0000:01:00.0")" "" "of driverctl's files names of drivers"
is "$(find "$copy" -name other -o -name 99-other.rules -o -name 'net-x' -o -name 'LoaderDevice*')" "" "no file that is about something else"
is "$(cat "$copy/etc/default/grub" "$copy/etc/default/grub.d/x.cfg")" '
GRUB_DISTRIBUTOR=`?`
GRUB_CMDLINE_LINUX="ip=? \
 rd.luks.key=? vfio-pci.ids=1002:5159"
?' "of GRUB's defaults what goes to the kernel, up to the first shell code"
is "$(cat "$copy/etc/kernel/cmdline")" "root=UUID=? nfsroot=? iommu=pt" "of /etc/kernel/cmdline the first line"
is "$(cat "$copy/etc/kernel/proxmox-boot-uuids")" "0000-0000" "of proxmox-boot-tool's partitions that there are any"
is "$(cat "$copy/boot/config-6.8.12-9-pve")" "#
CONFIG_INTEL_IOMMU_DEFAULT_ON=y" "of the kernel's configuration one line"
is "$(cat "$copy/boot/grub/grub.cfg" "$copy/boot/grub/grubenv")" 'set default="gnulinux-?"
menuentry '"'x' --id 'gnulinux-?'"' {
linux /boot/vmlinuz-6.8.12-9-pve root=UUID=? ip=? iommu=pt
initrd /boot/initrd.img
}
saved_entry=0' "of GRUB's menu kernels and parameters"
is "$(cat "$copy"/boot/efi/loader/entries/* "$copy/boot/efi/loader/loader.conf")" 'linux /vmlinuz-6.8.12-9-pve
options root=UUID=? iommu=pt
default debian-*' "of systemd-boot's entries the same"
is "$(cat "$copy/etc/kernel/proxmox-boot-pin" "$copy/lib/modules/6.8.12-9-pve/modules.builtin" "$copy/lib/modules/6.8.12-9-pve/updates/dkms/n.ko" "$copy/gpupt-initramfs/6.8.12-9-pve")" '6.8.12-9-pve
kernel/drivers/vfio/pci/vfio-pci.ko:
~Module signature appended~
scripts/init-top/gpupt' "of kernels what is about cards"
loader=/sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f
ok "the boot loader's name" cmp "$copy$loader" "$tree$loader"
# messages have parts of lines in them
same check -o severity,finding,subject --noheadings
is "$(cat "$copy/proc/cmdline")" "BOOT_IMAGE=/vmlinuz root=UUID=? ro quiet ip=? password=? intel_iommu=on" "of the command line the values that matter"
is "$(cat "$copy/proc/self/mountinfo")" '22 27 0:21 / /proc rw - proc none rw
30 27 0:50 / /network rw - nfs4 none rw
31 27 8:1 / /boot rw - ext4 none rw' "of mounts where they are and what they are"
like "$(cat "$copy/proc/net/route")" '^enx000000000001	00000000	00000000' "an interface called by its address gets a number"
ok "… the same one everywhere" test -d "$copy/sys/class/net/enx000000000001/."
ok "volumes, too" test -e "$copy/sys/fs/btrfs/volume-1/devices/sda"

# other nodes by number
tree twins
mkdir -p "$tree/etc/pve/nodes/$secret/qemu-server" "$tree/etc/pve/nodes/$secret/lxc"
printf 'hostpci0: 01:00\nname: x\n' >"$tree/etc/pve/nodes/$secret/qemu-server/301.conf"
printf 'dev0: /dev/dri/card0\nlxc.mount.entry: /tank mnt none bind\n' >"$tree/etc/pve/nodes/$secret/lxc/302.conf"
put /etc/pve/mapping/pci.cfg "card\n\tmap node=$secret,path=0000:01:00,id=1002:5159\n"
put /etc/pve/storage.cfg "nfs: share\n\tserver x\n\tnodes $secret,pve\n"
capture
helper --root "$copy" hooks -o node,vmid --noheadings
is "$(printf '%s\n' "$out" | tr -s ' ')" "pve 101
pve 200
node2 301
node2 302" "nodes of the cluster"
like "$(cat "$copy/etc/pve/mapping/pci.cfg")" 'map node=node2,path' "… in mappings"
like "$(cat "$copy/etc/pve/storage.cfg")" '	nodes node2,pve$' "… in storages"
is "$(cat "$copy/etc/pve/nodes/node2/lxc/302.conf")" "dev0: /dev/dri/card0" "of their guests the same"
is "$(grep -rl "$secret" "$copy"; find "$copy" | grep "$secret")" "" "… but not their names"

# the file
helper --root "$tree" capture "$T/c.tar"
is "$rc|$out|$err" "1||gpupt-helper: $T/c.tar exists already: name another file" "an existing file is not overwritten"
helper --root "$tree" capture -
is "$rc|$err" "0|" "standard output"
cp "$T/out" "$T/piped"
ok "… has the same archive" cmp "$T/piped" "$T/c.tar"
(cd "$T" && rm -f here.tar && "$HELPER" --root "$tree" capture here.tar >/dev/null)
ok "a name without a directory" cmp "$T/here.tar" "$T/c.tar"
is "$(stat -c %a "$T/here.tar")" 600 "nobody else may read it"
helper --root "$tree" --dry-run capture "$T/dry.tar"
is "$rc|$(find "$T" -name dry.tar)" "0|" "a dry run writes nothing"
for args in capture 'capture a b' "capture $T/no/such/x.tar" "capture $T/"; do
	# shellcheck disable=SC2086
	helper --root "$tree" $args
	unlike "$rc" '^0$' "'$args' is wrong"
done

if [ "$(id -u)" -ne 0 ] || ! unshare -m true 2>/dev/null; then
	skip 11 "no mount namespace of one's own"
	done_testing
fi
cat >"$T/script" <<'END'
set -e
out=$1 helper=$2
mount -t tmpfs none /etc
mount -t tmpfs none /mnt
mkdir -p /etc/pve/nodes/host7/lxc /etc/pve/nodes/host7/qemu-server /etc/pve/ha
ln -s nodes/host7 /etc/pve/local
for k in lxc qemu-server; do ln -s nodes/host7/$k /etc/pve/$k; done
ln -s card /mnt/link
mknod /mnt/card c 1 3
cat >/etc/pve/lxc/200.conf <<'CONF'
#a secret
arch: amd64
dev0: /dev/null,mode=0666
hostname: secret
lxc.mount.entry: /tank/secret mnt/media none bind
lxc.mount.entry: /dev/dri dev/dri none bind,optional
lxc.mount.entry = /mnt/link opt/card none bind,create=file
lxc.cgroup2.devices.allow: c 1:3 rwm
unprivileged: 1

[secret]
dev1: /dev/zero
CONF
printf 'ct: 200\n\tcomment secret\n\tstate stopped\n\tgroup secret\n\nservice: 5\n' >/etc/pve/ha/resources.cfg
# an initramfs as mkinitramfs makes it, with microcode in front
mount -t tmpfs none /boot
if command -v lsinitramfs cpio >/dev/null; then
	mkdir -p /boot/early/kernel/x86/microcode /boot/main/scripts/init-top /boot/main/usr/lib/modules/6.8-test/kernel/drivers/vfio
	echo x >/boot/early/kernel/x86/microcode/AuthenticAMD.bin
	echo x >/boot/main/scripts/init-top/gpupt
	echo x >/boot/main/scripts/init-top/secret
	echo x >/boot/main/usr/lib/modules/6.8-test/kernel/drivers/vfio/vfio.ko
	for part in early main; do (cd /boot/$part && find . | sort | cpio -o -H newc --quiet >/boot/$part.cpio); done
	(cat /boot/early.cpio && gzip -c /boot/main.cpio) >/boot/initrd.img-6.8-test
	: >/boot/vmlinuz-6.8-test
fi
"$helper" capture - >"$out"
END
ok "capture of this machine" unshare -m bash "$T/script" "$T/c.tar" "$HELPER"
ok "… can be unpacked" unpack
is "$(cat "$copy/etc/pve/lxc/200.conf")" 'dev0: /dev/null,mode=0666
lxc.mount.entry: /dev/dri dev/dri none bind,optional
lxc.mount.entry = /mnt/link opt/card none bind,create=file
lxc.cgroup2.devices.allow: c 1:3 rwm
unprivileged: 1' "of a container what names devices"
is "$(cat "$copy/etc/pve/ha/resources.cfg")" 'ct: 200
	state stopped' "of HA's resources the requested states"
is "$(readlink "$copy/mnt/link")" "card" "links that configurations name"
like "$(cat "$copy/gpupt-nodes")" '^c 1:3 /mnt/card$' "… and the nodes that they lead to"
like "$(cat "$copy/gpupt-nodes")" '^c 1:3 /dev/null$' "nodes that configurations name"
unlike "$(cat "$copy/proc/net/unix")" '/run/' "of sockets none but containers'"
is "$(readlink "$copy/etc/pve/local")" nodes/pve "the node's name is not told"
if command -v lsinitramfs cpio >/dev/null; then
	is "$(cat "$copy/gpupt-initramfs/6.8-test")" 'scripts/init-top/gpupt
usr/lib/modules/6.8-test/kernel/drivers/vfio/vfio.ko' "what is in an initramfs, by lsinitramfs"
else
	skip 1 "no lsinitramfs, or no cpio"
fi
is "$(grep -rl '/tank/secret\|comment\|host7' "$copy/etc/pve" | wc -l)" 0 "nor are names of data"
done_testing
