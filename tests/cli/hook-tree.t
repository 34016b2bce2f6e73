#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# gpupt-hook on a captured machine judges and shows its plan, and changes nothing.
. "$(dirname "$0")/lib.sh"

# shows TREE VM-LINE STEPS: the steps of pre-start, each shortened to "kind target: before-driver -> after"
shows() {
	tree "$1"
	vm 101 "$2"
	before=$(listing)
	hook --root "$tree" 101 pre-start
	is "$rc|$err" "0|" "$1: pre-start"
	is "$(printf '%s\n' "$out" | sed -E 's/^gpupt: would do: //; s/ \([^()]*\)$//; s/ [0-9a-f:\/]{19}:/:/; s/,[a-z0-9,=-]*( ->|$)/\1/g')" "$3" "… its steps"
	is "$(listing)" "$before" "… changed nothing"
}
shows twins 'hostpci0: 0000:01:00,pcie=1' 'driver 0000:01:00.1: snd_hda_intel -> vfio-pci
driver 0000:01:00.0: radeon -> vfio-pci'
shows twins 'hostpci0: 0000:02:00.0' 'driver 0000:02:00.1: snd_hda_intel -> vfio-pci
driver 0000:02:00.0: radeon -> vfio-pci
node 0000:02:00.0 /dev/dri/renderD129: (absent) -> c 226:129'
shows twins 'hostpci0: 0000:03:00' 'attr /sys/class/vtconsole/[name=(M) frame buffer device]/bind: 1 -> 0
driver 0000:03:00.0: bochs-drm -> vfio-pci'
shows server 'hostpci0: 0001:81:00.0' 'driver 0001:81:00.0: nouveau -> vfio-pci'
# none of ours
for line in 'cores: 4' 'hostpci0: 0000:00:1f.3' 'hostpci0: 0000:00:02.0,mdev=i915-GVTg_V5_4' 'hostpci0: 0000:01:00,driver=keep'; do
	shows hybrid "$line" ''
done
shows sriov 'hostpci0: 0000:03:00.2' ''
shows twins 'template: 1' ''

# a card whose home is not its driver: on vfio-pci already, or on nothing
tree twins
vm 101 'hostpci0: 0000:01:00,pcie=1'
mkdir -p "$tree/sys/bus/pci/drivers/vfio-pci"
for f in 0 1; do ln -sfn ../../../../bus/pci/drivers/vfio-pci "$tree/sys/bus/pci/devices/0000:01:00.$f/driver"; done
hook --root "$tree" 101 pre-start
like "$out" 'driver 0000:01:00.0 [^ ]+ radeon.* -> vfio-pci' "found on vfio-pci: its home is found by its modalias"

# refusals: every obstacle a line, the remedy last, nothing on stdout
refused() { # TREE VM-LINE MESSAGE REMEDY
	tree "$1"
	vm 101 "$2"
	before=$(listing)
	hook --root "$tree" 101 pre-start
	is "$rc|$out" "1|" "$1: refused"
	like "$err" "^gpupt: VM 101 cannot start: .*$3" "… says why"
	like "$(printf '%s\n' "$err" | tail -n 1)" "^gpupt: what to do: .*$4" "… and, last, what to do"
	is "$(listing)" "$before" "… changed nothing"
}
refused no-iommu 'hostpci0: 01:00,pcie=1' 'IOMMU' 'amd_iommu=off'
refused amd-four 'hostpci0: 0b:00,pcie=1' '0000:0b:00.0 is held by Xorg \(4803\)' 'systemctl stop display-manager.service'
refused hybrid 'hostpci0: 01:00,pcie=1' '0000:01:00.0 is in use by VM 102' 'shut down VM 102'
refused sriov 'hostpci0: 03:00.0,pcie=1' '2 active virtual functions' 'sriov_numvfs'
refused shared-group 'hostpci0: 02:00,pcie=1' 'nvme0n1' 'another slot'
refused dead 'hostpci0: 0a:00,pcie=1' 'config space reads ff' 'reboot'
refused d3cold 'hostpci0: 01:00,pcie=1' 'D3cold' 'd3cold_allowed'

