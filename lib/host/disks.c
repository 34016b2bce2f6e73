/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/danger_kinds.h"
#include "host/disks.h"

/*
 * nvme0c1n1 is one path to nvme0n1, whose own place is below /sys/devices/virtual
 * (drivers/nvme/host/multipath.c).
 */
static int multipath_heads(const struct root *r, struct strv *l)
{
	_cleanup_closedir_ DIR *d = NULL;
	int k = root_opendir(r, "/sys/class/block", &d);

	if (k < 0)
		return k == -ENOENT ? 0 : k;
	for (size_t i = 0, n = l->n; i < n; i++) {
		unsigned int subsystem, path, ns;
		char head[64];
		size_t len;

		if (sscanf(l->v[i], "nvme%9uc%9un%9u", &subsystem, &path, &ns) != 3)
			continue;
		snprintf(head, sizeof(head), "nvme%un%u", subsystem, ns);
		len = strlen(head);
		rewinddir(d);
		for (struct dirent *ent; (ent = readdir(d));) {
			const char *rest = ent->d_name + len;

			/* itself and its partitions, nvme0n1p2 */
			if (str_starts(ent->d_name, head) && (!*rest || *rest == 'p') &&
			    strv_add(l, ent->d_name) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

int disks_below(const struct root *r, struct bdf bdf, struct strv *ret)
{
	int k = danger_devices_below(r, "block", bdf, ret);

	return k < 0 ? k : multipath_heads(r, ret);
}

int nodes_add_disks(const struct root *r, const struct pci_fn *fn, struct node_list *l)
{
	_cleanup_strv_ struct strv disks = { 0 };
	int k = fn->bridge ? 0 : disks_below(r, fn->bdf, &disks);

	strv_foreach(disk, &disks) {
		struct node n = { .bdf = fn->bdf, .block = true };
		char path[PATH_MAX], line[32];

		/* a hidden path of multipath NVMe has no number: nobody can open it */
		if (root_read_line(r, path_f(path, "/sys/class/block/%s/dev", disk), line, sizeof(line)) < 0 ||
		    node_dev_parse(line, &n.dev) < 0)
			continue;
		snprintf(n.name, sizeof(n.name), "%s", disk);
		if (k == 0)
			k = node_list_add(l, &n);
	}
	return k;
}
