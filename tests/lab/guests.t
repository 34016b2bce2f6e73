#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The lab itself: who starts and stops containers, besides an administrator. High
# availability carries out what is asked for and keeps it so; pve-guests follows the
# order at boot and its reverse at shutdown.
# takes: 140 s
[ -e /lab/lib.sh ] || LAB_LIMIT=900 exec "$(dirname "$0")/boot" --systemd twins "$0" -action reboot=reset
. /lab/lib.sh
. /lab/system.sh

spied() { cat /var/lib/lab/spy 2>/dev/null; }
in_error() { ha-manager status | grep -q '^service ct:203 (lab, error)'; }

case $boot_n in
1)
	cat >/var/lib/vz/snippets/spy <<-'SPY'
	#!/bin/sh
	echo "$1 $2" >>/var/lib/lab/spy
	SPY
	chmod +x /var/lib/vz/snippets/spy

	scene "high availability"
	ct 203 "hookscript: local:snippets/spy"
	run ha-manager add ct:203 --state started
	is "$rc" 0 "the container becomes a resource"
	ok "and is started" within 60 ct_running 203
	: >/var/lib/lab/spy
	run pct stop 203
	is "$rc" 0 "pct stop succeeds"
	like "$out" '^Requesting HA stop for CT 203' "… and says that it asks for it"
	ok "the container stops a moment later" within 60 ct_gone 203
	like "$(cat /etc/pve/ha/resources.cfg)" 'state stopped' "what is asked for stands in the configuration"
	ok "with its hooks" within 30 grep -q post-stop /var/lib/lab/spy
	run pct start 203
	like "$out" '^Requesting HA start for CT 203' "so does a start"
	like "$(cat /etc/pve/ha/resources.cfg)" 'state started' "… there, too"
	ok "and it starts" within 60 ct_running 203
	lxc-stop -n 203 -k
	ok "one that ends without being asked to" within 30 ct_gone 203
	ok "… is started again" within 60 ct_running 203
	run ha-manager set ct:203 --state disabled
	ok "disabled, it stops" within 60 ct_gone 203
	echo "dev0: /dev/dri/card99" >>/etc/pve/lxc/203.conf
	run ha-manager set ct:203 --state started
	ok "a start that fails twice is an error" within 60 in_error
	run ha-manager set ct:203 --state started
	is "$rc" 255 "which must be dealt with before anything is asked for"
	run ha-manager set ct:203 --state ignored
	is "$rc" 255 "… whatever it is"
	sed -i '/^dev0/d' /etc/pve/lxc/203.conf
	run ha-manager set ct:203 --state disabled
	is "$rc" 0 "it must be disabled first"
	usleep 1500000
	run ha-manager set ct:203 --state started
	ok "and can then be started" within 60 ct_running 203

	scene "the node goes down"
	ct 200 "onboot: 1" "hookscript: local:snippets/spy" "dev0: /dev/dri/card99"
	ct 204 "onboot: 1" "hookscript: local:snippets/spy" "lock: backup"
	ct 205 "onboot: 1" "hookscript: local:snippets/spy" "startup: order=1"
	ct 206 "hookscript: local:snippets/spy"
	ct_start 205
	ct_start 206
	is "$rc" 0 "two containers run besides that of HA"
	: >/var/lib/lab/spy
	reboot_by systemctl start --no-block --job-mode=replace-irreversibly reboot.target
	;;
2)
	scene "the node is up again"
	like "$(cat /var/lib/lab/shutdown)" '^stop of 206: 0 ' "pve-guests has stopped one"
	like "$(cat /var/lib/lab/shutdown)" '^stop of 205: 0 ' "and the other"
	unlike "$(cat /var/lib/lab/shutdown)" '^stop of 203' "not that of HA"
	ok "which runs again" within 60 ct_running 203
	within 30 grep -q '203 post-start' /var/lib/lab/spy
	is "$(spied | grep stop)" "206 pre-stop
206 post-stop
205 pre-stop
205 post-stop
203 pre-stop
203 post-stop" "that of HA was the last"
	is "$(spied | grep start | grep -v 203)" "205 pre-start
205 post-start
204 pre-start
204 post-start" "those of the boot started in their order, without a lock that a backup had left"
	is "$(spied | grep '203.*start')" "203 pre-start
203 post-start" "so did that of HA"
	like "$(journalctl -q -b -o cat -u pve-guests)" '^Device /dev/dri/card99 does not exist' "one whose device is missing did not"
	ct_running 204
	fails "and nobody tries again" ct_running 200
	;;
esac

done_testing
