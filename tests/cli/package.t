#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The Debian package and install.sh, by the real apt and dpkg, on this machine as it would be with them: a layer that is
# thrown away lies over it. Proxmox VE is a package of that name, its directories, and stand-ins for its tools.
if [ -z "${IN_LAYER:-}" ]; then
	skip_all() { echo "1..0 # SKIP $*" && exit 0; }
	[ "$(id -u)" -eq 0 ] || skip_all "only root can lay something over this machine"
	case ${O:-} in */asan) skip_all "the package is built without sanitizers" ;; esac
	[ -e /usr/bin/dh ] || skip_all "debhelper is not installed"
	[ ! -e /etc/pve ] || skip_all "this is a Proxmox VE node"
	unshare -m true 2>/dev/null || skip_all "no mount namespace to be had"
	# shellcheck disable=SC2093
	IN_LAYER=1 exec unshare -m --propagation private "$0"
fi
. "$(dirname "$0")/lib.sh"

L=$T/layer
mkdir "$L" && mount -t tmpfs layer "$L" && mkdir "$L"/{upper,work,root} &&
	mount -t overlay layer -o "lowerdir=/,upperdir=$L/upper,workdir=$L/work" "$L/root" || {
	echo "1..0 # SKIP no overlay filesystem here"
	exit 0
}
trap 'umount -R -l "$L"; rm -rf "$T"' EXIT
R=$L/root
mount -t proc proc "$R/proc"
mount --rbind /dev "$R/dev"
mkdir -p "$R/src"
mount --bind "$top" "$R/src"

# in_root COMMAND…: there; $out, $err, $rc. apt and dpkg take their time
in_root() {
	rc=0
	timeout 300 chroot "$R" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/ DEBIAN_FRONTEND=noninteractive \
		"$@" >"$T/out" 2>"$T/err" </dev/null || rc=$?
	out=$(tr -d '\0' <"$T/out") err=$(tr -d '\0' <"$T/err")
}
# what dpkg's scripts say on standard error comes out of apt's standard output
remove() {
	in_root apt-get -y -q remove gpupt
	said=$(grep -vE '^\(Reading database' "$T/out"; cat "$T/err")
}
install_sh() { in_root /src/install.sh "$@"; }
is_installed() { [ "$(chroot "$R" dpkg-query -W -f '${db:Status-Status}' gpupt 2>/dev/null)" = installed ]; }
# what lies in the layer with our name, but for the records of apt and dpkg
left() { (cd "$L/upper" && find . -not -type c \( -path '*gpupt*' -o -name 'VMID' \) | grep -vE '^\./(var/(lib|log|cache)/(dpkg|apt)|src)|/\.wh\.' | sort); }

make -s -C "$top" O="$O" deb >"$T/build" 2>&1 || { note "$(tail -n 40 "$T/build")"; echo "Bail out! the package does not build"; exit 1; }
version=$(sed -n 's/^VERSION *:= *//p' "$top/Makefile")
deb=$O/gpupt_${version}_amd64.deb
is "$(dpkg-parsechangelog -l "$top/debian/changelog" -S Version)" "$version" "debian/changelog has the version of the Makefile"
cp "$deb" "$R/gpupt.deb"

# --- what is in it --------------------------------------------------------------------

