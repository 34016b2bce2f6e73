/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "helper/card_users.h"
#include "plan/claim.h"
#include "pve/reservation.h"

static void add_user(struct strv *users, const char *user)
{
	if (!strv_has(users, user))
		strv_add(users, user);
}

static void add_owner(const struct root *r, const struct pci_fn *fn, struct strv *users)
{
	bool claimed;
	struct claim claim;
	unsigned int vmid;
	char user[24];

	claimed = claim_find(r, fn->bdf, &claim) > 0;
	if (claimed && claim.kind == CLAIM_RESET) {
		add_user(users, "reset");
		return;
	}
	if (claimed)
		vmid = claim.vmid;
	else if (reservation_holder(r, fn->bdf, 0, &vmid, NULL) <= 0)
		return;
	snprintf(user, sizeof(user), "VM %u", vmid);
	add_user(users, user);
}

static void add_holder(const struct holder *h, struct strv *users)
{
	char user[160];

	if (h->kind == HOLDER_VM || h->kind == HOLDER_CONTAINER)
		snprintf(user, sizeof(user), "%s %s", h->kind == HOLDER_VM ? "VM" : "CT", h->id);
	else if (h->kind == HOLDER_UNIT)
		snprintf(user, sizeof(user), "%s", h->id);
	else
		snprintf(user, sizeof(user), "%s (%d)", h->comm, (int)h->proc.pid);
	add_user(users, user);
}

void card_users(const struct root *r, const struct pci_list *card, const struct holder_list *holders, const struct sharers *cts,
		struct strv *users)
{
	char user[24];

	for (size_t i = 0; i < card->n; i++)
		add_owner(r, &card->v[i], users);
	for (size_t i = 0; i < holders->n; i++) {
		bool of_card = false;

		for (size_t f = 0; f < card->n; f++)
			of_card |= bdf_list_has(&holders->v[i].bdfs, card->v[f].bdf);
		if (of_card && !holders->v[i].shared_only)
			add_holder(&holders->v[i], users);
	}
	for (size_t i = 0; i < cts->n; i++) {
		if (!cts->v[i].running || !sharer_sees(&cts->v[i]))
			continue;
		snprintf(user, sizeof(user), "CT %u", cts->v[i].vmid);
		add_user(users, user);
	}
}

bool card_users_vm(const struct strv *users)
{
	strv_foreach(u, users)
		if (str_starts(u, "VM "))
			return true;
	return false;
}
