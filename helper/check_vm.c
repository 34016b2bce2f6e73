/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/handover.h"
#include "flow/next.h"
#include "flow/observe.h"
#include "helper/check.h"
#include "helper/hook_script.h"
#include "policy/judge.h"
#include "pve/guest.h"
#include "pve/storage.h"

/* One VM. */
struct subject {
	struct check *c;
	const struct root *r;
	unsigned int vmid;
	bool asked; /* named on the command line */
	char name[24];
	struct config cfg;
	struct vm_devices devices;
	struct selection sel;
	struct findings found;
	struct err *e;
};

static void subject_done(struct subject *s)
{
	config_done(&s->cfg);
	vm_devices_done(&s->devices);
	selection_done(&s->sel);
	findings_done(&s->found);
}

/* What a start would do before its steps: wait for somebody, shut down another VM. */
static void note_said(void *ctx, const char *line)
{
	struct subject *s = ctx;

	if (s->asked && (s->c->o->verbose || s->c->o->dry_run))
		text_addf(&s->c->plans, "The start of VM %u %s.\n", s->vmid, line);
}

static void add_plan(struct subject *s, const struct plan *p, bool refused)
{
	struct text *t = &s->c->plans;

	if (!s->asked || !(s->c->o->verbose || s->c->o->dry_run))
		return;
	if (refused)
		text_addf(t, "The start of VM %u would be refused.\n", s->vmid);
	else if (p->n == 0)
		text_addf(t, "The start of VM %u would change nothing.\n", s->vmid);
	else
		text_addf(t, "The start of VM %u would make these steps:\n", s->vmid);
	for (size_t i = 0; !refused && i < p->n; i++) {
		text_add(t, "  ");
		step_format(&p->steps[i], t);
		text_add(t, "\n");
		steps_would_make(&s->c->steps, s->vmid, &p->steps[i]);
	}
}

/* What pre-start itself finds: its own walk, without its changes. */
static int rehearse(struct subject *s)
{
	_cleanup_plan_ struct plan plan = { 0 };
	struct report report = { .say = note_said, .ctx = s, .vmid = s->vmid };
	struct handover h = { .root = s->r, .settings = &s->c->settings, .cfg = &s->cfg, .vmid = s->vmid, .dry_run = true,
			      .report = &report };
	int k = handover_run(&h, &s->found, &plan, s->e);

	if (k == -EINVAL) {
		finding_add(&s->found, FINDING_CONFIG_BAD, s->name, "correct it: 'qm config' shows it", "%s", s->e->text);
		k = HANDOVER_REFUSED;
	}
	if (k < 0)
		return k;
	add_plan(s, &plan, k == HANDOVER_REFUSED);
	return 0;
}

/* What to do about a script that cannot be run: -ENOEXEC is easily mended. */
static const char *script_remedy(const struct subject *s, const char *volid, int k, const char *otherwise, char *buf, size_t size)
{
	char path[PATH_MAX];

	if (k == -ENOEXEC && storage_snippet(s->r, volid, path, NULL) == 0) {
		snprintf(buf, size, "chmod +x %.200s", path);
		return buf;
	}
	return otherwise;
}

static void advise_hook(struct subject *s)
{
	struct hook_guest g = { .kind = GUEST_VM, .vmid = s->vmid, .wants = true, .volid = config_get(&s->cfg, "hookscript") };
	struct hook_script h;
	char remedy[256];
	struct finding *f;

	hook_script_look(s->r, g.volid, &h);
	g.uninstalled = h.state != HOOK_OURS && hook_script_uninstalled(s->r);
	hook_script_remedy(&h, &g, remedy, sizeof(remedy));
	switch (h.state) {
	case HOOK_OURS:
	case HOOK_ELSEWHERE:
		break;
	case HOOK_NONE:
		finding_add(&s->found, FINDING_NO_HOOK, s->name, remedy,
			    "VM %u has no hookscript: Proxmox VE will take the card, and nobody will give it back", s->vmid);
		break;
	case HOOK_OTHER:
		finding_add(&s->found, FINDING_NO_HOOK, s->name, remedy, "VM %u has another hookscript than gpupt's: %.120s", s->vmid,
			    g.volid);
		break;
	case HOOK_UNSEEN:
		check_unseen(s->c, "the hookscripts of the VMs");
		break;
	case HOOK_MISSING:
	case HOOK_NOT_EXECUTABLE:
	case HOOK_BAD:
	case HOOK_HANGS:
		/* Proxmox VE's exec_hookscript() dies of it at pre-start */
		f = finding_add(&s->found, FINDING_NO_HOOK, s->name, remedy, "hookscript of VM %u: %s; the VM cannot start", s->vmid,
				h.e.text);
		if (f)
			f->severity = SEVERITY_BLOCK;
		break;
	}
}

