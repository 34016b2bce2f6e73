#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `check`: tables, arguments, the plan of a start.
. "$(dirname "$0")/lib.sh"

tree twins
vm 101 'hostpci0: 0000:01:00,pcie=1'
before=$(listing)

helper --root "$tree" check
is "$rc" 0 "nothing blocks"
like "$(printf '%s\n' "$out" | head -n 1)" '^SEVERITY +FINDING +SUBJECT +MESSAGE +REMEDY$' "the heading"
like "$out" '^ok +ready +0000:01:00.0 ' "a line for a finding"
is "$(printf '%s\n' "$out" | awk '{ print (NF > 3) }' | sort -u)" 1 "no broken line where there is no terminal"
helper --root "$tree" check -o finding,subject --noheadings
is "$(printf '%s\n' "$out" | tr -s ' ' | sed 's/ $//' | sort -u | head -n 2)" "console 0000:03:00.0
ready 0000:01:00.0" "-o, --noheadings"
helper --root "$tree" check -o meaning 01:00
like "$out" 'the card can go to a VM now' "what a finding means"

# a card by each of its names
for name in 0000:01:00.0 01:00.0 01:00 0000:01:00 01:00.1; do
	helper --root "$tree" check --json "$name"
	is "$rc $(json findings subject)" "0 0000:01:00.0" "$name"
done
for name in 09:00 0000:01:00.7 0001:01:00.0; do
	helper --root "$tree" check "$name"
	is "$rc$out" 1 "$name: refused"
	like "$err" "^gpupt-helper: [0-9a-f:.]+ is not there; the GPUs of this host: 0000:01:00.0, 0000:02:00.0, 0000:03:00.0$" \
		"… with the GPUs that there are"
done
helper --root "$tree" check 00:01.0
is "$rc$out" 1 "a bridge: refused"
like "$err" '0000:00:01.0 is not a GPU; the GPUs of this host: ' "… as no GPU"
for name in '' x 1:0 01:00.8 01:00.0.0 01:20.0 0x101 -101x '101 ' ../101 99 0 99999999999 1000000000; do
	helper --root "$tree" check -- "$name"
	is "$rc$out" 2 "'$name': usage"
	is "$(printf '%s\n' "$err" | wc -l)" 1 "… in one line"
done
helper --root "$tree" check 99
like "$err" "'99' is not a VMID: use a number from 100 to 999999999" "a VMID that is none"
helper --root "$tree" check 999
is "$rc" 1 "a VM that there is not"
like "$err" "Configuration file '/etc/pve/qemu-server/999.conf' does not exist" "… in Proxmox VE's words"
helper --root "$tree" check 200
is "$rc" 1 "a container"
like "$err" '200 is a container' "… is told"

# what does not work does not keep the rest from being looked at
helper --root "$tree" check --json 999 01:00
is "$rc $(json findings finding)" "1 ready" "one good, one bad"

# the plan
plan='driver 0000:01:00.1 8086:293e/1af4:1100: snd_hda_intel,.* -> vfio-pci,override=vfio-pci,'
for how in -v --verbose --dry-run; do
	helper --root "$tree" check 101 $how
	is "$rc" 0 "check 101 $how"
	like "$out" "^The start of VM 101 would make these steps:$" "… has the plan"
	like "$out" "$plan" "… the audio function"
	is "$(printf '%s\n' "$out" | grep -n 'driver 0000:01:00' | sed 's/^.*driver \(0000:01:00..\).*/\1/' | tr '\n' ' ')" \
		"0000:01:00.1 0000:01:00.0 " "… before the display"
done
helper --root "$tree" check 101
unlike "$out" 'would make' "no plan unless it is asked for"
helper --root "$tree" check 101 -v --json
is "$(json findings,steps finding)" "ready" "JSON is JSON with it"
for how in -v --dry-run; do
	helper --root "$tree" check 101 $how --json
	is "$rc $(json steps,findings vmid,bdf,step,before,after,result)" \
		"0 101 0000:01:00.1 driver snd_hda_intel,power=auto,d3cold=1 vfio-pci,override=vfio-pci,power=on,d3cold=0 would be made
