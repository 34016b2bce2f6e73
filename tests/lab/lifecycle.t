#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Reboots, backups, shutdowns that time out, and Proxmox VE before 9.1.13.
# takes: 120 s
[ -e /lab/lib.sh ] || exec "$(dirname "$0")/boot" twins "$0"
. /lab/lib.sh

vm 101 'hostpci0: 0000:01:00,pcie=1'
before
pid() { cat $QEMU/101.pid 2>/dev/null; }
restarted() { running 101 && [ "$(pid)" != "$1" ]; }
# The drivers that the card had, as the kernel log has them: a rebind leaves a line.
rebinds() { dmesg | grep -c 'radeon 0000:01:00.0: .*kernel modesetting\|\[drm\] initializing kernel modesetting (RV100'; }

scene "qm reboot"
start 101
is "$rc" 0 "the VM starts"
old=$(pid) times=$(rebinds)
run qm reboot 101
is "$rc" 0 "reboot"
ok "the VM runs again" within 60 restarted "$old"
ok "with its card" on_vfio 01:00.0 01:00.1
is "$(rebinds)" "$times" "which was not given back in between"
is "$(leases)" "101 " "one lease"
ok "QEMU has it" guest_sees 101 1002:5159
stop 101
as_before

scene "a shutdown that the guest ignores"
start 101
: >/run/lab/deaf-101
run qm shutdown 101 --timeout 3
is "$rc" 255 "the shutdown times out"
ok "the VM runs on" running 101
ok "with its card: pre-stop gave nothing back" on_vfio 01:00.0 01:00.1
ok "QEMU still has it" guest_sees 101 1002:5159
rm /run/lab/deaf-101
stop 101
as_before

scene "a backup of a stopped VM"
run qm backup 101 sh -c "readlink $PCI/devices/0000:01:00.0/driver; grep ^lock /etc/pve/qemu-server/101.conf; gpupt-helper status"
is "$rc" 0 "the backup succeeds"
like "$out" 'vfio-pci' "QEMU was started with the card"
like "$out" '^lock: backup' "under the backup lock"
as_before "and the card came back"

scene "a backup in stop mode of a running VM"
start 101
old=$(pid) times=$(rebinds)
# The copying takes its time; Proxmox VE's cleanup counts on that.
run qm backup 101 sleep 3
is "$rc" 0 "the backup succeeds"
ok "the VM runs again" restarted "$old"
ok "with its card" on_vfio 01:00.0 01:00.1
is "$(rebinds)" "$times" "which was not given back in between"
stop 101
as_before

scene "before 9.1.13: post-stop comes from qm cleanup alone"
: >$QEMU/force-legacy-cleanup
start 101
is "$rc" 0 "the VM starts"
stop 101
as_before "qm cleanup gave the card back"

scene "… and may be too late"
start 101
# If the start gets the VM's lock before qmeventd's cleanup does, the cleanup finds
# a VM that runs, gives up after 30 s, and post-stop never comes.
seen=$(cleanups)
(
	qm stop 101
	qm start 101
) >$T/out 2>&1
ok "stopped and started at once" within 30 running 101
usleep 1000000
ok "it has its card" on_vfio 01:00.0 01:00.1
is "$(claims)" "0000:01:00.0 0000:01:00.1 " "and the claims"
ok "QEMU has it" guest_sees 101 1002:5159
note "$(tail -n 4 /run/qmeventd.log)"
within 60 cleaned "$seen"
stop 101
rm $QEMU/force-legacy-cleanup
as_before

scene "a template is nobody's business"
vm 105 'hostpci0: 0000:01:00,pcie=1' 'template: 1'
run qm start 105
is "$rc" 255 "Proxmox VE starts none"
run qm backup 105 readlink $PCI/devices/0000:01:00.0/driver
is "$rc" 0 "except for its backup"
unlike "$out" vfio-pci "without the card"
as_before

done_testing
