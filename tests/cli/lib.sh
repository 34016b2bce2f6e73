# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Command-line tests: TAP, machines from tests/trees, the two programs of $O. Sourced.

set -u
cli=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$cli/../.." && pwd)
: "${O:=$top/build}"
HELPER=$O/gpupt-helper HOOK=$O/gpupt-hook
export LC_ALL=C.UTF-8 TZ=UTC
unset NO_COLOR COLUMNS

# Machines are made by the dozen, of a thousand files each: in memory, where programs may run there.
in_memory() {
	local file rc=0
	file=$(mktemp /dev/shm/gpupt-cli.XXXXXX 2>/dev/null) || return
	{ echo '#!/bin/sh' >"$file" && chmod 755 "$file" && "$file"; } 2>/dev/null || rc=$?
	rm -f "$file"
	return $rc
}
T=$(mktemp -d "${TMPDIR:-$(in_memory && echo /dev/shm || echo /tmp)}/gpupt-cli.XXXXXX")
trap 'rm -rf "$T"' EXIT
tap_n=0 tap_failed=0

for program in "$HELPER" "$HOOK"; do
	[ -x "$program" ] || { echo "Bail out! $program is not built"; exit 1; }
done

note() { printf '%s\n' "$*" | sed 's/^/# /'; }
result() { # STATUS DESCRIPTION
	tap_n=$((tap_n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_n - $2"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_n - $2"
	fi
	return "$1"
}
skip() { # COUNT WHY
	for ((i = 0; i < $1; i++)); do
		tap_n=$((tap_n + 1))
		echo "ok $tap_n # SKIP $2"
	done
}
ok() { # DESCRIPTION COMMAND…
	local what=$1 rc=0
	shift
	"$@" >"$T/ok.out" 2>&1 || rc=$?
	result $rc "$what" || { note "$* said:"; note "$(tail -n 20 "$T/ok.out")"; }
}
is() { # GOT WANT DESCRIPTION
	[ "$1" = "$2" ]
	result $? "$3" || { note "got:"; note "$1"; note "wanted:"; note "$2"; }
}
like() { # TEXT REGEX DESCRIPTION
	printf '%s\n' "$1" | grep -qE -- "$2"
	result $? "$3" || { note "no match for /$2/ in:"; note "$1"; }
}
unlike() {
	! printf '%s\n' "$1" | grep -qE -- "$2"
	result $? "$3" || { note "/$2/ matches in:"; note "$1"; }
}
done_testing() {
	echo "1..$tap_n"
	[ "$tap_failed" -eq 0 ]
	exit
}

# run COMMAND…: leaves $out, $err and $rc. At most 60 s: a program that hangs fails its test.
run() {
	rc=0
	timeout 60 "$@" >"$T/out" 2>"$T/err" </dev/null || rc=$?
	out=$(tr -d '\0' <"$T/out") err=$(tr -d '\0' <"$T/err")
}
helper() { run "$HELPER" "$@"; }
hook() { run "$HOOK" "$@"; }

# tree NAME: a fresh machine of that name in $tree
tree() {
	tree=$T/tree.$1.$((tree_n = ${tree_n:-0} + 1))
	"$top/tests/trees/expand" "$1" "$tree" || { echo "Bail out! cannot make the tree $1"; exit 1; }
	mkdir -p "$tree/etc/pve/nodes/pve/qemu-server" "$tree/etc/pve/mapping"
}
# put PATH TEXT: a file of the tree; \n and the like are understood
put() {
	mkdir -p "$tree$(dirname "$1")"
	rm -f "$tree$1"
	printf '%b' "$2" >"$tree$1"
}
# vm VMID LINE…: the configuration of a VM that has our hook
vm() {
	local id=$1
	shift
	mkdir -p "$tree/usr/libexec/gpupt" "$tree/var/lib/vz/snippets"
	: >"$tree/usr/libexec/gpupt/gpupt-hook"
	chmod +x "$tree/usr/libexec/gpupt/gpupt-hook"
	ln -sf /usr/libexec/gpupt/gpupt-hook "$tree/var/lib/vz/snippets/gpupt-hook"
	printf '%s\n' 'hookscript: local:snippets/gpupt-hook' 'machine: q35' "$@" >"$tree/etc/pve/qemu-server/$id.conf"
}
# lease VMID BDF BOOT STEPS: a record as a hand-over leaves it
boot_of() { cat "$tree/proc/sys/kernel/random/boot_id"; }
lease() {
	mkdir -p "$tree/run/gpupt/lease" "$tree/run/gpupt/claim"
	{
		printf 'gpupt-record 1\nnote boot %s\nnote since 1700000000\nnote lock none\nnote cards %s\n' "$3" "${2// /%20}"
		printf '%b' "${4:-}"
	} >"$tree/run/gpupt/lease/$1"
	for b in $2; do
		echo "vm $1 boot $3 owner 999999 1" >"$tree/run/gpupt/claim/$b"
	done
}
# every name, kind, link and content of a tree
listing() {
	(cd "$tree" && find . -printf '%p %y %m %s %l\n' | sort && find . -type f -print0 | sort -z | xargs -0 sha256sum)
}

# json LIST FIELD [KEY=REGEX]…: FIELD of the members of LIST in $out that match, one a line; of an array, joined by blanks.
# LIST,OTHER…: the object has those keys as well. FIELD,FIELD…: with blanks between.
json() {
	printf '%s' "$out" | perl -MJSON::PP -e '
		my ($lists, $fields, @where) = @ARGV;
		my ($list, @others) = split /,/, $lists;
		local $/;
		binmode(STDOUT, ":utf8");
		my $top = JSON::PP->new->utf8->decode(scalar <STDIN>);
		die "no object\n" unless ref $top eq "HASH";
		die "its keys: " . join(" ", sort keys %$top) . "\n" unless join(" ", sort keys %$top) eq join(" ", sort $list, @others) && ref $top->{$list} eq "ARRAY";
		ROW: for my $row (@{ $top->{$list} }) {
			for (@where) {
				my ($key, $re) = /^(\w+)=(.*)$/s;
				next ROW unless ($row->{$key} // "") =~ /$re/;
			}
			print join(" ", map {
				die "no $_\n" unless exists $row->{$_};
				my $v = $row->{$_};
				ref $v eq "ARRAY" ? join(" ", map { $_ // () } @$v) : $v // "null";
			} split /,/, $fields), "\n";
		}' "$@" 2>&1
}
