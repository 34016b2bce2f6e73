#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Options, commands, help, and output that nobody takes.
. "$(dirname "$0")/lib.sh"

tree twins

# usage ARGUMENT… : one line that ends in the hint, exit code 2, nothing on stdout
usage() { # MESSAGE ARGUMENT…
	local want=$1
	shift
	helper "$@"
	is "$rc|$out" "2|" "usage: gpupt-helper $*"
	is "$err" "gpupt-helper: $want; see 'gpupt-helper help'" "… in one line"
}
usage "what shall be done? Try 'gpupt-helper check'"
usage "there is no command 'frob'" frob
usage "there is no command ''" ''
usage "there is no command 'frob'" help frob
usage "there is no option '--frob'" --frob
usage "there is no option '--frob'" list --frob
usage "there is no option '-z'" list -z
usage "option '--root' needs an argument" list --root
usage "option '-o' needs an argument" list -o
usage "option '--json=1' takes no argument" list --json=1
usage "there is no output format 'xml': use json or text" list --output-format xml
usage "'x' is one argument too many for list" --root "$tree" list x
usage "'x' is one argument too many for status" --root "$tree" status x
usage "release needs an argument: gpupt-helper release VMID" release
usage "reset needs an argument: gpupt-helper reset GPU" reset
usage "'102' is one argument too many for release" release 101 102
usage "'x' is not a VMID: use a number from 100 to 999999999" --root "$tree" release x
usage "'x' is not a VMID: use a number from 100 to 999999999" --root "$tree" reconcile x
usage "'x' is not a GPU: use an address such as 0000:01:00.0, 01:00.0 or 01:00" --root "$tree" reset x
usage "there is no column 'frob' in gpus: known are bdf, name, vendor, driver, group, reset, boot, user, state, id, companions, methods, vms, cts" \
	--root "$tree" list -o bdf,frob
usage "-o names no column" --root "$tree" list -o ''

# a root that is none
helper --root /no/such/place list
is "$rc $err" "2 gpupt-helper: cannot open the root directory '/no/such/place': No such file or directory" "a root that is not there"
helper --root "$cli/lib.sh" list
is "$rc" 2 "a root that is a file"
helper --root '' list
is "$rc" 2 "an empty root"
mkdir "$T/empty"
for command in list check 'check 01:00' 'reset 01:00'; do
	# shellcheck disable=SC2086
	helper --root "$T/empty" $command
	is "$rc|$out" "1|" "$command: an empty root"
	like "$err" "cannot list $T/empty/sys/bus/pci/devices: No such file" "… is told"
done
helper --root "$T/empty" status
is "$rc" 0 "status: nothing on record in an empty root"

# options stand anywhere
helper list --root "$tree" --noheadings -o bdf
a=$out
helper -obdf --noheadings --root="$tree" list
is "$out" "$a" "options before or behind the command"
helper --root "$tree" check -- 01:00
is "$rc" 0 "-- ends them"

# help
helper help
is "$rc$err" 0 "help"
for command in list check status release reconcile reset help; do
	like "$out" "^  $command " "… names $command"
	helper help "$command"
	is "$rc$err" 0 "help $command"
	like "$out" "^Usage: gpupt-helper $command" "… has its synopsis"
	a=$out
	helper "$command" --help
	is "$out" "$a" "$command --help is the same"
	helper help
done
a=$out
helper --help
is "$out" "$a" "--help is help"
unlike "$a" '.{115}' "… for a terminal"
helper help list
like "$out" '^  companions +\* the card' "help of a list has its columns"
helper help --json
like "$(json commands command)" '^check$' "help as a list: the commands"
helper help check --json
is "$(json columns column default=1)" "severity
finding
subject
message
remedy" "… the columns of one"
helper help options --json
like "$(json options option)" '^-o, --output COLUMNS$' "… the options"
for command in help 'help check' 'help options'; do
	# shellcheck disable=SC2086
	helper $command -o nosuch
	is "$rc|$out" "2|" "$command -o nosuch"
	like "$err" "there is no column 'nosuch' in " "… is told"
done
helper --version
like "$rc $out" '^0 gpupt-helper [0-9]+\.[0-9]+\.[0-9]+$' "--version"

# output that gets nowhere
for command in list check status help --version 'list --json' 'check 01:00 -v' 'check 01:00 -v --json' '--dry-run reset 03:00' '--dry-run --json reset 03:00'; do
	# shellcheck disable=SC2086
	"$HELPER" --root "$tree" $command >/dev/full 2>"$T/err"
	is "$? $(cat "$T/err")" "1 gpupt-helper: cannot write the output: No space left on device" "$command: a full disk"
	# shellcheck disable=SC2086
	"$HELPER" --root "$tree" $command >&- 2>"$T/err"
	is "$? $(cat "$T/err")" "1 gpupt-helper: standard output or standard error is closed" "$command: closed standard output"
done
mkfifo "$T/pipe"
cat "$T/pipe" >/dev/null &
reader=$!
exec 7>"$T/pipe"
kill $reader
wait $reader 2>/dev/null
"$HELPER" --root "$tree" list >&7 2>"$T/err"
is "$? $(cat "$T/err")" "1 gpupt-helper: cannot write the output: Broken pipe" "a reader that went away"
exec 7>&-
done_testing
