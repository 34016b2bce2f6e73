#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The machine changes while a VM has the card: what is still ours comes home, what is
# somebody else's by now is left alone and named.
# takes: 110 s
[ -e /lab/lib.sh ] || exec "$(dirname "$0")/boot" twins "$0"
. /lab/lib.sh
. /lab/fault.sh

run_limit=60
vm 101 'hostpci0: 0000:01:00,pcie=1'
card=$PCI/devices/0000:01:00.0
home="radeon snd_hda_intel"
at_home() { [ "$(drvs 01:00.0 01:00.1)" = "$home" ]; }
take() {
	run $HOOK 101 pre-start
	[ "$rc" -eq 0 ] && on_vfio 01:00.0 01:00.1
	result $? "$1" || note "$out$err"
}
give() { run $HOOK 101 post-stop; }
before

scene "an administrator takes the override off"
take "the card is with the VM"
echo >$card/driver_override
give
is "$rc" 0 "what somebody else has set is no failure of ours"
like "$out$err" '0000:01:00\.0.*(somebody else|changed|left)' "but it is told"
note "$out$err"
is "$(drv 01:00.0) $(ovr 01:00.0)" "vfio-pci (null)" "and is as he left it"
is "$(drv 01:00.1)" snd_hda_intel "the audio function, still ours, is home"
is "$(leases)$(claims)" "" "nobody has the card"
take "the next start takes it"
give
is "$rc" 0 "and its stop brings it home"
restored "as before"

scene "bound to its home by hand"
take "the card is with the VM"
rebind 01:00.0 radeon
give
is "$rc" 0 "there is nothing left to do"
restored "as before"

scene "unbound by hand"
take "the card is with the VM"
bdf 01:00.0 >$PCI/drivers/vfio-pci/unbind
is "$(drv 01:00.0) $(ovr 01:00.0)" "none vfio-pci" "no driver, and our override"
give
is "$rc" 0 "that is still ours"
restored "as before"

scene "new_id is written to meanwhile"
take "the card is with the VM"
echo "1002 5159" >$PCI/drivers/vfio-pci/new_id
echo "8086 293e" >$PCI/drivers/vfio-pci/new_id
give
is "$rc" 0 "it comes home all the same"
restored "as before, and not pulled back"
echo "1002 5159" >$PCI/drivers/vfio-pci/remove_id
echo "8086 293e" >$PCI/drivers/vfio-pci/remove_id

scene "home's module is unloaded meanwhile"
take "the card is with the VM"
bdf 02:00.0 >$PCI/drivers/radeon/unbind
/sbin/modprobe -r radeon
ok "there is no radeon any more" test ! -e $PCI/drivers/radeon
give
is "$rc" 0 "it is loaded for the way home"
within 10 test "$(drv 02:00.0)" = radeon || rebind 02:00.0 radeon
restored "as before"

scene "the VM is destroyed"
take "the card is with the VM"
rm /etc/pve/qemu-server/101.conf
give
is "$rc" 0 "the record is enough"
restored "as before"
take_by_reconcile() {
	vm 101 'hostpci0: 0000:01:00,pcie=1'
	take "the card is with the VM"
	rm /etc/pve/qemu-server/101.conf
	run gpupt-helper reconcile
}
take_by_reconcile
is "$rc" 0 "reconcile needs no more, either"
restored "as before"
vm 101 'hostpci0: 0000:01:00,pcie=1'

scene "a lease of another boot"
take "the card is with the VM"
rebind 01:00.0 radeon
rebind 01:00.1 snd_hda_intel
sed -i "s/$(cat /proc/sys/kernel/random/boot_id)/00000000-1111-2222-3333-444444444444/" /run/gpupt/lease/101 /run/gpupt/claim/*
dmesg -c >/dev/null
run gpupt-helper status
like "$out" 'earlier boot' "status says what it is"
run gpupt-helper reconcile
is "$rc" 0 "it has lapsed"
unlike "$(dmesg)" 'vfio-pci|kernel modesetting' "no driver was moved for it"
restored "as before"

scene "another device at the address"
take "the card is with the VM"
sed -i 's/1002:5159/1002:5144/' /run/gpupt/lease/101
give
like "$out$err" 'another device sits at 0000:01:00\.0' "it is told"
ok "and left alone" on_vfio 01:00.0
is "$(drv 01:00.1)" snd_hda_intel "the other function is home"
note "$rc $out$err"
rebind 01:00.0 radeon
restored "otherwise as before"

scene "QEMU has a card that is not in the lease"
rebind 02:00.0 vfio-pci
rebind 02:00.1 vfio-pci
vm 101 'hostpci0: 0000:01:00,pcie=1' 'args: -device vfio-pci,host=0000:02:00.0'
start 101
is "$rc" 0 "the VM runs"
like "$err" 'VM 101 runs with 0000:02:00\.0, which gpupt did not prepare' "post-start complains"
stop 101
ok "the leased card came home" at_home
ok "the other was left where it is" on_vfio 02:00.0 02:00.1
rebind 02:00.0 radeon
rebind 02:00.1 snd_hda_intel
restored "as before"
vm 101 'hostpci0: 0000:01:00,pcie=1'

scene "pulled out"
take "the card is with the VM"
echo 1 >$card/remove
echo 1 >$PCI/devices/0000:01:00.1/remove
run gpupt-helper status
is "$rc" 0 "status copes"
run gpupt-helper list
is "$rc" 0 "so does list"
give
is "$rc" 0 "there is nothing to give back"
like "$out$err" '0000:01:00\.0 is not there any more|not there' "which is told"
note "$out$err"
ok "nothing of it is left" nothing_left
start 101
is "$rc" 255 "without the card the VM does not start"
like "$err" 'no PCI device at 0000:01:00' "and is told why"
ok "and nothing of that is left" nothing_left
echo 1 >$PCI/rescan
ok "put in again, it is where the kernel puts it" within 10 at_home

scene "pulled out and put in again while a VM has it"
take "the card is with the VM"
echo 1 >$card/remove
echo 1 >$PCI/devices/0000:01:00.1/remove
echo 1 >$PCI/rescan
ok "the kernel gave it to its own drivers" within 10 at_home
give
is "$rc" 0 "that is home"
ok "nothing is left" nothing_left
take "the next start takes it"
give
ok "and gives it back" at_home
ok "without a rest" nothing_left

tally faults $scenes
done_testing
