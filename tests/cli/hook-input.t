#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# gpupt-hook and bad input: a clear error, the machine as it was.
. "$(dirname "$0")/lib.sh"

tree twins

# refuses CODE MESSAGE WHAT ARGUMENT…: with nothing on stdout, a line that matches on stderr, and the tree unchanged
refuses() {
	local code=$1 message=$2 what=$3 before
	shift 3
	before=$(listing)
	hook "$@"
	is "$rc|$out" "$code|" "$what: exit code $code"
	like "$err" "^gpupt: .*$message" "… says why"
	is "$(printf '%s\n' "$err" | grep -cv '^gpupt: ')" 0 "… in lines that begin with gpupt:"
	is "$(listing)" "$before" "… and nothing was changed"
}
usage() { refuses 2 "$@"; }

# arguments
usage 'a VMID and a phase are needed' "no argument"
like "$err" 'usage: gpupt-hook .*VMID pre-start\|post-start\|pre-stop\|post-stop' "… with the usage"
usage 'a VMID and a phase are needed' "one argument" 101
usage "too many arguments, from 'now'" "three arguments" 101 pre-start now
for id in 0 -1 99 99999999999 1000000000 ../101 0101 101x '' ' 101' 1e3 0x65 ١٠١ "101
102"; do
	usage 'is not a VMID \(100 to 999999999\)' "VMID $(printf %q "$id")" --root "$tree" "$id" pre-start
done
for phase in start pre_start PRE-START 'pre-start ' '' pre-migrate $'pre-start\e[31m'; do
	usage 'there is no phase' "phase '$(printf %q "$phase")'" --root "$tree" 101 "$phase"
	unlike "$err" $'\e' "… fit for a terminal"
done
usage "there is no option '--frob'" "an unknown option" --frob 101 pre-start
usage "cannot open the root directory" "a root that is not there" --root /no/such/place 101 pre-start

# the configuration as a file
conf=/etc/pve/nodes/pve/qemu-server/103.conf
refuses 1 "Configuration file '/etc/pve/qemu-server/103.conf' does not exist" "no configuration" --root "$tree" 103 pre-start
put $conf ''
hook --root "$tree" 103 pre-start
is "$rc|$out|$err" "0||" "an empty configuration has no cards: not a word"
rm "$tree$conf"
mkdir "$tree$conf"
refuses 1 '103.conf.*[Ii]s a directory' "a directory" --root "$tree" 103 pre-start
rmdir "$tree$conf"
head -c 10485760 /dev/zero | tr '\0' '#' >"$tree$conf"
refuses 1 '103.conf.*is longer than 1048576 bytes' "10 MB" --root "$tree" 103 pre-start
put $conf 'hostpci0: 01:00\0,pcie=1\n'
refuses 1 '103.conf.*contains a NUL byte' "a NUL byte" --root "$tree" 103 pre-start
rm "$tree$conf"
mkfifo "$tree$conf"
refuses 1 '103.conf' "a fifo, which nobody writes to" --root "$tree" 103 pre-start
rm "$tree$conf"
ln -s /dev/zero "$tree$conf"
refuses 1 '103.conf' "a link out of the tree" --root "$tree" 103 pre-start
rm "$tree$conf"

# what post-stop gives back comes from the record: a destroyed VM is no error
hook --root "$tree" 103 post-stop
is "$rc|$out" "0|" "post-stop of a VM that was destroyed"

# hostpci, error by error
entry() { # VALUE MESSAGE
	put $conf "machine: q35\nhostpci0: $1\n"
	refuses 1 "VM 103 cannot start: .*$2" "hostpci0: $1" --root "$tree" 103 pre-start
}
entry '01:00,01:00' 'hostpci0'
entry '01:00,pcie=1,pcie=1' 'pcie'
entry '01:00, pcie=1' 'hostpci0'
entry '01:00,pcie=maybe' "pcie: type check \('boolean'\) failed - got 'maybe'"
entry '01:00,pcie' 'hostpci0'
entry '01:00,=1' 'hostpci0'
entry '01:00,pcie=' 'hostpci0'
entry '01:00,PCIE=1' 'hostpci0'
entry '01:0G' 'host: '
entry '1:00' 'host: '
entry '01:00.8' 'host: |01:00.8'
entry '0000:01:0A.0' 'host: '
entry '01:00;;02:00' 'host: '
entry '01:00;' 'host: '
entry '00000:01:00' '00000:01:00'
entry 'pcie=1' 'host'
entry 'host=01:00,mapping=gpu' 'mapping'
entry 'mapping=1gpu' "mapping: invalid format - invalid configuration ID '1gpu'"
entry '01:00,driver=nvidia' "driver: value 'nvidia'"
entry '01:00,vendor-id=1002' 'vendor-id'
entry '01:00,device-id=0x10002' 'device-id'
entry '01:00,mdev=../../x' 'mdev'
entry '01:00,romfile=a;b' 'romfile'
put $conf 'hostpci0: mapping=gpu\n'
refuses 1 "PCI device mapping not found for 'gpu'" "a mapping that is not there" --root "$tree" 103 pre-start
put $conf 'machine: pc\nhostpci0: 01:00,pcie=1\n'
refuses 1 'VM 103 cannot start: .*q35' "pcie=1 without q35" --root "$tree" 103 pre-start
put $conf "hostpci0: 01:00,romfile=a;\e[31mred\n"
refuses 1 'VM 103 cannot start' "an escape sequence in a value" --root "$tree" 103 pre-start
unlike "$err" $'\e' "… is made fit for a terminal"
put $conf 'hostpci16: 01:0G\nhostpci: x\nhostpci01: y\n'
hook --root "$tree" 103 pre-start
is "$rc" 0 "keys that Proxmox VE does not know are passed over"

# devices
put $conf 'hostpci0: 0000:09:00\n'
refuses 1 'there is no PCI device at 0000:09:00 \(hostpci0\)' "an address without a device" --root "$tree" 103 pre-start
like "$(printf '%s\n' "$err" | tail -n 1)" '^gpupt: what to do: ' "… the last line is the remedy"
put $conf 'hostpci0: 0000:01:00;0000:00:01.0\n'
refuses 1 '0000:00:01.0 \(hostpci0\) is a bridge' "a bridge" --root "$tree" 103 pre-start

# standard descriptors
put $conf 'machine: q35\nhostpci0: 01:00,pcie=1\n'
before=$(listing)
"$HOOK" --root "$tree" 103 pre-start >&- 2>"$T/err"
is "$? $(cat "$T/err")" "1 gpupt: standard output or standard error is closed" "closed standard output"
"$HOOK" --root "$tree" 103 pre-start 2>&- >"$T/out"
is "$?" 1 "closed standard error"
"$HOOK" --root "$tree" 103 pre-start <&- >"$T/out" 2>&1
is "$?" 0 "closed standard input is none of our business"
"$HOOK" --root "$tree" 103 pre-start >/dev/full 2>"$T/err"
like "$(cat "$T/err")" 'cannot write to standard output' "a full disk is told"
is "$(listing)" "$before" "nothing was changed"
done_testing
