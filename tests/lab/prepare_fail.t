#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A preparation that fails: what was done is put back, and what cannot be stays on record until the cause is gone.
# takes: 1800 s
[ -e /lab/lib.sh ] || LAB_LIMIT=${LAB_LIMIT:-3600} exec "$(dirname "$0")/boot" --disk=grub twins "$0"
. /lab/lib.sh
. /lab/system.sh
. /lab/disk.sh

# Where nothing is made of the files it is enough to look at these.
# shellcheck disable=SC2046 # none, or one word
settings() { listing / etc $(cd / && ls -d var/lib/gpupt 2>/dev/null); }
settings_same() {
	settings >$T/settings
	same $T/settings.first $T/settings "$1"
}
prepare() { run gpupt-helper prepare 02:00=reserved --yes; }
# on_full: the same, while the disk has no room for what it says
on_full() {
	local T=/run/said
	mkdir -p $T
	prepare
}
broken=/etc/initramfs-tools/hooks/broken
# breaks COMMAND: a hook of somebody's that fails as long as COMMAND does
breaks() {
	printf '#!/bin/sh\n[ "$1" != prereqs ] || exit 0\n%s || exit 1\n' "$1" >$broken
	chmod 755 $broken
}

# lib.sh makes it, and nobody else before something is in it
rmdir /var/lib/gpupt
breaks true
keep_tree first
settings >$T/settings.first

scene "/etc is read-only"
mount --bind /etc /etc
mount -o remount,bind,ro /etc
prepare
is "$rc" 1 "it fails"
like "$err" 'Read-only file system' "… and says why"
umount /etc
settings_same "nothing was touched"

scene "/boot is read-only"
mount --bind /boot /boot
mount -o remount,bind,ro /boot
prepare
is "$rc" 1 "it fails, although update-initramfs does not (it took $took s)"
like "$err" 'made nothing: /boot/initrd.img-' "… and says that nothing was made"
ok "nothing is left to be put back" test ! -e /var/lib/gpupt/prepare
umount /boot
settings_same "all files are what they were"

scene "the disk is full"
dd if=/dev/zero of=/filler bs=1M 2>/dev/null
dd if=/dev/zero of=/filler bs=1 oflag=append conv=notrunc 2>/dev/null
on_full
is "$rc" 1 "it fails"
like "$err" 'No space left on device' "… and says why"
rm /filler
settings_same "nothing was touched"

scene "it is full when the initramfs is made"
# what ext4 calls free, it does not give to anybody to the last block
dd if=/dev/zero of=/filler bs=1M 2>/dev/null
truncate -s -6M /filler
on_full
is "$rc" 1 "it fails (it took $took s)"
note "$err"
like "$err" 'update-initramfs' "… and says where"
rm /filler
if [ -e /var/lib/gpupt/prepare/unfinished ]; then
	like "$(findings warn)" '^cut-off$' "check says that something is left"
	run gpupt-helper revert --unfinished --yes
	is "$rc" 0 "now that there is room it is put back"
fi
tree_same first "all files are what they were"

scene "the initramfs cannot be made, once"
breaks '[ -e /run/once ] || { touch /run/once; false; }'
prepare
is "$rc" 1 "it fails"
like "$err" 'update-initramfs' "… and says where"
like "$out$err" 'broken' "… and what that had to say"
ok "nothing is left to be put back" test ! -e /var/lib/gpupt/prepare
breaks true
tree_same first "all files are what they were"

scene "… nor when it is put back"
breaks false
prepare
is "$rc" 3 "it fails"
like "$err" 'not everything could be put back' "… and says that something is left"
like "$(findings warn)" '^cut-off$' "so does check"
is "$(ours)" "/var/lib/gpupt/prepare" "the files are back"
breaks true
run gpupt-helper revert --unfinished --yes
is "$rc" 0 "once the cause is gone it is put back (it took $took s)"
tree_same first "all files are what they were"

scene "Ctrl-C while an initramfs is made"
# a shell has what it starts in the background ignore that
/usr/bin/env --default-signal=INT gpupt-helper prepare 02:00=reserved --yes >$T/out 2>$T/err &
helper=$!
ok "it is under way" within 120 grep -q '^begin [0-9]* rebuild initramfs' /var/lib/gpupt/prepare/record
/bin/sleep 15
kill -INT $helper
ok "it comes to its end" within 1200 ended $helper
wait $helper
note "exit status $?: $(tail -n 3 $T/err)"
ok "nothing is left to be put back" test ! -e /var/lib/gpupt/prepare
tree_same first "all files are what they were"

done_testing
