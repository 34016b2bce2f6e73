#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/trees/capture on a host with Proxmox VE's files: these lie over /etc of this machine, in a mount namespace of its own.
. "$(dirname "$0")/lib.sh"

if [ "$(id -u)" -ne 0 ] || ! unshare -m true 2>/dev/null; then
	skip 9 "no mount namespace of one's own"
	done_testing
fi
cat >"$T/script" <<'END'
set -e
out=$1 capture=$2
mount -t tmpfs none /etc
mount -t tmpfs none /mnt
mkdir -p /etc/pve/nodes/host7/lxc /etc/pve/nodes/host7/qemu-server /etc/pve/ha
ln -s nodes/host7 /etc/pve/local
for k in lxc qemu-server; do ln -s nodes/host7/$k /etc/pve/$k; done
ln -s card /mnt/link
mknod /mnt/card c 1 3
cat >/etc/pve/lxc/200.conf <<'CONF'
#a secret
arch: amd64
dev0: /dev/null,mode=0666
hostname: secret
lxc.mount.entry: /tank/secret mnt/media none bind
lxc.mount.entry: /dev/dri dev/dri none bind,optional
lxc.mount.entry = /mnt/link opt/card none bind,create=file
lxc.cgroup2.devices.allow: c 1:3 rwm
unprivileged: 1

[secret]
dev1: /dev/zero
CONF
printf 'ct: 200\n\tcomment secret\n\tstate stopped\n\tgroup secret\n\nservice: 5\n' >/etc/pve/ha/resources.cfg
exec "$capture" "$out"
END
ok "capture" unshare -m bash "$T/script" "$T/out" "$top/tests/trees/capture"
is "$(cat "$T/out/etc/pve/lxc/200.conf")" 'dev0: /dev/null,mode=0666
lxc.mount.entry: /dev/dri dev/dri none bind,optional
lxc.mount.entry = /mnt/link opt/card none bind,create=file
lxc.cgroup2.devices.allow: c 1:3 rwm
unprivileged: 1
[secret]
dev1: /dev/zero' "of a container what names devices"
is "$(cat "$T/out/etc/pve/ha/resources.cfg")" 'ct: 200
	state stopped' "of HA's resources the requested states"
is "$(readlink "$T/out/mnt/link")" "card" "links that configurations name"
like "$(cat "$T/out/gpupt-nodes")" '^c 1:3 /mnt/card$' "… and the nodes that they lead to"
like "$(cat "$T/out/gpupt-nodes")" '^c 1:3 /dev/null$' "nodes that configurations name"
unlike "$(cat "$T/out/proc/net/unix")" '/run/' "of sockets none but containers'"
is "$(readlink "$T/out/etc/pve/local")" nodes/pve "the node's name is not told"
is "$(grep -rl '/tank/secret\|comment\|host7' "$T/out/etc/pve" | wc -l)" 0 "nor are names of data"
done_testing
