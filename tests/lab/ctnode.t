#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Nodes of a card in containers that keep running while a VM has the card: dead meanwhile, and afterwards what they were, also
# when the card has come back with another number. All of it by the hook and its watcher.
# takes: 240 s
[ -e /lab/lib.sh ] || LAB_LIMIT=1200 exec "$(dirname "$0")/boot" --systemd twins "$0"
. /lab/lib.sh
. /lab/system.sh

# render BDF, card BDF: the number of that node now
render() { cat $PCI/devices/0000:"$1"/drm/renderD*/dev; }
card() { cat $PCI/devices/0000:"$1"/drm/card*/dev; }
sound() { cat $PCI/devices/0000:"$1"/sound/card*/controlC*/dev; }
# inside ID PATH: number, owner and mode of a node, by the host's ids
inside() { echo "$(number "$(ct_root "$1")$2") $(stat -c '%u:%g %a' "$(ct_root "$1")$2")"; }
# back VMID: its card is home, and what made room for it
back() { ok "what VM $1 had is back" within 180 settled "$1"; }
# denied ID NUMBER: a privileged container that makes itself a node of that number cannot open it
denied() {
	ct_run "$1" rm -f /dev/other
	ct_run "$1" mknod /dev/other c "${2%:*}" "${2#*:}"
	[ "$(ct_sees "$1" /dev/other)" = EPERM ]
}
mounts() { wc -l <"/proc/$(ct_pid "$1")/mounts"; }

vm 101 'hostpci0: 0000:01:00,pcie=1'
vm 102 'hostpci0: 0000:02:00,pcie=1'
r=$(drm 01:00.0 renderD) c=$(drm 01:00.0 card) s=$(control 01:00.1) r2=$(drm 02:00.0 renderD)
first=$(render 01:00.0) second=$(render 02:00.0)

ct 200 "dev0: $r,gid=44,mode=0666" "dev1: $c,deny-write=1" "dev2: $s,gid=29"
ct 201 "dev0: $r,uid=7,gid=44" "dev1: $s,gid=29" "unprivileged: 1"
ct 202 "lxc.cgroup2.devices.allow: c $first rwm" "lxc.mount.entry: $r dev/dri/renderD128 none bind,optional,create=file" \
	"lxc.mount.entry: $r dev/gpu none bind,create=file"
ct 203 "lxc.cgroup2.devices.allow: c $(card 01:00.0) rwm" "lxc.cgroup2.devices.allow: c $first rwm" \
	"lxc.mount.entry: /dev/dri dev/dri none bind,optional,create=dir"
ct 204 "lxc.mount.entry: /dev/dri dev/dri none bind,optional,create=dir" "lxc.mount.entry: $r dev/gpu none bind,create=file" \
	"unprivileged: 1"
ct 205 "dev0: $r2,gid=44"
for id in 200 201 202 203 204 205; do ct_start $id; done

# works BDF: everything of the first card works in each container, as it was made
works() {
	b=01:00.0 a=01:00.1
	is "$(inside 200 "$r")" "$(render $b) 0:44 666" "200: number, owner and mode"
	is "$(inside 200 "$c")" "$(card $b) 0:0 660" "… of the card's node"
	is "$(inside 200 "$s")" "$(sound $a) 0:29 660" "… and of its sound"
	is "$(ct_sees 200 "$r") $(ct_sees 200 "$c" r) $(ct_sees 200 "$c") $(ct_sees 200 "$s")" "open open EPERM open" \
		"… they open, and the one that must not be written to does not for that"
	is "$(inside 201 "$r")" "$(render $b) 100007:100044 660" "201: without privileges, the owner is its own"
	is "$(inside 201 "$s")" "$(sound $a) 100000:100029 660" "… of its sound, too"
	is "$(ct_sees 201 "$r") $(ct_sees 201 "$s")" "open open" "… they open"
	is "$(inside 202 /dev/dri/renderD128)" "$(inside 202 /dev/gpu)" "202: a mount of the host's node, in two places"
	is "$(inside 202 /dev/gpu)" "$(number "$(drm $b renderD)") $(stat -c '%u:%g %a' "$(drm $b renderD)")" "… is the host's"
	is "$(ct_sees 202 /dev/dri/renderD128) $(ct_sees 202 /dev/gpu)" "open open" "… and opens, by a rule with the number"
	is "$(ct_sees 203 "$(drm $b renderD)") $(ct_sees 203 "$(drm $b card)")" "open open" "203: so does what is in a mounted directory"
	is "$(ct_run 204 find /dev/dri -type c | wc -l)" "$(find /dev/dri -type c | wc -l)" "204: without privileges it shows the host's"
	is "$(inside 204 /dev/gpu)" "$(number "$(drm $b renderD)") $(stat -c '%u:%g %a' "$(drm $b renderD)")" "… and the mounted node is it"
}

