/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gpupt-hook: a Proxmox VE hookscript, see gpupt-hook(8). */
#ifndef GPUPT_HOOK_H
#define GPUPT_HOOK_H

#include "base/root.h"
#include "flow/report.h"
#include "policy/settings.h"
#include "pve/config.h"

struct hook {
	struct root root;
	unsigned int vmid;
	const char *vmid_text, *phase; /* as they were given */
	bool dry_run;
	bool has_config; /* the guest's; a VM's may be gone at post-stop */
	struct config cfg;
	struct settings settings;
	struct report report;
};

/* The whole program below a root. Returns its exit code. */
int hook_main(const struct root *root, int argc, char **argv);

/* The container h->vmid, in any phase; h->cfg is its configuration. The exit code, which never keeps it from starting. */
int hook_container(const struct hook *h);
/* Runs the hookscript that gpupt.conf has for this VM after ours, if any: same arguments, environment and output. Its exit code, or 127. */
int hook_next(const struct hook *h);
/* Can it be run? If not, that is said. */
bool hook_next_ready(const struct hook *h);

#endif
