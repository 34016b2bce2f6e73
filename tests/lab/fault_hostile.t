#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# No room, no right to write, links where our files should be, a bad environment, a
# setuid copy.
# takes: 130 s
[ -e /lab/lib.sh ] || exec "$(dirname "$0")/boot" twins "$0"
. /lab/lib.sh
. /lab/fault.sh

run_limit=60
vm 101 'hostpci0: 0000:01:00,pcie=1'
mkdir -p /run/gpupt
chmod 700 /run/gpupt
before

scene "an environment that lies"
# The first start of this boot: it runs modprobe.
mkdir -p $T/bin
for p in modprobe kmod systemctl perl; do
	printf '#!/bin/sh\necho "$0 $*" >>%s/fooled\n' $T >$T/bin/$p
	chmod 755 $T/bin/$p
done
huge=$(head -c 60000 /dev/zero | tr '\0' x)
lies="PATH=$T/bin LD_LIBRARY_PATH=$T/bin LD_BIND_NOW=1 LD_DEBUG_OUTPUT=$T/ld MALLOC_PERTURB_=85 \
	LIBSMARTCOLS_DEBUG=all LIBSMARTCOLS_DEBUG_PADDING=on SYSTEMD_LOG_LEVEL=debug DBUS_SYSTEM_BUS_ADDRESS=unix:path=$T/none \
	LC_ALL=xx_XX.UTF-8 LANGUAGE=xx TMPDIR=$T/bin IFS=/ HOME=/nowhere TERM=dumb COLUMNS=1 PVE_MIGRATED_FROM=;id A=$huge"
# shellcheck disable=SC2086 # words
run env $lies $HOOK 101 pre-start
is "$rc" 0 "the hand-over succeeds"
ok "on vfio-pci" on_vfio 01:00.0 01:00.1
unlike "$out" '[^ -~]' "its output is plain"
for c in list status check "status --json"; do
	# shellcheck disable=SC2086
	run env $lies /usr/sbin/gpupt-helper $c
	ok "$c works ($rc)" test "$rc" -le 1 -a -n "$out"
done
# shellcheck disable=SC2086
run env $lies $HOOK 101 post-stop
is "$rc" 0 "and so does the return"
ok "nobody was fooled" test ! -e $T/fooled
run env -i $HOOK 101 pre-start
is "$rc" 0 "no environment at all"
run env -i $HOOK 101 post-stop
restored "as before"

scene "a setuid copy, and somebody who is not root"
as() { perl -e '$( = $) = "1000 1000"; $< = $> = 1000; exec @ARGV or die "exec: $!"' "$@"; }
mkdir $T/user
for p in $HOOK /usr/sbin/gpupt-helper; do
	cp "$p" $T/user/
	chmod 4755 "$T/user/${p##*/}"
done
chmod 755 $T $T/user
run as $T/user/gpupt-hook 101 pre-start
is "$rc" 1 "the hook refuses"
like "$err" 'must not be setuid' "for that"
for c in list status "release 101" reconcile; do
	# shellcheck disable=SC2086
	run as $T/user/gpupt-helper $c
	is "$rc" 1 "so does $c"
	like "$err" 'must not be setuid' "… for that"
done
run as $HOOK 101 pre-start
is "$rc" 1 "as a user, the hook refuses"
like "$err" 'root' "saying so"
run as /usr/sbin/gpupt-helper list
is "$rc" 0 "list is for everybody"
for c in "release 101" reconcile "reset 01:00.0"; do
	# shellcheck disable=SC2086
	run as /usr/sbin/gpupt-helper $c
	is "$rc" 1 "$c is not"
done
restored "nothing was touched"

