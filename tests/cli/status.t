#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `status`: what is on record, without writing a byte.
. "$(dirname "$0")/lib.sh"

tree twins
before=$(listing)
helper --root "$tree" status
is "$rc $out" "0 No VM has a card." "nothing on record"
helper --root "$tree" status --noheadings
is "$rc$out$err" 0 "… with --noheadings not a word"
helper --root "$tree" status --json
is "$rc $(json leases vmid)" "0 " "… as JSON an empty list"
is "$(listing)" "$before" "looking made no directory"

steps='begin 1 driver 0000:01:00.1%208086:293e/1af4:1100 snd_hda_intel vfio-pci,override=vfio-pci the%20VM%20gets%20it\ndone 1\n'
steps=$steps'begin 2 driver 0000:01:00.0%201002:5159/1af4:1100 radeon vfio-pci,override=vfio-pci the%20VM%20gets%20it\ndone 2\n'
cards="0000:01:00.0 0000:01:00.1"
lease 101 "$cards" "$(boot_of)" "$steps"
before=$(listing)

helper --root "$tree" status
is "$rc" 0 "a VM that does not run"
is "$(printf '%s\n' "$out" | sed -n 1,2p | tr -s ' ')" "VMID SINCE STATE QEMU CARDS
 101 2023-11-14 22:13:20 not running - 0000:01:00.0, 0000:01:00.1" "… is shown so"
like "$out" '^VM 101 .*gpupt-helper reconcile 101$' "… with what to do"
unlike "$out" 'snd_hda_intel' "… without its steps"
helper --root "$tree" status -v
like "$out" '^  made +driver 0000:01:00.1 8086:293e/1af4:1100: snd_hda_intel -> vfio-pci,override=vfio-pci \(the VM gets it\)$' "-v: its steps"
helper --root "$tree" status --json
is "$(json leases vmid)" 101 "JSON: the VM"
is "$(json leases cards)" "$cards" "… its cards"
is "$(json leases since)" "2023-11-14T22:13:20+0000" "… since when"
is "$(json leases qemu)" null "… no QEMU"
is "$(printf '%s' "$out" | perl -MJSON::PP -e 'local $/; my $d = decode_json(<STDIN>);
	print map { "$_->{step} $_->{state} $_->{before} $_->{after}\n" } @{ $d->{leases}[0]{children} }')" \
	"driver made snd_hda_intel vfio-pci,override=vfio-pci
driver made radeon vfio-pci,override=vfio-pci" "… its steps as its children"
helper --root "$tree" status -o state,vmid --noheadings
is "$(printf '%s\n' "$out" | head -n 1 | tr -s ' ')" "not running 101" "-o"
is "$(listing)" "$before" "reading wrote nothing"

put /run/qemu-server/101.pid '5151\n'
put /proc/5151/cmdline '/usr/bin/kvm\0-id\0101\0-pidfile\0/run/qemu-server/101.pid\0'
put /proc/5151/stat '5151 (kvm) S 1 5151 5151 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 900 0 0\n'
helper --root "$tree" status
like "$out" '^ 101 .* running +5151 ' "a VM that runs, with the process of QEMU"
unlike "$out" 'reconcile' "… and nothing to do"
rm "$tree/run/qemu-server/101.pid"

mkdir -p "$tree/run/gpupt/turn"
put /proc/4242/stat '4242 (gpupt-hook) S 1 4242 4242 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0\n'
put /run/gpupt/turn/101 '4242 777\n'
helper --root "$tree" status -o state --noheadings
is "$out" "starting" "a hook is at work on it"
lease 101 "$cards" "$(boot_of)" "$steps"'undo 2\nundone 2\n'
helper --root "$tree" status -o state --noheadings
is "$out" "settling" "… and has put something back"
rm -r "$tree/run/gpupt/turn"

# Proxmox VE works on it: its lock is held, which the list of locks tells
put /var/lock/qemu-server/lock-101.conf ''
lease 101 "$cards" "$(boot_of)" "$steps"
read -r dev ino < <(stat -c '%d %i' "$tree/var/lock/qemu-server/lock-101.conf")
put /proc/locks "1: FLOCK  ADVISORY  WRITE 77 $(printf '%02x:%02x' $(((dev >> 8) & 0xfff)) $(((dev & 0xff) | ((dev >> 12) & 0xfff00)))):$ino 0 EOF\n"
helper --root "$tree" status -o state --noheadings
is "$out" "starting" "Proxmox VE is at work on it"
put /proc/locks ''
helper --root "$tree" status -o state --noheadings
is "$out" "not running" "… and is not any more"

lease 101 "$cards" an-earlier-boot "$steps"
helper --root "$tree" status -o state --noheadings
is "$out" "earlier boot" "a lease of an earlier boot"

