#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The lab itself: its `pct` does to a real LXC what Proxmox VE does, and what a card's
# going and coming is to a container that nobody helps is what ours has to prevent or
# to repair.
# takes: 240 s
[ -e /lab/lib.sh ] || LAB_LIMIT=1200 exec "$(dirname "$0")/boot" --systemd twins "$0"
. /lab/lib.sh
. /lab/system.sh

# A hook that writes down how it was called.
cat >/var/lib/vz/snippets/spy <<'SPY'
#!/bin/sh
{
	echo "$# $1 $2 [$LC_ALL] [$PATH] stdin=$(head -c 1 | wc -c) $(pct status $1)"
	flock -n /run/lock/lxc/pve-config-$1.lock true && echo "the container is not locked"
	grep '^dev9' /etc/pve/lxc/$1.conf
} >/run/spy.$$
cat /run/spy.$$ >>/run/spy
echo "$2 says so"
echo "$2 warns" >&2
[ ! -e /run/lab/refuse-$2 ]
SPY
chmod +x /var/lib/vz/snippets/spy
spied() { cat /run/spy 2>/dev/null; }
: >/run/spy

card=$(drm 01:00.0 card) render=$(drm 01:00.0 renderD)
card2=$(drm 02:00.0 card) render2=$(drm 02:00.0 renderD)
n=$(number "$render") n2=$(number "$render2")

scene "devN in a privileged and in an unprivileged container"
ct 200 "dev0: $render,gid=44,mode=0666" "dev1: $card,deny-write=1" "hookscript: local:snippets/spy"
ct 201 "dev0: $render,uid=7,gid=44" "dev1: $card,deny-write=1" "unprivileged: 1"
for id in 200 201; do
	ct_start $id
	is "$rc" 0 "$id starts"
	ok "… and runs" ct_running $id
	is "$(cut -d : -f 3 "/proc/$(ct_pid $id)/cgroup")" "/lxc/$id/ns" "… in its control group"
	is "$(ct_run $id find /dev/dri -type c | sort | tr '\n' ' ')" "$card $render " "it has the nodes that it names, and no other"
	is "$(ct_sees $id "$render")" open "it can open its card's render node"
	is "$(ct_sees $id "$card" r)" open "and read from the one that it must not write to"
	is "$(ls -A /var/lib/lxc/$id/rootfs)" "" "its root filesystem is mounted for itself only"
done
is "$(ct_node 200 "$render")" "666 0:44 $n" "200: mode, owner and number of the node"
is "$(ct_node 201 "$render")" "660 7:44 $n" "201: the owner is the container's"
is "$(stat -c '%u:%g' "$(ct_root 201)$render")" "100007:100044" "… which is another on the host"
ct_run 200 mknod /dev/other c "${n2%:*}" "${n2#*:}"
is "$(ct_sees 200 /dev/other)" EPERM "200 can make the node of another card, and the device cgroup denies it"
fails "201 cannot even make it" ct_run 201 mknod /dev/other c "${n2%:*}" "${n2#*:}"
# Proxmox VE allows an unprivileged container all devices and denies `w` behind that,
# and LXC's filter knows no part of an access: what opens to read and write, may.
is "$(ct_sees 200 "$card")" EPERM "200: deny-write denies"
is "$(ct_sees 201 "$card")" open "201: … but not who wants both"

scene "who holds a card"
for id in 200 201; do
	ct_hold $id "$render"
	is "$(readlink "/proc/$holder/fd/0")" "$render" "a process in $id is seen from outside, by the path inside"
	is "$(stat -Lc '%t:%T' "/proc/$holder/fd/0")" "$(stat -c '%t:%T' "$render")" "… and by the number"
	like "$(cat "/proc/$holder/cgroup")" "^0::/lxc/$id/ns" "… and in its container's control group"
	fails "it can be left alone" ended "$holder"
	ct_let_go $id
	ok "or ended" within 10 ended "$holder"
done