101 0000:01:00.0 driver radeon,power=auto,d3cold=1 vfio-pci,override=vfio-pci,power=on,d3cold=0 would be made" \
		"JSON, $how: the steps as a list of their own"
	like "$(json steps,findings why)" 'VM' "… with the reason of each"
	like "$(json steps,findings target)" '^0000:01:00.1 8086:293e/1af4:1100$' "… and its target"
	helper --root "$tree" check 101 $how --json -o finding
	is "$(json findings,steps finding) $(json steps,findings result | sort -u)" "ready would be made" "… -o is about the findings"
	helper --root "$tree" check 01:00 $how --json
	is "$rc $(json steps,findings step)" "0 " "… of a card there are none"
done
helper --root "$tree" check 101 --json
is "$(json findings finding)" "ready" "… unless it is asked for"
is "$(listing)" "$before" "none of all this changed anything"

lease 102 "0000:01:00.0 0000:01:00.1" "$(boot_of)"
helper --root "$tree" check 101 -v
is "$rc" 1 "another VM has the card"
like "$out" 'The start of VM 101 would be refused' "… no plan then"
helper --root "$tree" check 101 -v --json
is "$rc $(json findings,steps finding severity=block | sort -u) $(json steps,findings step)" "1 claimed " "… no steps in JSON"
rm -r "$tree/run/gpupt"

# the configuration of a VM, as a file
put_vm() { rm -rf "$tree/etc/pve/qemu-server/103.conf"; printf '%b' "$1" >"$tree/etc/pve/qemu-server/103.conf"; }
put_vm ''
helper --root "$tree" check 103
is "$rc" 0 "an empty file is a VM without cards"
put_vm 'hostpci0: 01:00\0\n'
helper --root "$tree" check 103 --json
is "$rc $(json findings finding)" "1 config-bad" "a NUL byte"
like "$(json findings message)" '103.conf.* NUL' "… is named"
rm "$tree/etc/pve/qemu-server/103.conf"
mkdir "$tree/etc/pve/qemu-server/103.conf"
helper --root "$tree" check 103 --json
is "$rc $(json findings finding)" "1 config-bad" "a directory"
rmdir "$tree/etc/pve/qemu-server/103.conf"
head -c 10485760 /dev/zero | tr '\0' '#' >"$tree/etc/pve/qemu-server/103.conf"
helper --root "$tree" check 103 --json
is "$rc $(json findings finding)" "1 config-bad" "10 MB"
like "$(json findings message)" 'longer than 1048576 bytes' "… is too long"
rm "$tree/etc/pve/qemu-server/103.conf"

# on a terminal: colours, unless they are not wanted; broken between words
if command -v script >/dev/null; then
	terminal() { run env TERM=xterm script -qec "stty cols 100; $* $HELPER --root $tree check 02:00 03:00" /dev/null; }
	terminal
	like "$out" $'\e\\[32mok' "a terminal gets colours"
	is "$(printf '%s\n' "$out" | sed 's/\x1b\[[0-9;]*m//g' | tr -d '\r' | awk 'length($0) > 100' | wc -l)" 0 "… lines that fit"
	like "$out" 'dark while a VM has|VM has it' "… broken between words"
	terminal NO_COLOR=1
	unlike "$out" $'\e' "NO_COLOR=1: none"
else
	skip 4 "no program 'script' to make a terminal with"
fi

# nothing but the kernel's own files: a host without Proxmox VE, without a card
mkdir -p "$T/bare/sys/bus/pci/devices" "$T/bare/proc"
helper --root "$T/bare" check --json
is "$rc" 1 "a host without a GPU"
is "$(json findings finding | sort)" "iommu-off
no-device" "… has none, and no IOMMU"
done_testing
