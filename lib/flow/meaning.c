/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/meaning.h"
#include "host/gpu.h"

void meaning_done(struct meaning *m)
{
	pci_list_done(&m->fns);
	bdf_list_done(&m->missing);
	*m = (struct meaning){ 0 };
}

static bool is_audio(const struct pci_fn *fn)
{
	/* multimedia audio device 0401, HD Audio 0403 */
	return fn->class >> 8 == 0x0401 || fn->class >> 8 == 0x0403;
}

static int add_fn(struct meaning *m, const struct pci_fn *fn)
{
	struct pci_fn *v = reallocarray(m->fns.v, m->fns.n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	m->fns.v = v;
	v[m->fns.n++] = *fn;
	m->display |= gpu_is_display(fn) && !fn->is_vf;
	m->audio_only &= is_audio(fn);
	return 0;
}

int meaning_load(const struct root *r, const struct bdf *names, size_t n, struct meaning *ret, struct err *e)
{
	_cleanup_meaning_ struct meaning m = { .audio_only = true };

	for (size_t i = 0; i < n; i++) {
		_cleanup_pci_list_ struct pci_list slot = { 0 };
		bool found = false;
		int k = pci_slot_outline(r, names[i], &slot, e);

		if (k < 0 && k != -ENODEV)
			return k;
		for (size_t f = 0; f < slot.n; f++) {
			if (!bdf_covers(names[i], slot.v[f].bdf))
				continue;
			found = true;
			if (add_fn(&m, &slot.v[f]) < 0)
				return -ENOMEM;
		}
		if (!found && bdf_list_add(&m.missing, names[i]) < 0)
			return -ENOMEM;
	}
	*ret = m;
	m = (struct meaning){ 0 };
	return 0;
}
