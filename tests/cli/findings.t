#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `check`: each finding on a machine that has it, with severity, subject and exit code; and that none is left out here.
. "$(dirname "$0")/lib.sh"

seen=

# finds NAME SEVERITY SUBJECT MESSAGE ARGUMENT…: check finds it. The regexes are for the whole subject and a part of the message.
finds() {
	local name=$1 severity=$2 subject=$3 message=$4 code=0 before
	shift 4
	seen="$seen $name"
	before=$(listing)
	helper --root "$tree" check --json "$@"
	is "$(json findings severity "finding=^$name\$" "subject=^$subject\$" "message=$message" | sort -u)" "$severity" \
		"$name: $severity, about $subject" || note "$err" "$out"
	[ "$(json findings severity | grep -c block)" -eq 0 ] || code=1
	is "$rc" "$code" "… exit code $code"
	is "$(listing)" "$before" "… nothing was changed"
}
# a remedy that belongs to the last `finds`
remedy() { like "$(json findings remedy "finding=^$1\$")" "$2" "… with its remedy"; }
lacks() {
	local name=$1
	shift
	helper --root "$tree" check --json "$@"
	is "$(json findings severity "finding=^$name\$")" "" "no $name: ${*:-the host}"
}
unbound() { rm -f "$tree/sys/bus/pci/devices/$1/driver"; }
on_vfio() {
	mkdir -p "$tree/sys/bus/pci/drivers/vfio-pci"
	ln -sfn ../../../../bus/pci/drivers/vfio-pci "$tree/sys/bus/pci/devices/$1/driver"
}

tree twins
finds ready ok 0000:01:00.0 'IOMMU group 7, reset: hot' 01:00
finds ready ok 0000:03:00.0 'IOMMU group 9, reset: bus' 0000:03:00.0
finds shared-ct info 0000:02:00.0 'CT 200 .*dev0' 02:00.1
finds console info 0000:03:00.0 'dark'
vm 101 'hostpci0: 0000:01:00,pcie=1'
finds ready ok 'VM 101' 'can have its cards' 101
lacks shared-vm 101
lacks no-hook 101
vm 102 'hostpci0: 01:00'
finds shared-vm info 0000:01:00.0 'VM 102' 101
finds shared-vm info 0000:01:00.0 'VM 101, VM 102'
finds not-pcie info 'VM 102' 'hostpci0' 102
vm 103 'hostpci0: 01:00,pcie=1'
sed -i /hookscript/d "$tree/etc/pve/qemu-server/103.conf"
finds no-hook warn 'VM 103' 'nobody will give it back' 103
remedy no-hook 'qm set 103 --hookscript'
sed -i '1i hookscript: local:snippets/other' "$tree/etc/pve/qemu-server/103.conf"
finds no-hook block 'VM 103' "hookscript of VM 103: script 'local:snippets/other' does not exist; the VM cannot start" 103
mkdir "$tree/var/lib/vz/snippets/other"
finds no-hook block 'VM 103' "script 'local:snippets/other' does not exist" 103
rmdir "$tree/var/lib/vz/snippets/other"
put /var/lib/vz/snippets/other ''
finds no-hook block 'VM 103' "script 'local:snippets/other' is not executable; the VM cannot start" 103
remedy no-hook '^chmod \+x /var/lib/vz/snippets/other$'
chmod +x "$tree/var/lib/vz/snippets/other"
finds no-hook warn 'VM 103' 'another hookscript' 103
remedy no-hook 'next = local:snippets/other'
# ours, but not to be run: of no use either
vm 103 'hostpci0: 01:00,pcie=1'
chmod -x "$tree/usr/libexec/gpupt/gpupt-hook"
finds no-hook block 'VM 103' "script 'local:snippets/gpupt-hook' is not executable" 103
lacks ready 103
chmod +x "$tree/usr/libexec/gpupt/gpupt-hook"
lacks no-hook 103
# what comes after ours, for a VM with a card and for one without
vm 105 'cores: 2'
for id in 103 105; do
	put /etc/gpupt/gpupt.conf "[vm $id]\nnext = local:snippets/after\n"
	rm -f "$tree/var/lib/vz/snippets/after"
	finds next-bad block "VM $id" "next hookscript of VM $id: script 'local:snippets/after' does not exist; its start would be refused" $id
	remedy next-bad "^correct 'next' in \\[vm $id\\]"
	lacks ready $id
	put /var/lib/vz/snippets/after ''
	finds next-bad block "VM $id" "script 'local:snippets/after' is not executable" $id
	remedy next-bad '^chmod \+x /var/lib/vz/snippets/after$'
	finds next-bad block "VM $id" "is not executable"
	hook --root "$tree" $id pre-start
	is "$rc|$out" "1|" "… and pre-start refuses before anything is done"
	like "$err" "next hookscript of VM $id cannot be run: script 'local:snippets/after' is not executable" "… for that reason"
	chmod +x "$tree/var/lib/vz/snippets/after"
	lacks next-bad $id
	hook --root "$tree" $id pre-start
	like "$rc $out" "would run /var/lib/vz/snippets/after $id pre-start" "… and else runs it"
	chmod -x "$tree/var/lib/vz/snippets/after"
	sed -i s,snippets/gpupt-hook,snippets/other, "$tree/etc/pve/qemu-server/$id.conf"
	lacks next-bad $id
