#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The node goes down and comes up: nothing is given back on the way down, what an
# earlier boot left is settled before the first VM starts.
# takes: 170 s
[ -e /lab/lib.sh ] || LAB_LIMIT=900 exec "$(dirname "$0")/boot" --systemd twins "$0" -action reboot=reset
. /lab/lib.sh
. /lab/system.sh

pid() { cat $QEMU/101.pid 2>/dev/null; }
at_home="radeon snd_hda_intel radeon snd_hda_intel"
all() { drvs 01:00.0 01:00.1 02:00.0 02:00.1; }

case $boot_n in
1)
	scene "VM 101 runs, and VM 102's lease will be found by the next boot"
	mkdir -p /var/log/journal
	journalctl --flush
	vm 101 'hostpci0: 0000:01:00,pcie=1' 'onboot: 1'
	vm 102 'hostpci0: 0000:02:00,pcie=1'
	is "$(all)" "$at_home" "all at home"
	start 102
	is "$rc" 0 "VM 102 starts"
	ok "it has a lease" test -s /run/gpupt/lease/102
	# A lease with a step that survives a reboot lies in /var/lib, as this one will:
	# with a file that is to be removed again.
	mkdir -p /var/lib/gpupt/lease
	cp -p /run/gpupt/lease/102 /var/lib/gpupt/lease/102
	cp -p /run/gpupt/lease/102 /var/lib/lab/lease-102
	echo planted >/etc/gpupt-planted
	n=$(($(grep -c ^begin /run/gpupt/lease/102) + 1))
	printf 'begin %d file /etc/gpupt-planted ~ planted%%0A because\ndone %d\n' $n $n >>/var/lib/gpupt/lease/102
	stop 102
	rm -f /run/gpupt/lease/102
	start 101
	is "$rc" 0 "VM 101 starts"
	ok "watched" within 10 holds_pidfd "$(watcher 101)" "$(pid)"
	# What `systemctl reboot` comes to without logind.
	reboot_by systemctl start --no-block --job-mode=replace-irreversibly reboot.target
	;;
2)
	scene "the way down"
	down=$(cat /var/lib/lab/shutdown)
	like "$down" '^system: stopping' "Proxmox VE stopped its guests while the system was stopping"
	like "$down" '^stop of 101: 0 after ' "the VM stopped"
	like "$down" 'gpupt: .*keeps its GPUs.*shuts down' "post-stop said that the card stays"
	like "$down" '^01:00\.0: vfio-pci' "nothing was rebound: the display"
	like "$down" '^01:00\.1: vfio-pci' "… nor the audio function"
	like "$down" '^leases: 101 ' "the lease stayed on record"
	ok "that did not take long" test "$(echo "$down" | sed -n 's/^stop of 101: 0 after \([0-9]*\) s/\1/p')" -le 15
	j=$(journalctl -q -b -1 -o cat -u gpupt-settle@101)
	like "$j" 'Stopped|Deactivated' "the watcher went"
	unlike "$j" 'timed out|SIGKILL|nobody gave' "… without being killed and without doing anything"

	scene "the way up"
	up=$(cat /var/lib/lab/boot)
	is "$(systemctl show -P Result gpupt-reconcile)" success "gpupt-reconcile ran"
	like "$(journalctl -q -b -o cat -u gpupt-reconcile)" 'Finished|Deactivated' "… in this boot"
	like "$up" '^leases: *$' "before the first VM started no lease was left"
	like "$up" '^claims: *$' "… and no claim"
	ok "a step that survives a reboot was undone" test ! -e /etc/gpupt-planted
	is "$(drvs 02:00.0 02:00.1)" "radeon snd_hda_intel" "those that do not were left alone"
	ok "VM 101 was started at boot" within 30 running 101
	ok "with its card" on_vfio 01:00.0 01:00.1
	ok "watched" within 15 holds_pidfd "$(watcher 101)" "$(pid)"

	scene "a lease of another boot in /run"
	cp -p /var/lib/lab/lease-102 /run/gpupt/lease/102
	run gpupt-helper status
	is "$rc" 0 "status can be read"
	run systemctl start gpupt-reconcile
	is "$rc" 0 "gpupt-reconcile runs"
	is "$(leases)" "101 " "the old lease is gone, that of the VM that runs is not"
	is "$(all)" "vfio-pci vfio-pci radeon snd_hda_intel" "no driver has changed"
	ok "VM 101 runs on" running 101

	scene "the power fails"
	reboot_by power_cut
	;;
3)
	scene "after the power cut"
	up=$(cat /var/lib/lab/boot)
	like "$up" '^leases: *$' "no lease was left when the first VM started"
	ok "VM 101 was started at boot" within 30 running 101
	ok "with its card" on_vfio 01:00.0 01:00.1
	is "$(leases)" "101 " "one lease"
	run gpupt-helper status
	is "$rc" 0 "status"
	stop 101
	is "$(all)" "$at_home" "all at home"
	ok "nothing is left" within 10 settled 101
	run gpupt-helper check
	is "$rc" 0 "check: nothing blocks"
	;;
esac

done_testing