scene "hot-add, and what stays pending"
run pct set 201 "--dev9" "$render2,mode=0640,gid=5"
is "$rc" 0 "pct set -dev9 of a running container"
is "$(ct_node 201 "$render2")" "640 0:5 $n2" "the node is there"
is "$(ct_sees 201 "$render2")" open "and opens"
run pct set 200 "--dev9" "$render2"
is "$(ct_sees 200 "$render2") $(ct_sees 200 /dev/other)" "open open" "the device cgroup of a privileged one lets it"
run pct set 200 --dev8 /dev/dri/card99
is "$rc" 255 "a node that is not there is refused"
like "$err" '^Device /dev/dri/card99 does not exist' "… by name"
run pct set 200 --delete dev9
is "$rc" 0 "pct set --delete dev9"
like "$(cat /etc/pve/lxc/200.conf)" '^dev9: ' "… leaves it in the configuration"
is "$(sed -n '/^\[pve:pending\]/,$p' /etc/pve/lxc/200.conf)" "[pve:pending]
delete: dev9" "… until the container stops"
is "$(ct_sees 200 "$render2")" open "and in the container"
unlike "$(pct config 200)" 'dev9' "pct config shows what will be"
like "$(pct config 200 --current)" 'dev9' "… and what is"

scene "the device cgroup of a running container"
# `lxc-cgroup -n ID devices.allow|deny 'c MAJOR:MINOR ACCESS'` works: LXC's monitor loads
# its BPF program anew. devices.list cannot be read. A privileged container has a list of
# what is allowed: a denial takes away the rule of the same numbers and the same access,
# and is otherwise nothing.
for id in 200 201; do
	lxc-cgroup -n $id devices.deny "c $n rw"
	is "$(ct_sees $id "$render")" EPERM "$id: denied"
	lxc-cgroup -n $id devices.allow "c $n rw"
	is "$(ct_sees $id "$render")" open "$id: allowed"
done
fails "the list cannot be read" lxc-cgroup -n 200 devices.list
lxc-cgroup -n 200 devices.deny "c $n rwm"
is "$(ct_sees 200 "$render")" open "200: with another access than it was allowed with, a denial is none"
lxc-cgroup -n 200 devices.allow "c 226:* rwm"
lxc-cgroup -n 200 devices.deny "c $n rw"
is "$(ct_sees 200 "$render")" open "200: nor behind a wildcard"
lxc-cgroup -n 200 devices.deny "c 226:* rwm"
is "$(ct_sees 200 "$render") $(ct_sees 200 "$render2")" "EPERM open" "200: a denied wildcard leaves what was allowed beside it"
lxc-cgroup -n 200 devices.allow "c $n rw"

scene "another node in place of one, in a running container"
# A node can be made through /proc/PID/root only in a privileged container: the /dev of an
# unprivileged one knows neither root of the host as an owner nor devices. What works for
# both: a tmpfs of the host's, a clone of the node's mount, and the container's mount
# namespace to put it in.
cat >/lab/put <<'PUT'
#!/usr/bin/perl
# put PID NODE PATH: NODE of the host at PATH in the mount namespace of PID
use v5.36;
my ($pid, $node, $path) = @ARGV;
my ($empty, $old) = ('', $path);
my $fd = syscall(428, -100, $node, 0x80001); # open_tree, AT_FDCWD, OPEN_TREE_CLONE|CLOEXEC
die "open_tree: $!\n" if $fd < 0;
open(my $ns, '<', "/proc/$pid/ns/mnt") or die "$!\n";
my $nsfd = fileno($ns);
syscall(308, $nsfd, 0x20000) == 0 or die "setns: $!\n"; # CLONE_NEWNS
syscall(166, $old, 2) == 0 or die "umount2: $!\n"; # MNT_DETACH
syscall(429, $fd, $empty, -100, $path, 4) == 0 or die "move_mount: $!\n"; # F_EMPTY_PATH
PUT
chmod +x /lab/put
fails "201: not through /proc/PID/root" mknod "$(ct_root 201)/dev/new" c "${n2%:*}" "${n2#*:}"
ok "200: that would do" mknod "$(ct_root 200)/dev/new" c "${n2%:*}" "${n2#*:}"
for id in 200 201; do
	pid=$(ct_pid $id) own=$(stat -c '%u:%g' "$(ct_root $id)$render")
	mkdir -p /run/nodes
	mount -t tmpfs -o mode=700 none /run/nodes
	mknod /run/nodes/n c "${n2%:*}" "${n2#*:}"
	chown "$own" /run/nodes/n
	chmod 640 /run/nodes/n
	ct_hold $id "$render"
	fails "$id: its mount cannot be taken away in order while somebody has it open" nsenter -t "$pid" -m -- umount "$render"
	ok "$id: but replaced" /lab/put "$pid" /run/nodes/n "$render"
	umount /run/nodes
	is "$(number "/proc/$pid/root$render")" "$n2" "… the new one is there"
	is "$(grep -c " $render " "/proc/$pid/mounts")" 1 "… and no other below it"
	is "$(stat -Lc '%t:%T' "/proc/$holder/fd/0")" "$(stat -c '%t:%T' "$render")" "… and the holder has what it had"
	ct_let_go $id
