#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# `prepare` and `revert` on a machine with UEFI that systemd-boot starts, as Proxmox VE on ZFS: what counts is
# /etc/kernel/cmdline, and what proxmox-boot-tool copies to the firmware's partition.
# takes: 1800 s
[ -e /lab/lib.sh ] || LAB_LIMIT=${LAB_LIMIT:-3600} exec "$(dirname "$0")/boot" --disk=proxmox twins "$0" -action reboot=reset
set -- systemd-boot /etc/kernel/cmdline
. /lab/loader.sh