is "$(dpkg-deb -f "$deb" Package Version Architecture | tr '\n' ' ')" "Package: gpupt Version: $version Architecture: amd64 " "the package"
like "$(dpkg-deb -f "$deb" Depends)" 'libc6 .*libsmartcols1' "it depends on what its programs are linked with"
like "$(dpkg-deb -f "$deb" Depends)" 'libsystemd0' "… and on what they open"
# Debian 12 has units in /lib, which is /usr/lib
is "$(dpkg-deb -c "$deb" | awk '$1 !~ /^d/ { print $1, $6 }' | grep -vE ' \./usr/share/(man|doc)/' | sed 's, \./lib/, ./usr/lib/,' | sort)" "$(sort <<END
-rw-r--r-- ./etc/apt/apt.conf.d/90gpupt
-rw-r--r-- ./etc/gpupt/gpupt.conf
$(for unit in "$top"/conf/*.service; do echo "-rw-r--r-- ./usr/lib/systemd/system/$(basename "$unit")"; done)
-rw-r--r-- ./usr/lib/systemd/catalog/gpupt.catalog
-rwxr-xr-x ./usr/libexec/gpupt/gpupt-hook
-rwxr-xr-x ./usr/sbin/gpupt-helper
-rw-r--r-- ./usr/share/bash-completion/completions/gpupt-helper
-rw-r--r-- ./usr/share/gpupt/known-cards
-rwxr-xr-x ./usr/share/gpupt/snippet
END
)" "programs, units, catalog, completion, configuration, snippet"
is "$(dpkg-deb -c "$deb" | grep -o 'man/man.*gz$' | sort | tr '\n' ' ')" "man/man5/gpupt.conf.5.gz man/man8/gpupt-helper.8.gz man/man8/gpupt-hook.8.gz " "man pages"
is "$(dpkg-deb -I "$deb" conffiles)" "/etc/apt/apt.conf.d/90gpupt
/etc/gpupt/gpupt.conf" "the configuration is the administrator's"
for script in postinst prerm; do
	unlike "$(dpkg-deb -I "$deb" $script)" 'invoke (re)?(start|stop) .*settle|try-restart' "$script: nothing that watches is stopped"
done
dpkg-deb -x "$deb" "$T/x"
like "$(readelf -d "$T/x/usr/sbin/gpupt-helper")" 'BIND_NOW|FLAGS.*NOW' "bound at the start"
like "$(readelf -h "$T/x/usr/libexec/gpupt/gpupt-hook")" 'Type: *DYN' "position independent"
if command -v lintian >/dev/null; then
	is "$(lintian --no-cfg --allow-root --fail-on none "$deb" 2>&1)" "" "lintian has nothing to say"
fi

# --- which machine --------------------------------------------------------------------

install_sh
is "$rc" 1 "no Proxmox VE: nothing is installed"
like "$err" 'no Proxmox VE node' "… it says so"
like "$err" '\./install\.sh --demo' "… and offers the demo"
like "$err" '\./install\.sh --build-only' "… and the package"
mkdir -p "$R/usr/share/perl5/PVE"
install_sh --package /gpupt.deb
is "$rc" 1 "Proxmox VE without a version: nothing is installed"
like "$err" 'its version cannot be told' "… it says so"

# pve VERSION: that version, as a package
pve() {
	mkdir -p "$T/pve/DEBIAN"
	printf 'Package: pve-manager\nVersion: %s\nArchitecture: all\nMaintainer: a test <test@localhost>\nDescription: stands for it\n' "$1" >"$T/pve/DEBIAN/control"
	dpkg-deb -b "$T/pve" "$R/pve.deb" >/dev/null
	in_root dpkg -i /pve.deb
}
pve 7.4-17
install_sh --package /gpupt.deb
is "$rc|$err" "1|install.sh: this is Proxmox VE 7, and gpupt is for versions 8 and 9" "version 7"
pve 10.0.1
install_sh --package /gpupt.deb
is "$rc|$err" "1|install.sh: this is Proxmox VE 10, and gpupt is for versions 8 and 9" "a version that nobody has tried"
in_root dpkg -P pve-manager
printf "sub version_info {\n    return {\n\t'version' => '6.4.1',\n" >"$R/usr/share/perl5/PVE/pvecfg.pm"
install_sh --package /gpupt.deb
like "$err" 'this is Proxmox VE 6' "not by dpkg, and there all the same"
is_installed
is $? 1 "nothing has been installed so far"
pve 9.0.3

# wrong arguments
for words in '--frob' '--remove --storage x' '--demo --yes' '--demo --remove' '--this-node' '--build-only --package /gpupt.deb'; do
	# shellcheck disable=SC2086
	install_sh $words
	is "$rc" 2 "$words is wrong"
done
install_sh --package /none.deb
is "$rc" 1 "a package that is not there"

# --- the node -------------------------------------------------------------------------

mkdir -p "$R"/etc/pve/nodes/{pve,other}/{qemu-server,lxc} "$R/var/lib/vz" "$R/srv/share"
ln -s nodes/pve "$R/etc/pve/local"
ln -s nodes/pve/qemu-server "$R/etc/pve/qemu-server"
ln -s nodes/pve/lxc "$R/etc/pve/lxc"
printf 'dir: local\n\tpath /var/lib/vz\n\tcontent iso,backup\n\ndir: share\n\tpath /srv/share\n\tcontent snippets\n\tshared 1\n' >"$R/etc/pve/storage.cfg"
# stands for qm, pct, pvesh and pvesm: the calls are written down, the files changed; "VMID.locked" beside a file keeps it from that
cat >"$R/usr/sbin/qm" <<'TOOL'
#!/bin/bash
name=${0##*/}
echo "$name $*" >>/calls
[ "$1" = set ] || exit 255
if [ "$name" = pvesm ]; then
	sed -i "/^[a-z]*: $2\$/,/^\$/ s/^\tcontent .*/\tcontent $4/" /etc/pve/storage.cfg
	exit