scene "before"
works
for id in 200 201 202 203 204; do eval "before_$id=\$(mounts $id)"; done
twin=$(inside 205 "$r2")
for id in 200 201 202 203 204 205; do ct_pid $id; done >/run/pids

scene "a VM has the card, and it comes back with its number"
start 101
is "$rc" 0 "VM 101 starts"
is "$(ct_sees 200 "$r") $(ct_sees 201 "$r")" "ENODEV ENODEV" "their nodes are dead"
stop 101
is "$(render 01:00.0)" "$first" "the number is the same"
back 101
works

scene "it comes back with the twin's number"
bdf 03:00.0 >$PCI/drivers/bochs-drm/unbind
start 101
start 102
is "$(drvs 01:00.0 02:00.0)" "vfio-pci vfio-pci" "both cards are away"
stop 102
is "$(ct_sees 200 "$r")" EPERM "200, which waits for the first card, may not open its twin, which has that number"
is "$(ct_sees 201 "$r")" EPERM "… nor may 201, without privileges"
stop 101
bdf 03:00.0 >$PCI/drivers/bochs-drm/bind
udevadm settle
is "$(render 01:00.0) $(render 02:00.0)" "$second $first" "the numbers are swapped"
back 101
back 102
works
is "$(inside 205 "$r2")" "$first ${twin#* }" "205: the twin's node has followed the twin"
is "$(ct_sees 205 "$r2")" open "… and opens"
for id in 200 202; do ok "$id: the old number is denied" denied $id "$first"; done
ok "205: its old one, too" denied 205 "$second"
for id in 200 201 202 203 204; do
	eval "was=\$before_$id"
	is "$(mounts $id)" "$was" "$id: no mount more than before"
done
is "$(for id in 200 201 202 203 204 205; do ct_pid $id; done)" "$(cat /run/pids)" "no container was stopped"
is "$(find /run /tmp -name 'node' | wc -l)" 0 "nothing of ours is left on the host"
unlike "$(cat /proc/mounts)" '64k' "… nor mounted"

# Their lines name the twin now, since they go by the node's name; what they have is theirs until they are started again.
for id in 200 201 202 203 204 205; do ct_stop $id; done
start 101
start 102
bdf 03:00.0 >$PCI/drivers/bochs-drm/unbind
bdf 03:00.0 >$PCI/drivers/bochs-drm/bind
stop 101
stop 102
back 101
back 102
udevadm settle
is "$(render 01:00.0) $(render 02:00.0)" "$first $second" "the numbers are as they were"
for id in 200 201 202 203 204 205; do ct_start $id; done
works

scene "one is stopped meanwhile, others have something else in the place"
start 101
start 102
ct_stop 202
ct_run 200 rm -f /dev/other
nsenter -t "$(ct_pid 203)" -m -- umount /dev/dri
nsenter -t "$(ct_pid 201)" -m -- umount "$r"
ct_run 201 rm "$r"
ct_run 201 ln -s /etc/hostname "$r"
: >/run/precious
nsenter -t "$(ct_pid 204)" -m -- umount /dev/gpu
ct_run 204 sh -c 'rm /dev/gpu; ln -s /../../run/precious /dev/gpu'
stop 102
stop 101
udevadm settle
back 101
back 102
is "$(ct_run 201 readlink "$r")" /etc/hostname "201: a link in the place is left"
is "$(ct_run 204 readlink /dev/gpu)" /../../run/precious "204: as well"
is "$(ct_run 204 find /dev/dri -type c | wc -l)" "$(find /dev/dri -type c | wc -l)" "… and its directory is right"
is "$(ct_run 203 ls /dev/dri)" "" "203: what it has unmounted itself stays so"
is "$(inside 200 "$r")" "$(render 01:00.0) 0:44 666" "200: all the others are put back"
is "$(stat -c %F /run/precious)" "regular empty file" "and the host has what it had"
for id in 200 201 203 204 205; do ct_stop $id; done

done_testing
