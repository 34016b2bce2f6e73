/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/containers.h"
#include "policy/judge.h"
#include "policy/home.h"
#include "policy/iommu_judge.h"
#include "policy/persistence.h"
#include "policy/reset_choice.h"

struct judge {
	const struct facts *f;
	const struct settings *s;
	struct findings *ret;
	const struct fn_facts *fn; /* the function that is looked at */
	char name[BDF_LEN];
};

/* A sentence's "(hostpci0)", or nothing. */
static const char *entry(const struct fn_facts *fn, char buf[static 48])
{
	snprintf(buf, 48, fn->entry[0] ? " (%s)" : "%s", fn->entry);
	return buf;
}

static void judge_presence(struct judge *j)
{
	char e[48];

	if (j->fn->absent)
		finding_add(j->ret, FINDING_NO_DEVICE, j->name,
			    "look for its present address with 'gpupt-helper list' and correct the VM's configuration",
			    "there is no PCI device at %s%s", j->name, entry(j->fn, e));
	else if (j->fn->fn.bridge && j->fn->role == ROLE_NAMED)
		finding_add(j->ret, FINDING_NOT_PASSABLE, j->name, "name the card, not the port it sits behind",
			    "%s%s is a bridge", j->name, entry(j->fn, e));
}

/* The display function of this function's slot; itself if it has none. */
static const struct pci_fn *display_of(const struct judge *j)
{
	for (size_t i = 0; i < j->f->slots.n; i++)
		if (bdf_same_slot(j->f->slots.v[i].bdf, j->fn->fn.bdf) && gpu_is_display(&j->f->slots.v[i]))
			return &j->f->slots.v[i];
	return &j->fn->fn;
}

/* Is the display of the slot the one that [gpu …] asks for? Then what is remembered of the rest is of the card before. */
static bool exchange_confirmed(const struct judge *j)
{
	const struct gpu_settings *g = settings_gpu(j->s, j->fn->fn.bdf);

	return g->has_id && pci_id_match(g->id, display_of(j)->id);
}

/* The administrator's id, or that of the first hand-over. A mapping's was compared when the functions were chosen. */
static void judge_identity(struct judge *j)
{
	const struct gpu_settings *g = settings_gpu(j->s, j->fn->fn.bdf);
	char is[PCI_ID_LEN], was[PCI_ID_LEN], shown[PCI_ID_LEN], section[BDF_LEN], remedy[256];
	const struct pci_fn *display = display_of(j);
	struct pci_id wanted = { 0 }, home;
	const char *by;

	/* the id of [gpu …] is that of the function it names; of the display where it names the slot */
	if (g->has_id && (g->bdf.fn == BDF_ANY_FN ? gpu_is_display(&j->fn->fn) : bdf_eq(g->bdf, j->fn->fn.bdf))) {
		wanted = g->id;
		by = SETTINGS_PATH;
	} else if (j->fn->has_home && !exchange_confirmed(j) && pci_id_parse(j->fn->home.identity, &home) == 0) {
		wanted = home;
		by = "the first hand-over";
	}
	if (!wanted.vendor || pci_id_match(wanted, j->fn->fn.id))
		return;
	pci_id_format(j->fn->fn.id, is);
	snprintf(remedy, sizeof(remedy),
		 "see 'gpupt-helper list' for where the card is now; if it was exchanged on purpose, set 'id = %s' in [gpu %s] of %s",
		 pci_id_format(display->id, shown), bdf_format(display->bdf, section), SETTINGS_PATH);
	finding_add(j->ret, FINDING_IDENTITY, j->name, remedy, "%s is %s, not %s as %s has it", j->name, is,
		    pci_id_format(wanted, was), by);
}

/* What nobody can read from the card. */
static void judge_known(struct judge *j)
{
	struct pci_id id = j->fn->fn.id;
	const char *why = known_bad(&j->f->known, id);
	char remedy[128];

	if (!why)
		return;
	snprintf(remedy, sizeof(remedy), "choose another card; if this one does work, write '%04x:%04x ok' into " KNOWN_OWN, id.vendor, id.device);
	finding_add(j->ret, FINDING_KNOWN_BAD, j->name, remedy, "%s (%04x:%04x) is known not to work in a VM: %s", j->name, id.vendor,
		    id.device, why);
}

