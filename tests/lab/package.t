#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The Debian package on a machine with systemd: installed over what `make install` has put there, upgraded and downgraded
# while a VM has a card and is watched over, not removed meanwhile, and gone without a trace in the end; then by install.sh.
# takes: 340 s
if [ ! -e /lab/lib.sh ]; then
	lab=$(cd "$(dirname "$0")" && pwd) top=$(cd "$(dirname "$0")/../.." && pwd)
	build=${BUILD:-$top/build}
	bash -c '. "$1/common.bash" && apt_install "${build_packages[@]}" "${deb_packages[@]}"' sh "$lab" || exit
	make -s -C "$top" O="$build" deb >&2 || exit
	LAB_DATA=$(mktemp -d) && export LAB_DATA
	cp "$build"/gpupt_*_amd64.deb "$LAB_DATA/one.deb"
	# the same as another version: what is installed anew is another file
	dpkg-deb -R "$LAB_DATA/one.deb" "$LAB_DATA/two" && sed -i 's/^Version: .*/&+2/' "$LAB_DATA/two/DEBIAN/control" &&
		dpkg-deb --root-owner-group -b "$LAB_DATA/two" "$LAB_DATA/two.deb" >/dev/null && rm -r "$LAB_DATA/two"
	mkdir -p "$LAB_DATA/src/tests/lab" && cp "$top/install.sh" "$LAB_DATA/src/" && cp "$lab/common.bash" "$LAB_DATA/src/tests/lab/"
	LAB_LIMIT=${LAB_LIMIT:-1200} "$lab/boot" --systemd twins "$0"
	rc=$?
	rm -r "$LAB_DATA"
	exit $rc
fi
. /lab/lib.sh
. /lab/system.sh

run_limit=400
pid() { cat $QEMU/101.pid 2>/dev/null; }
version() { dpkg-query -W -f '${Version}' gpupt; }
# of the process: does the file still have a name?
runs_removed() { readlink "/proc/$1/exe" | grep -q ' (deleted)$'; }
with_hook() { grep -c '^hookscript: local:snippets/gpupt-hook$' /etc/pve/qemu-server/101.conf; }

# /etc/pve as pmxcfs has it: a directory for each node, this one's by links
mkdir -p /etc/pve/nodes/lab/qemu-server /etc/pve/nodes/lab/lxc
rmdir /etc/pve/qemu-server /etc/pve/lxc
ln -s nodes/lab /etc/pve/local
ln -s nodes/lab/qemu-server /etc/pve/qemu-server
ln -s nodes/lab/lxc /etc/pve/lxc

scene "over what make install has put there"
# it does not compress them: they would stay
rm -f /usr/share/man/man?/gpupt*
run dpkg -i /lab/data/one.deb
is "$rc" 0 "the package is installed"
unlike "$out$err" 'conffile|Configuration file' "nobody is asked about a gpupt.conf that is as it was shipped"
is "$(systemctl is-enabled gpupt-reconcile.service)" enabled "the service at boot is enabled"
is "$(systemctl is-active gpupt-reconcile.service)" inactive "… and not run now" # at boot there was nothing to settle
ok "… nor did anything fail" test "$(systemctl is-system-running)" = running
rm /var/lib/vz/snippets/gpupt-hook
run gpupt-helper hooks install
is "$rc|$err" "0|" "the snippet is put into 'local'"
like "$out" 'qm set VMID --hookscript local:snippets/gpupt-hook' "… with the command that attaches it"
vm 101 'hostpci0: 0000:01:00,pcie=1'
sed -i '/^hookscript/d' /etc/pve/qemu-server/101.conf
run qm set 101 --hookscript local:snippets/gpupt-hook
is "$rc" 0 "it is attached"
before

scene "an upgrade while a VM has its card"
start 101
is "$rc" 0 "the VM starts"
[ "$rc" -eq 0 ] || note "$err"
ok "it has the card" on_vfio 01:00.0 01:00.1
w=$(watcher 101)
ok "somebody watches" watching 101
run dpkg -i /lab/data/two.deb
is "$rc" 0 "the package is upgraded"
like "$(version)" '\+2$' "… to the other version"
is "$(watcher 101)" "$w" "the watcher is the same process"
ok "… of the old program" runs_removed "$w"
ok "the VM runs" running 101
is "$(leases)" "101 " "its lease is there"

