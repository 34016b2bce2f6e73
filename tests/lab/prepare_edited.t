#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A preparation that somebody has changed since, and the package that is removed: what was prepared is taken back, what is
# somebody else's by now is left and named.
# takes: 1800 s
[ -e /lab/lib.sh ] || LAB_DATA=$(dirname "$0")/../../debian LAB_LIMIT=${LAB_LIMIT:-3600} exec "$(dirname "$0")/boot" --disk=grub twins "$0"
. /lab/lib.sh
. /lab/system.sh
. /lab/disk.sh

# lib.sh makes it, and nobody else before something is in it
rmdir /var/lib/gpupt
keep_tree first

scene "somebody changes what was prepared, and the package is removed"
run gpupt-helper prepare 02:00=reserved --yes
is "$rc" 0 "prepare (it took $took s)"
echo 'options vfio-pci disable_vga=1' >>/etc/modprobe.d/gpupt.conf
echo '# mine' >>/etc/initramfs-tools/hooks/gpupt
rm /etc/modules-load.d/gpupt.conf
run gpupt-helper check
like "$out" 'edited.*/etc/modprobe\.d/gpupt\.conf' "check names it"
like "$out" 'edited.*/etc/initramfs-tools/hooks/gpupt' "… and the program"
like "$out" 'edited.*/etc/modules-load\.d/gpupt\.conf' "… and what is gone"
# what dpkg runs before it removes the files
run sh /lab/data/gpupt.prerm remove
is "$rc" 0 "what was prepared is taken back (it took $took s)"
note "$out$err"
like "$out$err" '/etc/modprobe\.d/gpupt\.conf' "… but for what was changed, which is named"
is "$(ours | sort | tr '\n' ' ')" "/etc/initramfs-tools/hooks/gpupt /etc/modprobe.d/gpupt.conf " "… and left, and nothing else"
like "$(cat /etc/modprobe.d/gpupt.conf)" 'disable_vga=1' "… as it is"
rm /etc/modprobe.d/gpupt.conf /etc/initramfs-tools/hooks/gpupt
update-initramfs -u -k all >/dev/null 2>&1
tree_same first "without it all files are what they were"
done_testing
