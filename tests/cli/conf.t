#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# gpupt.conf: every error is told with file, line and what is accepted; the hook refuses, check finds it, and a VM that is none
# of ours starts all the same.
. "$(dirname "$0")/lib.sh"

tree twins
vm 101 'hostpci0: 0000:01:00,pcie=1'
vm 102 'cores: 2'
file=/etc/gpupt/gpupt.conf

accepted() { # WHAT TEXT
	put $file "$2"
	hook --root "$tree" 101 pre-start
	is "$rc|$err" "0|" "accepted: $1"
}
refused() { # WHAT LINE MESSAGE TEXT
	local before
	put $file "$4"
	before=$(listing)
	hook --root "$tree" 101 pre-start
	is "$rc|$out" "1|" "refused: $1"
	like "$err" "^gpupt: $file line $2: .*$3" "… with file, line and reason"
	hook --root "$tree" 102 pre-start
	is "$rc|$out" "0|" "… a VM without cards starts"
	like "$err" "^gpupt: $file line $2: .*$3" "… and is told all the same"
	helper --root "$tree" check --json 03:00
	like "$rc $(json findings message subject=gpupt.conf)" "^1 $file line $2: .*$3" "… check has it, too"
	is "$(listing)" "$before" "… nothing was changed"
}

accepted "no file's worth" ''
accepted "comments and blank lines" '# a comment\n\n; another\n[defaults]\n'
accepted "every key" '[defaults]\nmode = reserved\nafter-stop = keep\nprocesses=terminate\nvms = shutdown\nforce-stop = yes\nshutdown-timeout = 600\nbackup = refuse\nreset = flr\nreset-at = stop\ndriver-timeout = 600\nstop-timeout = 1\n[gpu 0000:01:00.0]\nid = 1002:5159/1af4:1100\ndriver = radeon\nafter-stop = host\n[gpu 02:00]\nid = 1002:5159\nprocesses = wait 60\n[vm 300]\nnext = local:snippets/x\n'
accepted "carriage returns" '[defaults]\r\nafter-stop = keep\r\n'
accepted "no newline at the end" '[defaults]\nafter-stop = keep'

refused "an unknown key" 2 "no key 'after-stpo' in \[defaults\]: known are .*after-stop" '[defaults]\nafter-stpo = keep\n'
refused "an unknown key" 2 "no key 'idd' in \[defaults\]: known are mode, after-stop, processes, vms, containers, force-stop, shutdown-timeout, backup, reset, reset-at, driver-timeout, stop-timeout$" '[defaults]\nidd = 1\n'
refused "an unknown key of a card" 2 "no key 'idd' in \[gpu 01:00\]: known are id, driver, mode, after-stop" '[gpu 01:00]\nidd = 1\n'
refused "an unknown key of a VM" 2 "no key 'nxet' in \[vm 101\]: known are next" '[vm 101]\nnxet = local:snippets/x\n'
refused "a repeated key" 4 "'reset' a second time in \[defaults\]" '[defaults]\nreset = none\n# one\nreset = auto\n'
refused "a continued line, which is a repeated key" 3 "'reset' a second time" '[defaults]\nreset = none\n  auto\n'
refused "an unknown section" 1 'no section \[gpus\]: known are \[host\], \[defaults\], \[gpu ADDRESS\], \[vm VMID\] and \[ct VMID\]' '[gpus]\nreset = none\n'
refused "a key before any section" 1 'no section|section' 'reset = none\n'
refused "a line that is neither" 2 "neither '\[section\]' nor 'key = value'" '[defaults]\nnonsense\n'
refused "an over-long line" 3 'longer than [0-9]+ bytes' "[defaults]\nreset = none\n# $(printf '%0300d' 0)\n"
refused "a second section for a card" 3 'a second section for the card' '[gpu 01:00.0]\nreset = none\n[gpu 0000:01:00]\nreset = none\n'
refused "a second section for a VM" 3 'a second section for VM 101' '[vm 101]\nnext = local:snippets/x\n[vm 101]\n'
refused "a second section for a VM, behind others" 5 'a second section for VM 300' '[vm 300]\nnext = local:snippets/x\n[vm 101]\n[gpu 01:00]\n[vm 300]\nnext = local:snippets/y\n'
refused "an address that is none" 1 '\[gpu 1:0\] names no card' '[gpu 1:0]\nreset = none\n'
refused "a VM that is none" 1 '\[vm 99\] names no VM' '[vm 99]\nnext = local:snippets/x\n'
refused "[defaults] behind a card" 3 '\[defaults\] must stand before' '[gpu 01:00]\nreset = none\n[defaults]\nreset = none\n'
for bad in "after-stop = away;use host or keep" "after-stop =;use host or keep" "processes = kill;use refuse, terminate, or wait" \
	"processes = wait;wait and whole seconds, 1 to 600" "processes = wait 601;1 to 600" "mode = vfio;use shared or reserved" "vms = kill;use refuse or shutdown" \
	"force-stop = maybe;use 0 or 1" "shutdown-timeout = 601;1 to 600" "backup = never;use handover or refuse" \
	"reset = magic;use auto, none, or a method" "reset-at = never;use start, stop" "reset-at = start,;use start, stop|start" \
	"driver-timeout = 0;whole seconds, 1 to 600" "driver-timeout = 601;1 to 600" "stop-timeout = 1.5;1 to 600" \
	"stop-timeout = -1;1 to 600" "stop-timeout = 0x10;1 to 600" "driver = radeon;belongs to one card" "id = 1002:5159;belongs to one card"; do
	[ "${bad%%;*}" != "reset-at = start," ] || continue
	refused "${bad%%;*}" 2 "is not accepted: .*${bad#*;}" "[defaults]\n${bad%%;*}\n"
