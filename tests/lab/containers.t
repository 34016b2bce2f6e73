#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Containers that have a card which a VM wants, by policy: real LXC, the stand-in pct, the real drivers.
# takes: 430 s
[ -e /lab/lib.sh ] || LAB_LIMIT=1200 exec "$(dirname "$0")/boot" --systemd twins "$0"
. /lab/lib.sh
. /lab/system.sh

conf() { printf '%s\n' "$@" >/etc/gpupt/gpupt.conf; }
r=$(drm 01:00.0 renderD) c=$(drm 01:00.0 card) r2=$(drm 02:00.0 renderD)
pids() { for id; do ct_pid "$id"; done; }
home_again() { ok "the card comes home, and what made room for it" within 180 settled 101; }
inert() { [ -c "$1" ] && ! cat "$1" >/dev/null 2>&1; }

vm 101 'hostpci0: 0000:01:00,pcie=1'
conf ''
ct 200 "dev0: $r,gid=44,mode=0666" "dev1: $c"
ct 201 "dev0: $r,uid=7,gid=44" "unprivileged: 1"
ct 202 "lxc.cgroup2.devices.allow: c 226:* rwm" "lxc.mount.entry: $r dev/dri/renderD128 none bind,optional,create=file"
ct 203 "dev0: $r2,gid=44"
ct 204 "dev0: $r"
for id in 200 201 202 203; do ct_start $id; done
before

scene "hot: nothing is stopped"
pids 200 201 202 203 >/run/pids
start 101
is "$rc" 0 "VM 101 starts"
note "$out$err"
is "$(ct_sees 200 "$r") $(ct_sees 201 "$r") $(ct_sees 202 /dev/dri/renderD128)" "ENODEV ENODEV ENODEV" "the containers are without the card"
is "$(ct_sees 203 "$r2")" open "that of the twin has its own"
ok "an inert node is in the place of the card's" inert "$r"
ct_start 204
is "$rc" 0 "a container starts while the card is away"
is "$(ct_sees 204 "$r")" ENODEV "… without it"
stop 101
home_again
is "$(ct_sees 200 "$r") $(ct_sees 200 "$c") $(ct_sees 201 "$r") $(ct_sees 202 /dev/dri/renderD128)" "open open open open" "they have it again"
is "$(ct_sees 204 "$r")" open "… the one that was started meanwhile, too"
is "$(pids 200 201 202 203)" "$(cat /run/pids)" "none was stopped"
ct_stop 204
as_before

scene "hot and busy: refused"
ct_hold 200 "$r"
start 101
is "$rc" 255 "VM 101 does not start"
like "$err" "held by sleep \($holder\) in container 200: $r" "the container and the process are named"
like "$err" 'or containers = shutdown under \[ct 200\] in /etc/gpupt/gpupt.conf' "… and the line that would permit it"
as_before

scene "shutdown: busy or not, several at once"
conf '[defaults]' 'containers = shutdown'
began=$(now)
start 101
is "$rc" 0 "VM 101 starts"
note "$out$err (after $(($(now) - began)) s)"
for id in 200 201 202; do ok "$id was shut down" ct_gone $id; done
ok "203 was not" ct_running 203
stop 101
home_again
as_before "they run again, with what they had"

scene "one that does not hear"
: >/var/lib/vz/images/200/subvol-200-disk-0.subvol/deaf
conf '[defaults]' 'containers = shutdown' 'shutdown-timeout = 5'
start 101
is "$rc" 255 "VM 101 does not start"
ok "what was stopped for it runs again" within 180 settled 101
as_before
conf '[defaults]' 'containers = shutdown' '[ct 200]' 'shutdown-timeout = 5' 'force-stop = 1'
start 101
is "$rc" 0 "with force-stop it does"
ok "200 was stopped" ct_gone 200
rm /var/lib/vz/images/200/subvol-200-disk-0.subvol/deaf
stop 101
home_again
as_before

