#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# `prepare` and `revert` on a machine that GRUB starts from a partition that proxmox-boot-tool keeps, as Proxmox VE on ZFS
# without UEFI: what counts is in /etc/default/grub, and what is made of it there, not in /boot.
# takes: 1800 s
[ -e /lab/lib.sh ] || LAB_LIMIT=${LAB_LIMIT:-3600} exec "$(dirname "$0")/boot" --disk=proxmox-grub twins "$0" -action reboot=reset
set -- GRUB /etc/default/grub
. /lab/loader.sh
