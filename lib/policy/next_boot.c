/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/next_boot.h"

void next_boot_done(struct next_boot *n)
{
	for (size_t i = 0; n->v && i < n->kernels.n; i++) {
		strv_done(&n->v[i].newer);
		initramfs_done(&n->v[i].initramfs);
	}
	free(n->v);
	kernels_done(&n->kernels);
	boot_entries_done(&n->entries);
	esps_done(&n->esps);
	dkms_done(&n->dkms);
	*n = (struct next_boot){ 0 };
}

bool next_boot_is_reserved(const struct settings *set, const struct setup_fn *fn)
{
	return fn->card && settings_gpu(set, fn->fn.bdf)->mode == MODE_RESERVED;
}

bool next_boot_reserves(const struct setup *s, const struct settings *set)
{
	for (size_t i = 0; i < s->n; i++)
		if (next_boot_is_reserved(set, &s->v[i]))
			return true;
	return false;
}

/* By the beginning of the names that they have in DKMS. One that drives a card at home does not matter if none is ever there. */
static const struct {
	const char *name;
	uint16_t vendor;
	bool drives;
} needed[] = {
	{ "nvidia", 0x10de, true },
	{ "vendor-reset", 0x1002, false },
	{ "i915-sriov", 0x8086, true },
};

bool next_boot_needs(const struct setup *s, const struct settings *set, const struct dkms_module *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if (!str_starts(m->name, needed[i].name))
			continue;
		for (size_t f = 0; f < s->n; f++)
			if (s->v[f].card && s->v[f].fn.id.vendor == needed[i].vendor &&
			    !(needed[i].drives && next_boot_is_reserved(set, &s->v[f])))
				return true;
	}
	return false;
}

const struct kernel *next_boot_kernel(const struct next_boot *n)
{
	/* of one there is no choice */
	if (n->kernels.n == 1 && !n->entries.next[0])
		return &n->kernels.v[0];
	return n->entries.next[0] ? kernels_find(&n->kernels, n->entries.next) : NULL;
}