fi
case $name in
qm) file=/etc/pve/qemu-server/$2.conf ;;
pct) file=/etc/pve/lxc/$2.conf ;;
pvesh) file=$(sed -n 's,^/nodes/\([a-z]*\)/qemu/\([0-9]*\)/config$,/etc/pve/nodes/\1/qemu-server/\2.conf,p; s,^/nodes/\([a-z]*\)/lxc/\([0-9]*\)/config$,/etc/pve/nodes/\1/lxc/\2.conf,p' <<<"$2") ;;
esac
[ -e "$file" ] || { echo "no $file" && exit 255; }
[ ! -e "$file.locked" ] || { echo "VM is locked (backup)" && exit 255; }
sed -i '1,/^\[/ { /^hookscript:/d }' "$file"
[ "$3" = --hookscript ] || exit 0
{ echo "hookscript: $4" && cat "$file"; } >"$file.new" && mv "$file.new" "$file"
TOOL
chmod 755 "$R/usr/sbin/qm"
for tool in pct pvesh pvesm; do ln -s qm "$R/usr/sbin/$tool"; done
calls() { cat "$R/calls" 2>/dev/null; rm -f "$R/calls"; }
guest() { printf '%s\n' "${@:3}" >"$R/etc/pve/nodes/$1/$2.conf"; }
ours='hookscript: local:snippets/gpupt-hook'

# --- installing -----------------------------------------------------------------------

mkdir -p "$R/etc/gpupt"
printf '# mine\n[gpu 01:00]\nafter-stop = keep\n' >"$R/etc/gpupt/gpupt.conf"
install_sh --package /gpupt.deb
is "$rc" 1 "the storage does not hold snippets, and nobody is there to be asked"
ok "… the package is installed" is_installed
like "$err" 'what to do: pvesm set local --content iso,backup,snippets' "… the command is named"
like "$err" "then 'gpupt-helper hooks install local'" "… and the next one"
is "$(calls)" "" "… and nothing is changed"
install_sh --package /gpupt.deb --yes
is "$rc|$err" "0|" "with --yes"
is "$(calls)" "pvesm set local --content iso,backup,snippets" "the storage holds snippets"
ok "the snippet is there" cmp "$top/conf/snippet" "$R/var/lib/vz/snippets/gpupt-hook"
is "$(stat -c '%a %F' "$R/var/lib/vz/snippets/gpupt-hook")" "755 regular file" "… and can be run"
like "$(printf '%s\n' "$out" | tail -n 2 | head -n 1)" '^ +gpupt-helper check ?$' "it ends with the next command"
like "$(printf '%s\n' "$out" | tail -n 1)" '^ +qm set VMID --hookscript local:snippets/gpupt-hook$' "… and the one after that"
is "$(head -n 1 "$R/etc/gpupt/gpupt.conf")" "# mine" "gpupt.conf is the administrator's"
like "$(readlink "$R/etc/systemd/system/multi-user.target.wants/gpupt-reconcile.service")" '/lib/systemd/system/gpupt-reconcile.service$' "the service at boot"
in_root gpupt-helper --version
is "$rc|$out" "0|gpupt-helper $version" "the program runs"
in_root /var/lib/vz/snippets/gpupt-hook 101 frob
like "$rc|$err" '^2\|.*frob' "the snippet is the hook"

