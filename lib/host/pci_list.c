/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stddef.h>

#include "host/pci.h"

int bdf_list_add(struct bdf_list *l, struct bdf b)
{
	struct bdf *v;

	if (bdf_list_has(l, b))
		return 0;
	v = realloc(l->v, (l->n + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	l->v = v;
	v[l->n++] = b;
	return 0;
}

bool bdf_list_has(const struct bdf_list *l, struct bdf b)
{
	for (size_t i = 0; i < l->n; i++)
		if (bdf_eq(l->v[i], b))
			return true;
	return false;
}

void bdf_list_done(struct bdf_list *l)
{
	free(l->v);
	*l = (struct bdf_list){ 0 };
}

static int compare_bdf(const void *a, const void *b)
{
	return bdf_cmp(*(const struct bdf *)a, *(const struct bdf *)b);
}

int pci_dir_functions(const struct root *r, const char *dir, struct bdf_list *ret)
{
	_cleanup_bdf_list_ struct bdf_list l = { 0 };
	_cleanup_closedir_ DIR *d = NULL;
	size_t room = 0;
	int k = root_opendir(r, dir, &d);

	if (k < 0)
		return k;
	for (struct dirent *ent; (ent = readdir(d));) {
		struct bdf b;

		if (bdf_parse_full(ent->d_name, &b) < 0)
			continue;
		if (l.n == room) {
			struct bdf *v = realloc(l.v, (room = room ? room * 2 : 16) * sizeof(*v));

			if (!v)
				return -ENOMEM;
			l.v = v;
		}
		l.v[l.n++] = b;
	}
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), compare_bdf);
	*ret = l;
	l = (struct bdf_list){ 0 };
	return 0;
}

/* bdf is the first member of struct pci_fn */
_Static_assert(offsetof(struct pci_fn, bdf) == 0, "compare_bdf() takes a pci_fn by its address");

void pci_list_sort(struct pci_list *l)
{
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), compare_bdf);
}

const struct pci_fn *pci_list_find(const struct pci_list *l, struct bdf bdf)
{
	return l->n ? bsearch(&bdf, l->v, l->n, sizeof(*l->v), compare_bdf) : NULL;
}

void pci_list_done(struct pci_list *l)
{
	free(l->v);
	*l = (struct pci_list){ 0 };
}