done
# next is what is called already, by its name, by another, and through a file that is no link
ln -s gpupt-hook "$tree/var/lib/vz/snippets/again"
ln "$tree/usr/libexec/gpupt/gpupt-hook" "$tree/var/lib/vz/snippets/once-more"
for id in 103 105; do
	vm $id 'hostpci0: 01:00,pcie=1'
	for name in gpupt-hook again once-more; do
		put /etc/gpupt/gpupt.conf "[vm $id]\nnext = local:snippets/$name\n"
		finds next-bad block "VM $id" "script 'local:snippets/$name' is the VM's own hookscript, which would call itself" $id
		for phase in pre-start post-stop; do
			hook --root "$tree" $id $phase
			is "$rc|$out" "1|" "… and is not called at $phase"
			like "$err" "cannot be run: script 'local:snippets/$name' is the VM's own hookscript" "… for that reason"
		done
	done
	vm 105 'cores: 2'
done
rm "$tree/etc/gpupt/gpupt.conf"
vm 104 'hostpci0: 0000:09:00,pcie=1'
finds no-device block 0000:09:00 'no PCI device at 0000:09:00 \(hostpci0\)' 104
vm 104 'hostpci0: 0000:01:00;0000:00:01.0,pcie=1'
finds not-passable block 0000:00:01.0 'is a bridge' 104
vm 104 'hostpci0: 0000:01:00,pcie=1,shiny=1'
finds key-unknown warn '.*' "hostpci0 has the key 'shiny'" 104
vm 104 'hostpci0: 0000:01:00, pcie=1'
finds config-bad block 'VM 104' 'hostpci0' 104
finds config-bad block 'VM 104' 'hostpci0'
vm 105 'cores: 2'
finds ready ok 'VM 105' 'no hostpci entry' 105
vm 106 'hostpci0: 0000:01:00' 'template: 1'
finds ready ok 'VM 106' 'template' 106
vm 107 'hostpci0: mapping=nix,pcie=1'
finds config-bad block 'VM 107' 'nix' 107
rm "$tree"/etc/pve/qemu-server/*

put /etc/pve/mapping/pci.cfg 'gpu\n\tmap id=10de:1234,iommugroup=8,node=pve,path=0000:02:00\n'
vm 101 'hostpci0: mapping=gpu,pcie=1'
finds config-bad block 'VM 101' "hardware probably changed.*'id' does not match for 'gpu'" 101
remedy config-bad 'correct the mapping'
put /etc/gpupt/gpupt.conf '[gpu 01:00]\nid = 10de:1234\n'
finds identity block 0000:01:00.0 '1002:5159/1af4:1100, not 10de:1234' 01:00
put /etc/gpupt/gpupt.conf '[defaults]\nafter-stpo = keep\n'
finds config-bad block gpupt.conf "line 2: there is no key 'after-stpo'"
finds config-bad block gpupt.conf "line 2" 03:00

tree twins
put /sys/bus/pci/devices/0000:01:00.0/driver_override 'radeon2\n'
finds override info 0000:01:00.0 'driver_override=radeon2' 01:00
rm "$tree"/sys/bus/pci/devices/0000:02:00.?/iommu_group
finds no-group block 0000:02:00.1 'no IOMMU group' 02:00
on_vfio 0000:03:00.0
lacks no-home 03:00
rm -r "$tree/lib/modules"
finds no-home warn 0000:03:00.0 'vfio-pci, and no native driver' 03:00
unbound 0000:03:00.0
finds no-home warn 0000:03:00.0 'no driver, and no native driver' 03:00
put /etc/gpupt/gpupt.conf '[gpu 03:00.0]\nafter-stop = keep\n'
lacks no-home 03:00

tree twins
lease 101 "0000:01:00.0 0000:01:00.1" "$(boot_of)"
finds claimed block 0000:01:00.0 'VM 101' 01:00
remedy claimed 'VM 101'
finds lease-open warn 'VM 101' 'does not run and still has 0000:01:00.0, 0000:01:00.1'
remedy lease-open 'reconcile 101'
vm 101 'hostpci0: 0000:01:00,pcie=1'
lacks claimed 101
# a reset is no VM: it stands in the way of all
put /proc/4242/stat '4242 (gpupt-helper) S 1 4242 4242 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0\n'
rm "$tree"/run/gpupt/claim/*
put /run/gpupt/claim/0000:01:00.0 "reset boot $(boot_of) owner 4242 777\n"
for asked in 01:00 101; do
	finds claimed block 0000:01:00.0 "is being reset, or its ROM read, by gpupt-helper \(process 4242\)" $asked
	lacks ready $asked
done
remedy claimed 'process 4242'
rm -r "$tree/proc/4242"
lacks claimed 01:00
lease 101 "0000:01:00.0 0000:01:00.1" an-earlier-boot
finds lease-open warn 'VM 101' 'earlier boot'
lacks claimed 01:00
# what a start would do about it is no block any more, unless it would be refused
put /proc/5001/cmdline '/usr/bin/kvm\0-id\0000101\0'
put /run/qemu-server/101.pid '5001\n'
lease 101 "0000:01:00.0 0000:01:00.1" "$(boot_of)"
vm 102 'hostpci0: 0000:01:00,pcie=1'
finds claimed block 0000:01:00.0 'VM 101' 102
finds backup-refused warn 'VM 102' 'would be refused now: 0000:01:00.0 belongs to VM 101' 102
finds backup-refused warn 'VM 102' 'would be refused now'
lacks backup-refused 101
put /etc/gpupt/gpupt.conf '[defaults]\nvms = shutdown\n'
finds claimed warn 0000:01:00.0 'belongs to VM 101 \(a start shuts that VM down\)' 102
finds claimed block 0000:01:00.0 'belongs to VM 101$' 01:00
helper --root "$tree" check -v 102
like "$out" 'The start of VM 102 would shut down VM 101: it has 0000:01:00\.0\.' "check -v says it"
put /etc/pve/ha/resources.cfg 'vm: 101\n\tstate started\n'
finds claimed block 0000:01:00.0 'managed by HA' 102
remedy claimed 'ha-manager set vm:101 --state stopped'
rm "$tree/etc/pve/ha/resources.cfg"
sed -i 's/^machine.*/&\nlock: snapshot/' "$tree/etc/pve/qemu-server/101.conf"
finds claimed block 0000:01:00.0 'locked \(snapshot\)' 102
put /etc/gpupt/gpupt.conf '[defaults]\nbackup = refuse\n'
finds backup-refused info 'VM 102' '0000:01:00.0 has backup = refuse' 102
put /etc/pve/qemu-server/102.conf 'hookscript: local:snippets/gpupt-hook\nmachine: q35\nlock: backup\nhostpci0: 0000:02:00,pcie=1\n'
finds backup-refused block 'VM 102' 'its backup would take 0000:02:00.0' 102
rm "$tree/etc/gpupt/gpupt.conf" "$tree/etc/pve/qemu-server/102.conf" "$tree/run/qemu-server/101.pid"
put /run/qemu-server/pci-id-reservations '0000:02:00.0 105 time:9999999999\n'
finds reserved block 0000:02:00.0 'VM 105' 02:00
put /run/qemu-server/pci-id-reservations '0000:02:00.0 105 time:1000\n'
lacks reserved 02:00
put /proc/4242/stat '4242 (gpupt-hook) D 1 4242 4242 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0\n'
put /run/gpupt/stuck/0000:03:00.0 '4242 777 writing unbind\n'
finds stuck block 0000:03:00.0 'process 4242 .*writing unbind' 03:00