done
is "$(ct_node 200 "$render") $(ct_node 201 "$render")" "640 0:44 $n2 640 7:44 $n2" "modes and owners are as they were made"
is "$(ct_sees 200 "$render") $(ct_sees 201 "$render")" "open open" "they open"

scene "stops: pending changes are applied, hooks are run"
: >/run/spy
ct_stop 200
is "$rc" 0 "pct stop"
like "$out" '^pre-stop says so' "stdout of pre-stop is in the task log"
like "$err" '^pre-stop warns' "and its stderr"
unlike "$out$err" 'post-stop' "those of post-stop are not: LXC runs it"
env="[C] [/sbin:/bin:/usr/sbin:/usr/bin] stdin=0 status:"
is "$(spied)" "2 200 pre-stop $env running
dev9: $render2
2 200 post-stop $env running" "both under the lock, and at post-stop the pending change is made"
fails "the container is gone" ct_running 200
unlike "$(cat /etc/pve/lxc/200.conf)" 'dev9|pending' "nothing is pending any more"
ct_stop 200
is "$rc" 255 "a second stop is refused"
ct_stop 201

scene "a start: hooks"
: >/run/spy
ct_start 200
is "$rc" 0 "pct start"
like "$out" '^pre-start says so' "stdout of the hook is in the task log"
is "$(spied)" "2 200 pre-start $env stopped
2 200 post-start $env running" "arguments, environment, the lock"
ct_start 200
is "$rc" 255 "a second start is refused"
like "$err" '^CT 200 already running' "… with Proxmox VE's words"

scene "it reboots, and ends, by itself"
: >/run/spy
old=$(ct_pid 200)
ct_run 200 reboot -f
again() { p=$(ct_pid 200 2>/dev/null) && [ "$p" ] && [ "$p" != "$old" ]; }
ok "it comes back" within 60 again
is "$(ct_sees 200 "$render")" open "with its card"
is "$(spied)" "" "and without a hook"
ct_run 200 poweroff -f
ok "it ends" within 30 ct_gone 200
ok "… and there is a hook" within 30 grep -q post-stop /run/spy
is "$(spied)" "2 200 post-stop $env stopped
the container is not locked" "post-stop, without the lock"

scene "a hook that refuses, a configuration that is locked"
: >/run/lab/refuse-pre-start
ct_start 200
is "$rc" 255 "pre-start refuses, so the start fails"
like "$err" "^hookscript error for 200 on pre-start: command '.*' failed: exit code 1" "with Proxmox VE's words"
rm /run/lab/refuse-pre-start
run pct set 200 --lock backup
ct_start 200
is "$rc" 255 "lock: in the configuration refuses a start"
like "$err" '^CT is locked \(backup\)' "… with Proxmox VE's words"
run pct set 200 --onboot 1
is "$rc" 255 "and any change"
pct unlock 200
flock /run/lock/lxc/pve-config-200.lock /bin/sleep 15 &
usleep 300000
run pct set 200 --onboot 1
is "$rc" 255 "whoever has Proxmox VE's own lock is waited for"
like "$err" "^can't lock file '/run/lock/lxc/pve-config-200.lock' - got timeout" "… with Proxmox VE's words"
ok "… for 10 s (it took $took s)" test "$took" -ge 10
wait

scene "no quorum: /etc/pve cannot be written"
no_quorum
ct_start 200
is "$rc" 255 "nothing is started"
like "$err" '^cluster not ready - no quorum' "… with Proxmox VE's words"
run pct set 200 --onboot 1
is "$rc" 255 "nor changed"
quorum

