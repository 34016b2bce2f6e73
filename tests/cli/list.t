#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `list`: one line for each display, columns by name, JSON.
. "$(dirname "$0")/lib.sh"

# gpus TREE: "bdf driver group reset boot state" of each
gpus() {
	tree "$1"
	before=$(listing)
	helper --root "$tree" list --noheadings -o bdf,vendor,driver,group,reset,boot,state
	is "$rc" 0 "$1: list"
	is "$(printf '%s\n' "$out" | tr -s ' ')" "$2" "… shows the displays"
	is "$err" "" "… without a complaint"
	helper --root "$tree" list --json
	is "$(json gpus bdf)" "$(printf '%s\n' "$2" | cut -d ' ' -f 1)" "… and the same in JSON"
	is "$(listing)" "$before" "… and changes nothing"
}

gpus twins '0000:01:00.0 AMD radeon 7 hot no host
0000:02:00.0 AMD radeon 8 hot no host
0000:03:00.0 QEMU bochs-drm 9 bus no host'
gpus amd-four '0000:0b:00.0 AMD amdgpu 15 device_specific yes host'
gpus hybrid '0000:00:02.0 Intel i915 0 flr yes host
0000:01:00.0 NVIDIA nvidia 2 flr no host'
gpus server '0000:04:00.0 ASPEED ast 20 hot yes host
0001:81:00.0 NVIDIA nouveau 41 flr no host'
gpus sriov '0000:03:00.0 Intel i915 14 flr no host
0000:03:00.1 Intel vfio-pci 15 flr no vfio
0000:03:00.2 Intel - 16 flr no unbound'
gpus no-iommu '0000:01:00.0 AMD amdgpu - hot yes host'
gpus shared-group '0000:02:00.0 AMD radeon 12 hot no host'
gpus dead '0000:0a:00.0 AMD vfio-pci 15 none no dead'
gpus d3cold '0000:01:00.0 AMD amdgpu 14 device_specific no d3cold'

# who has it
tree amd-four
helper --root "$tree" list --json
is "$(json gpus user)" "CT 200, CT desk, display-manager.service" "users: containers and a service that have it open"
is "$(json gpus boot)" 1 "booleans are booleans"
like "$out" '"boot": true' "… spelt so"
like "$out" '"group": 15' "numbers are numbers"
like "$(json gpus name)" 'Navi 21' "the name is that of pci.ids"
helper --root "$tree" list --json -o +id,companions,methods,vms,cts
is "$(json gpus companions)" "0000:0b:00.1 audio 0000:0b:00.2 USB 0000:0b:00.3 UCSI" "companions are an array"
is "$(json gpus id)" "1002:73bf/1da2:e438" "identity"
is "$(json gpus methods)" "device_specific pm bus" "reset_method as it reads"
is "$(json gpus vms)" "" "no VM names it"

tree twins
vm 101 'hostpci0: 0000:01:00,pcie=1'
vm 102 'hostpci0: 0000:01:00.1' 'hostpci1: 01:00.0'
helper --root "$tree" list --json -o bdf,vms,cts
is "$(json gpus vms 'bdf=01:00')" "101 102" "VMs that name it, each once"
is "$(json gpus cts 'bdf=02:00')" "200" "containers that name it"
is "$(json gpus vms 'bdf=02:00')" "" "nobody else's"

# a card that a VM has; it is its claim, its reservation, or its QEMU
tree twins
for f in 01:00.0 01:00.1; do
	ln -sfn ../../../../bus/pci/drivers/vfio-pci "$tree/sys/bus/pci/devices/0000:$f/driver"
done
helper --root "$tree" list -o state,user --noheadings
is "$(printf '%s\n' "$out" | head -n 1 | tr -s ' ')" "vfio -" "on vfio-pci, and nobody's"
lease 101 "0000:01:00.0 0000:01:00.1" "$(boot_of)"
helper --root "$tree" list -o state,user --noheadings
is "$(printf '%s\n' "$out" | head -n 1 | tr -s ' ')" "vm VM 101" "with VM 101 by its claim"
put /proc/4242/stat '4242 (gpupt-helper) S 1 4242 4242 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0\n'
put /run/gpupt/claim/0000:01:00.0 "reset boot $(boot_of) owner 4242 777\n"
rm "$tree/run/gpupt/claim/0000:01:00.1"
helper --root "$tree" list -o state,user --noheadings
is "$(printf '%s\n' "$out" | head -n 1 | tr -s ' ')" "vfio reset" "being reset: no VM's"
rm -r "$tree/run/gpupt"
put /run/qemu-server/pci-id-reservations '0000:01:00.0 103 time:9999999999\n'
helper --root "$tree" list -o state,user --noheadings
is "$(printf '%s\n' "$out" | head -n 1 | tr -s ' ')" "vm VM 103" "with VM 103 by Proxmox VE's reservation"
rm "$tree/sys/bus/pci/devices/0000:02:00.0/driver"
mkdir -p "$tree/proc/4242" "$tree/run/gpupt/stuck"
put /proc/4242/stat '4242 (gpupt-hook) D 1 4242 4242 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0\n'
put /run/gpupt/stuck/0000:03:00.0 '4242 777 writing unbind\n'
helper --root "$tree" list -o bdf,driver,state --noheadings
is "$(printf '%s\n' "$out" | tail -n 2 | tr -s ' ')" "0000:02:00.0 - unbound
0000:03:00.0 bochs-drm stuck" "unbound, and stuck"
rm -r "$tree/proc/4242"
helper --root "$tree" list -o bdf,state --noheadings
like "$out" '03:00.0 host' "not stuck any more when that process is gone"

# columns
tree twins
helper --root "$tree" list
like "$(printf '%s\n' "$out" | head -n 1)" '^BDF +NAME +VENDOR +DRIVER +GROUP +RESET +BOOT +USER +STATE$' "the heading"
unlike "$out" $'\033' "no colour where there is no terminal"
helper --root "$tree" list -o STATE,bdf
is "$(printf '%s\n' "$out" | head -n 1 | tr -s ' ')" "STATE BDF" "-o: these columns in this order, in any case"
helper --root "$tree" list -o +id,bdf
is "$(printf '%s\n' "$out" | head -n 1 | tr -s ' ')" "BDF NAME VENDOR DRIVER GROUP RESET BOOT USER STATE ID" "-o +…: one more, none twice"
helper --root "$tree" list --output=bdf,state --json
is "$(json gpus state)" "host
host
host" "JSON has the columns that were asked for"
unlike "$out" 'driver' "… and no others"
helper --root "$tree" --output-format json list -o bdf
is "$(json gpus bdf | wc -l)" 3 "--output-format json is --json"
helper --root "$tree" --output-format text list -o bdf
is "$(printf '%s\n' "$out" | head -n 1)" BDF "--output-format text is the table"

# a host without a GPU
mkdir -p "$T/bare/sys/bus/pci/devices" "$T/bare/proc"
helper --root "$T/bare" list --json
is "$rc $(json gpus bdf)" "0 " "no GPU: an empty list"
helper --root "$T/bare" list
like "$err" 'no GPU' "… which is said"
is "$out" "" "… not in the list"
done_testing
