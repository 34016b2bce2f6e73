/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `hooks install` and `hooks remove` change, as steps: planned, shown and read back like others, and on no record, for nobody
 * takes them back.
 */
#ifndef GPUPT_HOOK_KINDS_H
#define GPUPT_HOOK_KINDS_H

#include "plan/step.h"
#include "pve/cluster.h"

/*
 * The hookscript of a guest, by Proxmox VE's own tools: qm or pct for one of this node; pvesh for one of another, which hands it on to
 * that node (proxyto of update_vm in PVE/API2/Qemu.pm and PVE/API2/LXC/Config.pm). The target is "VM 101" or "CT 301 on NODE".
 */
extern const struct step_kind step_hookscript;
/* Into buf; here: it is a guest of this node. Returns buf. */
char *hook_target(const struct cluster_guest *g, bool here, char *buf, size_t size);
/* Appends the command that makes the step, for a person to type. */
void hook_command(const struct step *s, struct text *ret);

/* The file of a storage, its name for a target: absent, "another version", "somebody else's", "gpupt's lines". */
extern const struct step_kind step_snippet;
#define SNIPPET_OURS	 "gpupt's lines"
#define SNIPPET_OTHER	 "another version"
#define SNIPPET_STRANGER "somebody else's"

/* What a storage holds, by pvesm; its name is the target. */
extern const struct step_kind step_content;

#endif