# NVIDIA: the daemon is a step whatever the settings say; what holds only the nodes of all cards (nvidia-smi) is none
tree hybrid
vm 101 'hostpci0: 01:00,pcie=1'
rm -r "$tree/proc/802"
before=$(listing)
hook --root "$tree" 101 pre-start
is "$rc" 0 "NVIDIA: its daemon alone is no obstacle"
is "$(printf '%s\n' "$out" | sed -E 's/^gpupt: would do: ([a-z]+ [^ ]+):? .*/\1/; s/:$//')" 'unit nvidia-persistenced.service
driver 0000:01:00.1
driver 0000:01:00.0' "… it is stopped first"
helper --root "$tree" check 101 -v
like "$out" 'nvidia-persistenced.service holds 0000:01:00.0' "… check names it"
like "$out" 'unit nvidia-persistenced.service: active -> inactive' "… and the step"
is "$(listing)" "$before" "… changed nothing"

# processes = terminate: then they are steps
tree amd-four
vm 101 'hostpci0: 0b:00,pcie=1'
put /etc/gpupt/gpupt.conf '[defaults]\nprocesses = terminate\n'
hook --root "$tree" 101 pre-start
is "$rc" 1 "processes = terminate: those of a container are not ended"
rm -r "$tree/proc/4711" "$tree/proc/4801"
hook --root "$tree" 101 pre-start
like "$out$err" 'unit display-manager.service: active -> inactive' "… a service is, as a step"

# what it would do before: wait, shut down another VM
tree amd-four
vm 101 'hostpci0: 0b:00,pcie=1'
put /etc/gpupt/gpupt.conf '[defaults]\nprocesses = wait 60\n'
before=$(listing)
hook --root "$tree" 101 pre-start
is "$rc|$err" "0|" "processes = wait: not refused"
like "$out" '^gpupt: would wait, 60 s at most, for .*Xorg \(4803\) of display-manager.service' "… says for whom"
like "$out" '^gpupt: would do: driver 0000:0b:00.0' "… and what then"
is "$(listing)" "$before" "… changed nothing"
tree twins
vm 101 'hostpci0: 0000:01:00,pcie=1'
vm 102 'hostpci0: 0000:01:00,pcie=1'
lease 101 "0000:01:00.0 0000:01:00.1" "$(boot_of)"
put /proc/5001/cmdline '/usr/bin/kvm\0-id\0000101\0'
put /run/qemu-server/101.pid '5001\n'
put /etc/gpupt/gpupt.conf '[defaults]\nvms = shutdown\n'
before=$(listing)
hook --root "$tree" 102 pre-start
is "$rc|$err" "0|" "vms = shutdown: not refused"
like "$out" '^gpupt: would shut down VM 101: it has 0000:01:00\.0$' "… says which VM"
is "$(listing)" "$before" "… changed nothing"
vm 102 'hostpci0: 0000:01:00,pcie=1' 'lock: backup'
hook --root "$tree" 102 pre-start
is "$rc|$out" "1|" "for a backup: refused"
like "$err" '^gpupt: VM 102 cannot start: a backup takes no card that is in use' "… says why"
like "$(printf '%s\n' "$err" | tail -n 1)" 'back the VM up while nobody else uses the card' "… and what to do"
vm 103 'hostpci0: 0000:02:00,pcie=1' 'lock: backup'
hook --root "$tree" 103 pre-start
is "$rc|$err" "0|" "… and not with a card that nobody uses"
put /etc/gpupt/gpupt.conf '[defaults]\nbackup = refuse\n'
hook --root "$tree" 103 pre-start
is "$rc|$out" "1|" "backup = refuse: refused"
like "$err" 'its backup would take 0000:02:00\.0' "… says why"

# the other phases, with and without a lease; a container's id
tree twins
vm 101 'hostpci0: 0000:01:00,pcie=1'
before=$(listing)
for phase in post-start pre-stop post-stop; do
	hook --root "$tree" 101 $phase
	is "$rc|$out|$err" "0||" "$phase without a lease: not a word"
	hook --root "$tree" 200 $phase
	is "$rc|$out|$err" "0||" "$phase of a container: not a word"
done
is "$(listing)" "$before" "nothing was changed"
lease 101 "0000:01:00.0 0000:01:00.1" "$(boot_of)" \
	'begin 1 driver 0000:01:00.0%201002:5159/1af4:1100 radeon vfio-pci,override=vfio-pci why\ndone 1\n'
