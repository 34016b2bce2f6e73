# SPDX-License-Identifier: GPL-2.0-or-later
# What the lab's host-side scripts, tests/run and install.sh share: where the
# cache is, and how Debian packages get here. Sourced, never run.

# Everything that the lab downloads or builds lies outside the source tree.
lab_cache=${GPUPT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gpupt}

# Debian package → a file that shows it is there, for apt_install.
build_packages=(
	gcc:/usr/bin/gcc
	libc6-dev:/usr/include/stdio.h
	make:/usr/bin/make
	pkg-config:/usr/bin/pkg-config
	libpci-dev:/usr/lib/*/pkgconfig/libpci.pc
	libinih-dev:/usr/include/ini.h
	libsystemd-dev:/usr/include/systemd/sd-journal.h
	libsmartcols-dev:/usr/include/libsmartcols/libsmartcols.h
	scdoc:/usr/bin/scdoc
)

# What makes a Debian package of them.
deb_packages=(
	debhelper:/usr/bin/dh
	dpkg-dev:/usr/bin/dpkg-buildpackage
)

# cpio, xz and zstd build the
# image; the QEMU that boots the lab also goes into it, for the VM in the lab.
lab_packages=(
	qemu-system-x86:/usr/bin/qemu-system-x86_64
	seabios:/usr/share/seabios/bios-256k.bin
	busybox-static:/bin/busybox
	cpio:/usr/bin/cpio
	gcc:/usr/bin/gcc
	kmod:/sbin/modprobe
	pciutils:/usr/bin/lspci
	strace:/usr/bin/strace
	xz-utils:/usr/bin/xz
	zstd:/usr/bin/zstd
)

die() {
	echo "${0##*/}: $*" >&2
	exit 125
}

# Set-up work talks on stderr: stdout belongs to whoever asked.
say() { echo "# lab: $*" >&2; }

# apt-get without questions, and its chatter only if it fails.
apt_get() {
	local log
	log=$(mktemp)
	if ! DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=120 \
		-o APT::Sandbox::User=root "$@" </dev/null >"$log" 2>&1; then
		cat "$log" >&2
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
}

# apt_install PACKAGE:FILE…: install those whose file (a glob) is missing. The lists
# are fetched only when something has to be installed: most runs need no network.
apt_install() {
	local p missing=()
	for p; do
		compgen -G "${p#*:}" >/dev/null || missing+=("${p%%:*}")
	done
	[ ${#missing[@]} -eq 0 ] && return 0
	[ "$(id -u)" -eq 0 ] || die "not root, and these packages are missing: ${missing[*]}"
	say "apt-get install ${missing[*]}"
	apt_get update || say "apt-get update failed, going on with the lists there are"
	apt_get install --no-install-recommends "${missing[@]}" || die "apt-get could not install ${missing[*]}"
}
