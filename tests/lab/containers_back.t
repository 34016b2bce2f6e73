#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Containers on their way back: a VM that starts meanwhile wins, several come back at once, the card stays on vfio-pci, somebody has
# stopped, replaced or moved one while it was without.
# takes: 250 s
[ -e /lab/lib.sh ] || LAB_LIMIT=900 exec "$(dirname "$0")/boot" --systemd twins "$0"
. /lab/lib.sh
. /lab/system.sh

conf() { printf '%s\n' "$@" >/etc/gpupt/gpupt.conf; }
r=$(drm 01:00.0 renderD)
home_again() { ok "the card comes home, and what made room for it" within 180 settled 101; }
inert() { [ -c "$1" ] && ! cat "$1" >/dev/null 2>&1; }
sum() { cksum </etc/pve/lxc/200.conf; }
# starts N: so many are being started now
starts() { [ "$(pgrep -fc '/pct start 20[0-9]$')" -ge "$1" ]; }

# A start that takes a while, as with a slow storage.
cat >/var/lib/vz/snippets/slow <<'SLOW'
#!/bin/sh
[ "$2" != pre-start ] || sleep 6
SLOW
chmod 755 /var/lib/vz/snippets/slow

vm 101 'hostpci0: 0000:01:00,pcie=1'
conf '[defaults]' 'containers = shutdown'
for id in 200 201; do
	ct $id "dev0: $r,gid=44" "hookscript: local:snippets/slow"
	ct_start $id
done
before

scene "a start of the VM wins"
start 101
is "$rc" 0 "VM 101 starts"
note "$out$err"
for id in 200 201; do ok "$id was shut down" ct_gone $id; done
stop 101
ok "they are started again, side by side" within 60 starts 2
start 101
is "$rc" 0 "VM 101 starts meanwhile"
like "$out$err" 'what made room for VM 101 is on its way back: waiting for what process [0-9]+ has begun' "… and says what it waits for"
note "$out$err (after $took s)"
for id in 200 201; do ok "$id is down again" ct_gone $id; done
ok "the VM has the card" on_vfio 01:00.0 01:00.1
stop 101
home_again
as_before
for id in 200 201; do ct_stop $id; done
ct 200 "dev0: $r,gid=44"

scene "the card stays on vfio-pci"
ct_start 200
conf '[gpu 01:00]' 'after-stop = keep' 'containers = shutdown'
start 101
is "$rc" 0 "VM 101 starts"
ok "200 was shut down" ct_gone 200
stop 101
ok "nothing is left to do" within 180 settled 101
is "$(drvs 01:00.0 01:00.1)" "vfio-pci vfio-pci" "the card is where it was"
ok "200 runs" ct_running 200
is "$(ct_sees 200 "$r")" ENODEV "… without it"
ok "an inert node is in the place of the card's" inert "$r"
ct_stop 200
ct_start 200
is "$rc" 0 "… so that it can be started"
conf ''
start 101
is "$rc" 0 "VM 101 starts once more, and the card is to come home"
stop 101
home_again
ok "the card is home" home
ok "… with a node of its own" sh -c ": <$r"
ct_stop 200
ct_start 200
is "$(ct_sees 200 "$r")" open "… and 200 has it from its next start on"

scene "somebody stops a container that was detached"
conf '[ct 200]' 'containers = detach'
sum >/run/sum
start 101
is "$rc" 0 "VM 101 starts"
ok "200 runs without its lines" ct_running 200
ct_stop 200
stop 101
home_again
is "$(sum)" "$(cat /run/sum)" "its lines are back"
ok "it stays stopped" ct_gone 200

scene "its id is another container's by then"
printf '%s\n' 'net0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,type=veth' >>/etc/pve/lxc/200.conf
ct_start 200
start 101
is "$rc" 0 "VM 101 starts"
ct_stop 200
ct 200 "net0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:02,type=veth"
sed -i 's/^hostname: .*/hostname: another/' /etc/pve/lxc/200.conf
sum >/run/sum
stop 101
home_again
is "$(sum)" "$(cat /run/sum)" "nothing is put into its configuration"
ok "it is not started" ct_gone 200

scene "the HA manager has recovered it elsewhere"
ct 200 "dev0: $r,gid=44"
conf '[defaults]' 'containers = shutdown'
ct_start 200
ha-manager add ct:200 --state started
start 101
is "$rc" 0 "VM 101 starts"
ok "200 was stopped, by request" ct_gone 200
mkdir -p /etc/pve/nodes/other/lxc
mv /etc/pve/lxc/200.conf /etc/pve/nodes/other/lxc/200.conf
stop 101
home_again
like "$(cat /etc/pve/ha/resources.cfg)" 'state stopped' "what is requested of it is left as it is"
ha-manager remove ct:200
rm -r /etc/pve/nodes/other

done_testing
