/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/observe.h"
#include "helper/check.h"
#include "helper/naming.h"
#include "helper/reset_word.h"
#include "plan/nvidia.h"
#include "plan/state.h"
#include "policy/judge.h"

#define NAMES_MAX 8 /* in one message */

/* How many guests but that one; the first of them by name. */
static unsigned int count_guests(const struct guest_uses *uses, unsigned int but, struct text *names)
{
	unsigned int n = 0;
	char name[24];

	for (size_t i = 0; i < uses->n; i++) {
		if (!naming_first(uses, i) || uses->v[i].vmid == but)
			continue;
		if (n++ < NAMES_MAX)
			text_join(names, ", ", naming_guest(&uses->v[i], name));
	}
	if (n > NAMES_MAX)
		text_addf(names, " and %u more", n - NAMES_MAX);
	return n;
}

static int share_vms(const struct check *c, const struct pci_list *fns, const char *card, unsigned int vmid, struct findings *ret,
		     struct err *e)
{
	_cleanup_guest_uses_ struct guest_uses vms = { 0 };
	_cleanup_text_ struct text names = { 0 };
	unsigned int n;
	int k = naming_vms(c->o->root, fns, &vms, e);

	if (k < 0)
		return k;
	n = count_guests(&vms, vmid, &names);
	if (vmid && n > 0)
		finding_add(ret, FINDING_SHARED_VM, card, NULL, "%s is named by %s, too: one of them can run at a time", card,
			    text_str(&names));
	else if (n > 1)
		finding_add(ret, FINDING_SHARED_VM, card, NULL, "%s is named by %s: one of them can run at a time", card,
			    text_str(&names));
	return 0;
}

static int share_cts(const struct check *c, const struct pci_list *fns, const char *card, struct findings *ret, struct err *e)
{
	_cleanup_guest_uses_ struct guest_uses cts = { 0 };
	int k = naming_cts(c->o->root, fns, &cts, e);

	for (size_t i = 0; k == 0 && i < cts.n; i++) {
		_cleanup_text_ struct text keys = { 0 };

		if (!naming_first(&cts, i))
			continue;
		naming_keys(&cts, i, &keys);
		finding_add(ret, FINDING_SHARED_CT, card, NULL, "CT %u names device nodes of %s (%s): it is without them while a VM has the card",
			    cts.v[i].vmid, card, text_str(&keys));
	}
	return k;
}

int check_sharing(struct check *c, const struct pci_list *fns, struct bdf display, unsigned int vmid, struct findings *ret,
		  struct err *e)
{
	char card[BDF_LEN];
	int k;

	bdf_format(display, card);
	k = share_vms(c, fns, card, vmid, ret, e);
	if (k == 0)
		k = share_cts(c, fns, card, ret, e);
	if (k == -EACCES) {
		check_unseen(c, "the configurations of Proxmox VE's guests");
		k = 0;
	}
	return k;
}

/* What the kernel hides from others than root, beside the processes' files, which judge() counts. */
static void note_unseen(struct check *c, const struct facts *f)
{
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_bootfb_list_ struct bootfb_list fbs = { 0 };

	if (state_list(c->o->root, STATE_RUN, &names) == -EACCES)
		check_unseen(c, "what gpupt has on record");
	if (bootfb_load(c->o->root, &fbs) == 0 && fbs.blind)
		check_unseen(c, "the addresses in /proc/iomem");
	if (root_is_real(c->o->root) && geteuid() != 0)
		check_unseen(c, "config space beyond its first 64 bytes");
	for (size_t i = 0; i < f->n && root_is_real(c->o->root) && !f->root; i++)
		if (strcmp(f->v[i].driver.driver, NVIDIA_DRIVER) == 0)
			check_unseen(c, "NVIDIA's persistence mode");
}

/* With no objection and no warning: a word of approval, with what is to be expected of the reset. */
static void approve(const struct facts *f, struct bdf b, struct findings *found)
{
	const struct fn_facts *fn = facts_find(f, b);
	char name[BDF_LEN];

	if (!fn || findings_worst(found) >= SEVERITY_WARN)
		return;
	bdf_format(b, name);
	finding_add(found, FINDING_READY, name, NULL, "%s can go to a VM (IOMMU group %d, reset: %s)", name, fn->fn.group,
		    reset_word_of_facts(f, &fn->fn));
}

int check_card(struct check *c, struct bdf b, struct err *e)
{
	_cleanup_selection_ struct selection sel = { 0 };
	_cleanup_facts_ struct facts facts = { 0 };
	_cleanup_findings_ struct findings found = { 0 };
	struct engine en;
	int k = select_card(c->o->root, b, &sel, e);

	if (k < 0)
		return k;
	engine_init(&en, c->o->root, &c->settings, &sel);
	k = facts_load(&en, &sel, 0, false, &facts, e);
	if (k < 0)
		return k;
	facts_ask_persistence(&en, &facts);
	judge(&facts, &c->settings, &found);
	k = check_sharing(c, &facts.slots, b, 0, &found, e);
	if (k < 0)
		return k;
	note_unseen(c, &facts);
	approve(&facts, b, &found);
	return check_merge(c, &found);
}
