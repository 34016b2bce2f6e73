# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# What every scenario starts with: TAP, looks at the machine, and the settings
# of a Proxmox VE node. Sourced by /lab/scenario inside the lab.

PCI=/sys/bus/pci
QEMU=/run/qemu-server
HOOK=/usr/libexec/gpupt/gpupt-hook
T=/tmp
tap_n=0 tap_failed=0 scenes=0

# The shell prefers busybox's programs to those in PATH: /sbin/modprobe and
# /bin/sleep are called by their path where it matters which one runs.

# --- TAP -----------------------------------------------------------------------

note() { printf '%s\n' "$*" | sed 's/^/# /'; }
# A headline, with the time: a slow step shows.
scene() {
	scenes=$((scenes + 1))
	note "=== $* [$(cut -d ' ' -f 1 /proc/uptime) s]"
}

result() { # STATUS DESCRIPTION
	tap_n=$((tap_n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_n - $2"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_n - $2"
	fi
	return "$1"
}

# ok DESCRIPTION COMMAND…: the command succeeds.
ok() {
	local what=$1
	shift
	"$@" >$T/ok.out 2>&1
	result $? "$what" || { note "$* said:"; note "$(tail -n 20 $T/ok.out)"; }
}

# fails DESCRIPTION COMMAND…: it does not.
fails() {
	local what=$1 rc=0
	shift
	"$@" >$T/ok.out 2>&1 || rc=$?
	[ "$rc" -ne 0 ]
	result $? "$what" || { note "$* said:"; note "$(tail -n 20 $T/ok.out)"; }
}

is() { # GOT WANT DESCRIPTION
	[ "$1" = "$2" ]
	result $? "$3" || { note "got:"; note "$1"; note "wanted:"; note "$2"; }
}

# like TEXT REGEX DESCRIPTION; unlike: the opposite
like() {
	printf '%s\n' "$1" | grep -qE -- "$2"
	result $? "$3" || { note "no match for /$2/ in:"; note "$1"; }
}
unlike() {
	! printf '%s\n' "$1" | grep -qE -- "$2"
	result $? "$3" || { note "/$2/ matches in:"; note "$1"; }
}

# same FILE FILE DESCRIPTION
same() {
	diff -u "$1" "$2" >$T/diff
	result $? "$3" || {
		note "$(tail -n +3 $T/diff)"
		return 1
	}
}

done_testing() {
	echo "1..$tap_n"
	# What the kernel complained about belongs to the result: an oops in a
	# scenario that passed is none.
	local oops
	oops=$(dmesg | grep -E 'BUG:|Oops|WARNING: CPU|general protection|blocked for more than' | head -n 5)
	[ -z "$oops" ] || note "kernel: $oops"
	[ "$tap_failed" -eq 0 ]
	exit
}

# run COMMAND…: leaves stdout in $out, stderr in $err, the status in $rc, and how
# many seconds it took in $took.
run() {
	local t0 pid
	t0=$(now)
	rc=0
	"$@" >$T/out 2>$T/err </dev/null &
	pid=$!
	if within "$run_limit" ended $pid; then
		wait $pid || rc=$?
	else
		# Something waits in the kernel for ever: the scenario goes on and fails.
		rc=124
		echo "(still running after $run_limit s)" >>$T/err
	fi
	took=$(($(now) - t0))
	out=$(cat $T/out) err=$(cat $T/err)
}
run_limit=150
# A zombie has ended, too: it waits for our wait.
ended() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }
now() { cut -d . -f 1 /proc/uptime; }

# within SECONDS COMMAND…: wait until the command succeeds.
within() {
	local end=$(($(now) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(now)" -lt $end ] || return 1
		usleep 100000
	done
}

# --- the machine ---------------------------------------------------------------

bdf() { case $1 in ????:*) echo "$1" ;; *) echo "0000:$1" ;; esac; }
drv() {
	local l
	l=$(readlink "$PCI/devices/$(bdf "$1")/driver") || { echo none; return; }
	echo "${l##*/}"
}
# The kernel's word for no override is (null), or an empty line on some versions.
ovr() { sed 's/^$/(null)/' "$PCI/devices/$(bdf "$1")/driver_override"; }
# drvs BDF…: the drivers, in one line
drvs() {
	local b all=
	for b; do all="$all $(drv "$b")"; done
	echo "${all# }"
}
control() { ls -d "$PCI/devices/$(bdf "$1")"/sound/card*/controlC* | head -n 1 | sed 's,.*/,/dev/snd/,'; }
drm() { ls -d "$PCI/devices/$(bdf "$1")/drm/$2"* | head -n 1 | sed 's,.*/,/dev/dri/,'; }

# rebind BDF DRIVER: by hand, as an administrator would
rebind() {
	local d
	d=$PCI/devices/$(bdf "$1")
	[ ! -e "$d/driver" ] || bdf "$1" >"$d/driver/unbind"
	echo "$2" >"$d/driver_override"
	bdf "$1" >$PCI/drivers_probe
	echo >"$d/driver_override"
}

# Everything that a hand-over may change, one line each: before == after is what
# "it came back" means. Without the card's own nodes' numbers: the kernel gives
# the next free one, and that is no difference to anybody.
snapshot() {
	local d f
	for d in $PCI/devices/*; do
		printf '%s driver=%s override=%s power=%s reset=%s\n' "${d##*/}" "$(drv "${d##*/}")" \
			"$(ovr "${d##*/}")" "$(cat "$d/power/control")" "$(cat "$d/reset_method" 2>/dev/null)"
		for f in "$d"/drm/* "$d"/sound/card*/control* "$d"/sound/card*/pcm*; do
			[ ! -e "$f" ] || echo "${d##*/} has $(echo "${f##*/}" | tr -d 0-9)"
		done
	done
	for d in /sys/class/vtconsole/*; do
		echo "console $(cat "$d/name") bind=$(cat "$d/bind")"
	done
	echo "dri nodes: $(find /dev/dri -type c 2>/dev/null | wc -l)"
	echo "snd nodes: $(find /dev/snd -type c 2>/dev/null | wc -l)"
	echo "vfio groups: $(find /dev/vfio -type c ! -name vfio 2>/dev/null | sort | tr '\n' ' ')"
	echo "reservations: $(tr '\n' ' ' 2>/dev/null <$QEMU/pci-id-reservations)"
	find /run/gpupt/lease /run/gpupt/claim /var/lib/gpupt/lease -type f 2>/dev/null | sort
	for f in /etc/pve/lxc/*.conf; do
		[ ! -e "$f" ] || ct_snapshot "$(basename "$f" .conf)"
	done
}
# ct_snapshot ID: of a container its config, and the cards' nodes in it
ct_snapshot() {
	echo "container $1: $(cksum <"/etc/pve/lxc/$1.conf") $(ct_running "$1" && echo running)"
	! ct_running "$1" || (cd "$(ct_root "$1")/dev" && find dri snd -type c -printf '%m %U:%G\n' 2>/dev/null | sort)
}
before() { snapshot >$T/before; }
unchanged() {
	snapshot >$T/after
	cmp -s $T/before $T/after
}
as_before() {
	# A QEMU that is just gone and an audio codec that is being probed need a moment.
	within 10 unchanged
	same $T/before $T/after "${1:-everything is as it was}" ||
		note "the last command said:" "$out$err"
}

# --- our programs ----------------------------------------------------------------

# gpu BDF FIELD: of `gpupt-helper list`
gpu() { gpupt-helper list --json 2>$T/err | json gpus "$2" "bdf=^$(bdf "$1")\$" 2>&1; }
# findings [SEVERITY] [GPU|VMID…]: the names of what `check` finds
findings() {
	local severity=$1
	shift
	gpupt-helper check --json "$@" 2>$T/err | json findings finding "severity=^$severity\$" 2>&1 | sort -u
}
leases() { find /run/gpupt/lease /var/lib/gpupt/lease -type f 2>/dev/null | sed 's,.*/,,' | sort | tr '\n' ' '; }
claims() { find /run/gpupt/claim -type f 2>/dev/null | sed 's,.*/,,' | sort | tr '\n' ' '; }

# --- Proxmox VE ------------------------------------------------------------------

# vm VMID LINE…: a VM with the hook and these lines in its config
vm() {
	local id=$1 line
	shift
	{
		echo "hookscript: local:snippets/gpupt-hook"
		echo "machine: q35"
		for line; do echo "$line"; done
	} >"/etc/pve/qemu-server/$id.conf"
}
running() { qm status "$1" | grep -q running; }
gone() { ! running "$1"; }
# guest_sees VMID VENDOR:DEVICE: once the firmware in the VM has found its devices
guest_sees() { within 30 seen_in_guest "$@"; }
seen_in_guest() { qm monitor "$1" info pci 2>&1 | grep -q "PCI device $2"; }
reservations() { sort $QEMU/pci-id-reservations 2>/dev/null; }

# How often qmeventd's `qm cleanup` has come to an end, this way or another.
cleanups() { grep -cE '^(Finished cleanup|skipping cleanup|aborting cleanup)' /run/qmeventd.log 2>/dev/null || true; }
# cleaned N: it did since it was N
cleaned() { [ "$(cleanups)" -gt "${1:-0}" ]; }

# stop VMID: and wait for the cleanup, which comes a moment later
stop() {
	local seen ran=no
	! running "$1" || ran=yes
	seen=$(cleanups)
	run qm stop "$1"
	[ $ran = no ] || within 30 cleaned "$seen"
	return $rc
}

# start VMID; then $rc, $out, $err
start() { run qm start "$1"; }

# on_vfio BDF…: all of them on vfio-pci
on_vfio() {
	local b
	for b; do [ "$(drv "$b")" = vfio-pci ] || return 1; done
}

# hold DEVICE: a process that has it open; its pid in $holder
hold() {
	/bin/sleep 1000 <"$1" &
	holder=$!
	usleep 200000
}
let_go() {
	kill "$holder" 2>/dev/null
	wait "$holder" 2>/dev/null
	usleep 500000
}

# no_quorum: /etc/pve as on a node that has lost it; quorum: and got it back
no_quorum() { mount --bind /etc/pve /etc/pve && mount -o remount,bind,ro /etc/pve; }
quorum() { umount /etc/pve; }

# --- containers, on the machine with systemd ---------------------------------------

LXC=/sys/fs/cgroup/lxc

# ct ID LINE…: a container with these lines in its config, which is in the order in
# which Proxmox VE writes it, and a root filesystem with busybox
ct() {
	local id=$1 line root owner=0
	shift
	root=/var/lib/vz/images/$id/subvol-$id-disk-0.subvol
	{
		printf '%s\n' "arch: amd64" "hostname: ct$id" "ostype: unmanaged" \
			"rootfs: local:$id/subvol-$id-disk-0.subvol,size=0T"
		for line; do
			case $line in
			lxc.*) ;;
			*) echo "$line" ;;
			esac
		done
	} | sort -t : -k 1,1 >"/etc/pve/lxc/$id.conf"
	for line; do
		case $line in
		lxc.*) echo "$line" >>"/etc/pve/lxc/$id.conf" ;;
		"unprivileged: 1") owner=100000 ;;
		esac
	done
	[ -e "$root/usr/sbin/init" ] || ct_rootfs "$root"
	[ "$(stat -c %u "$root")" = $owner ] || chown -hR $owner:$owner "$root"
}
ct_rootfs() {
	mkdir -p "$1/usr/bin" "$1/usr/sbin" "$1/dev" "$1/proc" "$1/sys" "$1/tmp" "$1/run" "$1/etc"
	ln -s usr/bin "$1/bin"
	ln -s usr/sbin "$1/sbin"
	cp /bin/busybox "$1/usr/bin/"
	busybox --install -s "$1/usr/bin"
	# PID 1: ends when lxc-stop asks it to, unless /deaf is there.
	cat >"$1/usr/sbin/init" <<'INIT'
#!/bin/sh
trap '[ -e /deaf ] || exit 0' PWR
while :; do
	sleep 1000 &
	wait $!
done
INIT
	chmod 755 "$1/usr/sbin/init"
}

