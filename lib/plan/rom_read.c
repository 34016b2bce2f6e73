/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/holders.h"
#include "plan/errand.h"
#include "plan/rom_read.h"
#include "pve/reservation.h"

void rom_found_done(struct rom_found *f)
{
	rom_copy_done(&f->copy);
	text_done(&f->not_card);
}

/* The card's own functions: whoever has one of them can be at the whole of it. */
static int slot_of(const struct root *r, struct bdf b, struct pci_list *slot, struct bdf_list *ret, struct err *e)
{
	int k = pci_slot_outline(r, b, slot, e);

	for (size_t i = 0; k == 0 && i < slot->n; i++)
		if (!slot->v[i].bridge && bdf_list_add(ret, slot->v[i].bdf) < 0)
			k = err_set(e, -ENOMEM, "out of memory");
	return k;
}

/* On vfio-pci it may be a VM's that was started without us, or another program's. 0, or -EBUSY. */
static int check_vfio(const struct root *r, const struct pci_list *slot, struct err *e)
{
	_cleanup_holder_list_ struct holder_list holders = { 0 };
	_cleanup_node_list_ struct node_list nodes = { 0 };
	char who[160];
	int k = 0;

	for (size_t i = 0; k == 0 && i < slot->n; i++)
		if (strstr(slot->v[i].driver, "vfio"))
			k = nodes_add(r, &slot->v[i], &nodes);
	if (k == 0 && nodes.n > 0)
		k = holders_find(r, &nodes, NULL, &holders, e);
	if (k < 0)
		return k == -ENOMEM ? err_set(e, k, "out of memory") : k;
	if (holders.n > 0)
		return err_set(e, -EBUSY, "%s has it; end that first", holder_format(&holders.v[0], who, sizeof(who)));
	return 0;
}

/* 0 with the functions ours, or -EBUSY with whose they are, or -errno. */
static int claim(const struct root *r, const struct bdf_list *fns, struct err *e)
{
	struct claim conflict;
	unsigned int vmid;
	int k;

	for (size_t i = 0; i < fns->n; i++)
		if (reservation_holder(r, fns->v[i], 0, &vmid, NULL) > 0)
			return err_set(e, -EBUSY, "VM %u has it; shut the VM down first", vmid);
	k = errand_claim(r, fns, &conflict, e);
	if (k != -EBUSY)
		return k;
	if (conflict.kind == CLAIM_RESET)
		return err_set(e, k, "process %d of gpupt-helper is at work on it; wait for that", (int)conflict.owner.pid);
	return err_set(e, k, "VM %u has it; shut the VM down first, or see 'gpupt-helper status'", conflict.vmid);
}

static int from_card_live(const struct root *r, const struct pci_fn *fn, struct rom_copy *ret, struct err *e)
{
	_cleanup_bdf_list_ struct bdf_list fns = { 0 };
	_cleanup_pci_list_ struct pci_list slot = { 0 };
	int k = slot_of(r, fn->bdf, &slot, &fns, e);

	if (k == 0)
		k = claim(r, &fns, e);
	if (k < 0)
		return k;
	k = check_vfio(r, &slot, e);
	if (k == 0)
		k = rom_from_card(r, fn, ret, e);
	errand_unclaim(r, &fns);
	return k;
}

static int from_card(const struct root *r, bool dry_run, const struct pci_fn *fn, struct rom_copy *ret, struct err *e)
{
	if (!root_is_live(r))
		return rom_from_card(r, fn, ret, e);
	if (dry_run)
		return err_set(e, -EAGAIN, "a dry run does not switch it on");
	return from_card_live(r, fn, ret, e);
}

int rom_read(const struct root *r, bool dry_run, const struct pci_fn *fn, struct rom_found *ret, struct err *e)
{
	_cleanup_rom_copy_ struct rom_copy card = { 0 }, vfct = { 0 };
	struct err e_card = { "" }, e_vfct = { "" };
	int k_card = from_card(r, dry_run, fn, &card, &e_card), k_vfct;
	char name[BDF_LEN];

	/* what could not be put back is not passed over */
	if (k_card == -EUCLEAN || k_card == -ENOMEM)
		return err_set(e, k_card, "%s", e_card.text);
	k_vfct = rom_from_vfct(r, fn, &vfct, &e_vfct);
	if (k_card < 0 && k_vfct < 0)
		return err_set(e, -ENOENT, "the ROM of %s cannot be had: from the card: %.200s; from the firmware: %.140s",
			       bdf_format(fn->bdf, name), e_card.text, e_vfct.text);
	*ret = (struct rom_found){ .source = "card" };
	if (k_card < 0)
		text_add(&ret->not_card, e_card.text);
	if (k_card < 0 || (k_vfct == 0 && rom_compare(&vfct.rom, &card.rom) > 0)) {
		ret->source = "VFCT";
		ret->copy = vfct;
		vfct = (struct rom_copy){ 0 };
	} else {
		ret->copy = card;
		card = (struct rom_copy){ 0 };
	}
	return 0;
}
