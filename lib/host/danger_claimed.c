/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks that the kernel has for itself without anything of it to be seen from here: mounted by a container or a service in a mount
 * namespace of its own, swap, bcache. The kernel tells by refusing a second exclusive open (open(2), O_EXCL of a block device;
 * bd_may_claim() in block/bdev.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/slow.h"
#include "host/danger_kinds.h"

struct claim_try {
	char path[PATH_MAX];
	int error;
};

static void try(const struct root *r, void *shared)
{
	struct claim_try *t = shared;
	/* O_NONBLOCK: a drive without a medium is not waited for */
	int fd = root_open(r, t->path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC, 0);

	t->error = fd < 0 ? fd : 0;
	if (fd >= 0)
		close(fd);
}

/* Is it claimed by somebody? -ETIMEDOUT if that cannot be told in time. */
static int is_claimed(const struct root *r, const char *device)
{
	struct claim_try *t;
	char path[PATH_MAX];
	struct stat st;
	int k;

	path_f(path, "/dev/%s", device);
	/* cciss!c0d0 is cciss/c0d0 there: block_devnode() in block/genhd.c */
	for (char *p = path; *p; p++)
		if (*p == '!')
			*p = '/';
	if (root_stat(r, path, &st) < 0 || !S_ISBLK(st.st_mode))
		return 0;
	t = slow_map(sizeof(*t));
	if (!t)
		return -ENOMEM;
	path_f(t->path, "%s", path);
	k = slow_call(r, try, t, SLOW_MS);
	if (k == 0)
		k = t->error == -EBUSY;
	slow_unmap(t, sizeof(*t));
	return k;
}

/* A claimed partition claims its disk as well, which is no news then. */
static bool has_claimed_partition(const struct strv *claimed, const char *disk)
{
	strv_foreach(name, claimed) {
		if (!str_eq(name, disk) && str_starts(name, disk))
			return true;
	}
	return false;
}

int danger_claimed(const struct root *r, const struct strv *devices, struct danger_list *l)
{
	_cleanup_strv_ struct strv claimed = { 0 };
	int k = 0;

	/* the nodes of a captured tree are not the machine's */
	if (!root_is_live(r))
		return 0;
	strv_foreach(device, devices) {
		k = is_claimed(r, device);
		if (k == -ETIMEDOUT)
			k = danger_add(l, DANGER_CLAIMED, "%s does not say in time whether it is in use", device);
		else if (k > 0)
			k = strv_add(&claimed, device);
		if (k < 0)
			return k;
	}
	strv_foreach(name, &claimed) {
		if (!has_claimed_partition(&claimed, name))
			k = danger_add(l, DANGER_CLAIMED, "%s is in use: a container or a service has it mounted, or the kernel has it otherwise",
				       name);
		if (k < 0)
			return k;
	}
	return 0;
}
