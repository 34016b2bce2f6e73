# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# What scenarios have that break things: samples, kills at chosen calls, and a look
# at what may have been left behind. Sourced after lib.sh.

read -r cmdline </proc/cmdline
full='' seed=1
for word in $cmdline; do
	case $word in
	lab.full) full=yes ;;
	lab.seed=*) seed=${word#*=} ;;
	esac
done
note "seed $seed${full:+, everything}; again with LAB_SEED=$seed"

# tally KIND N: what was gone through, for the summary of tests/run
tally() { note "tally $1 $2"; }

# random N: a number below N in $rnd, the same for the same seed
random() {
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	rnd=$((seed / 65536 % $1))
}

# sample N FILE: N lines of FILE by the seed, in their order; all of them with LAB_FULL
sample() {
	if [ "$full" ] || [ "$(wc -l <"$2")" -le "$1" ]; then
		cat "$2"
		return
	fi
	awk -v seed="$seed" -v n="$1" '
		BEGIN { srand(seed) }
		{ line[NR] = $0 }
		END {
			left = NR
			for (i = 1; i <= NR; i++) {
				if (rand() * left < n) { print line[i]; n-- }
				left--
			}
		}' "$2"
}

# Calls by which a process of ours changes something, or waits for who does. Before
# each is after the one before it: a kill at every one of them is a kill at every state.
CALLS=write,fdatasync,fsync,ftruncate,renameat,unlinkat,mkdirat,flock,clone,poll,wait4,exit_group

# points FILE COMMAND…: run it and list its calls, as "NAME N", in FILE
points() {
	local file=$1
	shift
	run strace -qq -o $T/calls -e trace=$CALLS "$@"
	awk '/^[a-z0-9_]+\(/ { sub(/\(.*/, ""); print $0, ++n[$0] }' $T/calls >"$file"
}

# killed CALL N COMMAND…: run it and kill it before its Nth CALL. What it had made do
# something by then goes on without it.
killed() {
	local call=$1 n=$2
	shift 2
	run strace -qq -o $T/calls -e "trace=$call" -e "inject=$call:signal=SIGKILL:when=$n" "$@"
}

# Processes of ours, one a line: "PID COMM STATE"
ours() {
	local p exe
	for p in /proc/[0-9]*; do
		exe=$(readlink "$p/exe" 2>/dev/null) || continue
		case $exe in
		*/gpupt-hook | */gpupt-helper) echo "${p#/proc/} ${exe##*/} $(sed -n 's/^State:.//p' "$p/status" 2>/dev/null)" ;;
		esac
	done
}
nobody() { [ -z "$(ours)" ]; }

# What a run may leave behind although the machine looks as before.
leftovers() {
	ours
	find /run/gpupt /var/lib/gpupt -mindepth 2 ! -type d ! -path '*/home/*' 2>/dev/null
	[ ! -e /run/gpupt/lock ] || perl -e 'open F, "<", shift; exit !flock(F, 6)' /run/gpupt/lock || echo "/run/gpupt/lock is locked"
}
nothing_left() { [ -z "$(leftovers)" ]; }

# restored DESCRIPTION: one result for the machine, gpupt's own files and its processes
restored() {
	within 8 unchanged && within 3 nothing_left
	result $? "$1" || {
		diff -u $T/before $T/after >$T/diff
		note "$(tail -n +3 $T/diff)"
		note "left: $(leftovers)"
		note "the last command ($rc):" "$out$err"
		return 1
	}
}

# keep_open ARGUMENT…: as keep-open has it; its pid in $holder
keep_open() {
	perl /lab/keep-open "$@" >$T/kept 2>&1 &
	holder=$!
	within 10 grep -qx open $T/kept || note "$(cat $T/kept)"
}
# The kernel gives the twin's codec a name that a stuck card has not given up yet ("Cannot probe codecs, giving up"); that can be
# mended only when it has.
twin_sounds() { within 5 test -e $PCI/devices/0000:02:00.1/sound || rebind 02:00.1 snd_hda_intel; }