install_sh --package /gpupt.deb --storage share
is "$rc" 0 "once more, with another storage"
like "$(printf '%s\n' "$out" | tail -n 1)" 'qm set VMID --hookscript share:snippets/gpupt-hook$' "… which the last command names"
ok "the snippet is there" cmp "$top/conf/snippet" "$R/srv/share/snippets/gpupt-hook"
install_sh --package /gpupt.deb --storage none
is "$rc" 1 "a storage that there is not"
like "$err" "storage 'none' does not exist" "… is told"

# --- upgrading ------------------------------------------------------------------------

# repack VERSION: the same with that version, another configuration and another snippet
repack() {
	rm -rf "$T/next"
	dpkg-deb -R "$deb" "$T/next"
	sed -i "s/^Version: .*/Version: $1/" "$T/next/DEBIAN/control"
	echo "# $1" | tee -a "$T/next/etc/gpupt/gpupt.conf" >>"$T/next/usr/share/gpupt/snippet"
	(cd "$T/next" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | xargs -0 md5sum >DEBIAN/md5sums)
	dpkg-deb --root-owner-group -b "$T/next" "$R/next.deb" >/dev/null
}
repack 0.9
# a watcher, as the kernel sees it: a program that runs, from the file that is replaced
cp "$R/usr/sbin/gpupt-helper" "$T/kept"
exec 8<"$R/usr/sbin/gpupt-helper"
install_sh --package /next.deb
is "$rc" 0 "an upgrade"
is "$(chroot "$R" dpkg-query -W -f '${Version}' gpupt)" 0.9 "… is installed"
ok "the old program's file is whole for whoever runs it" cmp "$T/kept" /dev/fd/8
exec 8<&-
is "$(head -n 1 "$R/etc/gpupt/gpupt.conf")" "# mine" "gpupt.conf is the administrator's"
ok "… the new one lies beside it" test -e "$R/etc/gpupt/gpupt.conf.dpkg-dist"
ok "the snippet is of the new version" cmp "$T/next/usr/share/gpupt/snippet" "$R/var/lib/vz/snippets/gpupt-hook"
in_root gpupt-helper hooks --json
is "$rc" 0 "the new program runs"

# --- removing -------------------------------------------------------------------------

guest pve qemu-server/101 "$ours" 'cores: 1' '' '[before]' "$ours"
guest pve qemu-server/102 "$ours"
guest pve qemu-server/103 'hookscript: local:snippets/mine'
guest pve lxc/200 'hookscript: share:snippets/gpupt-hook'
guest other qemu-server/301 "$ours"
printf '#!/bin/sh\n' >"$R/var/lib/vz/snippets/mine" && chmod 755 "$R/var/lib/vz/snippets/mine"
printf '[vm 102]\nnext = local:snippets/mine\n' >"$R/etc/gpupt/gpupt.conf"
guests() { (cd "$R/etc/pve/nodes" && sha256sum ./*/*/*.conf); }
before=$(guests)

mkdir -p "$R/run/gpupt/lease"
printf 'gpupt-record 1\nnote boot x\nnote since 1700000000\nnote cards 0000:01:00.0\n' >"$R/run/gpupt/lease/101"
remove
ok "apt does not remove it while a VM has a card ($rc)" test "$rc" -ne 0
like "$said" '^gpupt: not removed: VMs have cards' "… it says why"
like "$said" '^ 101 ' "… and which VM"
ok "… it is still installed" is_installed
install_sh --remove --yes
is "$rc" 1 "nor does install.sh"
like "$err" 'VMs have cards' "… it says why"
rm -r "$R/run/gpupt"
install_sh --remove --this-node
is "$rc" 1 "nobody is there to be asked"
like "$out" '^hookscript VM 101: .*: qm set 101 --delete hookscript$' "… what would be done is listed"
like "$out" "^VM 301 on other keeps gpupt's snippet: there 'gpupt-helper hooks remove'" "… and what another node's guests need"
unlike "$out" '^hookscript VM 301' "… of which none would be changed"
ok "… it is still installed" is_installed
is "$(calls)|$(guests)" "|$before" "no guest was touched by any of these"