# stuck
put /run/gpupt/stuck/0000:03:00.0 '4242 777 writing unbind\n'
helper --root "$tree" status
like "$out" '^ +- - +stuck +- +0000:03:00.0$' "a function that is stuck"
like "$out" '^0000:03:00.0 is stuck: process 4242 waits in the kernel \(writing unbind\): .*reconcile.*reboot' "… with what to do"
helper --root "$tree" status --json
is "$(json leases cards state=stuck)" "0000:03:00.0" "… in JSON"
like "$(json leases remedy state=stuck)" 'reboot' "… with its remedy"

# a reset that was cut short: both functions are off their drivers, the console is off
steps_of_reset='begin 1 attr /sys/class/vtconsole/vtcon1/bind 1 0 why\ndone 1\n'
steps_of_reset=$steps_of_reset'begin 2 driver 0000:02:00.1%208086:293e/1af4:1100 snd_hda_intel none why\ndone 2\n'
steps_of_reset=$steps_of_reset'begin 3 driver 0000:02:00.0%201002:5159/1af4:1100 radeon none why\n'
put /run/gpupt/reset/0000:02:00.0 "gpupt-record 1\n$steps_of_reset"
before=$(listing)
helper --root "$tree" status
is "$rc" 0 "a reset that was cut short"
like "$out" '^ +- - +reset +- +0000:02:00.0, 0000:02:00.1$' "… is shown"
like "$out" '^0000:02:00.0: a reset was cut short; .*: gpupt-helper reconcile$' "… with what to do"
helper --root "$tree" status -v
like "$out" '^Steps for the reset of 0000:02:00.0:$' "-v: its steps"
like "$out" '^  begun +driver 0000:02:00.0 1002:5159/1af4:1100: radeon -> none \(why\)$' "… each"
helper --root "$tree" status --json
is "$(json leases vmid,cards,qemu,remedy state=^reset)" "null 0000:02:00.0 0000:02:00.1 null gpupt-helper reconcile" "… in JSON"
is "$(printf '%s' "$out" | perl -MJSON::PP -e 'local $/; my $d = decode_json(<STDIN>);
	print map { ($_->{vmid} // "null") . " $_->{step} $_->{state} $_->{before} $_->{after}\n" } map { @{ $_->{children} } }
		grep { $_->{state} eq "reset" } @{ $d->{leases} }')" "null attr made 1 0
null driver made snd_hda_intel none
null driver begun radeon none" "… with its steps"
is "$(listing)" "$before" "… and left alone"
put /run/gpupt/claim/0000:02:00.0 "reset boot $(boot_of) owner 4242 777\n"
helper --root "$tree" status
like "$out" '^ +- - +resetting +- +0000:02:00.0, 0000:02:00.1$' "its process lives: a reset that is under way"
like "$out" '^0000:02:00.0: a reset is under way \(process 4242\)$' "… by which process"
unlike "$out" '^0000:02:00.0.*reconcile' "… and nothing to do"
helper --root "$tree" status --json
is "$(json leases remedy state=^reset)" "null" "… in JSON"
put /run/gpupt/claim/0000:02:00.0 "reset boot $(boot_of) owner 4242 776\n"
helper --root "$tree" status -o state --noheadings
like "$out" '^reset$' "another process with its number is not it"
mv "$tree/run/gpupt" "$tree/run/saved"
put /run/gpupt/reset/0000:02:00.0 "gpupt-record 1\n"
helper --root "$tree" status
unlike "$out" 'No VM has a card' "with nothing but a reset it does not say that there is nothing"
like "$out" '^ +- - +reset +- +0000:02:00.0$' "… also where the reset has changed nothing yet"
put /run/gpupt/reset/0000:02:00.0 'gpupt-record 1\nnonsense\n'
helper --root "$tree" status
is "$rc" 1 "a damaged record of a reset"
like "$err" '/run/gpupt/reset/0000:02:00.0.*line 2' "… is named"
# a container's start that was cut short on the card's way home
put /run/gpupt/reset/0000:02:00.0 "gpupt-record 1\nnote toward home\nbegin 1 driver 0000:02:00.0%201002:5159/1af4:1100 vfio-pci radeon why\n"
helper --root "$tree" status
like "$out" '^ +- - +half-way home +- +0000:02:00.0$' "a way home that was cut short"
like "$out" "^0000:02:00.0: a container's start was cut short .*: gpupt-helper reconcile\$" "… with what to do"
unlike "$out" 'reset' "… and not as a reset"
helper --root "$tree" reconcile
like "$out" '^0000:02:00.0: it is brought home' "what reconcile would do with it"
put /run/gpupt/claim/0000:02:00.0 "reset boot $(boot_of) owner 4242 777\n"
helper --root "$tree" status
like "$out" '^ +- - +coming home +- +0000:02:00.0$' "its process lives: on its way home"
like "$out" '^0000:02:00.0: it is being brought home for a container \(process 4242\)$' "… by which process"
rm "$tree/run/gpupt/claim/0000:02:00.0"
rm -r "$tree/run/gpupt"
mv "$tree/run/saved" "$tree/run/gpupt"

# records that are damaged
before=$(listing)
printf 'gpupt-record 1\nbegin 1 dri' >"$tree/run/gpupt/lease/101"
helper --root "$tree" status --json
is "$rc $(json leases vmid state=not)" "0 101" "a torn last line never was"
printf 'gpupt-record 1\nnonsense\n' >"$tree/run/gpupt/lease/101"
helper --root "$tree" status
is "$rc" 1 "a line that is none"
like "$err" '/run/gpupt/lease/101.*line 2' "… is named"
like "$out" ' reset .* 0000:02:00.0' "… and hides nothing else"
ok "and left as it is" grep -q nonsense "$tree/run/gpupt/lease/101"
rm -r "$tree/run/gpupt/lease"
ln -s /etc "$tree/run/gpupt/lease"
helper --root "$tree" status
unlike "$out" 'passwd' "a link in the place of our directory leads nowhere"
# the host's preparation
tree twins
prepared='gpupt-record 1\nnote boot b\nnote since 1700000000\nnote last-boot b\n'
prepared=$prepared'begin 1 dir /etc/modules-load.d ~ 0755 why\ndone 1\nbegin 2 file /etc/modules-load.d/gpupt.conf ~ vfio%0a the%20reason\ndone 2\n'
put /etc/modules-load.d/gpupt.conf 'vfio\n'
put /var/lib/gpupt/prepare/record "$prepared"
before=$(listing)
helper --root "$tree" status
is "$rc" 0 "a host that is prepared"
is "$(printf '%s\n' "$out" | sed -n 2p | tr -s ' ')" " - 2023-11-14 22:13:20 prepared - -" "… is a row"
like "$out" "^host: prepared since 2023-11-14 22:13:20, 2 steps: 'gpupt-helper revert' takes it back$" "… and a line"
unlike "$out" 'modules-load|No VM has a card' "… without its steps"
helper --root "$tree" status -v
like "$out" '^Steps for the host:$' "-v: its steps"
like "$out" '^  made +file /etc/modules-load.d/gpupt.conf: \(absent\) -> \(5 bytes\) \(the reason\)' "… each"
helper --root "$tree" status --json
is "$(json leases vmid,since,state,remedy)" "null 2023-11-14T22:13:20+0000 prepared null" "JSON"
is "$(printf '%s' "$out" | perl -MJSON::PP -e 'local $/; my $d = decode_json(<STDIN>);
	print map { "$_->{step} $_->{state} $_->{target} $_->{why}\n" } @{ $d->{leases}[0]{children} }')" "dir made /etc/modules-load.d why
file made /etc/modules-load.d/gpupt.conf the reason" "… with its steps as children"
is "$(listing)" "$before" "… and nothing was written"
read -r dev ino < <(stat -c '%d %i' "$tree/var/lib/gpupt/prepare/record")
put /proc/locks "1: FLOCK  ADVISORY  WRITE 77 $(printf '%02x:%02x' $(((dev >> 8) & 0xfff)) $(((dev & 0xff) | ((dev >> 12) & 0xfff00)))):$ino 0 EOF\n"
put /var/lib/gpupt/prepare/unfinished '3\n'
helper --root "$tree" status -o state --noheadings
is "$out" "preparing" "a process is at work on it"
rm "$tree/proc/locks"
helper --root "$tree" status
is "$(printf '%s\n' "$out" | sed -n 2p | tr -s ' ')" " - 2023-11-14 22:13:20 cut off - -" "one that was cut off"
like "$out" "^host: .* was cut off: 'gpupt-helper prepare --resume' goes on with it, 'gpupt-helper revert --unfinished' puts it back$" "… with what to do"
helper --root "$tree" status --json
like "$(json leases remedy state='cut off')" '--resume.*--unfinished' "… in JSON"
rm "$tree/var/lib/gpupt/prepare/unfinished"
put /var/lib/gpupt/prepare/record "${prepared}undo 1\nundone 1\nundo 2\nleft 2\n"
helper --root "$tree" status
is "$rc $out" "0 No VM has a card." "one that is reverted is none"
put /var/lib/gpupt/prepare/record "${prepared}nonsense\n"
helper --root "$tree" status
is "$rc" 1 "a damaged record of it"
like "$err" '/var/lib/gpupt/prepare/record.*line 9' "… is named"
done_testing