scene "detach"
conf '[ct 200]' 'containers = detach'
cksum </etc/pve/lxc/200.conf >/run/sum
start 101
is "$rc" 0 "VM 101 starts"
note "$out$err"
ok "200 runs" ct_running 200
is "$(grep -c '^dev' /etc/pve/lxc/200.conf)" 0 "… without its lines"
is "$(ct_sees 200 "$r")" ENOENT "… and without the nodes"
gpupt-helper status -v | while read -r line; do note "$line"; done
stop 101
home_again
is "$(cksum </etc/pve/lxc/200.conf)" "$(cat /run/sum)" "the lines are back where they were"
is "$(ct_sees 200 "$r")" open "… and it has the card"
as_before

scene "detach, without quorum"
no_quorum
start 101
is "$rc" 255 "VM 101 does not start"
like "$err" 'cannot be changed for it now' "… and says why"
quorum
as_before
start 101
is "$rc" 0 "with quorum it does"
no_quorum
stop 101
ok "the card comes home" within 30 home
is "$(grep -c '^dev' /etc/pve/lxc/200.conf)" 0 "the lines cannot yet"
quorum
home_again
is "$(cksum </etc/pve/lxc/200.conf)" "$(cat /run/sum)" "with quorum they do"
as_before

scene "refuse"
conf '[gpu 01:00]' 'containers = refuse'
start 101
is "$rc" 255 "VM 101 does not start"
like "$err" 'CT 200 has 0000:01:00.0 \(dev0, dev1\), runs, and gpupt.conf has containers = refuse' "the containers are named"
as_before

scene "HA"
conf '[defaults]' 'containers = shutdown'
ct_stop 201
ct_stop 202
ha-manager add ct:200 --state started
before
start 101
is "$rc" 0 "VM 101 starts"
ok "200 was stopped, by request" ct_gone 200
like "$(cat /etc/pve/ha/resources.cfg)" 'state stopped' "… which stands in the configuration"
stop 101
home_again
ok "it is started again" within 60 ct_running 200
like "$(cat /etc/pve/ha/resources.cfg)" 'state started' "… by request"
as_before
ha-manager remove ct:200

scene "killed in the middle"
conf '[ct 200]' 'containers = detach'
cksum </etc/pve/lxc/200.conf >/run/sum
before
for delay in 1 2 3 5 8; do
	qm start 101 >/dev/null 2>&1 &
	starting=$!
	/bin/sleep $delay
	pkill -9 -f 'gpupt-hook 101' || note "after $delay s it was done"
	wait $starting
	! running 101 || stop 101
	ok "after $delay s: all comes back" within 180 settled 101
	# of a start that had no lease yet: Proxmox VE's reservation for two minutes
	gpupt-helper reconcile >/dev/null
	as_before
done

scene "a container's own hook"
conf ''
sed -i '/^hostname/a hookscript: local:snippets/gpupt-hook' /etc/pve/lxc/200.conf
ct_stop 200
before
start 101
is "$rc" 0 "VM 101 starts"
ct_start 200
is "$rc" 0 "the container starts"
like "$out$err" 'CT 200 starts without 0000:01:00.0: VM 101 has it' "… and is told who has its card"
ct_stop 200
systemctl mask --runtime gpupt-settle@101.service 2>/dev/null
systemctl kill -s KILL gpupt-settle@101.service
no_cleanup 101
pkill -9 -f '^/usr/bin/kvm.*-id 101'
/bin/sleep 1
ct_start 200
is "$rc" 0 "when the VM is dead and nobody has given the card back"
like "$out$err" '0000:01:00.0: back from VM 101' "… it is brought home"
is "$(ct_sees 200 "$r")" open "… and the container has it"
systemctl unmask --runtime gpupt-settle@101.service 2>/dev/null
ct_stop 200
gpupt-helper reconcile
as_before

for id in 200 201 202 203; do ct_stop $id; done
done_testing