scene "it is not removed while a VM has a card"
run dpkg -r gpupt
ok "dpkg refuses ($rc)" test "$rc" -ne 0
like "$err" '^gpupt: not removed: VMs have cards' "… it says why"
like "$err" '^ *101 .* running ' "… and which VM, read by the new program"
is "$(dpkg-query -W -f '${db:Status-Status}' gpupt)" installed "the package is installed"
is "$(with_hook)" 1 "the VM has its hookscript"
is "$(systemctl is-enabled gpupt-reconcile.service)" enabled "the service is enabled"
is "$(watcher 101)" "$w" "the watcher is the same process"
ok "the VM runs" running 101
stop 101
is "$rc" 0 "the VM stops, by the new hook"
ok "and the old watcher has nothing left to do" within 20 settled 101
as_before

scene "a QEMU that nobody cleans up after, with an old watcher"
start 101
is "$rc" 0 "the VM starts"
[ "$rc" -eq 0 ] || note "$err"
w=$(watcher 101)
run dpkg -i /lab/data/one.deb
is "$rc" 0 "a downgrade"
ok "the watcher is of the program that is gone" runs_removed "$w"
no_cleanup 101
kill -9 "$(pid)"
ok "the card comes home" within 60 home
ok "nothing is left" within 20 settled 101
rm -f $QEMU/pci-id-reservations $QEMU/101.*
as_before

scene "removed"
run dpkg -r gpupt
is "$rc|$err" "0|" "dpkg removes it"
is "$(with_hook)" 0 "the VM has no hookscript any more"
fails "no program is left" test -e /usr/sbin/gpupt-helper -o -e /usr/libexec/gpupt
fails "nor a unit" systemctl cat gpupt-reconcile.service
ok "the snippet is there" test -x /var/lib/vz/snippets/gpupt-hook
# as a rollback or a restore would bring it back
vm 102
start 102
is "$rc" 0 "a VM that names it starts"
like "$err" '^gpupt: gpupt is not installed on this node' "… and the task says that nothing was done"
like "$(journalctl -q -b -t gpupt -p warning)" 'nothing is done about the GPUs of guest 102' "… and the journal"
stop 102
is "$rc" 0 "… and stops"
rm /etc/pve/qemu-server/102.conf
run dpkg -P gpupt
is "$rc" 0 "purged"
is "$(find / -xdev \( -path /proc -o -path /sys -o -path /lab -o -path /var/log -o -path /run \) -prune -o -name '*gpupt*' -print)" "" "nothing is left of it"

scene "by install.sh, on a node"
install_sh() { run bash /lab/data/src/install.sh "$@"; }
mkdir -p /usr/share/perl5/PVE
echo "sub version_info { return { 'version' => '8.4.1' }; }" >/usr/share/perl5/PVE/pvecfg.pm
install_sh --package /lab/data/one.deb --yes
is "$rc" 0 "it installs"
[ "$rc" -eq 0 ] || note "$out$err"
like "$out" 'qm set 101 --hookscript local:snippets/gpupt-hook$' "… and ends with the command to type"
run qm set 101 --hookscript local:snippets/gpupt-hook
is "$rc" 0 "typed"
start 101
is "$rc" 0 "the VM starts"
ok "it has the card" on_vfio 01:00.0 01:00.1
install_sh --package /lab/data/two.deb --yes
is "$rc" 0 "an upgrade meanwhile"
like "$(version)" '\+2$' "… to the other version"
install_sh --remove --yes
ok "it is not removed meanwhile ($rc)" test "$rc" -ne 0
is "$(with_hook)" 1 "the VM has its hookscript"
stop 101
is "$rc" 0 "the VM stops"
install_sh --remove --yes
is "$rc" 0 "now it is removed"
like "$out" '^hookscript VM 101: ' "… after the hookscript of the guest, which is listed"
is "$(with_hook)" 0 "the VM has none any more"
fails "no program is left" test -e /usr/sbin/gpupt-helper
as_before
done_testing
