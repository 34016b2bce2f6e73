#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Completion offers what the program has.
. "$(dirname "$0")/lib.sh"

PATH=$O:$PATH
compopt() { :; } # only readline can be told about blanks
. "$top/conf/completion.bash"
ok "it is registered" complete -p gpupt-helper

# offers WORDS WANT: WORDS as typed, the last one to be completed
offers() {
	local words
	IFS='|' read -r -a words <<<"$1|"
	[[ $1 != *'|' ]] || words+=('')
	COMP_WORDS=(gpupt-helper "${words[@]}")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	_gpupt_helper
	is "${COMPREPLY[*]}" "$2" "gpupt-helper ${1//|/ }"
}
tree twins
vm 102 'cores: 1'
offers 're' "release reconcile reset revert"
offers 'ro' "rom"
offers 'st' "status"
offers '--no' "--noheadings"
offers '--root|/nowhere/at/all' ""
offers '--output-format|j' "json"
offers "--root|$tree|check|0000:02" "0000:02:00.0"
offers "--root|$tree|check|1" "101 102"
offers "--root|$tree|reset|" "0000:01:00.0 0000:02:00.0 0000:03:00.0"
offers "--root|$tree|rom|0000:0" "0000:01:00.0 0000:02:00.0 0000:03:00.0"
offers "rom|01:00|$T/tree.tw" "$tree"
offers "--root|$tree|release|" "101 102"
offers "--root|$tree|list|" ""
offers 'list|-o|b' "bdf boot"
offers 'list|-o|bdf,st' "bdf,state"
offers 'list|-o|+co' "+companions"
offers 'check|-o|se' "severity"
offers 'release|-o|re' "result"
offers 'reconcile|-o|step,ta' "step,target"
offers 'reset|-o|me' "message"
offers 'help|rel' "release"
offers 'no-such-command|x' ""
done_testing
