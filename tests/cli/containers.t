#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Containers that use a card, in `list` and `check`: which, by which lines, and who in them holds it.
. "$(dirname "$0")/lib.sh"

tree containers
before=$(listing)
helper --root "$tree" list --json -o bdf,cts,user
is "$rc$err" 0 "list"
is "$(json gpus cts bdf=01:00)" "201 202 203 206 207 210" "containers of a card"
is "$(json gpus cts bdf=02:00)" "200 203 204 208 209" "… of its twin"
is "$(json gpus cts bdf=03:00)" "" "… of a card that nobody uses"
is "$(json gpus user bdf=01:00)" "CT 201, CT 210, CT 203" "those that run have it"
is "$(json gpus user bdf=02:00)" "CT 203, CT 204" "… and those that do not run have not"

helper --root "$tree" check --json 01:00
says() { json findings message finding=shared-ct "message=CT $1 "; }
is "$(says 201)" "CT 201 uses 0000:01:00.0 (dev0, dev1), held by ffmpeg (2011) in container 201: it is without while a VM has the card" \
	"check: the lines, and the process"
is "$(says 203)" "CT 203 uses 0000:01:00.0 (lxc.mount.entry, lxc.cgroup2.devices.allow): it is without while a VM has the card" \
	"a directory, in which the card is to be seen"
is "$(says 206)" "CT 206 uses 0000:01:00.0 (lxc.cgroup2.devices.allow): it is without while a VM has the card" "a number"
is "$(says 207)" "CT 207 uses 0000:01:00.0 (dev0, dev3): it is without while a VM has the card" "links of udev's and of others"
like "$(says 210)" '\(lxc.cgroup2.devices.allow\), held by hidden \(2101\)' "a number with a star, held open"
for ct in 200 204 205 208 209 211; do
	is "$(says $ct)" "" "CT $ct has nothing to do with it"
done
is "$(json findings subject finding=shared-ct | sort -u)" "0000:01:00.0" "they are all about the card that was asked about"
put /etc/gpupt/gpupt.conf '[ct 201]
containers = detach'
helper --root "$tree" check --json 01:00
like "$(says 201)" 'it has not these lines while a VM has the card; backups, clones, snapshots and migrations of then lack them' \
	"what is made of a container without its lines lacks them"
rm -r "$tree/etc/gpupt"
helper --root "$tree" check --json 02:00
is "$(json findings message finding=shared-ct | sed 's/^\(CT [0-9]*\).*/\1/' | tr '\n' ' ')" "CT 200 CT 203 CT 204 CT 208 CT 209 " \
	"the twin has its own"
helper --root "$tree" check --json 101
like "$(json findings message finding=shared-ct | head -n 1)" '^CT 201 uses 0000:01:00.0 .*held by ffmpeg' "the check of a VM says it, too"
is "$(listing)" "$before" "none of this changed anything"

# a container is started, another stops
sed -i '/\/203\/command/d' "$tree/proc/net/unix"
helper --root "$tree" list --json -o bdf,cts,user
is "$(json gpus cts bdf=02:00)" "200 204 208 209" "a directory in a container that does not run is nobody's"

# the card is away: an address still tells, names and numbers do if they are remembered
away() {
	local d=$tree/sys/devices/pci0000:00/0000:00:01.0
	rm -r "$d/0000:01:00.0/drm" "$d/0000:01:00.0/i2c-0" "$d/0000:01:00.1/sound" "$tree"/dev/dri/{card0,renderD128}
	rm "$tree"/dev/dri/by-path/pci-0000:01:00.0-*
	sed -i '/ \/dev\/dri\/\(card0\|renderD128\)$/d; / \/proc\/[0-9]*\/fd/d' "$tree/gpupt-nodes"
	ln -sfn ../../../../bus/pci/drivers/vfio-pci "$d/0000:01:00.0/driver"
}
tree containers
away
helper --root "$tree" list --json -o bdf,cts,user
is "$(json gpus cts bdf=01:00)" "207" "a card that is away: by its address"
is "$(json gpus cts bdf=02:00)" "200 203 204 208 209" "… and its twin has what it had"
mkdir -p "$tree/var/lib/gpupt/path"
echo '0000:01:00.0 1002:5159/1af4:1100 renderD c 226:128' >"$tree/var/lib/gpupt/path/%2Fdev%2Fdri%2FrenderD128"
helper --root "$tree" list --json -o bdf,cts,user
is "$(json gpus cts bdf=01:00) $(json gpus user bdf=01:00)" "201 202 207 null" "… and by what is remembered; none of them has it now"
helper --root "$tree" check --json 01:00
is "$(says 202)" "CT 202 uses 0000:01:00.0 (lxc.mount.entry), which is away: it is without until the host has it again" "check says so"
echo '0000:02:00.0 1002:5159/1af4:1100 renderD c 226:128' >"$tree/var/lib/gpupt/path/%2Fdev%2Fdri%2FrenderD128"
helper --root "$tree" list --json -o bdf,cts
is "$(json gpus cts bdf=01:00)" "207" "what was the twin's is not this card's"
echo 'nonsense' >"$tree/var/lib/gpupt/path/%2Fdev%2Fdri%2FrenderD128"
helper --root "$tree" list --json -o bdf,cts
is "$rc $(json gpus cts bdf=01:00)" "0 207" "what is not understood is not remembered"

# a configuration that cannot be read says nothing, and keeps nobody else from being seen
tree containers
head -c 2000000 /dev/zero >"$tree/etc/pve/lxc/202.conf"
helper --root "$tree" list --json -o bdf,cts
is "$rc $(json gpus cts bdf=01:00)" "0 201 203 206 207 210" "a file that is none"
done_testing