done
for bad in "id = 1002" "id = radeon" "id = 1002:5159/1af4" "driver = ../radeon" "driver = a b"; do
	refused "$bad" 2 "is not accepted: use" "[gpu 01:00]\n$bad\n"
done
refused "a hookscript that is no snippet" 2 'use a snippet' '[vm 101]\nnext = /usr/local/bin/x\n'

# a VM without cards, of which the file has something to say, or may have
broken() { # WHAT VMID RC TEXT
	put $file "$4"
	for phase in pre-start post-start pre-stop post-stop; do
		hook --root "$tree" "$2" $phase
		is "$rc|$out" "$3|" "$1: exit code $3 at $phase"
		like "$err" "^gpupt: $file(: | line |.* NUL)" "… the error is told"
	done
	[ "$3" = 0 ] || like "$err" "^gpupt: what the file has as next for VM $2 cannot be told and is not run at post-stop" "… and what it costs"
}
vm 103 'hostpci0: 0000:00:00.0,pcie=1'
broken "a section for it, behind the error" 102 1 '[defaults]\nnonsense\n[vm 102]\nnext = local:snippets/x\n'
broken "before the error" 102 1 '[vm 102]\nnext = local:snippets/x\n[defaults]\nnonsense\n'
broken "a header that is the error" 102 1 '[vm 102\nnext = local:snippets/x\n'
broken "a header that ends the file" 102 1 '[nonsense]\n[vm 102'
broken "behind a NUL byte" 102 1 '[defaults]\n\0\n[vm 102]\nnext = local:snippets/x\n'
broken "a VM with a network card" 103 1 '[nonsense]\n[vm 103]\n'
broken "a VM with a network card, and nothing about it" 103 0 '[nonsense]\n[vm 102]\n'
broken "only in a comment" 102 0 '[nonsense]\n#[vm 102]\n  ; [vm 102]\n'
broken "another VM" 102 0 '[nonsense]\n[vm 1020]\n[vm 10]\n[vm 2102]\n'
put $file "[nonsense]\n[vm 102]\n$(printf '%0300000d' 0)"
hook --root "$tree" 102 pre-start
is "$rc|$out" "1|" "a file that is too long to be read may have a section for any VM"
rm "$tree$file"
mkdir "$tree$file"
hook --root "$tree" 102 pre-start
is "$rc|$out" "0|" "a directory has none"
like "$err" "cannot read $file: Is a directory" "… and is told"
rmdir "$tree$file"
put $file ''

# the file itself
rm "$tree$file"
mkdir "$tree$file"
hook --root "$tree" 101 pre-start
is "$rc" 1 "a directory"
like "$err" "cannot read $file: Is a directory" "… is told"
rmdir "$tree$file"
put $file '[defaults]\nreset = no\0ne\n'
hook --root "$tree" 101 pre-start
is "$rc" 1 "a NUL byte"
like "$err" "$file.* NUL" "… is told"
head -c 1048576 /dev/zero | tr '\0' '#' >"$tree$file"
hook --root "$tree" 101 pre-start
is "$rc" 1 "1 MB"
like "$err" "$file" "… is told"
# what was taken is given back all the same
lease 101 "0000:01:00.0" "$(boot_of)" 'begin 1 driver 0000:01:00.0%201002:5159/1af4:1100 radeon vfio-pci,override=vfio-pci why\ndone 1\n'
hook --root "$tree" 101 post-stop
is "$rc" 1 "post-stop complains"
like "$out" 'vfio-pci,override=vfio-pci -> radeon' "… and gives the card back by the defaults"
done_testing
