/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "helper/gpu_arg.h"
#include "host/gpu.h"

static int no_gpu(const struct options *o, const char *what, const char *why)
{
	_cleanup_pci_list_ struct pci_list all = { 0 };
	_cleanup_text_ struct text gpus = { 0 };
	char name[BDF_LEN];
	struct err e;
	int k = pci_scan(o->root, &all, &e);

	if (k < 0)
		return helper_result(k, &e);
	for (size_t i = 0; i < all.n; i++)
		if (gpu_is_display(&all.v[i]))
			text_join(&gpus, ", ", bdf_format(all.v[i].bdf, name));
	helper_complain("%s %s; the GPUs of this host: %s", what, why, gpus.len ? text_str(&gpus) : "none");
	return EXIT_REFUSED;
}

int gpu_arg(const struct options *o, const char *s, struct bdf *ret)
{
	_cleanup_pci_list_ struct pci_list slot = { 0 };
	const struct pci_fn *display = NULL;
	char name[BDF_LEN];
	bool found = false;
	struct bdf b;

	if (bdf_parse(s, &b) < 0)
		return helper_usage("'%s' is not a GPU: use an address such as 0000:01:00.0, 01:00.0 or 01:00", s);
	bdf_format(b, name);
	if (pci_slot_functions(o->root, b, &slot, NULL) < 0)
		return no_gpu(o, name, "is not there");
	for (size_t i = 0; i < slot.n; i++) {
		const struct pci_fn *fn = &slot.v[i];

		found |= bdf_covers(b, fn->bdf);
		/* the very function, if it is a display; else the card's first */
		if (gpu_is_display(fn) && (!display || bdf_eq(fn->bdf, b)))
			display = fn;
	}
	if (!found)
		return no_gpu(o, name, "is not there");
	if (!display)
		return no_gpu(o, name, "is not a GPU");
	*ret = display->bdf;
	return EXIT_DONE;
}
