/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "policy/finding.h"

static const struct row {
	const char *name;
	enum severity severity;
	const char *meaning;
} rows[FINDING_COUNT] = {
	[FINDING_READY] = { "ready", SEVERITY_OK, "the card can go to a VM now" },
	[FINDING_CONFIG_BAD] = { "config-bad", SEVERITY_BLOCK, "a configuration file cannot be understood, or Proxmox VE will not start the VM by it" },
	[FINDING_NO_DEVICE] = { "no-device", SEVERITY_BLOCK, "a function that a VM names is not there" },
	[FINDING_NOT_PASSABLE] = { "not-passable", SEVERITY_BLOCK, "a bridge is named, which no guest can have" },
	[FINDING_IDENTITY] = { "identity", SEVERITY_BLOCK, "another device than expected sits at the address" },
	[FINDING_KNOWN_BAD] = { "known-bad", SEVERITY_BLOCK, "a card that is known not to work in a VM" },
	[FINDING_IOMMU_OFF] = { "iommu-off", SEVERITY_BLOCK, "there is no IOMMU that the running kernel could use: it is off in the firmware, or does not work" },
	[FINDING_IOMMU_CMDLINE] = { "iommu-cmdline", SEVERITY_BLOCK, "the firmware has an IOMMU, the kernel's parameters do not switch it on" },
	[FINDING_IOMMU_REBOOT] = { "iommu-reboot", SEVERITY_BLOCK, "the IOMMU will be on after a reboot" },
	[FINDING_NO_GROUP] = { "no-group", SEVERITY_BLOCK, "the function is in no IOMMU group" },
	[FINDING_SRIOV_ACTIVE] = { "sriov-active", SEVERITY_BLOCK, "a physical function has active virtual functions" },
	[FINDING_GROUP_FOREIGN] = { "group-foreign", SEVERITY_INFO, "the IOMMU group holds devices besides the card; they go along" },
	[FINDING_GROUP_DANGER] = { "group-danger", SEVERITY_BLOCK, "the host runs on a device that would go along" },
	[FINDING_UNBINDABLE] = { "unbindable", SEVERITY_BLOCK, "a function's driver cannot be made to let go of it" },
	[FINDING_D3COLD] = { "d3cold", SEVERITY_BLOCK, "the card is powered off" },
	[FINDING_DEAD] = { "dead", SEVERITY_BLOCK, "the card does not answer: config space reads ff" },
	[FINDING_STUCK] = { "stuck", SEVERITY_BLOCK, "a process still hangs in the kernel with the card" },
	[FINDING_CLAIMED] = { "claimed", SEVERITY_BLOCK, "another VM has the card or is taking it now, or it is being reset" },
	[FINDING_IN_USE] = { "in-use", SEVERITY_BLOCK, "a running VM has the card open" },
	[FINDING_RESERVED] = { "reserved", SEVERITY_BLOCK, "Proxmox VE reserves the card for another VM" },
	[FINDING_HELD] = { "held", SEVERITY_BLOCK, "processes hold the card" },
	[FINDING_CONTAINER] = { "container", SEVERITY_BLOCK, "a container that has the card keeps it" },
	[FINDING_BACKUP_REFUSED] = { "backup-refused", SEVERITY_BLOCK, "a backup of the VM, which starts it, does not get the card now" },
	[FINDING_UNSURE] = { "unsure", SEVERITY_BLOCK, "it was not to be seen in time who has the card" },
	[FINDING_PERSISTENCE_UNKNOWN] = { "persistence-unknown", SEVERITY_BLOCK,
					  "NVIDIA's persistence mode may hold the card: nvidia-smi did not tell" },
	[FINDING_PERSISTENCED] = { "persistenced", SEVERITY_INFO, "nvidia-persistenced holds the card; it is stopped meanwhile" },
	[FINDING_BLIND] = { "blind", SEVERITY_INFO, "not everything could be seen" },
	[FINDING_SLOT_PARTIAL] = { "slot-partial", SEVERITY_WARN, "a function of the card stays with the host" },
	[FINDING_RESET_UNLIKELY] = { "reset-unlikely", SEVERITY_WARN, "no reset is likely to work on this card" },
	[FINDING_VENDOR_RESET] = { "vendor-reset", SEVERITY_WARN, "the module that can reset this card is not loaded, or not there" },
	[FINDING_ROM_FILE] = { "rom-file", SEVERITY_WARN, "a file that should be a card's ROM is none" },
	[FINDING_BMC_DISPLAY] = { "bmc-display", SEVERITY_WARN, "the display of a management controller is no card for a VM" },
	[FINDING_ONLY_DISPLAY] = { "only-display", SEVERITY_WARN, "the host has no other display" },
	[FINDING_CONSOLE] = { "console", SEVERITY_INFO, "the host's console shows on this card and goes dark meanwhile" },
	[FINDING_BOOTFB] = { "bootfb", SEVERITY_WARN, "the firmware's frame buffer driver holds the card's memory" },
	[FINDING_NO_HOME] = { "no-home", SEVERITY_WARN, "no native driver is known to give the card back to" },
	[FINDING_OVERRIDE] = { "override", SEVERITY_INFO, "an administrator's driver_override is set; it comes back afterwards" },
	[FINDING_PINNED] = { "pinned", SEVERITY_WARN, "a line of the host's configuration, or a kernel parameter, decides about a card's driver" },
	[FINDING_KEPT_AWAY] = { "kept-away", SEVERITY_WARN, "such lines keep a card from its native driver" },
	[FINDING_ACS_OVERRIDE] = { "acs-override", SEVERITY_WARN, "the IOMMU groups are made smaller than the hardware's isolation" },
	[FINDING_PARAMS_UNCLEAR] = { "params-unclear", SEVERITY_INFO, "the kernel parameters of the next boot cannot be told" },
	[FINDING_EDITED] = { "edited", SEVERITY_WARN, "somebody has changed what 'prepare' had made; it is left alone" },
	[FINDING_NOT_ADOPTED] = { "not-adopted", SEVERITY_WARN, "a line that --adopt does not take out by itself" },
	[FINDING_LOADER_UNKNOWN] = { "loader-unknown", SEVERITY_WARN, "kernel parameters are needed, and how the boot loader gets them is not known" },
	[FINDING_IMAGE] = { "image", SEVERITY_INFO, "the tree is none of a machine that runs: its cards and its IOMMU are not known" },
	[FINDING_TOOL_MISSING] = { "tool-missing", SEVERITY_WARN, "a program that 'prepare' needs is not installed" },
	[FINDING_CUT_OFF] = { "cut-off", SEVERITY_WARN, "a preparation of the host was begun and not finished" },
	[FINDING_REBOOT_PENDING] = { "reboot-pending", SEVERITY_INFO, "what was prepared will be in force after a reboot" },
	[FINDING_NOT_IN_FORCE] = { "not-in-force", SEVERITY_WARN, "what was prepared has not taken effect" },
	[FINDING_NOT_PREPARED] = { "not-prepared", SEVERITY_WARN, "a card is to be reserved, and the host has not been prepared for that" },
	[FINDING_SHARED_CT] = { "shared-ct", SEVERITY_INFO, "a container names the card's device nodes" },
	[FINDING_SHARED_VM] = { "shared-vm", SEVERITY_INFO, "another VM names the card, too" },
	[FINDING_KEY_UNKNOWN] = { "key-unknown", SEVERITY_WARN, "a configuration key that this version does not know" },
	[FINDING_LEASE_OPEN] = { "lease-open", SEVERITY_WARN, "a VM that does not run still has a lease" },
	[FINDING_NO_HOOK] = { "no-hook", SEVERITY_WARN, "the VM's hookscript is not gpupt's, or cannot be run" },
	[FINDING_NEXT_BAD] = { "next-bad", SEVERITY_BLOCK, "the hookscript that is to be run after gpupt's cannot be run, or is gpupt's" },
	[FINDING_NOT_PCIE] = { "not-pcie", SEVERITY_INFO, "the guest sees the card as a conventional PCI device" },
	[FINDING_NEXT_READY] = { "next-ready", SEVERITY_OK, "a kernel that is installed would boot as prepared" },
	[FINDING_NEXT_UNKNOWN] = { "next-unknown", SEVERITY_INFO, "which kernel boots next cannot be told" },
	[FINDING_NEXT_UNSEEN] = { "next-unseen", SEVERITY_INFO, "a part of the next boot cannot be looked into" },
	[FINDING_INITRAMFS_MISSING] = { "initramfs-missing", SEVERITY_WARN, "a kernel has no initramfs" },
	[FINDING_INITRAMFS_OLD] = { "initramfs-old", SEVERITY_WARN, "files that belong into an initramfs are newer than it" },
	[FINDING_INITRAMFS_LACKS] = { "initramfs-lacks", SEVERITY_WARN, "what a reserved card needs is not in an initramfs" },
	[FINDING_ENTRY_MISSING] = { "entry-missing", SEVERITY_WARN, "the boot loader does not offer a kernel" },
	[FINDING_ENTRY_OLD] = { "entry-old", SEVERITY_WARN, "the boot loader's entry of a kernel lacks what it should have" },
	[FINDING_ESP_BEHIND] = { "esp-behind", SEVERITY_WARN, "a partition that the machine may boot from is not as the others and /boot are" },
	[FINDING_NEXT_IOMMU] = { "next-iommu", SEVERITY_WARN, "with a kernel and its parameters the IOMMU will be off" },
	[FINDING_MODULE_MISSING] = { "module-missing", SEVERITY_WARN, "a module that a card needs is not there for a kernel" },
	[FINDING_MODULE_UNSIGNED] = { "module-unsigned", SEVERITY_WARN, "a module that a card needs has no signature, which Secure Boot asks for" },
};