: >"$R/etc/pve/qemu-server/102.conf.locked"
remove
ok "nor while a guest's hookscript cannot be taken out ($rc)" test "$rc" -ne 0
like "$said" 'VM 102: qm ended with status 255: VM is locked \(backup\)' "… it says why"
like "$said" '^gpupt: not removed: guests still have its snippet' "… in the end, too"
ok "… it is still installed" is_installed
is "$(cat "$R/usr/share/gpupt/snippet" | wc -l)" "$(wc -l <"$T/next/usr/share/gpupt/snippet")" "… and complete"
rm "$R/etc/pve/qemu-server/102.conf.locked"
mv "$R/etc/pve" "$R/etc/pve.away" && mkdir "$R/etc/pve"
remove
ok "nor while the guests cannot be seen ($rc)" test "$rc" -ne 0
like "$said" "the cluster's filesystem is not at /etc/pve" "… it says why"
rmdir "$R/etc/pve" && mv "$R/etc/pve.away" "$R/etc/pve"
calls >/dev/null

remove
[ "$rc" -eq 0 ] || note "$said"
is "$rc" 0 "apt removes it"
is "$(calls)" "qm set 102 --hookscript local:snippets/mine" "the script before gpupt's is the hookscript again"
is "$(cd "$R/etc/pve/nodes/pve" && grep -s . qemu-server/101.conf qemu-server/102.conf lxc/200.conf)" "qemu-server/101.conf:cores: 1
qemu-server/101.conf:[before]
qemu-server/101.conf:$ours
qemu-server/102.conf:hookscript: local:snippets/mine" "this node's guests have it no more"
is "$(cat "$R/etc/pve/nodes/other/qemu-server/301.conf")" "$ours" "the other node's has it: gpupt may be there"
like "$out" "VM 301 on other keeps gpupt's snippet" "… and is named"
ok "no program is left" test ! -e "$R/usr/sbin/gpupt-helper" -a ! -e "$R/usr/libexec/gpupt"
in_root env PATH=/usr/sbin:/usr/bin /var/lib/vz/snippets/gpupt-hook 101 pre-start
is "$rc" 0 "a guest that gets it back by a snapshot can be started"
like "$err" 'gpupt is not installed on this node' "… and its task says so"
ok "gpupt.conf stays" test -e "$R/etc/gpupt/gpupt.conf"
in_root dpkg -P gpupt
is "$rc" 0 "it is purged"
like "$out" "/var/lib/vz/snippets/gpupt-hook stays, guests or their snapshots name it" "the snippet stays, for VM 301 and the snapshot"

# --- apt's hook ---------------------------------------------------------------------------

install_sh --package /gpupt.deb --yes
is "$rc" 0 "installed again"
mkdir -p "$R/run/systemd/system"
# apt_installs NAME FILE: a package with that file
apt_installs() {
	rm -rf "$T/package"
	mkdir -p "$T/package/DEBIAN" "$(dirname "$T/package$2")"
	printf 'Package: %s\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x.example>\nDescription: x\n' "$1" >"$T/package/DEBIAN/control"
	echo x >"$T/package$2"
	dpkg-deb --root-owner-group -b "$T/package" "$R/package.deb" >/dev/null
	in_root apt-get -y -q install /package.deb
	rm "$R/package.deb"
}
apt_installs proxmox-kernel-9.9.9-pve /boot/vmlinuz-9.9.9-pve
is "$rc" 0 "apt installs a kernel, whatever gpupt finds wrong with it"
like "$out" "^gpupt: 9\.9\.9-pve .*has no initramfs: .*: run 'update-initramfs -c -k 9\.9\.9-pve'" "… which is said in apt's own output"
apt_installs other /usr/share/other
is "$rc" 0 "apt installs something else"
unlike "$out$err" '^gpupt' "… gpupt says nothing"
in_root apt-get -y -q remove proxmox-kernel-9.9.9-pve other
is "$(ls "$R/run/gpupt-apt" 2>/dev/null)" "" "its stamp is gone"
rmdir "$R/run/systemd/system"

# --- all nodes, and nothing left ----------------------------------------------------------

