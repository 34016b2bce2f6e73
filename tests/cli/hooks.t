#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `hooks`: guests of all nodes, with what their hookscripts are and what to do.
. "$(dirname "$0")/lib.sh"

# guest NODE KIND VMID LINE…: a guest of a node
guest() {
	local dir=$tree/etc/pve/nodes/$1/$2 id=$3
	shift 3
	mkdir -p "$dir"
	printf '%s\n' "$@" >"$dir/$id.conf"
}
# row VMID FIELDS: of the guest
row() { json hooks "$2" "vmid=^$1\$"; }
script() {
	mkdir -p "$tree$(dirname "$1")"
	: >"$tree$1"
	chmod "$2" "$tree$1"
}

tree twins
put /etc/pve/storage.cfg 'dir: local\n\tpath /var/lib/vz\n\tcontent iso\n\nnfs: share\n\tserver 10.0.0.1\n\texport /x\n\nnfs: theirs\n\tserver 10.0.0.1\n\texport /y\n\tnodes other\n\nbtrfs: data\n\tpath /srv/data\n\tcontent-dirs snippets=my/scripts\n\nzfspool: tank\n\tpool tank\n'
vm 101 'hostpci0: 0000:01:00,pcie=1'
guest pve qemu-server 102 'name: plain' 'cores: 1'
guest pve qemu-server 103 'hostpci0: 01:00'
guest pve qemu-server 104 'hostpci0: 01:00' 'hookscript: local:snippets/mine'
guest pve qemu-server 105 'hostpci0: 01:00' 'hookscript: data:snippets/gone'
guest pve qemu-server 106 'hookscript: data:snippets/gone'
guest pve qemu-server 107 'hookscript: local:snippets/plain-text'
guest pve qemu-server 108 'hookscript: tank:snippets/x'
guest pve qemu-server 109 'hookscript: share:snippets/gpupt-hook.pl' 'hostpci0: 02:00' 'template: 0'
guest pve qemu-server 110 'hostpci0: 01:00' 'template: 1'
guest pve qemu-server 111 'hostpci0: nonsense'
guest pve qemu-server 112 'hookscript: none:snippets/x' 'hostpci0: 01:00'
guest pve lxc 200 'hostname: media' 'dev0: /dev/dri/renderD129' 'hookscript: local:snippets/none'
guest other qemu-server 301 'hostpci0: 01:00'
guest other qemu-server 302 'hookscript: local:snippets/gpupt-hook' 'hostpci0: 01:00'
guest other qemu-server 303 'hookscript: share:snippets/gpupt-hook.pl'
guest other qemu-server 304 'hookscript: share:snippets/gone' 'hostpci0: 01:00'
guest other qemu-server 305 'hookscript: theirs:snippets/x'
guest other qemu-server 306 'hookscript: tank:snippets/x'
guest other lxc 307 'dev0: /dev/dri/renderD128' 'hookscript: share:snippets/plain-text'
guest other lxc 308 'cores: 1'
script /var/lib/vz/snippets/mine 755
script /var/lib/vz/snippets/plain-text 644
script /mnt/pve/share/snippets/gpupt-hook.pl 755
script /mnt/pve/share/snippets/plain-text 644
before=$(listing)