before=$(listing)
hook --root "$tree" 101 post-stop
is "$rc" 0 "post-stop with a lease"
like "$out" 'driver 0000:01:00.0 1002:5159/1af4:1100: vfio-pci,override=vfio-pci -> radeon' "… shows what it would put back"
is "$(listing)" "$before" "… and puts nothing back"
put /run/qemu-server/101.reboot ''
hook --root "$tree" 101 post-stop
like "$rc $out" '^0 gpupt: VM 101 keeps its GPUs: it is being rebooted$' "… not while it is being rebooted"

# a mapping with alternatives: the first that is free
tree twins
vm 101 'hostpci0: mapping=gpu,pcie=1'
map() { printf '\\tmap id=%s,iommugroup=%s,node=pve,path=%s,subsystem-id=1af4:1100\\n' "$@"; }
first=$(map 1002:5159 7 0000:01:00) second=$(map 1002:5159 8 0000:02:00)
put /etc/pve/mapping/pci.cfg "gpu\n$first$second\tmap id=1002:5159,node=other,path=0000:03:00\n"
hook --root "$tree" 101 pre-start
like "$out" 'driver 0000:01:00.0' "a mapping: the first alternative"
put /run/qemu-server/pci-id-reservations '0000:01:00.0 102 time:9999999999\n'
hook --root "$tree" 101 pre-start
like "$out" 'driver 0000:02:00.0' "… the second if the first is reserved for another VM"
unlike "$out" '01:00' "… and that alone"
put /run/qemu-server/pci-id-reservations '0000:01:00.0 102 time:9999999999\n0000:02:00.0 103 time:9999999999\n'
hook --root "$tree" 101 pre-start
is "$rc" 1 "… and none if both are taken"
like "$err" 'VM 10[23]' "… by whom is said"

# what Proxmox VE finds wrong with a mapping it finds behind pre-start, with the card on vfio-pci: so it is refused before
invalid() { # WHAT MESSAGE MAPS [ENTRY]
	tree twins
	vm 101 'hostpci0: mapping=gpu,pcie=1' ${4:+"$4"}
	put /etc/pve/mapping/pci.cfg "gpu\n$3"
	before=$(listing)
	hook --root "$tree" 101 pre-start
	is "$rc|$out" "1|" "a mapping with $1: refused"
	like "$err" "^gpupt: VM 101 cannot start: $2" "… in Proxmox VE's words"
	like "$(printf '%s\n' "$err" | tail -n 1)" '^gpupt: what to do: correct the mapping under Datacenter' "… and, last, what to do"
	is "$(listing)" "$before" "… nothing was changed"
	helper --root "$tree" check 101 --json
	like "$rc $(json findings message finding=config-bad)" "^1 $2" "… and check 101 finds it"
}
changed='hostpci0: PCI device mapping invalid \(hardware probably changed\): '
invalid "another group" "$changed'iommugroup' does not match for 'gpu' \(7 != 12\)" "$(map 1002:5159 12 0000:01:00)"
invalid "no group" "${changed}missing expected property 'iommugroup' for device '0000:01:00.0'" \
	'\tmap id=1002:5159,node=pve,path=0000:01:00,subsystem-id=1af4:1100\n'
invalid "no subsystem" "${changed}missing expected property 'subsystem-id' for device '0000:01:00.0'" \
	'\tmap id=1002:5159,iommugroup=7,node=pve,path=0000:01:00\n'
invalid "a first alternative that is not there" "${changed}pci device '0000:09:00.0' not found" "$(map 1002:5159 7 0000:09:00)$second"
invalid "another card as its second alternative" "$changed'id' does not match for 'gpu' \(1002:5159 != 1002:73bf\)" \
	"$first$(map 1002:73bf 8 0000:02:00)"
invalid "a card that another entry names" "hostpci1: device '0000:01:00.0' assigned more than once" "$first" 'hostpci1: 01:00'
invalid "mediated devices, and the whole card passed" "$changed'mdev' does not match for 'gpu' \(0 != 1\): on vfio-pci 0000:01:00.0 offers no" \
	"\\tmdev 1\\n$first"
invalid "fewer cards than entries" "hostpci1: device '0000:01:00.0' assigned more than once" "$first" 'hostpci1: mapping=gpu'
invalid "fewer alternatives than entries" "could not find a free device for 'hostpci2'" "$first$second" \
	$'hostpci1: mapping=gpu\nhostpci2: mapping=gpu'
done_testing
