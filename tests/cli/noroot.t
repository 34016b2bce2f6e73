#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Without root: list and check go as far as they can and say what they could not see; what changes things refuses.
. "$(dirname "$0")/lib.sh"

as_nobody() {
	if [ "$(id -u)" -ne 0 ]; then
		run "$@"
	else
		run setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	fi
}
# a place that nobody may look into is no place for this test
chmod 755 "$T"
cp "$HELPER" "$HOOK" "$T/"
HELPER=$T/gpupt-helper HOOK=$T/gpupt-hook
as_nobody "$HELPER" --version
if [ "$rc" -ne 0 ]; then
	skip 1 "no way to run as another user here: $err"
	done_testing
fi

tree twins
lease 101 "0000:01:00.0 0000:01:00.1" "$(boot_of)"
chmod 700 "$tree/run/gpupt" "$tree/etc/pve/nodes"
before=$(listing)
as_nobody "$HELPER" --root "$tree" list --json
is "$rc" 0 "list works"
is "$(json gpus bdf)" "0000:01:00.0
0000:02:00.0
0000:03:00.0" "… and shows the displays"
like "$err" "without root these cannot be seen: gpupt's records, Proxmox VE's guests" "… and says what it could not see"
is "$(printf '%s\n' "$err" | wc -l)" 1 "… in one line"
as_nobody "$HELPER" --root "$tree" check --json
is "$rc" 0 "check works"
is "$(json findings subject finding=ready | wc -l)" 3 "… and judges the cards"
like "$(json findings message finding=blind)" "what gpupt has on record" "… and says that it is blind for our records"
like "$(json findings message finding=blind)" "guests" "… and for Proxmox VE's guests"
as_nobody "$HELPER" --root "$tree" check 101
is "$rc" 1 "check of a VM whose configuration is not to be read"
like "$err" "Permission denied" "… says so"
as_nobody "$HELPER" --root "$tree" status
is "$rc" 1 "status"
like "$err" 'only root can see' "… says so"
as_nobody "$HELPER" --root "$tree" hooks
is "$rc|$out|$err" "1||gpupt-helper: only root can see Proxmox VE's guests" "hooks says so"
as_nobody "$HELPER" --root "$tree" capture -
is "$rc" 0 "capture goes as far as it can"
is "$(listing)" "$before" "nothing was changed"

# the real root: this machine, whatever it is
as_nobody "$HELPER" list
[ "$rc" -eq 0 ] || like "$err" '^gpupt-helper: cannot list ' "list of this machine: done, or one sentence"
for command in 'release 101' reconcile 'reset 01:00' 'rom 01:00' 'hooks install' 'hooks remove' prepare revert; do
	# shellcheck disable=SC2086
	as_nobody "$HELPER" $command
	is "$rc|$out" "1|" "$command refuses"
	name=${command%% [0-9]*}
	is "$err" "gpupt-helper: $name needs root: it works on the host" "… and says why"
	# shellcheck disable=SC2086
	as_nobody "$HELPER" $command -o nosuch
	is "$rc|$out" "2|" "$command -o nosuch is wrong, root or not"
done
for phase in pre-start post-start pre-stop post-stop; do
	as_nobody "$HOOK" 101 $phase
	is "$rc|$out" "1|" "hook $phase refuses"
	like "$err" 'must run as root' "… and says why"
done
done_testing