tree containers
put /etc/gpupt/gpupt.conf '[ct 201]\ncontainers = refuse\n'
finds container block 0000:01:00.0 'CT 201 has 0000:01:00.0 \(dev0, dev1\), runs, and gpupt.conf has containers = refuse for it' 01:00
remedy container '^pct shutdown 201; or containers = hot under \[ct 201\]'

tree amd-four
finds held block 0000:0b:00.0 'ffmpeg \(4711\) in container 200: /dev/dri/card0, /dev/dri/renderD128' 0b:00
finds held block 0000:0b:00.1 'pipewire' 0b:00
finds held block 0000:0b:00.0 'Xorg \(4803\) of display-manager.service' 0b:00
remedy held 'systemctl stop display-manager.service'
finds only-display warn 0000:0b:00.0 'only display'
finds only-display warn 0000:0b:00.0 'only display' 0b:00.3
vm 101 'hostpci0: 0000:0b:00.0,pcie=1'
put /etc/gpupt/gpupt.conf '[defaults]\nprocesses = wait 60\n'
finds held warn 0000:0b:00.0 'ffmpeg \(4711\) in container 200: .* \(a start waits for that, 60 s at most\)' 101
helper --root "$tree" check -v 101
like "$out" 'The start of VM 101 would wait, 60 s at most, for .*ffmpeg \(4711\) in container 200' "check -v says it"
rm "$tree/etc/gpupt/gpupt.conf"
finds slot-partial warn 0000:0b:00.2 'no hot reset' 101
remedy slot-partial 'name the whole slot.*0000:0b:00'

