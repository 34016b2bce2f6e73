/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/mapping_check.h"
#include "host/pci.h"

/* One path of an alternative. */
struct place {
	const struct root *r;
	const struct mapping *m;
	const struct selection *sel;
	struct bdf bdf; /* the function that stands for the path */
	bool first;	/* of its list */
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
	return err_set(p->e, -EINVAL, "'%s' does not match for '%s' (%s != %s)", property, p->m->name, is, configured);
}

static int check_hardware(const struct place *p, const struct mapping_choice *c)
{
	char id[24], subsystem[24], group[16] = "", path[PATH_MAX];
	int k;

	read_ids(p, "vendor", "device", id);
	if (!*id)
		return err_set(p->e, -EINVAL, "pci device '%s' not found", p->name);
	read_ids(p, "subsystem_vendor", "subsystem_device", subsystem);
	k = compare(p, "id", id, c->id);
	/* the rest of a list may be in other groups */
	if (k == 0 && p->first && root_readlink_base(p->r, pci_path(path, p->bdf, "iommu_group"), group, sizeof(group)) == 0)
		k = compare(p, "iommugroup", group, c->iommu_group);
	return k < 0 ? k : compare(p, "subsystem-id", subsystem, c->subsystem_id);
}

static int check_mdev(const struct place *p, const struct mapping_choice *c)
{
	char path[PATH_MAX];
	bool taken = selection_find(p->sel, p->bdf);
	bool offers = !taken && (root_exists(p->r, pci_path(path, p->bdf, "mdev_supported_types")) ||
				 root_exists(p->r, pci_path(path, p->bdf, "nvidia")));

	if (taken && p->m->mdev)
		return err_set(p->e, -EINVAL,
			       "'mdev' does not match for '%s' (0 != 1): on vfio-pci %s offers no mediated devices, so mdev must not be set in a mapping by which it is passed as a whole",
			       p->m->name, p->name);
	return compare(p, "mdev", offers ? "1" : "0", p->m->mdev ? "1" : "0");
}

static int check_each(struct place *p, int (*check)(const struct place *p, const struct mapping_choice *c))
{
	int k = 0;

	for (size_t i = 0; k == 0 && i < p->m->n_choices; i++) {
		const struct mapping_choice *c = &p->m->choices[i];

		for (size_t d = 0; k == 0 && d < c->n_devices; d++) {
			p->bdf = c->devices[d];
			p->first = d == 0;
			if (p->bdf.fn == BDF_ANY_FN)
				p->bdf.fn = 0;
			bdf_format(p->bdf, p->name);
			k = check(p, c);
		}
	}
	return k;
}

int mapping_check(const struct root *r, const struct mapping *m, struct err *e)
{
	struct place p = { .r = r, .m = m, .e = e };

	return check_each(&p, check_hardware);
}

int mapping_check_mdev(const struct root *r, const struct mapping *m, const struct selection *sel, struct err *e)
{
	struct place p = { .r = r, .m = m, .sel = sel, .e = e };

	return check_each(&p, check_mdev);
}