scene "links where our files should be"
# spoiled WHAT: a start that finds it in the way is refused and follows nothing
victim() { find $T/victim -exec stat -c '%n %F %s %a' {} + && cat $T/victim/* 2>/dev/null; }
spoiled() {
	victim >$T/v1
	run $HOOK 101 pre-start
	is "$rc" 1 "$1: the start is refused"
	ok "… at once (it took $took s)" test "$took" -le 8
	like "$err" '/run/gpupt|VM 101' "… for that"
	run gpupt-helper status
	ok "… status does not hang" test "$rc" -ne 124
	run gpupt-helper reconcile
	ok "… nor does reconcile" test "$rc" -ne 124
	victim >$T/v2
	same $T/v1 $T/v2 "… nothing was followed"
	is "$(drvs 01:00.0 01:00.1) $(ovr 01:00.0)" "radeon snd_hda_intel (null)" "… nothing was touched"
	rm -rf /run/gpupt
}
fresh() {
	rm -rf /run/gpupt $T/victim
	mkdir -p $T/victim
	echo precious >$T/victim/file
	mkdir -m 700 /run/gpupt
}
fresh
rmdir /run/gpupt
ln -s $T/victim /run/gpupt
spoiled "/run/gpupt is a link"
fresh
ln -s $T/victim /run/gpupt/lease
spoiled "/run/gpupt/lease is a link"
fresh
ln -s $T/victim /run/gpupt/claim
spoiled "/run/gpupt/claim is a link"
fresh
ln -s $T/victim /run/gpupt/turn
spoiled "/run/gpupt/turn is a link"
fresh
ln -s $T/victim/file /run/gpupt/lock
spoiled "the lock is a link"
fresh
mkdir -m 700 /run/gpupt/lease
ln -s $T/victim/file /run/gpupt/lease/101
spoiled "the lease is a link"
fresh
mkdir -m 700 /run/gpupt/lease
ln -s $T/victim/new /run/gpupt/lease/101
spoiled "the lease is a link to nowhere"
fresh
mkdir -m 700 /run/gpupt/lease
mkfifo /run/gpupt/lease/101
spoiled "the lease is a fifo"
fresh
mkdir -m 700 /run/gpupt/claim
ln -s $T/victim/file /run/gpupt/claim/0000:01:00.0
spoiled "a claim is a link"
fresh
mkdir -m 700 /run/gpupt/claim
mkfifo /run/gpupt/claim/0000:01:00.1
spoiled "a claim is a fifo"
fresh
chown 1000 /run/gpupt
spoiled "/run/gpupt is another user's"
fresh
run $HOOK 101 pre-start
is "$rc" 0 "without any of that it starts"
run $HOOK 101 post-stop
restored "and is as before"

# --- no room -----------------------------------------------------------------------

# small: /run/gpupt on a filesystem of its own; full fills it, ro makes it read-only
small() {
	rm -rf /run/gpupt
	mkdir -m 700 /run/gpupt
	mount -t tmpfs -o size=64k,mode=700 small /run/gpupt
}
full() { dd if=/dev/zero of=/run/gpupt/.fill bs=4096 2>/dev/null; }
large() {
	umount /run/gpupt
	rm -rf /run/gpupt
}
scene "no room in /run/gpupt"
small
full
run $HOOK 101 pre-start
is "$rc" 1 "the start is refused"
like "$err" 'No space left|cannot (write|make)' "for that"
rm /run/gpupt/.fill
restored "nothing was touched"
run $HOOK 101 pre-start
is "$rc" 0 "with room it starts"
full
run $HOOK 101 post-stop
note "$rc $out$err"
is "$(drvs 01:00.0 01:00.1)" "radeon snd_hda_intel" "without, the card comes home all the same"
rm /run/gpupt/.fill
run gpupt-helper reconcile
is "$rc" 0 "reconcile finishes"
restored "as before"
large

scene "/run/gpupt is read-only"
small
mount -o remount,ro /run/gpupt
run $HOOK 101 pre-start
is "$rc" 1 "the start is refused"
like "$err" 'cannot (open|make|write)' "for that"
mount -o remount,rw /run/gpupt
restored "nothing was touched"
run $HOOK 101 pre-start
mount -o remount,ro /run/gpupt
run $HOOK 101 post-stop
note "$rc $out$err"
is "$(drvs 01:00.0 01:00.1)" "radeon snd_hda_intel" "the card comes home all the same"
ok "post-stop does not claim success" test "$rc" -ne 0 -o -z "$(leases)"
mount -o remount,rw /run/gpupt
run gpupt-helper reconcile
is "$rc" 0 "writable again, reconcile finishes"
restored "as before"
large

scene "no room for one line of the record"
# N: the line of the record that does not fit
no_room() { # PHASE N
	run strace -qq -o $T/calls -P /run/gpupt/lease/101 -e trace=write -e "inject=write:error=ENOSPC:when=$2" $HOOK 101 "$1"
}
for n in 1 2 3 5 6 7 8 9; do
	no_room pre-start $n
	is "$rc" 1 "line $n of a hand-over: refused"
	like "$err" 'No space left' "… for that"
	restored "… and put back"
done
for n in 1 2 3 4 5; do
	run $HOOK 101 pre-start
	no_room post-stop $n
	is "$(drvs 01:00.0 01:00.1)" "radeon snd_hda_intel" "line $n of a return: the card is home ($rc)"
	run gpupt-helper reconcile
	is "$rc" 0 "… reconcile succeeds"
	restored "… as before"
done

tally faults $scenes
done_testing
