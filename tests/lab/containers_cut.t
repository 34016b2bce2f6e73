#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Containers with a card over a boot: the power goes while they are without, or half-way there, and what is in /etc/pve is put back
# before the first guest starts; a VM starts before them, and has the card; the node is shut down.
# takes: 400 s
[ -e /lab/lib.sh ] || LAB_LIMIT=1200 exec "$(dirname "$0")/boot" --systemd twins "$0" -action reboot=reset
. /lab/lib.sh
. /lab/system.sh

# From the first boot on: at a later one the card may be away.
mkdir -p /var/lib/lab
[ -e /var/lib/lab/node ] || drm 01:00.0 renderD >/var/lib/lab/node
r=$(cat /var/lib/lab/node)
conf='[ct 200]
containers = detach
[ct 201]
containers = shutdown'
sum() { cksum </etc/pve/lxc/200.conf; }
# The start of VM 101 is cut off after so many seconds.
cut_after() {
	qm start 101 >/dev/null 2>&1 &
	/bin/sleep "$1"
	note "$(leases): $(sed -n 's/^begin \([0-9]*\) \([a-z]*\) .*/\1 \2/p' /var/lib/gpupt/lease/101 2>/dev/null | tr '\n' ' ')"
	reboot_by power_cut
}
# back: everything is as at first, by what the boot has done
back() {
	ok "the lease is gone" within 180 settled 101
	is "$(sum)" "$(cat /var/lib/lab/sum)" "the lines are back where they were"
	ok "200 runs, as it is to at boot" within 60 ct_running 200
	is "$(ct_sees 200 "$r")" open "… with its card"
	ok "201 runs, too" within 60 ct_running 201
	is "$(drvs 01:00.0 01:00.1)" "radeon snd_hda_intel" "and the host has the card"
}

case $boot_n in
1)
	scene "the power goes while a VM has the card"
	printf '%s\n' "$conf" >/etc/gpupt/gpupt.conf
	vm 101 'hostpci0: 0000:01:00,pcie=1'
	ct 200 "dev0: $r,gid=44" "onboot: 1" "lxc.mount.entry: $r dev/gpu none bind,optional,create=file"
	ct 201 "dev0: $r" "onboot: 1"
	sum >/var/lib/lab/sum
	ct_start 200
	ct_start 201
	start 101
	is "$rc" 0 "VM 101 starts"
	is "$(grep -c "$r" /etc/pve/lxc/200.conf)" 0 "the lines are out of the configuration"
	reboot_by power_cut
	;;
2)
	back
	scene "the power goes in the middle of a start"
	cut_after 2
	;;
3)
	back
	cut_after 4
	;;
4)
	back
	cut_after 7
	;;
5)
	back
	scene "at boot a VM is first"
	: >/etc/gpupt/gpupt.conf
	echo "onboot: 1" >>/etc/pve/qemu-server/101.conf
	reboot_by power_cut
	;;
6)
	ok "VM 101 runs" within 60 running 101
	is "$(drvs 01:00.0 01:00.1)" "vfio-pci vfio-pci" "… with the card"
	ok "200 runs" within 60 ct_running 200
	ok "201 runs" within 60 ct_running 201
	is "$(ct_sees 200 "$r") $(ct_sees 201 "$r")" "ENODEV ENODEV" "… without it"
	stop 101
	ok "it gives the card back" within 180 settled 101
	is "$(ct_sees 200 "$r") $(ct_sees 201 "$r")" "open open" "… and they have it"

	scene "the node is shut down"
	printf '%s\n' "$conf" >/etc/gpupt/gpupt.conf
	start 101
	is "$rc" 0 "VM 101 starts"
	ok "201 was stopped for it" ct_gone 201
	sed -i '/^onboot/d' /etc/pve/qemu-server/101.conf
	reboot_by systemctl start --no-block --job-mode=replace-irreversibly reboot.target
	;;
*)
	like "$(cat /var/lib/lab/shutdown)" '^stop of 101: 0 ' "the VM was stopped"
	unlike "$(cat /var/lib/lab/shutdown)" '^stop of 201' "201 was not started for that"
	back
	done_testing
	;;
esac
