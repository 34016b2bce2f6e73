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

mkdir -p /etc/pve/qemu-server /etc/pve/lxc /etc/pve/mapping /etc/pve/nodes/lab \
	/var/lib/vz/snippets /run/lab /var/lib/gpupt /etc/gpupt
ln -sf $HOOK /var/lib/vz/snippets/gpupt-hook