static const char *const severities[] = { "ok", "info", "warn", "block" };

const char *finding_name(enum finding_code code)
{
	return rows[code].name;
}

const char *finding_meaning(enum finding_code code)
{
	return rows[code].meaning;
}

const char *severity_name(enum severity s)
{
	return severities[s];
}

struct finding *finding_add(struct findings *f, enum finding_code code, const char *subject, const char *remedy,
			    const char *fmt, ...)
{
	struct finding *v = reallocarray(f->v, f->n + 1, sizeof(*v)), *new;
	va_list ap;

	if (!v) {
		f->r = -ENOMEM;
		return NULL;
	}
	f->v = v;
	new = &v[f->n];
	*new = (struct finding){ .code = code, .severity = rows[code].severity };
	snprintf(new->subject, sizeof(new->subject), "%s", subject);
	va_start(ap, fmt);
	if (vasprintf(&new->message, fmt, ap) < 0)
		new->message = NULL;
	va_end(ap);
	new->remedy = remedy ? strdup(remedy) : NULL;
	f->n++;
	if (!new->message || (remedy && !new->remedy))
		f->r = -ENOMEM;
	return new;
}

static void finding_done(struct finding *f)
{
	free(f->message);
	free(f->remedy);
}

/* Those that are at least so severe, or the others. */
static void sift(struct findings *f, size_t first, enum severity least, bool keep_them)
{
	size_t kept = first;

	for (size_t i = first; i < f->n; i++) {
		if ((f->v[i].severity >= least) == keep_them)
			f->v[kept++] = f->v[i];
		else
			finding_done(&f->v[i]);
	}
	f->n = kept;
}

void findings_drop(struct findings *f, size_t first, enum severity least)
{
	sift(f, first, least, false);
}

void findings_keep(struct findings *f, enum severity least)
{
	sift(f, 0, least, true);
}

enum severity findings_worst(const struct findings *f)
{
	/* a finding that was lost for want of memory may have been the worst */
	enum severity worst = f->r < 0 ? SEVERITY_BLOCK : SEVERITY_OK;

	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].severity > worst)
			worst = f->v[i].severity;
	return worst;
}

void findings_done(struct findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		finding_done(&f->v[i]);
	free(f->v);
	*f = (struct findings){ 0 };
}
