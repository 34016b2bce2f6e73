#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
usage() {
	cat <<'END'
./install.sh              build gpupt and install it on this machine
./install.sh --demo       build it and show what it does, in a virtual machine with
                          two emulated cards; this machine's own cards are not touched
./install.sh --uninstall  remove what the first one installed

Needs root and Debian's apt (Debian 12 or 13, Proxmox VE 8 or 9). The first two
install the packages that are missing for building; --demo also those for the
lab. Packages stay when gpupt is removed.
END
}
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=tests/lab/common.bash
. tests/lab/common.bash

snippet=/var/lib/vz/snippets/gpupt-hook
hook=/usr/libexec/gpupt/gpupt-hook

# VMs here whose configuration names our hookscript: they cannot start without it.
users() {
	grep -lsE '^hookscript:.*snippets/gpupt-hook' /etc/pve/qemu-server/*.conf /etc/pve/lxc/*.conf |
		sed 's,.*/\([0-9]*\)\.conf$,\1,' || true
}

build() {
	echo "==> building"
	apt_install "${build_packages[@]}"
	make -j"$(nproc)" all
}

# tell_systemd enable|disable: the service at boot, and the texts for journalctl -x. In an
# image that is only being built no systemd runs, and there the links are enough.
tell_systemd() {
	command -v systemctl >/dev/null || return 0
	[ ! -d /run/systemd/system ] || systemctl daemon-reload
	systemctl "$1" gpupt-reconcile.service
	journalctl --update-catalog
}

install_here() {
	build
	echo "==> installing"
	make install
	tell_systemd enable
	if [ -d "${snippet%/*}" ]; then
		# A file of somebody's own under our name is theirs.
		if [ -e "$snippet" ] && [ ! -L "$snippet" ]; then
			die "$snippet is not ours; move it away and run this again"
		fi
		ln -sfn "$hook" "$snippet"
		echo "$snippet → $hook"
	fi
	cat <<'END'
==> done; nothing changes for any VM until you attach the hook to it:
      gpupt-helper check 101        can its cards go to VM 101? changes nothing
      qm set 101 --hookscript local:snippets/gpupt-hook
END
}

uninstall_here() {
	local vms leases
	vms=$(users | tr '\n' ' ')
	[ -z "$vms" ] || die "still the hookscript of $vms- first: qm set VMID --delete hookscript"
	leases=$(find /run/gpupt/lease /var/lib/gpupt/lease -type f 2>/dev/null | sed 's,.*/,,' | tr '\n' ' ')
	[ -z "$leases" ] || die "VM $leases still has a card - stop it, or: gpupt-helper release VMID"
	[ "$(readlink "$snippet" 2>/dev/null)" != "$hook" ] || rm -v "$snippet"
	tell_systemd disable
	make uninstall
	echo "==> done; /etc/gpupt and /var/lib/gpupt stay, remove them by hand if you like"
}

action=${1:-install}
case $action in
-h | --help) usage && exit ;;
install | --demo | --uninstall) ;;
*) usage >&2 && exit 2 ;;
esac
[ $# -le 1 ] || { usage >&2 && exit 2; }
[ "$(id -u)" -eq 0 ] || die "needs root: sudo ./install.sh${1:+ $1}"

case $action in
install) install_here ;;
--uninstall) uninstall_here ;;
--demo)
	build
	echo "==> the lab"
	exec tests/lab/demo
	;;
esac