/* What gpupt's hook would refuse any start by, with a card or without. */
static void check_next(struct subject *s)
{
	const struct vm_settings *vm = settings_vm(&s->c->settings, s->vmid);
	const char *volid = config_get(&s->cfg, "hookscript");
	char path[PATH_MAX], otherwise[80], remedy[256];
	struct err e;
	int k;

	/* nobody runs it if the hookscript is not ours */
	if (!vm || !volid || storage_snippet(s->r, volid, path, NULL) < 0 || !hook_script_is_ours(s->r, path))
		return;
	k = next_find(s->r, &s->c->settings, &s->cfg, s->vmid, path, &e);
	if (k == -EACCES)
		check_unseen(s->c, "the hookscripts of the VMs");
	if (k >= 0 || k == -EACCES)
		return;
	snprintf(otherwise, sizeof(otherwise), "correct 'next' in [vm %u] of " SETTINGS_PATH, s->vmid);
	finding_add(&s->found, FINDING_NEXT_BAD, s->name, script_remedy(s, vm->next, k, otherwise, remedy, sizeof(remedy)),
		    "next hookscript of VM %u: %s; its start would be refused", s->vmid, e.text);
}

/* Is one of the entry's functions ours? */
static bool entry_selected(const struct subject *s, const struct hostpci *h)
{
	char name[16];

	snprintf(name, sizeof(name), "hostpci%u", h->index);
	for (size_t i = 0; i < s->sel.n; i++) {
		const char *entry = s->sel.v[i].entry;

		if (str_starts(entry, name) && (entry[strlen(name)] == '\0' || entry[strlen(name)] == ','))
			return true;
	}
	return false;
}

static void advise_pcie(struct subject *s)
{
	const char *machine = config_get(&s->cfg, "machine");
	bool q35 = machine && strstr(machine, "q35");
	char remedy[96];

	for (size_t i = 0; i < s->devices.entries.n; i++) {
		const struct hostpci *h = &s->devices.entries.v[i];

		if (h->pcie || !entry_selected(s, h))
			continue;
		snprintf(remedy, sizeof(remedy), q35 ? "add pcie=1 to hostpci%u" : "qm set %2$u --machine q35, and add pcie=1 to hostpci%1$u",
			 h->index, s->vmid);
		finding_add(&s->found, FINDING_NOT_PCIE, s->name, remedy,
			    q35 ? "hostpci%u of VM %u has no pcie=1: the guest sees a conventional PCI device" :
				  "hostpci%u of VM %u is a conventional PCI device for the guest: its machine type is not q35",
			    h->index, s->vmid);
	}
}

/* Facts that pre-start has no time for: who else names the cards, what is left for the host to show. */
static int advise_cards(struct subject *s)
{
	_cleanup_facts_ struct facts facts = { 0 };
	_cleanup_findings_ struct findings all = { 0 };
	struct engine en;
	int k;

	engine_init(&en, s->r, &s->c->settings, &s->sel);
	k = facts_load(&en, &s->sel, s->vmid, false, &facts, s->e);
	if (k < 0)
		return k;
	judge(&facts, &s->c->settings, &all);
	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].code == FINDING_ONLY_DISPLAY)
			finding_add(&s->found, all.v[i].code, all.v[i].subject, all.v[i].remedy, "%s", all.v[i].message);
	for (size_t i = 0; k == 0 && i < facts.n; i++) {
		_cleanup_pci_list_ struct pci_list card = { 0 };

		if (facts.v[i].absent || facts.v[i].role != ROLE_NAMED || !gpu_is_display(&facts.v[i].fn))
			continue;
		k = pci_slot_functions(s->r, facts.v[i].fn.bdf, &card, s->e);
		if (k == 0)
			k = check_sharing(s->c, &card, &facts.holders, facts.v[i].fn.bdf, s->vmid, &s->found, s->e);
	}
	return k;
}

