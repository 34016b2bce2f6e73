#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The boot display carries the framebuffer console: it is taken off first and put
# back last. A second display goes without touching it.
# takes: 60 s
[ -e /lab/lib.sh ] || exec "$(dirname "$0")/boot" console "$0"
. /lab/lib.sh

# Debian's kernel defers taking the console until there is something to show.
echo hello >/dev/tty1
fbcon() { cat /sys/class/vtconsole/*/name /sys/class/vtconsole/*/bind | tr '\n' ' '; }
fbcon_bound() {
	for v in /sys/class/vtconsole/*; do
		! grep -q 'frame buffer' "$v/name" || cat "$v/bind"
	done
}
within 5 test "$(fbcon_bound)" = 1
is "$(fbcon_bound)" 1 "the framebuffer console is there"
vm 101 'hostpci0: 0000:00:02.0'
vm 102 'hostpci0: 0000:01:00,pcie=1'
before

scene "list and check"
is "$(gpu 00:02.0 boot)" "$(gpu 00:02.0 boot)" "list has a column for it"
unlike "$(gpu 00:02.0 boot)" "^($(gpu 01:00.0 boot))\$" "which tells the boot display from the other"
as_before "looking changed nothing"

scene "another display goes"
start 102
is "$rc" 0 "the VM starts"
is "$(fbcon_bound)" 1 "the console stays where it is"
ok "on vfio-pci" on_vfio 01:00.0 01:00.1
stop 102
is "$(fbcon_bound)" 1 "still"
as_before

scene "the boot display goes"
start 101
is "$rc" 0 "the VM starts"
note "$out"
note "$err"
ok "on vfio-pci" on_vfio 00:02.0
ok "QEMU has it" guest_sees 101 1234:1111
note "$(fbcon)"
stop 101
is "$rc" 0 "the VM stops"
is "$(drv 00:02.0)" bochs-drm "the display is back"
is "$(fbcon_bound)" 1 "and so is the console"
echo "still here" >/dev/tty1
as_before

done_testing