helper --root "$tree" hooks --json
is "$rc|$err" "0|" "hooks"
is "$(json hooks vmid,type,node,gpu,state)" "101 VM pve yes ours
102 VM pve no none
103 VM pve yes none
104 VM pve yes other
105 VM pve yes missing
106 VM pve no missing
107 VM pve no not executable
108 VM pve no bad
109 VM pve yes ours
110 VM pve yes none
111 VM pve null none
112 VM pve yes bad
200 CT pve yes missing
301 VM other null none
302 VM other null elsewhere
303 VM other no ours
304 VM other null missing
305 VM other no elsewhere
306 VM other no bad
307 CT other null not executable
308 CT other no none" "every guest, on which node, whether it has a GPU, and what its hookscript is"
is "$(json hooks vmid,remedy remedy=.)" "101 gpupt-helper hooks install
103 qm set 103 --hookscript local:snippets/gpupt-hook
104 qm set 104 --hookscript local:snippets/gpupt-hook, and 'next = local:snippets/mine' in [vm 104] of gpupt.conf
105 qm set 105 --hookscript local:snippets/gpupt-hook
106 qm set 106 --delete hookscript
107 chmod +x /var/lib/vz/snippets/plain-text
108 qm set 108 --delete hookscript
111 if it names a GPU, qm set 111 --hookscript local:snippets/gpupt-hook
112 qm set 112 --hookscript local:snippets/gpupt-hook
200 pct set 200 --delete hookscript
301 if it names a GPU, on other: qm set 301 --hookscript local:snippets/gpupt-hook
302 run 'gpupt-helper hooks' on other
304 if it names a GPU, on other: qm set 304 --hookscript local:snippets/gpupt-hook
305 run 'gpupt-helper hooks' on other
306 on other: qm set 306 --delete hookscript
307 on other: chmod +x /mnt/pve/share/snippets/plain-text" "what to do"
is "$(row 105 hookscript,path,ours,message)" "data:snippets/gone /srv/data/my/scripts/gone no script 'data:snippets/gone' does not exist" "where its file should be, and what is wrong with it"
is "$(row 302 path,ours)" "/var/lib/vz/snippets/gpupt-hook yes" "where it is on the other node, and whose by its name"
is "$(row 306 message,path)" "storage 'tank' of type 'zfspool' has no directory for snippets null" "a storage without a place for it"
is "$(row 102 ours,path,message,hookscript)" "null null null null" "nothing to say of none"
is "$(listing)" "$before" "nothing is changed"

helper --root "$tree" hooks -o vmid,name,state --noheadings
like "$out" '^ *102 plain +none$' "names"
like "$out" '^ *200 media +missing$' "… of containers, too"
helper --root "$tree" hooks
like "$(printf '%s\n' "$out" | head -n 1)" '^NODE +VMID TYPE GPU HOOKSCRIPT +STATE +REMEDY$' "the table"

# the hook's own file is away
rm "$tree/usr/libexec/gpupt/gpupt-hook" "$tree/var/lib/vz/snippets/gpupt-hook"
helper --root "$tree" hooks --json
is "$(row 101 state,ours,remedy)" "missing yes gpupt-helper hooks install" "ours, but not there"
is "$(row 103 remedy)" "gpupt-helper hooks install, then qm set 103 --hookscript local:snippets/gpupt-hook" "nobody can be given what is not there"
cp "$top/conf/snippet" "$tree/var/lib/vz/snippets/gpupt-hook"
helper --root "$tree" hooks --json
is "$(row 101 state,ours,remedy)" "ours yes null" "the snippet"
put /usr/share/gpupt/snippet 'the next version'
helper --root "$tree" hooks --json
is "$(row 101 state,ours,remedy)" "ours yes gpupt-helper hooks install" "… of another version"
put /etc/pve/nodes/pve/qemu-server/109.conf 'hookscript: share:snippets/gpupt-hook\n'
cp "$top/conf/snippet" "$tree/mnt/pve/share/snippets/gpupt-hook"
chmod 755 "$tree/mnt/pve/share/snippets/gpupt-hook"
helper --root "$tree" hooks --json
is "$(row 109 state,ours,remedy)" "ours yes gpupt-helper hooks install share" "… in another storage"

# a file that nobody can use keeps the others from nothing
printf 'a\0b' >"$tree/etc/pve/nodes/pve/qemu-server/102.conf"
helper --root "$tree" hooks --json
is "$rc $(json hooks vmid | wc -l)" "0 20" "a configuration with a NUL byte: the others are shown"
like "$err" "^gpupt-helper: VM 102 is passed over: .*contains a NUL byte$" "… and it is said"

mkdir -p "$T/bare/sys/bus/pci/devices" "$T/bare/proc"
helper --root "$T/bare" hooks --json
is "$rc|$err|$(json hooks vmid)" "0||" "no Proxmox VE: an empty list"
rm -r "$T/bare/sys"
mkdir -p "$T/bare/etc/pve/nodes/pve/lxc"
ln -s nodes/pve "$T/bare/etc/pve/local"
ln -s nodes/pve/lxc "$T/bare/etc/pve/lxc"
echo 'dev0: /dev/dri/card0' >"$T/bare/etc/pve/lxc/200.conf"
helper --root "$T/bare" hooks --json
is "$rc|$err|$(json hooks vmid,gpu)" "0||200 no" "no PCI: no GPU"
helper --root "$T/bare" hooks x
is "$rc|$err" "2|gpupt-helper: there is no 'hooks x'; see 'gpupt-helper help'" "no such word"
done_testing