guest pve qemu-server/101 "$ours"
install_sh --remove --yes --this-node
is "$rc" 0 "install.sh --remove --this-node"
is "$(calls)" "qm set 101 --delete hookscript" "… takes it from this node's guests alone"
like "$out" '^1 of 1 done; 1 of other nodes keep it, see above$' "… and says that others have it"
install_sh --package /gpupt.deb --yes
# a preparation whose file has a directory in its place by now
mkdir -p "$R/var/lib/gpupt/prepare" "$R/etc/modprobe.d/gpupt-c.conf"
printf 'gpupt-record 1\nbegin 1 file /etc/modprobe.d/gpupt-c.conf ~ c%%0a why\ndone 1\n' >"$R/var/lib/gpupt/prepare/record"
install_sh --remove --yes --this-node
is "$rc" 1 "install.sh --remove where the preparation cannot be reverted"
like "$err" '^install\.sh: the package stays, since the preparation of this host is not reverted: see above' "… says so"
ok "… it is still installed" is_installed
rmdir "$R/etc/modprobe.d/gpupt-c.conf"
# … of two files, one of which somebody has changed since
printf 'gpupt-record 1\nbegin 1 file /etc/modprobe.d/gpupt-a.conf ~ a%%0a why\ndone 1\nbegin 2 file /etc/modprobe.d/gpupt-b.conf ~ b%%0a why\ndone 2\n' >"$R/var/lib/gpupt/prepare/record"
echo a >"$R/etc/modprobe.d/gpupt-a.conf"
echo mine >"$R/etc/modprobe.d/gpupt-b.conf"
install_sh --remove --this-node
is "$rc" 1 "install.sh --remove with nobody there to be asked"
like "$out" '^file /etc/modprobe.d/gpupt-a.conf: ' "… lists what revert would put back"
like "$err" 'there is no terminal to ask at' "… and says why it does not"
ok "… it is still installed" is_installed
guest pve qemu-server/101 "$ours"
printf '[vm 301]\nnext = local:snippets/mine\n' >"$R/etc/gpupt/gpupt.conf"
install_sh --remove --yes
is "$rc" 0 "install.sh --remove"
like "$err" 'VM 301 on other: from here it cannot be seen' "… says what it cannot see"
like "$err" 'gpupt-b.conf is left as somebody else set it' "… says what revert leaves"
like "$out" 'as it was before it was prepared, but for what somebody has changed since' "… and what it has done"
ok "… which is so" test ! -e "$R/etc/modprobe.d/gpupt-a.conf" -a -e "$R/etc/modprobe.d/gpupt-b.conf"
rm "$R/etc/modprobe.d/gpupt-b.conf"
is "$(calls)" "qm set 101 --delete hookscript
pvesh set /nodes/other/qemu/301/config --delete hookscript" "… takes it from all"
is_installed
is $? 1 "… and removes the package"
mv "$R/etc/pve" "$R/etc/pve.away" && mkdir "$R/etc/pve"
in_root sh /var/lib/dpkg/info/gpupt.postrm purge
is "$rc" 0 "a purge while pmxcfs is not there"
like "$out" '/var/lib/vz/snippets/gpupt-hook stays: whether guests name it cannot be told' "… says that the snippet stays"
ok "… which is there" test -e "$R/var/lib/vz/snippets/gpupt-hook"
rmdir "$R/etc/pve" && mv "$R/etc/pve.away" "$R/etc/pve"
in_root dpkg -P gpupt
rm -rf "$R/srv/share/snippets" "$R/gpupt.deb"
is "$(left)" "" "purged, nothing is left of it"

# --- building -------------------------------------------------------------------------

if [ "$(realpath "$O")" = "$(realpath "$top/build")" ]; then
	in_root dpkg -P pve-manager
	rm -r "$R/usr/share/perl5/PVE"
	install_sh --build-only
	is "$rc" 0 "--build-only, also without Proxmox VE"
	like "$out" "^==> done: /src/build/gpupt_${version}_amd64\.deb$" "… says where the package is"
	is "$(cd "$top" && git status --short 2>/dev/null | grep -v '^ *M\|^A' | grep -c 'deb$')" 0 "… and nothing lies about in the tree"
	install_sh --remove --yes
	is "$rc" 1 "--remove of what is not installed"
	like "$err" 'is not installed here' "… is told"
fi
done_testing