static void judge_state(struct judge *j)
{
	const struct pci_fn *fn = &j->fn->fn;
	char remedy[160];

	if (j->fn->stuck) {
		snprintf(remedy, sizeof(remedy), "end what holds the card, or reboot the host; 'gpupt-helper status' shows when process %d is gone",
			 (int)j->fn->stuck_at.child.pid);
		finding_add(j->ret, FINDING_STUCK, j->name, remedy, "%s is stuck: process %d still waits in the kernel (%s)",
			    j->name, (int)j->fn->stuck_at.child.pid, j->fn->stuck_at.what);
		return;
	}
	if (fn->config == PCI_CONFIG_DEAD)
		finding_add(j->ret, FINDING_DEAD, j->name,
			    "reboot the host; if that does not help, switch it off and on (some cards need the power cycle)",
			    "%s does not answer: its config space reads ff", j->name);
	else if (fn->config == PCI_CONFIG_HANGS)
		finding_add(j->ret, FINDING_DEAD, j->name, "wait for the reset to end; 'dmesg' shows it",
			    "%s does not answer in time: a reset of it is under way, or stuck", j->name);
	else if (strcmp(fn->power_state, "D3cold") == 0 || fn->config == PCI_CONFIG_ASLEEP) {
		snprintf(remedy, sizeof(remedy),
			 "wake it: echo 0 > /sys/bus/pci/devices/%s/d3cold_allowed; echo on > /sys/bus/pci/devices/%s/power/control",
			 j->name, j->name);
		finding_add(j->ret, FINDING_D3COLD, j->name, remedy, "%s is in D3cold: it has no power", j->name);
	}
	if (fn->active_vfs > 0)
		finding_add(j->ret, FINDING_SRIOV_ACTIVE, j->name, "shut down what uses the virtual functions, then write 0 to sriov_numvfs",
			    "%s has %u active virtual functions, which rebinding it would destroy", j->name, fn->active_vfs);
}

/* The worst reasons say enough: a system disk has a dozen. */
#define DANGERS_SHOWN 2

static void judge_danger(struct judge *j)
{
	const struct danger_list *l = &j->fn->dangers;
	bool along = j->fn->role == ROLE_GROUP;
	_cleanup_text_ struct text why = { 0 };

	for (size_t i = 0; i < l->n && i < DANGERS_SHOWN; i++)
		text_join(&why, ", ", l->v[i].text);
	if (l->n > DANGERS_SHOWN)
		text_addf(&why, ", and %zu more", l->n - DANGERS_SHOWN);
	finding_add(j->ret, FINDING_GROUP_DANGER, j->name,
		    along ? "put the card into another slot, so that the two are in different IOMMU groups" :
			    "name another device: the host needs this one",
		    "the host runs on %s, which would go along%s: %s", j->name,
		    along ? " (it is in the card's IOMMU group)" : "", text_str(&why));
}

/* Found here, and not by a write to a file that is not there in the middle of a hand-over. */
static void judge_binding(struct judge *j)
{
	bool along = j->fn->role == ROLE_GROUP;

	finding_add(j->ret, FINDING_UNBINDABLE, j->name,
		    along ? "put the card into another slot, so that the two are in different IOMMU groups" :
			    "keep that driver from loading (a blacklist in /etc/modprobe.d) and reboot, or name another device",
		    "%s cannot be taken off its driver %s, which has no unbind file%s", j->name, j->fn->fn.driver,
		    along ? " (it is in the card's IOMMU group)" : "");
}

static void judge_group(struct judge *j)
{
	const struct fn_facts *fn = j->fn;

	if (fn->fn.group < 0 && iommu_state(&j->f->iommu) == IOMMU_ON)
		finding_add(j->ret, FINDING_NO_GROUP, j->name, "another slot may have a group of its own",
			    "%s is in no IOMMU group", j->name);
	if (fn->dangers.n > 0)
		judge_danger(j);
	if (fn->unbindable && !fn->fn.bridge)
		judge_binding(j);
	else if (fn->role == ROLE_GROUP && fn->dangers.n == 0)
		finding_add(j->ret, FINDING_GROUP_FOREIGN, j->name, NULL, "%s (%s) goes along: it is in IOMMU group %d, too", j->name,
			    fn->fn.driver[0] ? fn->fn.driver : "no driver", fn->fn.group);
}

static void judge_owner(struct judge *j)
{
	const struct fn_facts *fn = j->fn;
	char remedy[96];

	if (fn->claimed && fn->claim.kind == CLAIM_RESET) {
		snprintf(remedy, sizeof(remedy), "wait until process %d has ended", (int)fn->claim.owner.pid);
		finding_add(j->ret, FINDING_CLAIMED, j->name, remedy, "%s is being reset, or its ROM read, by gpupt-helper (process %d)", j->name,
			    (int)fn->claim.owner.pid);
	} else if (fn->claimed) {
		snprintf(remedy, sizeof(remedy), "shut down VM %u, or see 'gpupt-helper status'", fn->claim.vmid);
		finding_add(j->ret, FINDING_CLAIMED, j->name, remedy, "%s belongs to VM %u", j->name, fn->claim.vmid);
	} else if (fn->reserved_by) {
		snprintf(remedy, sizeof(remedy), "shut down VM %u", fn->reserved_by);
		finding_add(j->ret, FINDING_RESERVED, j->name, remedy, "%s is in use or reserved by VM %u", j->name, fn->reserved_by);
	}
}

