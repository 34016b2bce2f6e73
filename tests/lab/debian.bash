# SPDX-License-Identifier: GPL-2.0-or-later
# How `rootfs` and `disk` make a Debian of the running machine's own release, with what
# makes its boots quick. Sourced, never run, after common.bash.

# Units that nothing here has a use for and that cost a boot under TCG a second or
# so each: 72 s with them, 20 s without.
masked=(
	getty.target serial-getty@ttyS0.service
	apparmor.service nftables.service
	lxc.service lxc-net.service lxc-monitord.service
	systemd-logind.service systemd-user-sessions.service
	systemd-timesyncd.service systemd-networkd-wait-online.service
	systemd-random-seed.service systemd-pcrphase.service
	systemd-hwdb-update.service ldconfig.service systemd-sysusers.service
	systemd-journal-catalog-update.service systemd-journal-flush.service
	systemd-update-utmp.service systemd-update-utmp-runlevel.service
	dev-mqueue.mount dev-hugepages.mount sys-kernel-tracing.mount
	apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer
	e2scrub_all.timer e2scrub_reap.service fstrim.timer
)
# Those that have a use where a machine boots from its own disk.
masked_early=(systemd-remount-fs.service modprobe@.service kmod-static-nodes.service)

suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")

# The mirror that this machine itself installs its release from.
mirror() {
	# shellcheck disable=SC2016 # apt's fields, not the shell's
	apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
		awk -v suite="$suite" '$1 == suite && $2 == "main" && $3 ~ /^(https?|file|ftp):/ { print $3; exit }'
}

# fill ROOT PACKAGE…: a minimal Debian with these
fill() {
	local root=$1 from log=$1.log IFS=,
	shift
	from=$(mirror)
	[ -n "$from" ] || die "apt's sources name no mirror of '$suite' main"
	# debootstrap fetches by itself, past apt's own settings.
	eval "$(apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy)"
	[ -z "${http_proxy:-}" ] || export http_proxy
	[ -z "${https_proxy:-}" ] || export https_proxy
	if ! DEBIAN_FRONTEND=noninteractive debootstrap --variant=minbase --include="$*" \
		"$suite" "$root" "$from" >"$log" 2>&1 </dev/null; then
		tail -n 30 "$log" "$root/debootstrap/debootstrap.log" >&2 || true
		die "debootstrap could not make a $suite"
	fi
	rm -f "$log"
}

# trim ROOT UNIT…: nothing but what a scenario needs, and a boot that is quick without these
trim() {
	local root=$1 unit
	shift
	rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale,info}/* \
		"$root"/usr/lib/x86_64-linux-gnu/gconv "$root"/etc/systemd/system/timers.target.wants/*
	mkdir -p "$root"/var/lib/apt/lists/partial "$root/etc/systemd/system" "$root/lab"
	for unit; do ln -sf /dev/null "$root/etc/systemd/system/$unit"; done
	echo lab >"$root/etc/hostname"
	: >"$root/etc/fstab"
	# Not a first boot, and nothing has been installed since the last.
	echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
	touch -d '+10 years' "$root"/{etc,var}/.updated
	# A scenario that has been run by busybox's shell finds its one program here, too.
	ln -sf busybox "$root/usr/bin/usleep"
}

