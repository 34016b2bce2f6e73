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

# Print the path of the kernel package. `-cloud-` and `-rt-` kernels lack the
# drivers; the metapackage names the plain one.
kernel_deb() {
	if [ -n "${GPUPT_LAB_DEB:-}" ]; then
		realpath -e "$GPUPT_LAB_DEB"
		return
	fi
	local pkg name dir=$lab_cache/deb
	mkdir -p "$dir"
	pkg=$(kernel_package)
	if [ -z "$pkg" ] && [ "$(id -u)" -eq 0 ]; then
		apt_get update || true
		pkg=$(kernel_package)
	fi
	name=
	[ -z "$pkg" ] || name=$(apt-get download --print-uris "$pkg" 2>/dev/null | awk '{print $2; exit}')
	if [ -z "$name" ]; then
		# No lists here: the newest that was ever fetched will do.
		name=$(find "$dir" -name 'linux-image-*.deb' -printf '%f\n' | sort -V | tail -n 1)
		[ -n "$name" ] || die "apt knows no linux-image-amd64; run apt-get update"
	elif [ ! -e "$dir/$name" ]; then
		say "downloading $name"
		local tmp
		tmp=$(mktemp -d "$dir/.new.XXXXXX")
		if ! (cd "$tmp" && apt_get download "$pkg"); then
			# A list older than the mirror: the file is gone there.
			[ "$(id -u)" -ne 0 ] || apt_get update || true
			(cd "$tmp" && apt_get download "$pkg") || die "cannot download $pkg"
		fi
		name=$(cd "$tmp" && echo *.deb)
		mv "$tmp/$name" "$dir/$name"
		rmdir "$tmp"
	fi
	echo "$dir/$name"
}

kernel_package() {
	apt-cache depends linux-image-amd64 2>/dev/null |
		sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1
}

# cached NAME COMMAND…: print the directory NAME in the cache. Where there is none,
# `COMMAND… DIR` fills one; its output goes to stderr.
cached() {
	local dir=$lab_cache/$1 tmp
	shift
	if [ ! -d "$dir" ]; then
		mkdir -p "$lab_cache"
		# One builds, who needs the same waits for it; what they then find is whole, since
		# a directory appears under its name only when it is finished.
		exec 9>"$lab_cache/.lock-${dir##*/}"
		flock 9
		if [ ! -d "$dir" ]; then
			tmp=$(mktemp -d "$lab_cache/.new.XXXXXX")
			# shellcheck disable=SC2064 # this one
			trap "rm -rf '$tmp'" EXIT
			"$@" "$tmp" >&2
			chmod 755 "$tmp"
			mv -T "$tmp" "$dir"
			rm -f "$lab_cache/.lock-${dir##*/}"
		fi
		exec 9>&-
	fi
	echo "$dir"
}