# ct_start ID, ct_stop ID; then $rc, $out, $err
ct_start() { run pct start "$1"; }
ct_stop() { run pct stop "$1"; }
ct_running() { grep -q " @/var/lib/lxc/$1/command\$" /proc/net/unix; }
ct_gone() { ! ct_running "$1"; }
# ct_pid ID: its first process
ct_pid() { lxc-info -n "$1" -pH; }
# ct_root ID: its files, from outside; what is mounted for it is nowhere else
ct_root() { echo "/proc/$(ct_pid "$1")/root"; }
# ct_run ID COMMAND…: in the container. Without a terminal, which would be the end of
# what it leaves behind.
ct_run() {
	local id=$1 said rc=0
	shift
	said=$(mktemp)
	lxc-attach -n "$id" -- "$@" </dev/null >"$said" 2>"$said.err" || rc=$?
	cat "$said"
	cat "$said.err" >&2
	rm -f "$said" "$said.err"
	return $rc
}
# ct_sees ID PATH [MODE]: the answer when a process in it opens PATH, r or rw (which is
# also what is meant without): `open`, or the error's name
ct_sees() {
	local how='<>' said
	[ "${3:-rw}" = rw ] || how='<'
	# <> would make a file where nothing is.
	said=$(ct_run "$1" sh -c "[ -e '$2' ] || exit 2; : $how'$2'" 2>&1)
	case $?$said in
	0) echo open ;;
	2) echo ENOENT ;;
	*"No such device or address"*) echo ENXIO ;;
	*"No such device"*) echo ENODEV ;;
	*"Operation not permitted"*) echo EPERM ;;
	*"Permission denied"*) echo EACCES ;;
	*) echo "$said" ;;
	esac
}
# ct_node ID PATH: a node's mode, owner and number, as the container sees them
ct_node() {
	ct_run "$1" stat -c '%a %u:%g %t %T' "$2" | while read -r mode owner major minor; do
		echo "$mode $owner $((0x$major)):$((0x$minor))"
	done
}
# number PATH: a node's number
number() { stat -Lc '%t %T' "$1" | while read -r major minor; do echo "$((0x$major)):$((0x$minor))"; done; }

# ct_hold ID PATH: a process in the container has it open; $holder is its pid here
ct_hold() {
	local inside pid
	inside=$(ct_run "$1" sh -c "sleep 100000 <>'$2' >/dev/null 2>&1 & echo \$!")
	holder=
	for pid in $(find "$LXC/$1" -name cgroup.procs -exec cat {} +); do
		[ "$(awk '/^NSpid:/ { print $NF }' "/proc/$pid/status")" != "$inside" ] || holder=$pid
	done
	within 10 has_open "$holder" "$2"
}
has_open() { find "/proc/$1/fd" -lname "*$2" | grep -q .; }
# ct_let_go ID: all of them
ct_let_go() { ct_run "$1" killall sleep; }

mkdir -p /etc/pve/qemu-server /etc/pve/lxc /etc/pve/mapping /etc/pve/nodes/lab \
	/var/lib/vz/snippets /run/lab /var/lib/gpupt /etc/gpupt
cp /usr/share/gpupt/snippet /var/lib/vz/snippets/gpupt-hook