tree hybrid
finds in-use block 0000:01:00.0 'in use by VM 102' 01:00
finds persistenced info 0000:01:00.0 'nvidia-persistenced.service holds 0000:01:00.0.*every other NVIDIA card' 01:00
lacks held 01:00
put /proc/800/cgroup '0::/system.slice/dcgm-exporter.service\n'
finds held block 0000:01:00.0 'of dcgm-exporter.service: /dev/nvidia0' 01:00
remedy held 'systemctl stop dcgm-exporter.service'
lacks persistenced 01:00
finds ready ok 0000:00:02.0 'reset: flr' 00:02.0

# off on the command line, on after a reboot, off in the firmware, and on but of no use
tree no-iommu
finds iommu-cmdline block host 'IVRS.*amd_iommu=off keeps the running kernel from using it'
remedy iommu-cmdline "^take amd_iommu=off out of /etc/default/grub, run 'update-grub' and reboot\$"
finds iommu-cmdline block host 'IVRS' 01:00
lacks iommu-off
put /etc/default/grub 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n'
finds iommu-reboot block host 'IVRS.*switched on in /etc/default/grub, but the running kernel was started without that'
remedy iommu-reboot "^run 'update-grub' if that was not done after the change, and reboot\$"
finds iommu-reboot block host 'IVRS' 01:00
lacks iommu-cmdline
put /proc/cmdline 'BOOT_IMAGE=/boot/vmlinuz quiet\n'
finds iommu-off block host "IVRS.*the kernel's parameters ask for it, and it does not use it"
remedy iommu-off dmesg
rm "$tree/sys/firmware/acpi/tables/IVRS"
finds iommu-off block host 'the firmware does not offer one'
remedy iommu-off 'firmware setup'
lacks iommu-reboot
tree wrong-loader
finds iommu-cmdline block host 'DMAR.*intel_iommu=on is missing.*; /etc/default/grub has it, which systemd-boot by proxmox-boot-tool does not read'
remedy iommu-cmdline "^add intel_iommu=on to the line of /etc/kernel/cmdline, run 'proxmox-boot-tool refresh' and reboot\$"
put /etc/kernel/cmdline 'root=ZFS=rpool/ROOT/pve-1 boot=zfs intel_iommu=on\n'
finds iommu-reboot block host 'DMAR.*switched on in /etc/kernel/cmdline'
# a kernel that has it on by itself, and one that was told not to
put /boot/config-6.5.13-6-pve 'A=y\nCONFIG_INTEL_IOMMU_DEFAULT_ON=y\n'
finds iommu-off block host 'DMAR.*does not use it'
put /proc/cmdline 'BOOT_IMAGE=/x intel_iommu=off\n'
put /etc/default/grub '. /etc/os-release\n'
finds iommu-cmdline block host 'DMAR.*intel_iommu=off keeps'
finds params-unclear info host '/etc/default/grub line 1 is shell code'

