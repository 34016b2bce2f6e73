#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# release, reconcile and reset on a captured machine show what they would do, and do nothing.
. "$(dirname "$0")/lib.sh"

tree twins
steps='begin 1 attr /sys/class/vtconsole/vtcon1/bind 1 0 why\ndone 1\n'
steps=$steps'begin 2 driver 0000:01:00.1%208086:293e/1af4:1100 snd_hda_intel vfio-pci,override=vfio-pci why\ndone 2\n'
steps=$steps'begin 3 driver 0000:01:00.0%201002:5159/1af4:1100 radeon vfio-pci,override=vfio-pci why\ndone 3\n'
steps=$steps'begin 4 run pci-reset%200000:01:00.0 ~ bus why\ndone 4\n'
lease 101 "0000:01:00.0 0000:01:00.1" "$(boot_of)" "$steps"
before=$(listing)
want='driver 0000:01:00.0 1002:5159/1af4:1100: vfio-pci,override=vfio-pci -> radeon
driver 0000:01:00.1 8086:293e/1af4:1100: vfio-pci,override=vfio-pci -> snd_hda_intel
attr /sys/class/vtconsole/vtcon1/bind: 0 -> 1'

for command in 'release 101' 'reconcile 101' reconcile; do
	# shellcheck disable=SC2086
	helper --root "$tree" $command
	is "$rc" 0 "$command"
	is "$out" "$want" "… shows the steps back, the last first"
	like "$err" "^gpupt-helper: $tree is the copy of a host: this is what would be done$" "… and says that it only shows them"
	# shellcheck disable=SC2086
	helper --root "$tree" --dry-run $command
	is "$rc|$out|$err" "0|$want|" "… as with --dry-run"
done
for command in 'release 101' 'reconcile 101' reconcile; do
	# shellcheck disable=SC2086
	helper --root "$tree" $command --json --dry-run
	is "$rc|$err" "0|" "$command --json"
	is "$(json steps vmid,bdf,step,before,after,why,result,message)" \
		"101 0000:01:00.0 driver radeon vfio-pci,override=vfio-pci why would be put back null
101 0000:01:00.1 driver snd_hda_intel vfio-pci,override=vfio-pci why would be put back null
101 null attr 1 0 why would be put back null" "… lists them, as they were made"
	is "$(json steps target step=attr)" "/sys/class/vtconsole/vtcon1/bind" "… with the target of each"
	# shellcheck disable=SC2086
	helper --root "$tree" $command -o step,RESULT
	is "$rc|$(printf '%s\n' "$out" | tr -s ' ' | sed 's/ $//')" "0|STEP RESULT
driver would be put back
driver would be put back
attr would be put back" "… -o: a table"
	# shellcheck disable=SC2086
	helper --root "$tree" $command -o step --noheadings
	is "$out" "driver
driver
attr" "… --noheadings: without its heading"
done
put /etc/gpupt/gpupt.conf '[defaults]\nafter-stop = keep\n'
helper --root "$tree" release 101 --json
is "$(json steps result)" "would be kept
would be kept
would be put back" "with after-stop = keep the functions stay"
rm -r "$tree/etc/gpupt"

# a second lease, with a step that is the same but for its VM
lease 102 "0000:02:00.0" "$(boot_of)" \
	'begin 1 attr /sys/class/vtconsole/vtcon1/bind 1 0 why\ndone 1\nbegin 2 driver 0000:02:00.0%201002:5159/1af4:1100 radeon vfio-pci,override=vfio-pci why\ndone 2\n'
helper --root "$tree" reconcile --json
is "$(json steps vmid,step)" "101 driver
101 driver
101 attr
102 driver
102 attr" "the steps of two VMs, each under its own"
put /run/qemu-server/102.reboot ''
helper --root "$tree" reconcile --json
is "$rc $(json steps vmid | sort -u)" "0 101" "a VM that is being rebooted: none of its steps"
like "$err" '^gpupt-helper: VM 102 keeps its GPUs: it is being rebooted$' "… and why"
rm "$tree/run/qemu-server/102.reboot" "$tree/run/gpupt/lease/102" "$tree/run/gpupt/claim/0000:02:00.0"

# nothing to do is an empty list
for command in 'release 102' 'reconcile 102' 'settle 102'; do
	# shellcheck disable=SC2086
	helper --root "$tree" $command --json
	is "$rc $(json steps vmid)" "0 " "$command --json: an empty list"
done
helper --root "$tree" release 102 --output-format json
like "$err" 'VM 102 has no GPU' "… and the reason beside it"

# what a reset left that was cut short
put /run/gpupt/reset/0000:03:00.0 'gpupt-record 1\nbegin 1 attr /sys/class/vtconsole/vtcon1/bind 1 0 why\ndone 1\nbegin 2 driver 0000:03:00.0%201234:1111/1af4:1100 bochs-drm none why\n'
helper --root "$tree" reconcile
like "$out" '^0000:03:00.0: what its reset left is put back$' "a reset that was cut short"
helper --root "$tree" reconcile --json
is "$rc $(json steps bdf,step,before,result vmid='^$')" "0 0000:03:00.0 driver bochs-drm would be put back
null attr 1 would be put back" "… in JSON its steps"
is "$(json steps vmid | sort -u)" "101
null" "… beside those of the VM"
rm -r "$tree/run/gpupt/reset"

