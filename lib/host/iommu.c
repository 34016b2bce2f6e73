/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/iommu.h"
#include "base/slow.h"

#define GROUPS	   "/sys/kernel/iommu_groups"
#define CONFIG_MAX (1 << 20) /* of Debian's and Proxmox VE's: 280 KiB */

/* A group without isolation: vfio_noiommu_group_alloc() in drivers/vfio/group.c. */
static bool is_noiommu(const struct root *r, const char *group)
{
	char path[PATH_MAX], name[32];

	path_f(path, GROUPS "/%s/name", group);
	return root_read_line(r, path, name, sizeof(name)) == 0 && str_eq(name, "vfio-noiommu");
}

/* Entries of a directory; *ret stays 0 if there is no such directory. */
static int count_entries(const struct root *r, const char *dir, unsigned int *ret)
{
	_cleanup_closedir_ DIR *d = NULL;
	int k = root_opendir(r, dir, &d);

	if (k < 0)
		return k == -ENOENT ? 0 : k;
	for (struct dirent *ent; (ent = readdir(d));)
		*ret += ent->d_name[0] != '.' && !is_noiommu(r, ent->d_name);
	return 0;
}

enum tri iommu_intel_default(const struct root *r, const char *release)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	unsigned int major, minor;

	if (root_read(r, path_f(path, "/boot/config-%s", release), CONFIG_MAX, &text, NULL) == 0)
		return strstr(text, "\nCONFIG_INTEL_IOMMU_DEFAULT_ON=y\n") || strstr(text, "\nCONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF=y\n") ?
			       TRI_YES :
			       TRI_NO;
	if (!strstr(release, "-pve") || sscanf(release, "%3u.%5u", &major, &minor) != 2)
		return TRI_UNKNOWN;
	return major > 6 || (major == 6 && minor >= 8) ? TRI_YES : TRI_NO;
}

static enum tri running_default(const struct root *r)
{
	char release[65];

	if (root_read_line(r, "/proc/sys/kernel/osrelease", release, sizeof(release)) < 0 || strchr(release, '/'))
		return TRI_UNKNOWN;
	return iommu_intel_default(r, release);
}

int iommu_load(const struct root *r, struct iommu *ret, struct err *e)
{
	/*
	 * DMAR: Intel VT-d specification, 8.1; IVRS: AMD I/O Virtualization specification, 5.2; IORT: Arm DEN
	 * 0049
	 */
	static const char *const tables[] = { "DMAR", "IVRS", "IORT" };
	struct iommu i = { 0 };
	int k;

	k = count_entries(r, "/sys/class/iommu", &i.units);
	if (k == 0)
		k = count_entries(r, GROUPS, &i.groups);
	if (k < 0)
		return err_errno(e, k, "cannot read the state of the IOMMU below %s/sys", r->path);
	i.firmware_known = root_exists(r, "/sys/firmware/acpi/tables");
	for (size_t n = 0; n < ARRAY_SIZE(tables); n++) {
		char path[PATH_MAX];

		if (!i.firmware[0] && root_exists(r, path_f(path, "/sys/firmware/acpi/tables/%s", tables[n])))
			snprintf(i.firmware, sizeof(i.firmware), "%s", tables[n]);
	}
	i.intel_default = TRI_UNKNOWN;
	if (iommu_state(&i) == IOMMU_OFF && strcmp(i.firmware, "DMAR") == 0)
		i.intel_default = running_default(r);
	*ret = i;
	return 0;
}

enum iommu_state iommu_state(const struct iommu *i)
{
	if (i->groups)
		return IOMMU_ON;
	if (i->units)
		return IOMMU_NO_GROUPS;
	return i->firmware[0] ? IOMMU_OFF : IOMMU_ABSENT;
}

int iommu_group_functions(const struct root *r, int group, struct pci_list *ret, struct err *e)
{
	_cleanup_bdf_list_ struct bdf_list l = { 0 };
	char path[PATH_MAX];
	int k = pci_dir_functions(r, path_f(path, GROUPS "/%d/devices", group), &l);

	if (k < 0)
		return err_errno(e, k, "cannot list the devices of IOMMU group %d", group);
	return pci_outline_list(r, &l, ret, e);
}

void iommu_group_type(const struct root *r, int group, char *buf, size_t size)
{
	char path[PATH_MAX];

	/* iommu_group_show_type() in drivers/iommu/iommu.c takes the group's mutex, which an attachment holds
	   while it waits for the device to answer */
	if (slow_read_line(r, path_f(path, GROUPS "/%d/type", group), buf, size) < 0)
		buf[0] = '\0';
}
