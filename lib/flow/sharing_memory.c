/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose the nodes are that containers name, for as long as they are away. */
#include <sys/sysmacros.h>

#include "flow/sharing_card.h"

struct memory {
	const struct sharing_card *card;
	struct err *e;
	int first; /* the first failure */
};

static void remember(struct memory *to, const char *path, struct bdf b, dev_t dev, const char *role, bool shared)
{
	const struct pci_fn *fn = pci_list_find(to->card->fns, b);
	struct path_memory m = { .bdf = b, .type = 'c', .major = major(dev), .minor = minor(dev) };
	int k;

	if (!fn)
		return;
	pci_id_format(fn->id, m.identity);
	snprintf(m.role, sizeof(m.role), "%s", role);
	m.common = shared && !sharing_card_only(to->card, b);
	k = path_remember(to->card->root, path, &m, to->first < 0 ? NULL : to->e);
	to->first = to->first < 0 ? to->first : k;
}

int sharing_remember(const struct root *r, const struct pci_list *card, const struct sharers *s, struct err *e)
{
	const struct sharing_card c = { .root = r, .fns = card };
	struct memory to = { .card = &c, .e = e };

	for (size_t i = 0; i < s->n; i++) {
		for (size_t u = 0; u < s->v[i].n; u++) {
			const struct sharer_use *use = &s->v[i].uses[u];
			char number[PATH_MAX];

			if (use->how == SHARING_NUMBER && !use->wildcard)
				remember(&to, use->path ? use->path : sharing_number_path(use->dev, number), use->bdf, use->dev, use->role,
					 use->shared);
		}
	}
	for (size_t i = 0; i < s->n_dirs; i++)
		remember(&to, s->dirs[i].path, s->dirs[i].bdf, s->dirs[i].dev, s->dirs[i].role, false);
	return to.first;
}
