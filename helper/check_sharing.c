/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/observe.h"
#include "helper/check.h"
#include "helper/naming.h"
#include "policy/containers.h"

#define NAMES_MAX 8 /* in one message */

/* How many VMs but that one; the first of them by name. */
static unsigned int count_vms(const struct guest_uses *uses, unsigned int but, struct text *names)
{
	unsigned int n = 0;
	char name[24];

	for (size_t i = 0; i < uses->n; i++) {
		if (!naming_first(uses, i) || uses->v[i].vmid == but)
			continue;
		snprintf(name, sizeof(name), "VM %u", uses->v[i].vmid);
		if (n++ < NAMES_MAX)
			text_join(names, ", ", name);
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
	n = count_vms(&vms, vmid, &names);
	if (vmid && n > 0)
		finding_add(ret, FINDING_SHARED_VM, card, NULL, "%s is named by %s, too: one of them can run at a time", card,
			    text_str(&names));
	else if (n > 1)
		finding_add(ret, FINDING_SHARED_VM, card, NULL, "%s is named by %s: one of them can run at a time", card,
			    text_str(&names));
	return 0;
}

/* ", held by ffmpeg (4711) in container 200": those of its processes that hold a node of the card itself. */
static void add_processes(const struct sharer *s, const struct pci_list *fns, const struct holder_list *holders, struct text *to)
{
	unsigned int n = 0;

	for (size_t i = 0; i < holders->n; i++) {
		const struct holder *h = &holders->v[i];
		bool of_card = false;
		char name[192];

		for (size_t f = 0; f < fns->n; f++)
			of_card |= bdf_list_has(&h->bdfs, fns->v[f].bdf);
		if (!of_card || h->shared_only || !sharer_has(s, h) || n++ >= NAMES_MAX)
			continue;
		text_add(to, n == 1 ? ", held by " : ", ");
		text_add(to, holder_format(h, name, sizeof(name)));
	}
	if (n > NAMES_MAX)
		text_addf(to, " and %u more", n - NAMES_MAX);
}

/* What becomes of it while a VM has the card, by its settings. */
static const char *meanwhile(enum containers policy)
{
	static const char *const words[] = {
		[CONTAINERS_HOT] = "it is without while a VM has the card",
		[CONTAINERS_SHUTDOWN] = "it is shut down while a VM has the card",
		[CONTAINERS_DETACH] =
			"it has not these lines while a VM has the card; backups, clones, snapshots and migrations of then lack them, too",
		[CONTAINERS_REFUSE] = "no VM gets the card while it runs",
	};

	return words[policy];
}

static void report_sharer(const struct check *c, const struct sharer *s, const struct pci_list *fns, const char *card,
			  const struct holder_list *holders, struct findings *ret)
{
	_cleanup_text_ struct text keys = { 0 }, who = { 0 };

	sharer_keys(s, NULL, &keys);
	if (!sharer_sees(s)) {
		finding_add(ret, FINDING_SHARED_CT, card, NULL, "CT %u uses %s (%s), which is away: it is without until the host has it again",
			    s->vmid, card, text_str(&keys));
		return;
	}
	add_processes(s, fns, holders, &who);
	finding_add(ret, FINDING_SHARED_CT, card, NULL, "CT %u uses %s (%s)%s: %s", s->vmid, card, text_str(&keys), text_str(&who),
		    meanwhile(container_settings(&c->settings, s).containers));
}

int check_containers(struct check *c, struct facts *f, struct err *e)
{
	int k = c->containers_read ? 0 : container_list_load(c->o->root, &c->containers, e);

	c->containers_read |= k == 0;
	if (k == 0)
		k = facts_look_for_containers(c->o->root, &c->containers, f, e);
	if (k != -EACCES)
		return k;
	check_unseen(c, "the configurations of Proxmox VE's guests");
	return 0;
}

static int share_cts(struct check *c, const struct pci_list *fns, const struct holder_list *holders, const char *card,
		     struct findings *ret, struct err *e)
{
	_cleanup_sharers_ struct sharers sharing = { 0 };
	int k = c->containers_read ? 0 : container_list_load(c->o->root, &c->containers, e);

	c->containers_read |= k == 0;
	if (k == 0)
		k = sharing_find(c->o->root, &c->containers, fns, holders, &sharing, e);
	for (size_t i = 0; i < sharing.n; i++)
		report_sharer(c, &sharing.v[i], fns, card, holders, ret);
	for (size_t i = 0; i < sharing.unsure.n; i++)
		finding_add(ret, FINDING_SHARED_CT, card, NULL,
			    "CT %u may use %s: which device nodes are in it was not to be seen in time", sharing.unsure.v[i], card);
	return k;
}

int check_sharing(struct check *c, const struct pci_list *fns, const struct holder_list *holders, struct bdf display,
		  unsigned int vmid, struct findings *ret, struct err *e)
{
	char card[BDF_LEN];
	int k;

	bdf_format(display, card);
	k = share_vms(c, fns, card, vmid, ret, e);
	if (k == 0)
		k = share_cts(c, fns, holders, card, ret, e);
	if (k == -EACCES) {
		check_unseen(c, "the configurations of Proxmox VE's guests");
		k = 0;
	}
	return k;
}
