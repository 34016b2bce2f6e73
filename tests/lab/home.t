#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever state a card is found in, it ends where it belongs.
# takes: 120 s
[ -e /lab/lib.sh ] || exec "$(dirname "$0")/boot" twins "$0"
. /lab/lib.sh

vm 101 'hostpci0: 0000:01:00,pcie=1'
before

scene "a residue of new_id"
# What a start without our hook leaves behind: vfio-pci claims these ids for ever.
/sbin/modprobe vfio-pci
echo "1002 5159" >$PCI/drivers/vfio-pci/new_id
echo "8086 293e" >$PCI/drivers/vfio-pci/new_id
is "$(drvs 01:00.0 02:00.0)" "radeon radeon" "bound devices stay"
start 101
is "$rc" 0 "the VM starts"
ok "on vfio-pci" on_vfio 01:00.0 01:00.1
stop 101
is "$(drvs 01:00.0 01:00.1)" "radeon snd_hda_intel" "the card is home, not pulled back to vfio-pci"
as_before

scene "an administrator's override"
echo radeon >$PCI/devices/0000:01:00.0/driver_override
before
start 101
is "$rc" 0 "the VM starts although Proxmox VE could not bind against this override"
ok "on vfio-pci" on_vfio 01:00.0 01:00.1
stop 101
is "$(ovr 01:00.0)" radeon "the override is back"
as_before
echo >$PCI/devices/0000:01:00.0/driver_override
before

scene "found on no driver"
bdf 01:00.0 >$PCI/devices/0000:01:00.0/driver/unbind
bdf 01:00.1 >$PCI/devices/0000:01:00.1/driver/unbind
is "$(drvs 01:00.0 01:00.1)" "none none" "nobody has it"
start 101
is "$rc" 0 "the VM starts"
stop 101
is "$(drvs 01:00.0 01:00.1)" "radeon snd_hda_intel" "the card finds home"
as_before

scene "found on vfio-pci, as Proxmox VE alone leaves it"
rebind 01:00.0 vfio-pci
rebind 01:00.1 vfio-pci
is "$(gpu 01:00.0 driver)" vfio-pci "list shows it"
start 101
is "$rc" 0 "the VM starts"
stop 101
is "$(drvs 01:00.0 01:00.1)" "radeon snd_hda_intel" "the card finds home"
as_before

scene "home's module is not loaded"
# The twin's functions go elsewhere first: a module in use cannot be removed.
for b in 01:00.0 02:00.0; do bdf $b >$PCI/devices/0000:$b/driver/unbind; done
/sbin/modprobe -r radeon
ok "no radeon" test ! -e $PCI/drivers/radeon
start 101
is "$rc" 0 "the VM starts"
stop 101
is "$(drv 01:00.0)" radeon "the module was loaded, the card is home"
# Loading it is what a boot does, too: it takes every card it knows.
within 10 test "$(drv 02:00.0)" = radeon || rebind 02:00.0 radeon
as_before

scene "after-stop = keep"
cat >/etc/gpupt/gpupt.conf <<'CONF'
[gpu 0000:01:00.0]
after-stop = keep
CONF
start 101
is "$rc" 0 "the VM starts"
stop 101
ok "the card stays on vfio-pci" on_vfio 01:00.0 01:00.1
is "$(leases)$(claims)" "" "and belongs to nobody"
start 101
is "$rc" 0 "it can be used again"
stop 101
echo '[defaults]' >/etc/gpupt/gpupt.conf
start 101
is "$rc" 0 "and once more, without keep"
stop 101
is "$(drvs 01:00.0 01:00.1)" "radeon snd_hda_intel" "now it comes home"
as_before

scene "a configuration that makes no sense"
echo 'after-stpo = keep' >>/etc/gpupt/gpupt.conf
start 101
is "$rc" 255 "the hook refuses rather than guesses"
like "$err" 'gpupt\.conf.*2' "naming file and line"
like "$err" 'after-stpo' "and the word"
echo '[defaults]' >/etc/gpupt/gpupt.conf
as_before

done_testing
