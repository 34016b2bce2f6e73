#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
usage() {
	cat <<'END'
./install.sh              on a Proxmox VE node (8 or 9): build gpupt as a Debian package,
                          install it, and put its hook where guests can name it
  --storage NAME          there: the storage for the hook (default: local)
  --package FILE.deb      do not build: install this package, for nodes without a compiler
  --yes                   do not ask

./install.sh --build-only on any Debian 12 or 13: build the package, install nothing
./install.sh --demo       on any Debian 12 or 13: show what gpupt does, in a virtual machine
                          with two emulated cards; this machine's own are not touched
./install.sh --remove     take the hook out of all guests of the cluster, revert what was
                          prepared here, and remove the package; lists first, and asks.
                          A VM of another node loses the script that the gpupt.conf there
                          has as 'next' for it, which cannot be seen from here
  --this-node             only out of the guests of this node; others keep it, and are named
  --yes                   do not ask

Needs root and apt. Packages that are missing for building are installed, and stay.
END
}
set -euo pipefail
from=$PWD
cd "$(dirname "$0")"
# shellcheck source=tests/lab/common.bash
. tests/lab/common.bash

helper=/usr/sbin/gpupt-helper
wrong() { usage >&2 && exit 2; }
refuse() {
	echo "install.sh: $*" >&2
	exit 1
}

# What is really here. "8" or "9"; "none"; anything else is a version that nobody has tried.
pve_version() {
	local version
	version=$(dpkg-query -W -f '${db:Status-Status} ${Version}' pve-manager 2>/dev/null) || version=
	case $version in
	"installed "*) version=${version#installed } ;;
	# not by dpkg, and there all the same
	*) version=$(sed -n "s/.*'version' => '\([0-9.]*\)'.*/\1/p" /usr/share/perl5/PVE/pvecfg.pm 2>/dev/null) || version= ;;
	esac
	if [ -n "$version" ]; then
		echo "${version%%.*}"
	elif [ -e /usr/share/perl5/PVE ]; then
		echo unknown
	else
		echo none
	fi
}

# ask QUESTION: without a terminal the answer is no
ask() {
	local answer=
	[ -t 0 ] || return 1
	read -rp "$1 [y/N] " answer || return 1
	[[ $answer == [yY]* ]]
}

require_node() {
	local version
	version=$(pve_version)
	case $version in
	8 | 9) ;;
	none)
		echo "This is no Proxmox VE node. What gpupt does can be seen all the same, in a virtual machine: ./install.sh --demo" >&2
		echo "A package for a node can be built here: ./install.sh --build-only" >&2
		[ "$action" = install ] && [ -z "$package" ] && ask "Show the demo now?" && demo
		exit 1
		;;
	unknown) refuse "Proxmox VE is here, and its version cannot be told (package pve-manager): gpupt is for versions 8 and 9" ;;
	*) refuse "this is Proxmox VE $version, and gpupt is for versions 8 and 9" ;;
	esac
}

build_package() {
	echo "==> building the package"
	apt_install "${build_packages[@]}" "${deb_packages[@]}"
	make deb
	package=$(realpath "$(ls -t build/gpupt_*_amd64.deb | head -n 1)")
}

demo() {
	echo "==> building"
	apt_install "${build_packages[@]}"
	make -j"$(nproc)" all
	echo "==> the lab"
	exec tests/lab/demo
}

# The first VM here that names a GPU and has no hookscript, for a command that can be typed as it stands.
candidate() {
	local id
	id=$($helper hooks --noheadings -o vmid,type,gpu,state 2>/dev/null | awk '$2 == "VM" && $3 == "yes" && $4 == "none" { print $1; exit }')
	echo "${id:-VMID}"
}

install_here() {
	local vm
	require_node
	if [ -z "$package" ]; then
		build_package
	fi
	echo "==> installing $package"
	# an edited gpupt.conf stays, and nobody is asked about it
	apt_get install --no-install-recommends --allow-downgrades --reinstall -o Dpkg::Options::=--force-confdef \
		-o Dpkg::Options::=--force-confold "$package" || die "apt-get could not install $package"
	echo "==> the hook, in storage $storage"
	$helper hooks install "${yes[@]}" "$storage" || refuse "gpupt is installed, and its hook is not: see above, then 'gpupt-helper hooks install $storage'"
	vm=$(candidate)
	cat <<END
==> done; nothing changes for any VM until you attach the hook to it:
      gpupt-helper check $([ "$vm" = VMID ] || echo "$vm")
      qm set $vm --hookscript $storage:snippets/gpupt-hook
END
}

remove_here() {
	local nodes=()
	dpkg-query -W -f '${db:Status-Status}\n' gpupt 2>/dev/null | grep -qx installed ||
		refuse "the package gpupt is not installed here; 'make uninstall' removes what 'make install' has installed"
	if [ -z "$this_node" ]; then
		for node in /etc/pve/nodes/*/; do
			[ ! -d "$node" ] || nodes+=("$(basename "$node")")
		done
	fi
	$helper status --idle || refuse "VMs have cards, or something is left of them: stop these VMs first, or 'gpupt-helper release VMID'"
	# it lists what it would do, and asks
	$helper hooks remove "${yes[@]}" "${nodes[@]}" || refuse "the package stays; what was changed is said above, and so is what was not"
	# the package's removal would do it, too, and nobody would see what it says. A version without it has prepared nothing
	if $helper help revert >/dev/null 2>&1; then
		$helper revert "${yes[@]}" || refuse "the package stays, since the preparation of this host is not reverted: see above, then the same once more"
	fi
	echo "==> removing the package"
	apt_get remove gpupt || refuse "gpupt is still installed: see above"
	echo "==> done; /etc/gpupt, /var/lib/gpupt and the snippet stay: 'apt purge gpupt' removes them, too"
}

action=install package='' storage=local this_node='' yes=()
chosen='' given=''
choose() {
	[ -z "$chosen" ] || wrong
	chosen=$1 action=$1
}
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage && exit ;;
	--demo) choose demo ;;
	--build-only) choose build-only ;;
	--remove) choose remove ;;
	--this-node) this_node=1 given+=t ;;
	--package) package=$(cd "$from" && realpath -- "${2:?--package needs a file}") given+=p && shift ;;
	--storage) storage=${2:?--storage needs a name} given+=s && shift ;;
	--yes | -y) yes=(--yes) given+=y ;;
	*) wrong ;;
	esac
	shift
done
# which options go with what
case $action in
install) [[ $given != *t* ]] || wrong ;;
remove) [[ $given != *[ps]* ]] || wrong ;;
*) [ -z "$given" ] || wrong ;;
esac
[ -z "$package" ] || [ -f "$package" ] || refuse "there is no file $package"
[ "$(id -u)" -eq 0 ] || refuse "needs root: sudo ./install.sh"

case $action in
install) install_here ;;
remove) remove_here ;;
demo) demo ;;
build-only)
	build_package
	echo "==> done: $package"
	echo "    on a node: apt install ./$(basename "$package") && gpupt-helper hooks install"
	;;
esac
