/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/may_unbind.h"
#include "host/danger.h"
#include "host/disks.h"
#include "host/holders.h"

/* What the host has begun to do with the function since it was looked at first. */
static int still_dispensable(const struct root *r, const struct pci_fn *fn, struct err *e)
{
	_cleanup_danger_list_ struct danger_list dangers = { 0 };
	char name[BDF_LEN];
	int k = danger_find(r, fn->bdf, &dangers, e);

	if (k < 0)
		return k;
	bdf_format(fn->bdf, name);
	if (dangers.n > 0)
		return err_set(e, -EBUSY, "the host runs on %s by now: %s; end that first", name, dangers.v[0].text);
	if (fn->active_vfs > 0)
		return err_set(e, -EBUSY, "%s has %u active virtual functions by now; write 0 to its sriov_numvfs first", name, fn->active_vfs);
	return 0;
}

static int still_free(const struct root *r, const struct pci_fn *fn, struct err *e)
{
	_cleanup_node_list_ struct node_list nodes = { 0 };
	_cleanup_bdf_list_ struct bdf_list bdfs = { 0 };
	_cleanup_holder_list_ struct holder_list holders = { 0 };
	int k = bdf_list_add(&bdfs, fn->bdf);

	if (k == 0)
		k = nodes_add(r, fn, &nodes);
	if (k == 0)
		k = nodes_add_disks(r, fn, &nodes);
	if (k < 0)
		return k;
	k = holders_find(r, &nodes, &bdfs, &holders, e);
	for (size_t i = 0; k == 0 && i < holders.n; i++) {
		_cleanup_text_ struct text names = { 0 };
		char name[BDF_LEN], who[192];

		if (holders.v[i].shared_only)
			continue;
		holder_nodes(&holders.v[i], &names);
		k = err_set(e, -EBUSY, "%s is held by %s: %s; end that first", bdf_format(fn->bdf, name),
			    holder_format(&holders.v[i], who, sizeof(who)), text_str(&names));
	}
	return k;
}

int may_unbind(const struct engine *en, struct bdf b, struct err *e)
{
	_cleanup_bdf_list_ struct bdf_list bdfs = { 0 };
	_cleanup_pci_list_ struct pci_list fns = { 0 };
	int k = bdf_list_add(&bdfs, b);

	if (k == 0)
		k = pci_outline_list(en->root, &bdfs, &fns, e);
	if (k < 0 || fns.n == 0)
		return k;
	k = still_dispensable(en->root, &fns.v[0], e);
	return k < 0 ? k : still_free(en->root, &fns.v[0], e);
}
