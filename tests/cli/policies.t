#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What becomes of containers when a VM starts that wants their card: the plan of pre-start, and what refuses it, by policy.
. "$(dirname "$0")/lib.sh"

# machine CONF: the containers' machine, where nobody holds the card
machine() {
	tree containers
	rm "$tree/etc/pve/ha/resources.cfg"
	sed -i '/ \/proc\/[0-9]*\/fd/d' "$tree/gpupt-nodes"
	find "$tree"/proc/[0-9]*/fd -type l -delete
	put /etc/gpupt/gpupt.conf "$1"
	vm 101 'hostpci0: 0000:01:00,pcie=1'
	before=$(listing)
}
# the steps about containers and their nodes
steps() { printf '%s\n' "$out" | sed -nE 's/^gpupt: would do: (guest|ha|config|node) /\1 /p' | sed -E 's/ \([^()]*\)$//'; }
start() {
	hook --root "$tree" 101 pre-start
	is "$(listing)" "$before" "$1: nothing was changed"
}
nodes='node 0000:01:00.0 /dev/dri/renderD128: (absent) -> c 226:128
node 0000:01:00.0 /dev/dri/card0: (absent) -> c 226:0'

machine ''
start "hot, the default"
is "$rc|$err" "0|" "… the VM starts"
is "$(steps | grep -vF "$nodes")" "node 0000:01:00.0 /dev/dri/by-path/pci-0000:01:00.0-render: (absent) -> c 226:128
node 0000:01:00.0 /dev/gpu/media: (absent) -> c 226:128" "… placeholders where links are named, too"
is "$(steps | grep -cF "$nodes")" 2 "… and at the nodes, each once"
is "$(steps | grep -c '^guest')" 0 "… no container is stopped"

machine '[defaults]
containers = shutdown
[ct 203]
containers = hot
[ct 210]
force-stop = 1
shutdown-timeout = 5'
start "shutdown"
is "$rc" 0 "… the VM starts"
is "$(steps | grep '^guest')" "guest lxc/201 timeout=60,force-stop=0: running -> stopped" \
	"… those are stopped that run and have the card, but for one that may not be"
is "$(printf '%s\n' "$out" | grep -nE 'would do: (guest|driver|node)' | sed -E 's/^[0-9]+:gpupt: would do: (guest|driver|node).*/\1/' | uniq | xargs)" \
	"guest driver node" "… first the containers, then the card, then the placeholders"

machine '[gpu 01:00]
containers = refuse'
start "refuse"
is "$rc" 1 "… the VM does not start"
like "$err" 'CT 201 has 0000:01:00.0 \(dev0, dev1\), runs, and gpupt.conf has containers = refuse for it' "… and is told which container"
like "$err" 'CT 203 has 0000:01:00.0 \(lxc.mount.entry' "… each of them"
unlike "$err" 'CT 20[27] ' "… but none that does not run"
like "$err" 'what to do: pct shutdown 201; or containers = hot under \[ct 201\]' "… with the remedy"

machine '[gpu 02:00]
containers = refuse'
start "refuse for the twin"
is "$rc" 0 "… is nothing to this card"

machine '[defaults]
containers = shutdown'
sed -i '1i lock: backup' "$tree/etc/pve/lxc/201.conf"
before=$(listing)
start "a container that is locked"
is "$rc" 1 "… the VM does not start"
like "$err" 'CT 201 has 0000:01:00.0 .* cannot be stopped: its configuration is locked \(backup\)' "… and is told why"

machine '[defaults]
containers = shutdown'
printf 'ct: 201\n\tstate started\n\n' >"$tree/etc/pve/ha/resources.cfg"
before=$(listing)
start "a container that HA manages"
is "$(steps | grep '^ha')" "ha ct:201 timeout=60: started -> stopped" "… its requested state is the step"
printf 'ct: 201\n\tstate ignored\n\n' >"$tree/etc/pve/ha/resources.cfg"
before=$(listing)
start "one that HA ignores"
is "$(steps | grep -E '^(ha|guest)' | head -n 1)" "guest lxc/201 timeout=60,force-stop=0: running -> stopped" "… is stopped directly"
printf 'ct: 201\n\tstate stopped\n\n' >"$tree/etc/pve/ha/resources.cfg"
before=$(listing)
start "one that HA is stopping"
is "$rc" 1 "… the VM does not start"
like "$err" 'the HA manager, which is to have it stopped, has not stopped it yet' "… and is told why"

# busy containers
busy() {
	tree containers
	rm "$tree/etc/pve/ha/resources.cfg"
	put /etc/gpupt/gpupt.conf "$1"
	vm 101 'hostpci0: 0000:01:00,pcie=1'
	before=$(listing)
}
busy ''
start "a busy container, hot"
is "$rc" 1 "… the VM does not start"
like "$err" 'held by ffmpeg \(2011\) in container 201: /dev/dri/' "… the container and its process are named"
like "$err" 'end it in container 201; or containers = shutdown under \[ct 201\] in /etc/gpupt/gpupt.conf' "… and the line that would permit it"
busy '[ct 201]
containers = shutdown
[ct 210]
containers = shutdown'
start "a busy container, shutdown"
is "$rc|$err" "0|" "… the VM starts"
is "$(steps | grep -c '^guest')" 2 "… what holds the card ends with its container"
sed -i '1i lock: backup' "$tree/etc/pve/qemu-server/101.conf"
before=$(listing)
start "… for a backup"
is "$rc" 1 "… no container is stopped"
like "$err" 'held by ffmpeg \(2011\) in container 201' "… what holds the card refuses it"
done_testing
