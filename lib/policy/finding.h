/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings: what policy has to say about a card. Names are stable: scripts may rely on them. */
#ifndef GPUPT_FINDING_H
#define GPUPT_FINDING_H

#include "base/text.h"

enum severity { SEVERITY_OK, SEVERITY_INFO, SEVERITY_WARN, SEVERITY_BLOCK };

enum finding_code {
	FINDING_READY,
	FINDING_CONFIG_BAD,
	FINDING_NO_DEVICE,
	FINDING_NOT_PASSABLE,
	FINDING_IDENTITY,
	FINDING_KNOWN_BAD,
	FINDING_IOMMU_OFF,
	FINDING_IOMMU_CMDLINE,
	FINDING_IOMMU_REBOOT,
	FINDING_NO_GROUP,
	FINDING_SRIOV_ACTIVE,
	FINDING_GROUP_FOREIGN,
	FINDING_GROUP_DANGER,
	FINDING_UNBINDABLE,
	FINDING_D3COLD,
	FINDING_DEAD,
	FINDING_STUCK,
	FINDING_CLAIMED,
	FINDING_IN_USE,
	FINDING_RESERVED,
	FINDING_HELD,
	FINDING_CONTAINER,
	FINDING_BACKUP_REFUSED,
	FINDING_BLIND,
	FINDING_UNSURE,
	FINDING_PERSISTENCE_UNKNOWN,
	FINDING_PERSISTENCED,
	FINDING_SLOT_PARTIAL,
	FINDING_RESET_UNLIKELY,
	FINDING_VENDOR_RESET,
	FINDING_ROM_FILE,
	FINDING_BMC_DISPLAY,
	FINDING_ONLY_DISPLAY,
	FINDING_CONSOLE,
	FINDING_BOOTFB,
	FINDING_NO_HOME,
	FINDING_OVERRIDE,
	FINDING_PINNED,
	FINDING_KEPT_AWAY,
	FINDING_ACS_OVERRIDE,
	FINDING_PARAMS_UNCLEAR,
	FINDING_EDITED,
	FINDING_NOT_ADOPTED,
	FINDING_LOADER_UNKNOWN,
	FINDING_IMAGE,
	FINDING_TOOL_MISSING,
	FINDING_CUT_OFF,
	FINDING_REBOOT_PENDING,
	FINDING_NOT_IN_FORCE,
	FINDING_NOT_PREPARED,
	FINDING_SHARED_CT,
	FINDING_SHARED_VM,
	FINDING_KEY_UNKNOWN,
	FINDING_LEASE_OPEN,
	FINDING_NO_HOOK,
	FINDING_NEXT_BAD,
	FINDING_NOT_PCIE,
	FINDING_NEXT_READY,
	FINDING_NEXT_UNKNOWN,
	FINDING_NEXT_UNSEEN,
	FINDING_INITRAMFS_MISSING,
	FINDING_INITRAMFS_OLD,
	FINDING_INITRAMFS_LACKS,
	FINDING_ENTRY_MISSING,
	FINDING_ENTRY_OLD,
	FINDING_ESP_BEHIND,
	FINDING_NEXT_IOMMU,
	FINDING_MODULE_MISSING,
	FINDING_MODULE_UNSIGNED,
	FINDING_COUNT,
};

struct finding {
	enum finding_code code;
	enum severity severity;
	char subject[72]; /* a BDF, "VM 101", "host", a file, a kernel's release */
	char *message;	  /* one sentence without its full stop: what, why */
	char *remedy;	  /* what to do, or NULL */
};

struct findings {
	struct finding *v;
	size_t n;
	int r; /* -ENOMEM if one was lost */
};

/* The name of a code, "iommu-off"; of a severity, "block"; what a code means, for the documentation. */
const char *finding_name(enum finding_code code);
const char *finding_meaning(enum finding_code code);
const char *severity_name(enum severity s);

/* Adds one with the severity of its code's row in the table; remedy may be NULL. Returns its place, or NULL without memory. */
struct finding *finding_add(struct findings *f, enum finding_code code, const char *subject, const char *remedy,
			    const char *fmt, ...) _printf_(5, 6);
/* Takes away those from number first on that are at least so severe. */
void findings_drop(struct findings *f, size_t first, enum severity least);
/* Keeps those alone. */
void findings_keep(struct findings *f, enum severity least);
enum severity findings_worst(const struct findings *f);
void findings_done(struct findings *f);
#define _cleanup_findings_ _cleanup_(findings_done)

#endif
