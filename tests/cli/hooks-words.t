#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `hooks install`, `hooks remove` and `status --idle` on the copy of a host: shown, not done. tests/unit/test_helper_hooks.c does it.
. "$(dirname "$0")/lib.sh"

guest() {
	mkdir -p "$tree/etc/pve/nodes/$1/$2"
	printf '%s\n' "${@:4}" >"$tree/etc/pve/nodes/$1/$2/$3.conf"
}
ours='hookscript: local:snippets/gpupt-hook'

tree twins
put /etc/pve/storage.cfg 'dir: local\n\tpath /var/lib/vz\n\tcontent iso,vztmpl,backup\n\nnfs: nas\n\tserver h\n\texport /x\n'
put /usr/share/gpupt/snippet '' && cp "$top/conf/snippet" "$tree/usr/share/gpupt/snippet"
mkdir -p "$tree/var/lib/vz"
guest pve qemu-server 101 "$ours" 'hostpci0: 01:00'
guest pve qemu-server 102 'cores: 1'
guest pve lxc 200 "$ours"
guest other qemu-server 301 "$ours"
before=$(listing)

helper --root "$tree" hooks install
is "$rc" 0 "hooks install"
is "$out" "content local: iso,vztmpl,backup -> iso,vztmpl,backup,snippets (Proxmox VE lists snippets of no other storage)
snippet local: (absent) -> gpupt's lines (guests name it as their hookscript)" "… shows what it would do"
like "$err" "is the copy of a host: this is what would be done" "… and says that it does not"
helper --root "$tree" hooks install --json
is "$(json steps step,target,after,result)" "content local iso,vztmpl,backup,snippets would be made
snippet local gpupt's lines would be made" "… as a list"
helper --root "$tree" hooks install nas
is "$rc $(printf '%s\n' "$err" | tail -n 1)" "1 gpupt-helper: cannot look at the directory of storage 'nas', /mnt/pve/nas: No such file or directory" \
	"a share that is not there"
mkdir -p "$tree/mnt/pve/nas"
helper --root "$tree" hooks install nas
is "$rc $(printf '%s\n' "$err" | tail -n 1)" "1 gpupt-helper: storage 'nas' is not mounted at /mnt/pve/nas: see 'pvesm status'" "… or not mounted"
rm -r "${tree:?}/mnt"

helper --root "$tree" --dry-run hooks remove
is "$rc" 0 "hooks remove"
is "$out" "VM 301 on other keeps gpupt's snippet: there 'gpupt-helper hooks remove', or from here, if gpupt.conf there has no 'next' for it, 'pvesh set /nodes/other/qemu/301/config --delete hookscript'
hookscript VM 101: local:snippets/gpupt-hook -> (absent) (nothing of gpupt shall run for it): qm set 101 --delete hookscript
hookscript CT 200: local:snippets/gpupt-hook -> (absent) (nothing of gpupt shall run for it): pct set 200 --delete hookscript" \
	"… shows the commands, and what is elsewhere"
helper --root "$tree" hooks remove other --json
is "$(json steps vmid,step,target,before,after,result)" \
	"301 hookscript VM 301 on other local:snippets/gpupt-hook null would be made" "another node's, as a list"
like "$err" "^gpupt-helper: VM 301 on other: from here it cannot be seen whether it has cards now" "… with what is not known of it"
lease 101 "0000:01:00.0 0000:01:00.1" "$(boot_of)"
helper --root "$tree" hooks remove
is "$rc|$out" "1|VM 301 on other keeps gpupt's snippet: there 'gpupt-helper hooks remove', or from here, if gpupt.conf there has no 'next' for it, 'pvesh set /nodes/other/qemu/301/config --delete hookscript'" \
	"a VM that has cards keeps all of them from it"
like "$err" "^gpupt-helper: VM 101 has cards: stop it, or 'gpupt-helper release 101'$" "… and is named"
helper --root "$tree" status --idle
is "$rc" 1 "status --idle says so by its status"
like "$out" '^ 101 ' "… and shows it"
rm -r "$tree/run/gpupt"
helper --root "$tree" status --idle
is "$rc|$out" "0|No VM has a card." "… or that there is none"
is "$(listing)" "$before" "nothing was changed"

# words and their options
for words in 'hooks install a b' 'hooks remove --idle' 'status --yes' 'help hooks frob' 'help list hooks'; do
	# shellcheck disable=SC2086
	helper --root "$tree" $words
	is "$rc|$out" "2|" "$words is wrong"
done
helper help hooks
like "$out" '^  hooks install \[STORAGE\] ' "help names the words"
helper help hooks remove
like "$out" '^Usage: gpupt-helper hooks remove \[NODE \.\.\.\]$' "… and explains each"
a=$out
helper hooks remove --help
is "$out" "$a" "… also by --help"
like "$out" '^  -y, --yes ' "… with its options"
helper help options hooks
like "$out" '^-y, --yes$' "completion finds them"
unlike "$out" '--idle' "… and no others"
done_testing