# a host that others have been at: each of their lines, with what it does to which card
tree foreign
put /etc/gpupt/gpupt.conf '[gpu 02:00]\nafter-stop = keep\n'
finds pinned warn 0000:01:00.0 "^/etc/modprobe.d/vfio.conf line 2 \('options vfio-pci ids=10de:2484,10de:228b,8086:10d3  disable_vga=1'\) gives 0000:01:00.0, 0000:01:00.1, 0000:02:00.0 and 0000:02:00.1 to vfio-pci, and is about other devices, too\$"
finds pinned warn 0000:01:00.0 "^/etc/modprobe.d/blacklist-gpu.conf line 1 \('blacklist nouveau'\) keeps nouveau from loading for 0000:01:00.0 and 0000:02:00.0\$" 02:00
finds pinned warn 0000:03:00.0 "line 3 \('install radeon /bin/false'\) keeps radeon from loading for 0000:03:00.0" 03:00
finds pinned info 0000:01:00.0 "vfio.conf line 4 \('softdep nouveau pre: vfio-pci'\) has vfio-pci loaded before nouveau, the driver of 0000:01:00.0 and 0000:02:00.0"
finds pinned warn 0000:03:00.0 "^/etc/initramfs-tools/modules line 3 \('vfio_pci ids=1002:5159'\) gives 0000:03:00.0 to vfio-pci"
finds pinned warn 0000:03:00.0 '^/etc/udev/rules.d/90-gpu.rules line 2 .* sets driver_override of 0000:03:00.0 and 0000:03:00.1 to vfio-pci'
finds pinned warn 0000:01:00.1 '^/etc/udev/rules.d/90-gpu.rules line 4 .* perhaps runs a command that is about drivers for 0000:01:00.1 and 0000:02:00.1'
finds pinned warn 0000:03:00.1 "^/etc/driverctl.d/pci-0000:03:00.1 \('vfio-pci'\) binds 0000:03:00.1 to vfio-pci at boot, by driverctl"
finds pinned warn 0000:02:00.0 '^/etc/initramfs-tools/scripts/init-top/vfio-override line 4 .* names 0000:02:00.0 and 0000:02:00.1'
finds pinned warn 0000:01:00.0 "^/etc/default/grub.d/gpu.cfg line 1 \('modprobe.blacklist=radeon,nouveau'\) .* 0000:01:00.0, 0000:02:00.0 and 0000:03:00.0, from the next boot on"
finds pinned warn 0000:01:00.0 "^the running kernel's command line \('vfio-pci.ids=10de:2484'\) gives 0000:01:00.0 and 0000:02:00.0 to vfio-pci, until the next boot"
like "$(json findings remedy finding=pinned "message=^the running kernel")" 'reboot: /etc/default/grub does not have it any more' "… which a reboot mends"
like "$(json findings remedy finding=pinned "message=grub.d")" "take the parameter out, run 'update-grub' and reboot" "… with the command for this loader"
finds kept-away warn 0000:01:00.0 'is on vfio-pci and not on its native driver nouveau: .*blacklist-gpu.conf line 1, /etc/modprobe.d/vfio.conf line 2'
remedy kept-away 'after-stop = keep'
is "$(json findings subject message=i915)" "" "a file of the same name hides the distribution's"
finds acs-override warn host "^/etc/default/grub line 3 \('pcie_acs_override=downstream,multifunction'\) makes IOMMU groups smaller .* 0000:00:02.0, 0000:01:00.0, 0000:02:00.0 and 0000:03:00.0: devices of different groups can reach one another past the IOMMU\$"
remedy acs-override "where no card needs it, take the parameter out, run 'update-grub' and reboot"
is "$(json findings finding message=pcie_acs_override)" acs-override "… and says it once"
finds acs-override warn host '^/etc/default/grub line 3 ' 03:00
sed -i 's/ pcie_acs_override=[^ ]*//' "$tree/proc/cmdline"
finds acs-override warn host "^/etc/default/grub line 3 .* past the IOMMU, from the next boot on\$"
put /proc/cmdline 'BOOT_IMAGE=/x quiet intel_iommu=on iommu=pt pcie_acs_override=multifunction vfio-pci.ids=10de:2484\n'
finds acs-override warn host "^the running kernel's command line \('pcie_acs_override=multifunction'\) .*, until the next boot\$"
finds acs-override warn host "^/etc/default/grub line 3 .*, from the next boot on\$"
finds kept-away warn 0000:03:00.0 'is on no driver and not on its native driver radeon' 03:00
is "$(json findings message finding=pinned | grep -cv 0000:03:00)" 0 "of one card nothing is said of the others"
lacks kept-away 02:00
for file in etc/modprobe.d/vfio.conf etc/modprobe.d/blacklist-gpu.conf etc/initramfs-tools/modules etc/udev/rules.d/90-gpu.rules \
	etc/driverctl.d/pci-0000:03:00.1 etc/initramfs-tools/scripts/init-top/vfio-override etc/default/grub.d/gpu.cfg lib/modprobe.d/vfio.conf; do
	rm "$tree/$file"