static int advise(struct subject *s)
{
	advise_hook(s);
	check_next(s);
	advise_pcie(s);
	return s->asked ? advise_cards(s) : 0;
}

static void approve(struct subject *s)
{
	if (s->asked && findings_worst(&s->found) < SEVERITY_WARN)
		finding_add(&s->found, FINDING_READY, s->name, NULL, "VM %u can have its cards now", s->vmid);
}

/* With nothing for gpupt to do there is nothing to find fault with. */
static int nothing(struct subject *s, const char *why)
{
	check_next(s);
	if (s->asked && s->found.n == 0)
		finding_add(&s->found, FINDING_READY, s->name, NULL, "VM %u %s: gpupt has nothing to do with it", s->vmid, why);
	return check_merge(s->c, &s->found);
}

static int check_devices(struct subject *s)
{
	struct err ignored;
	int k = rehearse(s);

	if (k < 0)
		return k;
	/* what is wrong with it the rehearsal has said */
	if (vm_devices_load(s->r, &s->cfg, &s->devices, &ignored) < 0 ||
	    select_functions(s->r, &s->devices, NULL, NULL, &s->sel, &ignored) < 0)
		return check_merge(s->c, &s->found);
	if (s->sel.n == 0)
		return nothing(s, "names no GPU");
	k = advise(s);
	if (k == 0)
		k = check_backup(s->c, &s->cfg, &s->sel, &s->found, s->e);
	if (k < 0)
		return k;
	approve(s);
	return check_merge(s->c, &s->found);
}

static int check_one(struct check *c, unsigned int vmid, bool asked, struct err *e)
{
	_cleanup_(subject_done) struct subject s = { .c = c, .r = c->o->root, .vmid = vmid, .asked = asked, .e = e };
	int k = config_load(s.r, GUEST_VM, vmid, &s.cfg, e);

	snprintf(s.name, sizeof(s.name), "VM %u", vmid);
	if (k == -ENOENT && guest_kind(s.r, vmid) == GUEST_CT)
		return err_set(e, -EINVAL, "%u is a container: it shares the host's driver, nothing is handed to it", vmid);
	if (k == -EACCES && !asked)
		check_unseen(c, "the configurations of Proxmox VE's guests");
	if (k == -ENOENT || k == -EACCES || k == -ENOMEM)
		return asked || k == -ENOMEM ? k : 0;
	if (k < 0) {
		finding_add(&s.found, FINDING_CONFIG_BAD, s.name, "restore it from a backup", "%s", e->text);
		return check_merge(c, &s.found);
	}
	if (!config_next(&s.cfg, "hostpci", NULL))
		return nothing(&s, "has no hostpci entry");
	if (config_get_bool(&s.cfg, "template", false))
		return nothing(&s, "is a template, which is started without its devices");
	return check_devices(&s);
}

int check_vm(struct check *c, unsigned int vmid, struct err *e)
{
	return check_one(c, vmid, true, e);
}

int check_all_vms(struct check *c, struct err *e)
{
	_cleanup_guest_list_ struct guest_list vms = { 0 };
	int k = guest_list(c->o->root, GUEST_VM, &vms, e);

	if (k == -EACCES) {
		check_unseen(c, "the configurations of Proxmox VE's guests");
		return 0;
	}
	for (size_t i = 0; k == 0 && i < vms.n; i++)
		k = check_one(c, vms.v[i], false, e);
	return k;
}
