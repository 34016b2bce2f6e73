/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "helper/naming.h"

int naming_vms(const struct root *r, const struct pci_list *fns, struct guest_uses *ret, struct err *e)
{
	_cleanup_free_ struct bdf *b = calloc(fns->n + 1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	for (size_t i = 0; i < fns->n; i++)
		b[i] = fns->v[i].bdf;
	return guest_vms_naming(r, b, fns->n, ret, e);
}

bool naming_first(const struct guest_uses *uses, size_t i)
{
	return i == 0 || uses->v[i - 1].vmid != uses->v[i].vmid;
}
