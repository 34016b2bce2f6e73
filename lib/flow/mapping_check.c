/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/mapping_check.h"
#include "host/pci.h"

/* One path of an alternative. */
struct place {
	const struct root *r;
	const char *mapping;
	struct bdf bdf; /* the function that stands for the path */
	char name[BDF_LEN];
	struct err *e;
};

/* Two attributes of the function as Proxmox VE joins them, "10de:2204"; "" if one is not there. */
static void read_ids(const struct place *p, const char *first, const char *second, char ret[static 24])
{
	char a[12], b[12], path[PATH_MAX];

	ret[0] = '\0';
	if (root_read_line(p->r, pci_path(path, p->bdf, first), a, sizeof(a)) < 0 ||
	    root_read_line(p->r, pci_path(path, p->bdf, second), b, sizeof(b)) < 0)
		return;
	snprintf(ret, 24, "%s:%s", a + (str_starts(a, "0x") ? 2 : 0), b + (str_starts(b, "0x") ? 2 : 0));
}

/* A property of the device beside the mapping's; "" is none. */
static int compare(const struct place *p, const char *property, const char *is, const char *configured)
{
	if (strcmp(is, configured) == 0)
		return 0;
	if (!*configured)
		return err_set(p->e, -EINVAL, "missing expected property '%s' for device '%s'", property, p->name);
	if (!*is)
		return err_set(p->e, -EINVAL, "unexpected property '%s' configured for device '%s'", property, p->name);
	return err_set(p->e, -EINVAL, "'%s' does not match for '%s' (%s != %s)", property, p->mapping, is, configured);
}

static int check_place(const struct place *p, const struct mapping_choice *c, bool first)
{
	char id[24], subsystem[24], group[16] = "", path[PATH_MAX];
	int k;

	read_ids(p, "vendor", "device", id);
	if (!*id)
		return err_set(p->e, -EINVAL, "pci device '%s' not found", p->name);
	read_ids(p, "subsystem_vendor", "subsystem_device", subsystem);
	k = compare(p, "id", id, c->id);
	/* the rest of a list may be in other groups */
	if (k == 0 && first && root_readlink_base(p->r, pci_path(path, p->bdf, "iommu_group"), group, sizeof(group)) == 0)
		k = compare(p, "iommugroup", group, c->iommu_group);
	return k < 0 ? k : compare(p, "subsystem-id", subsystem, c->subsystem_id);
}

int mapping_check(const struct root *r, const struct mapping *m, struct err *e)
{
	int k = 0;

	for (size_t i = 0; k == 0 && i < m->n_choices; i++) {
		const struct mapping_choice *c = &m->choices[i];

		for (size_t d = 0; k == 0 && d < c->n_devices; d++) {
			struct place p = { .r = r, .mapping = m->name, .bdf = c->devices[d], .e = e };

			if (p.bdf.fn == BDF_ANY_FN)
				p.bdf.fn = 0;
			bdf_format(p.bdf, p.name);
			k = check_place(&p, c, d == 0);
		}
	}
	return k;
}
