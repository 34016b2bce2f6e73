#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# No systemd: the hook does its work and says that nobody watches.
# takes: 40 s
[ -e /lab/lib.sh ] || exec "$(dirname "$0")/boot" twins "$0"
. /lab/lib.sh

before
vm 101 'hostpci0: 0000:01:00,pcie=1'
start 101
is "$rc" 0 "the VM starts"
like "$err" '^gpupt: .*nobody watches whether VM 101 comes up' "the hook says that nobody watches"
like "$err" 'gpupt-helper release 101' "… and what to do"
stop 101
unlike "$err" 'watches' "nothing of it at the stop"
as_before

vm 102 'memory: 32'
start 102
unlike "$err" 'watches' "nor for a VM without cards"
stop 102

vm 101 'hostpci0: 0000:01:00,pcie=1' 'args: -device no-such-device'
start 101
is "$rc" 255 "a start that fails leaves the card"
run gpupt-helper reconcile
is "$rc" 0 "reconcile brings it home"
as_before

done_testing
