#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A card goes to a VM and comes back; its identical twin stays, or goes to another VM.
# takes: 45 s
[ -e /lab/lib.sh ] || exec "$(dirname "$0")/boot" twins "$0"
. /lab/lib.sh

vm 101 'hostpci0: 0000:01:00,pcie=1'
vm 102 'hostpci0: 02:00,pcie=1'
vm 103
before

scene "at rest"
is "$(drvs 01:00.0 01:00.1 02:00.0 02:00.1 03:00.0)" "radeon snd_hda_intel radeon snd_hda_intel bochs-drm" "the lab is as expected"
is "$(gpu 01:00.0 driver) $(gpu 02:00.0 driver) $(gpu 03:00.0 driver)" "radeon radeon bochs-drm" "list shows every display and its driver"
run gpupt-helper check
is "$rc" 0 "nothing blocks"
run gpupt-helper check 101
is "$rc" 0 "nor for the VM"
run gpupt-helper list
like "$out" 'RV100' "list names the card"
run gpupt-helper status
is "$rc" 0 "status with nothing in use"
as_before "looking changed nothing"

scene "VM 101 starts"
start 101
is "$rc" 0 "the VM starts"
note "$out"
note "$err"
is "$(drvs 01:00.0 01:00.1)" "vfio-pci vfio-pci" "display and audio are on vfio-pci"
is "$(drvs 02:00.0 02:00.1 03:00.0)" "radeon snd_hda_intel bochs-drm" "the twin and the console are where they were"
is "$(printf '%s\n' "$out" | grep -c '^gpupt: 0000:01:00')" "$(printf '%s\n' "$out" | grep -c .)" "every line of ours in the task log is about the card"
like "$out" '^gpupt: 0000:01:00\.0: .*VM 101.*radeon' "one for the card"
like "$out" '^gpupt: 0000:01:00\.0: .*reset' "one for its reset"
is "$(printf '%s\n' "$out" | grep -c .)" 2 "that is all"
ok "QEMU runs" running 101
qtree=$(qm monitor 101 info qtree)
like "$qtree" 'x-pci-device-id = 20825 \(0x5159\)|host = "0000:01:00.0"' "QEMU has the display"
like "$qtree" 'host = "0000:01:00.1"' "and the audio function"
ok "the guest sees the display" guest_sees 101 1002:5159
ok "the guest sees the audio function" guest_sees 101 8086:293e
is "$(leases)" "101 " "a lease"
is "$(claims)" "0000:01:00.0 0000:01:00.1 " "a claim for each function"

scene "what list, status and check say meanwhile"
is "$(gpu 01:00.0 driver)" vfio-pci "list: the driver"
like "$(gpu 01:00.0 user)" '101' "list: who uses it"
run gpupt-helper status
like "$out" '101' "status names the VM"
like "$out" '01:00\.0' "and the card"
run gpupt-helper status --json
like "$out" '"leases"' "status --json"
run gpupt-helper check 101
is "$rc" 0 "check of the VM that has it: nothing blocks"
vm 104 'hostpci0: 0000:01:00,pcie=1'
run gpupt-helper check 104
is "$rc" 1 "check of another VM that wants it: that blocks"
like "$out" '101' "and says who has it"

scene "another VM wants it"
start 104
is "$rc" 255 "its start is refused"
like "$err" '101' "by a sentence that names the owner"
is "$(claims)" "0000:01:00.0 0000:01:00.1 " "whose claims stand"
ok "who runs undisturbed" running 101

scene "the twin goes to VM 102"
start 102
is "$rc" 0 "VM 102 starts"
is "$(drvs 01:00.0 01:00.1 02:00.0 02:00.1)" "vfio-pci vfio-pci vfio-pci vfio-pci" "all four functions are on vfio-pci"
is "$(leases)" "101 102 " "two leases"
start 103
is "$rc" 0 "a VM without hostpci starts, too"
is "$out$err" "" "without a word from us"
stop 103

scene "VM 101 stops"
stop 101
is "$rc" 0 "the VM stops"
note "$out"
note "$err"
is "$(drvs 01:00.0 01:00.1)" "radeon snd_hda_intel" "the card is back"
is "$(drvs 02:00.0 02:00.1)" "vfio-pci vfio-pci" "the twin is where it was: with VM 102"
ok "VM 102 runs" running 102
is "$(leases)" "102 " "one lease left"

scene "VM 101 again, then everything stops"
start 101
is "$rc" 0 "a second start"
ok "on vfio-pci" on_vfio 01:00.0 01:00.1
stop 102
is "$(drvs 02:00.0 02:00.1)" "radeon snd_hda_intel" "the twin is back"
stop 101
as_before
ok "status at the end" gpupt-helper status

done_testing