scene "a shutdown that the container does not follow"
ct_start 200
touch "$(ct_root 200)/deaf"
: >/run/spy
run pct shutdown 200 --timeout 3
is "$rc" 255 "it fails after its time"
ok "the container runs on" ct_running 200
like "$(spied)" '^2 200 pre-stop' "pre-stop was run"
unlike "$(spied)" 'post-stop' "post-stop was not"
run pct shutdown 200 --timeout 3 --forceStop 1
is "$rc" 0 "with --forceStop it is stopped"
fails "the container is gone" ct_running 200
ct_start 200
rm "$(ct_root 200)/deaf"
: >/run/spy
run pct reboot 200
is "$rc" 0 "pct reboot"
is "$(spied | awk '/^2 200/ { print $3 }' | tr '\n' ' ')" "pre-stop post-stop pre-start post-start " "… is a stop and a start, with all hooks"
run pct shutdown 200
is "$rc" 0 "and a shutdown that it follows"

scene "the card is away"
# The device that names the card is a mount of the directory here.
ct 202 "lxc.cgroup2.devices.allow: c 226:* rwm" "lxc.mount.entry: /dev/dri dev/dri none bind,optional,create=dir"
ct_start 201
ct_start 202
is "$(ct_sees 202 "$render")" open "a mount of /dev/dri shows the card"
bdf 01:00.0 >$PCI/drivers/radeon/unbind
udevadm settle
is "$(drv 01:00.0)" none "the card has lost its driver"
is "$(ct_sees 202 "$render")" ENOENT "the mount of /dev/dri follows the host"
is "$(ct_sees 201 "$render")" ENODEV "a devN does not: its node stays"
: >/run/spy
ct_start 200
is "$rc" 255 "a start fails"
like "$err" '^Device /dev/dri/.* does not exist' "… with Proxmox VE's words"
is "$(spied)" "" "… before any hook"
sed -i '$a hookscript: local:snippets/spy' /etc/pve/lxc/201.conf
run pct set 201 --onboot 1
is "$rc" 255 "so does a change of one that runs"
like "$(cat /etc/pve/lxc/201.conf)" '^onboot: 1' "… although it is made"
unit_down() { [ "$(systemctl show -P ActiveState pve-container@201)" = inactive ]; }
ct_run 201 reboot -f
ok "a reboot is its end" within 30 unit_down
like "$(cat /run/pve/ct-201.stderr)" 'Failed to run lxc.hook.post-stop' "… because what LXC runs then fails for the same reason"
/bin/sleep 2
fails "… and nobody starts it again" ct_running 201
is "$(spied)" "" "… nor is the hook's post-stop run"

scene "placeholders: nodes with no driver behind them"
mknod "$render" c "${n%:*}" "${n#*:}"
# The number that no driver can have, as overlayfs uses it.
mknod "$card" c 0 0
ct_start 200
is "$rc" 0 "with them the container starts"
is "$(ct_node 200 "$render") $(ct_node 200 "$card")" "666 0:44 $n 660 0:0 0:0" "it has copies of them"
is "$(ct_sees 200 "$render")" ENODEV "the one of a major number that has a driver"
is "$(ct_sees 200 "$card" r)" ENXIO "the other one"
bdf 01:00.0 >$PCI/drivers/radeon/bind
udevadm settle
is "$(number "$card")" 0:0 "who leaves one there keeps the kernel from making its own"
rm "$card" "$render"
bdf 01:00.0 >$PCI/drivers/radeon/unbind

scene "both cards come back, each under the other's number"
bdf 02:00.0 >$PCI/drivers/radeon/unbind
bdf 02:00.0 >$PCI/drivers/radeon/bind
bdf 01:00.0 >$PCI/drivers/radeon/bind
udevadm settle
is "$(drm 01:00.0 renderD) $(drm 02:00.0 renderD)" "$render2 $render" "the names are swapped"
is "$(ct_sees 200 "$render")" open "the node in the container opens the wrong card"
holder=
ct_hold 200 "$render"
like "$(readlink "/sys/dev/char/$(number "/proc/$holder/fd/0")/device")" '/0000:02:00\.0$' "… which is the twin"
ct_let_go 200
ct_stop 200
ct_stop 202

done_testing