done
put /etc/default/grub 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n'
put /proc/cmdline 'BOOT_IMAGE=/x quiet\n'
lacks blind
put /etc/modprobe.d/odd.conf 'blacklist \0nouveau\n'
finds blind info host '/etc/modprobe.d/odd.conf'
lacks pinned
lacks kept-away
lacks acs-override

tree server
finds bmc-display warn 0000:04:00.0 'remote console' 04:00
finds ready ok 0001:81:00.0 'group 41' 0001:81:00.0
unbound 0001:81:00.0
put /proc/iomem '100000000-1ffffffff : System RAM\n3000000000-30ffffffff : PCI Bus 0001:81\n  3000000000-3007ffffff : BOOTFB\n'
put /sys/bus/pci/devices/0001:81:00.0/resource '0x0000003000000000 0x000000300fffffff 0x0000000000140204\n'
finds bootfb warn 0001:81:00.0 'frame buffer' 0001:81:00

tree sriov
finds sriov-active block 0000:03:00.0 '2 active virtual functions' 03:00

tree shared-group
for what in 01.0:/boot/efi 02.0:/mnt 03.0:vmbr0 04.0:'default route' 05.0:btrfs 06.0:'default route'; do
	finds group-danger block "0000:02:${what%%:*}" "${what#*:}" 02:00
done
remedy group-danger 'another slot'

# a driver with suppress_bind_attrs: of the card, of what goes along, and of what stays
tree twins
rm "$tree"/sys/bus/pci/drivers/snd_hda_intel/{bind,unbind}
finds unbindable block 0000:01:00.1 'cannot be taken off its driver snd_hda_intel, which has no unbind file$' 01:00
remedy unbindable 'blacklist'
vm 101 'hostpci0: 0000:01:00.0,pcie=1'
finds unbindable block 0000:01:00.1 "no unbind file \(it is in the card's IOMMU group\)" 101
remedy unbindable 'another slot'
lacks group-foreign 101
lacks unbindable 03:00
on_vfio 0000:01:00.1
lacks unbindable 101

# what shares the group and is of no importance goes along, and is named
tree twins
vm 101 'hostpci0: 0000:01:00.0,pcie=1'
finds group-foreign info 0000:01:00.1 'snd_hda_intel' 101

tree dead
finds dead block 0000:0a:00.0 'config space reads ff' 0a:00
finds reset-unlikely warn 0000:0a:00.0 'not likely to be reset' 0a:00
tree d3cold
finds d3cold block 0000:01:00.0 'no power' 01:00
remedy d3cold 'd3cold_allowed'

