#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The snippet that guests have for their hookscript: it is the node's hook where there is one, and never in the way where there is none.
. "$(dirname "$0")/lib.sh"

# as `make install` does for another LIBEXECDIR
sed "s,/usr/libexec/,$T/," "$top/conf/snippet" >"$T/snippet"
chmod 755 "$T/snippet"
mkdir "$T/gpupt"
# what goes to the journal is not this machine's business
mkdir "$T/bin"
printf '#!/bin/sh\nprintf "%%s\\n" "$*" >>%s/journal\n' "$T" >"$T/bin/logger"
chmod 755 "$T/bin/logger"
snippet() { run env PATH="$T/bin:$PATH" LC_ALL=C "$T/snippet" "$@"; }

snippet 101 pre-start
is "$rc|$out" "0|" "no hook: the guest starts"
is "$err" "gpupt: gpupt is not installed on this node: nothing is done about the GPUs of guest 101" "… and the task says so"
is "$(cat "$T/journal")" "-t gpupt -p user.warning -- gpupt is not installed on this node: nothing is done about the GPUs of guest 101" "… and the journal"
for phase in post-start pre-stop post-stop; do
	snippet 101 $phase
	is "$rc|$out|$err" "0||" "$phase: nothing, and nothing is said"
done
snippet
is "$rc|$out|$err" "0||" "without arguments it is no reason to fail either"
rm "$T/bin/logger"
run env PATH="$T/bin" "$T/snippet" 101 pre-start
is "$rc" 0 "no logger: the guest starts"
# a directory by that name is no program
: >"$T/gpupt/gpupt-hook"
snippet 101 pre-start
is "$rc" 0 "a hook that cannot be run is none"

printf '#!/bin/sh\necho "$0 $#:$*"\necho complains >&2\nexit $STATUS\n' >"$T/gpupt/gpupt-hook"
chmod 755 "$T/gpupt/gpupt-hook"
for status in 0 1 3; do
	STATUS=$status snippet 101 pre-start
	is "$rc|$out|$err" "$status|$T/gpupt/gpupt-hook 2:101 pre-start|complains" "the hook is run as it would be, status $status"
done
# it is the hook then: what Proxmox VE kills is that, and nothing is left in between
printf '#!/bin/sh\necho $$\n' >"$T/gpupt/gpupt-hook"
out=$(sh -c "echo \$\$; exec $T/snippet 101 pre-start")
is "$(printf '%s\n' "$out" | uniq | wc -l)" 1 "in the same process"

ok "any POSIX shell takes it" sh -n "$top/conf/snippet"
done_testing
