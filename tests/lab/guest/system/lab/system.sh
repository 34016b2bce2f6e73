# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# What scenarios on the machine with systemd have beyond lib.sh: the watcher, the
# journal, and reboots.

# --- the watcher ---------------------------------------------------------------

watcher() { systemctl show -P MainPID "gpupt-settle@$1.service"; }
watching() { systemctl is-active -q "gpupt-settle@$1.service"; }
# settled VMID: nothing is left of its lease, and nobody watches any more
settled() {
	case " $(leases)" in *" $1 "*) return 1 ;; esac
	! watching "$1"
}
# holds_pidfd PID OF: does PID wait for the end of OF by a pidfd?
holds_pidfd() { grep -qsx "Pid:[[:space:]]*$2" /proc/"$1"/fdinfo/*; }
# The cards of the first slot on the drivers they came with.
home() { [ "$(drvs 01:00.0 01:00.1)" = "radeon snd_hda_intel" ]; }

# What pgrep -f finds a `qm start` by, and the stand-in of qmeventd that it leaves.
starter() { echo "^/usr/bin/perl [^ ]*/qm start $1\$"; }
# no_cleanup VMID: qmeventd is gone, so QEMU's end is nobody's business.
no_cleanup() {
	local pid
	for pid in $(pgrep -f "$(starter "$1")"); do kill -9 "$pid"; done
	! pgrep -f "$(starter "$1")"
}

# --- the journal -----------------------------------------------------------------

# mark: what the journal says from now on is what `said` and `entries` print. By time,
# to the second: with a filter, journalctl 252 drops the first entry after a cursor.
mark() {
	/bin/sleep 1
	date +%s >$T/mark
}
# entries [MATCH…]: ours, every field on a line
entries() { journalctl -q --since="@$(cat $T/mark)" -o verbose -t gpupt "$@" | sed 's/^ *//'; }
# said UNIT: messages of a unit's processes and of systemd about it
said() { journalctl -q --since="@$(cat $T/mark)" -o cat -u "$1"; }

# --- reboots ---------------------------------------------------------------------

# The scenario is run again after each; $boot_n says for which time. Tests count on.
mkdir -p /var/lib/lab /run/lab
boot_n=1
# shellcheck source=/dev/null
[ ! -e /var/lib/lab/count ] || . /var/lib/lab/count

# reboot_by COMMAND…: does not come back
reboot_by() {
	note "--- $* [$(cut -d ' ' -f 1 /proc/uptime) s]"
	echo "boot_n=$((boot_n + 1)) tap_n=$tap_n tap_failed=$tap_failed" >/var/lib/lab/count
	sync
	"$@"
	/bin/sleep 600
	exit 1
}
power_cut() { echo b >/proc/sysrq-trigger; }