# by id, and what an administrator says against it
tree amd-four
put /usr/share/gpupt/known-cards '1002:73bf bad it is dear\n'
finds known-bad block 0000:0b:00.0 'known not to work in a VM: it is dear' 0b:00
remedy known-bad "'1002:73bf ok' into /etc/gpupt/known-cards"
put /etc/gpupt/known-cards '1002:73bf ok\n'
lacks known-bad 0b:00
put /etc/gpupt/known-cards '1002:73bf ok\n1002:73bf good\n'
finds known-bad block 0000:0b:00.0 'it is dear' 0b:00
finds config-bad warn known-cards "/etc/gpupt/known-cards line 2: there is no 'good'" 0b:00
put /etc/gpupt/known-cards '1002:73bf ok\n1002:73bf vendor-reset Navi\n'
lacks vendor-reset 0b:00
put /lib/modules/6.8.12-9-pve/modules.dep 'kernel/x.ko: updates/dkms/vendor-reset.ko\n'
finds vendor-reset info 0000:0b:00.0 'can reset 0000:0b:00.0 \(Navi\); it is not installed' 0b:00
put /lib/modules/6.8.12-9-pve/modules.dep 'updates/dkms/vendor-reset.ko:\n'
finds vendor-reset warn 0000:0b:00.0 'is installed, but not loaded'
remedy vendor-reset 'modprobe vendor-reset'
mkdir -p "$tree/sys/module/vendor_reset"
lacks vendor-reset

# a file in the place of a ROM
put /usr/share/kvm/vbios_1002_73bf_1da2_e438.bin 'no ROM'
finds rom-file warn 0000:0b:00.0 'has the name of the ROM of 0000:0b:00.0 and is none: there is no ROM' 0b:00
remedy rom-file "'gpupt-helper rom 0000:0b:00.0'"

# what root alone sees: /proc/iomem reads zeros to others
tree amd-four
sed -i -E 's/[0-9a-f]+-[0-9a-f]+/00000000-00000000/' "$tree/proc/iomem"
finds blind info host '/proc/iomem' 0b:00
remedy blind 'as root'

# the next boot: each of them with all that makes it is in next-boot.t
tree kernels
finds next-ready ok 6.8.12-9-pve 'is as prepared' --next-boot
finds initramfs-lacks warn 6.11.11-2-pve 'lacks' --next-boot
finds module-missing warn 6.11.11-2-pve 'DKMS' --next-boot
: >"$tree/lib/modules/6.11.11-2-pve/updates/dkms/nvidia.ko"
finds module-unsigned warn 6.11.11-2-pve 'Secure Boot' --next-boot
sed -i 's/ iommu=pt$/ amd_iommu=off/' "$tree/boot/grub/grub.cfg"
finds entry-old warn 6.11.11-2-pve 'lacks iommu=pt' --next-boot
finds next-iommu warn 6.11.11-2-pve 'will be off' --next-boot
put /etc/gpupt/gpupt.conf ''
touch "$tree/etc/udev/rules.d/10-gpupt.rules"
finds initramfs-old warn 6.11.11-2-pve 'older' --next-boot
rm "$tree/boot/initrd.img-6.11.11-2-pve"
finds initramfs-missing warn 6.11.11-2-pve 'has no initramfs' --next-boot
: >"$tree/boot/vmlinuz-6.14.0-1-pve"
finds entry-missing info 6.14.0-1-pve 'no entry' --next-boot
rm "$tree/boot/grub/grub.cfg"
finds next-unseen info host 'entries' --next-boot
finds next-unknown info host 'cannot be told' --next-boot
tree esp
mkdir -p "$tree/run/gpupt/esp"
finds esp-behind warn 7DF2-8A0C 'cannot be looked at' --next-boot

# several at once, and the same said once
tree twins
helper --root "$tree" check --json 01:00 01:00.0 0000:01:00.1 03:00
is "$(json findings subject finding=ready)" "0000:01:00.0
0000:03:00.0" "the same card thrice is one finding"

# a kernel that does not answer cannot be had here: unsure is shown by tests/unit/test_policy_judge.c; nor is a program run for
# a tree: persistence-unknown is shown by tests/unit/test_flow_nvidia.c
seen="$seen unsure persistence-unknown"
# what there is to say of a preparation has its own tests
for code in cut-off edited image loader-unknown not-adopted not-in-force not-prepared reboot-pending tool-missing; do
	! grep -qE -- "\b$code\b" "$top/tests/cli/prepare.t" "$top"/tests/cli/golden/* "$top"/tests/unit/test_policy_prepare*.c || seen="$seen $code"
done
declared=$(sed -n 's/.*= { "\([a-z0-9-]*\)", SEVERITY_.*/\1/p' "$top/lib/policy/finding.c" | sort -u)
like "$declared" '^iommu-off$' "the source has its table of findings"
is "$(printf '%s\n' $seen | sort -u)" "$declared" "every finding was seen here"
done_testing