# a column that there is not: before anything else is looked at
for command in 'release 101' 'release 102' 'reconcile' 'reconcile 101' 'reset 01:00' 'reset 03:00' 'settle 101' settle; do
	# shellcheck disable=SC2086
	helper --root "$tree" $command -o vmid,nosuch
	is "$rc|$out|$err" "2||gpupt-helper: there is no column 'nosuch' in steps: known are vmid, bdf, step, target, before, after, why, result, message; see 'gpupt-helper help'" \
		"$command -o nosuch"
done
helper --root "$tree" release 102
is "$rc" 0 "release of what nobody has is no error"
like "$out" 'VM 102 has no GPU' "… but is said"
helper --root "$tree" reconcile 102
is "$rc|$out" "0|" "reconcile of a VM without a lease"
is "$(listing)" "$before" "nothing was changed"

# a configuration that is not understood: what was taken is given back all the same, by the defaults
put /etc/gpupt/gpupt.conf '[defaults]\nx = 1\n'
for command in 'release 101' reconcile; do
	# shellcheck disable=SC2086
	helper --root "$tree" $command
	is "$rc" 1 "$command with a bad gpupt.conf"
	like "$out" '^driver 0000:01:00.0 .* -> radeon$' "… shows the way back"
	like "$err" 'gpupt.conf line 2: there is no key' "… and says which line"
done
helper --root "$tree" reset 03:00
is "$rc|$out" "1|" "reset with a bad gpupt.conf"
like "$err" 'gpupt.conf line 2: there is no key' "… says which line"
rm "$tree/etc/gpupt/gpupt.conf"

# reset
before=$(listing)
helper --root "$tree" reset 03:00
is "$rc" 0 "reset of a card that the host uses as its console"
is "$(printf '%s\n' "$out" | sed 's/ (.*//')" "attr /sys/class/vtconsole/[name=(M) frame buffer device]/bind: 1 -> 0
driver 0000:03:00.0 1234:1111/1af4:1100: bochs-drm,power=auto,d3cold=1 -> none
run pci-reset 0000:03:00.0 1234:1111/1af4:1100: bus
Then all steps but the reset are undone." "… the console, the driver, the reset"
helper --root "$tree" reset 03:00 --json
is "$rc $(json steps vmid,bdf,step,after,result)" "0 null null attr 0 would be made
null 0000:03:00.0 driver none would be made
null 0000:03:00.0 run bus would be made
null 0000:03:00.0 driver none would be put back
null null attr 0 would be put back" "… as JSON, there and back"
helper --root "$tree" reset 01:00 --json
is "$rc $(json steps step)" "1 " "… refused: an empty list"
like "$err" 'belongs to VM 101' "… and the reason beside it"
helper --root "$tree" reset 02:00
is "$rc|$out" "1|" "reset of a card whose bus holds two functions"
like "$err" "0000:02:00.0 cannot be reset by itself: .*another function shares its bus.*hot reset" "… says honestly that it cannot work"
helper --root "$tree" reset 01:00
is "$rc|$out" "1|" "reset of a card that a VM has on record"
like "$err" 'belongs to VM 101' "… is refused"
is "$(listing)" "$before" "nothing was changed"

tree amd-four
before=$(listing)
helper --root "$tree" reset 0b:00
is "$rc|$out" "1|" "reset of a card that processes hold"
like "$err" 'ffmpeg \(4711\) in container 200' "… names them"
put /etc/gpupt/gpupt.conf '[defaults]\nprocesses = terminate\n'
helper --root "$tree" reset 0b:00
is "$rc|$out" "1|" "… nor are they ended for it"
rm -r "$tree"/proc/4*
helper --root "$tree" reset 0b:00.1
is "$rc" 0 "without them it works, named by any of its functions"
like "$out" '^run pci-reset 0000:0b:00.0 1002:73bf/1da2:e438: device_specific' "… by device_specific"
is "$(printf '%s\n' "$out" | sed -n 's/^driver \([^ ]*\) .* -> none.*/\1/p' | tr '\n' ' ')" \
	"0000:0b:00.3 0000:0b:00.2 0000:0b:00.1 0000:0b:00.0 " "… with every function off its driver, the display last"
put /etc/gpupt/gpupt.conf '[defaults]\nreset = flr\n'
helper --root "$tree" reset 0b:00
is "$rc" 1 "a method that the card does not have"
like "$err" 'the kernel does not list flr for it \(reset_method: device_specific pm bus\)' "… is named"

tree hybrid
helper --root "$tree" reset 00:02.0
is "$rc" 0 "auto is for any vendor here"
like "$out" '^run pci-reset 0000:00:02.0 8086:4680/1043:8882: flr' "… flr"
tree dead
helper --root "$tree" reset 0a:00
is "$rc|$out" "1|" "a dead card"
like "$err" 'config space reads ff' "… is told"
done_testing
