/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "helper/reset_word.h"
#include "host/reset.h"

static const char *const words[] = {
	[RESET_HOW_NONE] = "none",
	[RESET_HOW_FUNCTION] = "",
	[RESET_HOW_HOT] = "hot",
	[RESET_HOW_UNKNOWN] = "unknown",
};

const char *reset_word(const struct pci_fn *fn, const struct pci_list *set)
{
	struct reset_prediction p;

	reset_predict_in_set(fn, set, &p);
	return p.how == RESET_HOW_FUNCTION ? reset_method_name(p.method) : words[p.how];
}

const char *reset_word_of_facts(const struct facts *f, const struct pci_fn *fn)
{
	_cleanup_free_ struct pci_fn *v = calloc(f->n + 1, sizeof(*v));
	struct pci_list set = { .v = v };

	if (!v)
		return words[RESET_HOW_UNKNOWN];
	for (size_t i = 0; i < f->n; i++)
		if (!f->v[i].absent)
			v[set.n++] = f->v[i].fn;
	return reset_word(fn, &set);
}
