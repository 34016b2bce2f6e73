/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Backups: that of a VM that does not run starts it, paused and with its cards, under `lock: backup` (enforce_vm_running_for_backup() in
 * PVE/VZDump/QemuServer.pm). Pure.
 */
#ifndef GPUPT_BACKUP_H
#define GPUPT_BACKUP_H

#include "policy/facts.h"
#include "policy/finding.h"

/*
 * For a start for a backup: adds FINDING_BACKUP_REFUSED if a card's settings do not want it (backup = refuse; not if the VM has its
 * cards already, as in a backup in stop mode), or if found has it that one is in use.
 */
void judge_backup(const struct facts *f, const struct settings *s, struct findings *found);

#endif