static void judge_knowledge(struct judge *j)
{
	const struct fn_facts *fn = j->fn;
	struct driver_value home;

	if (fn->driver_known && fn->driver.override[0] && strcmp(fn->driver.override, fn->driver.driver) != 0)
		finding_add(j->ret, FINDING_OVERRIDE, j->name, NULL, "%s has driver_override=%s, set by somebody else; it comes back afterwards",
			    j->name, fn->driver.override);
	if (fn->driver_known && !home_value(fn, j->s, &home) && !settings_stays(settings_gpu(j->s, fn->fn.bdf)) &&
	    gpu_is_display(&fn->fn))
		finding_add(j->ret, FINDING_NO_HOME, j->name, "set 'driver = …' for it in " SETTINGS_PATH ", or after-stop = keep",
			    "%s is on %s, and no native driver of its own is known", j->name,
			    fn->driver.driver[0] ? fn->driver.driver : "no driver");
}

static void judge_display(struct judge *j)
{
	const struct fn_facts *fn = j->fn;
	struct reset_choice choice;

	if (!gpu_is_display(&fn->fn))
		return;
	if (gpu_is_bmc(&fn->fn))
		finding_add(j->ret, FINDING_BMC_DISPLAY, j->name, "choose another card",
			    "%s is the management controller's display: the host's remote console", j->name);
	else if (j->f->displays == 0)
		finding_add(j->ret, FINDING_ONLY_DISPLAY, j->name, "make sure that you can reach the host over the network or a serial console",
			    "%s is the only display of this host", j->name);
	if (fn->console)
		finding_add(j->ret, FINDING_CONSOLE, j->name, NULL, "the host's console shows on %s and is dark while a VM has it", j->name);
	/* vfio-pci itself drives generic frame buffers away, but for VGA class only (vfio_pci_core_register_device()) */
	if (fn->bootfb && fn->fn.class >> 8 != 0x0300 && (!fn->fn.driver[0] || strcmp(fn->fn.driver, "vfio-pci") == 0))
		finding_add(j->ret, FINDING_BOOTFB, j->name, "boot with 'initcall_blacklist=sysfb_init', or let its native driver load first",
			    "the firmware's frame buffer driver holds memory of %s", j->name);
	reset_choose(j->f, fn, settings_gpu(j->s, fn->fn.bdf), &choice);
	if (!choice.works_in_guest)
		finding_add(j->ret, FINDING_RESET_UNLIKELY, j->name, choice.remedy, "%s is not likely to be reset: %s", j->name,
			    choice.guest_why);
}

/* A function of a display's slot that is not taken: QEMU cannot reset the slot while the host has a part of it. */
static void judge_slot(struct judge *j)
{
	for (size_t i = 0; i < j->f->slots.n; i++) {
		const struct pci_fn *fn = &j->f->slots.v[i];
		char other[BDF_LEN], remedy[96];

		if (!gpu_is_display(&j->fn->fn) || !bdf_same_slot(fn->bdf, j->fn->fn.bdf) || fn->bridge || facts_find(j->f, fn->bdf))
			continue;
		bdf_format(fn->bdf, other);
		snprintf(remedy, sizeof(remedy), "name the whole slot in the VM's configuration: %.*s", (int)strcspn(j->name, "."), j->name);
		finding_add(j->ret, FINDING_SLOT_PARTIAL, other, remedy, "%s stays with the host while %s goes: no hot reset of the card is possible",
			    other, j->name);
	}
}

/* Whether the console is on the card could not be told: taking it would hang where the question did. */
static void judge_consoles(struct judge *j)
{
	for (size_t i = 0; i < j->f->consoles.n; i++)
		if (j->f->consoles.v[i].unsure)
			finding_add(j->ret, FINDING_UNSURE, "host", "'dmesg' may show which driver hangs",
				    "the kernel did not say in time whether the console '%s' is in use", j->f->consoles.v[i].title);
}

/* No card is held back for a slip of the pen in what is only advice. */
static void judge_table(const struct known_cards *k, struct findings *ret)
{
	struct finding *f = k->wrong[0] ? finding_add(ret, FINDING_CONFIG_BAD, "known-cards", "correct it: until then nothing of that file counts",
						      "%s", k->wrong) : NULL;

	if (f)
		f->severity = SEVERITY_WARN;
}

void judge(const struct facts *f, const struct settings *s, struct findings *ret)
{
	struct judge j = { .f = f, .s = s, .ret = ret };

	iommu_judge(&f->iommu, f->boot_known ? &f->boot : NULL, f->boot_known ? &f->loader : NULL, ret);
	for (size_t i = 0; i < f->n; i++) {
		j.fn = &f->v[i];
		bdf_format(j.fn->fn.bdf, j.name);
		judge_presence(&j);
		if (j.fn->absent)
			continue;
		judge_identity(&j);
		judge_known(&j);
		judge_state(&j);
		judge_group(&j);
		judge_owner(&j);
		judge_knowledge(&j);
		judge_display(&j);
		judge_slot(&j);
	}
	persistence_judge(f, ret);
	judge_containers(f, s, ret);
	judge_holders(f, s, ret);
	judge_consoles(&j);
	judge_table(&f->known, ret);
}
