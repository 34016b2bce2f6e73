/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sys/sysmacros.h>

#include "host/danger_kinds.h"
#include "host/disks.h"
#include "host/nodes.h"

#define TEXT_MAX    (4 << 20)
#define STACK_DEPTH 16 /* of dm on dm on md …; the kernel allows fewer */

/* What is in use, read once for all block devices of a function. */
struct uses {
	const struct root *root;
	char *mounts, *swaps; /* texts, NULL if unreadable */
	struct danger_list *list;
};

static void uses_done(struct uses *u)
{
	free(u->mounts);
	free(u->swaps);
}

/* Undoes the octal escapes that the kernel puts in for blanks (mangle() in fs/proc_namespace.c), in place. */
static char *unescape(char *s)
{
	char *to = s;

	for (char *p = s; *p; to++) {
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' && p[3] >= '0' &&
		    p[3] <= '7') {
			*to = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 4;
		} else {
			*to = *p++;
		}
	}
	*to = '\0';
	return s;
}

int danger_mountinfo_line(char *line, dev_t *ret_dev, char *ret_where, size_t size)
{
	/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw" */
	char *field[5], *save = NULL, *p = line;
	dev_t dev;

	for (size_t i = 0; i < ARRAY_SIZE(field); i++, p = NULL) {
		field[i] = strtok_r(p, " ", &save);
		if (!field[i])
			return -EINVAL;
	}
	if (node_dev_parse(field[2], &dev) < 0)
		return -EINVAL;
	*ret_dev = dev;
	snprintf(ret_where, size, "%s", unescape(field[4]));
	return 0;
}

static int mounts_check(const struct uses *u, const char *disk, const char *name, dev_t dev)
{
	_cleanup_free_ char *text = u->mounts ? strdup(u->mounts) : NULL;
	char *p = text, *line;

	if (u->mounts && !text)
		return -ENOMEM;
	while ((line = str_line(&p))) {
		char where[128];
		dev_t mounted;

		if (danger_mountinfo_line(line, &mounted, where, sizeof(where)) < 0 || mounted != dev)
			continue;
		if (str_eq(disk, name))
			return danger_add(u->list, DANGER_MOUNT, "%s carries the mounted filesystem %s", disk,
					  where);
		return danger_add(u->list, DANGER_MOUNT, "%s carries the mounted filesystem %s (through %s)",
				  disk, where, name);
	}
	return 0;
}

/*
 * btrfs mounts have a device number of their own; a mounted one lists its members in sysfs
 * (fs/btrfs/sysfs.c).
 */
static int btrfs_check(const struct uses *u, const char *disk, const char *name)
{
	_cleanup_closedir_ DIR *d = NULL;

	if (root_opendir(u->root, "/sys/fs/btrfs", &d) < 0)
		return 0;
	for (struct dirent *ent; (ent = readdir(d));) {
		char path[PATH_MAX];

		if (ent->d_name[0] == '.' ||
		    !root_exists(u->root, path_f(path, "/sys/fs/btrfs/%s/devices/%s", ent->d_name, name)))
			continue;
		return danger_add(u->list, DANGER_MOUNT, "%s is part of a mounted btrfs", disk);
	}
	return 0;
}

static int swaps_check(const struct uses *u, const char *disk, const char *name)
{
	_cleanup_free_ char *text = u->swaps ? strdup(u->swaps) : NULL;
	char *p = text, *line;

	if (u->swaps && !text)
		return -ENOMEM;
	while ((line = str_line(&p))) { /* "/dev/sda2  partition  …" */
		const char *base;

		line[strcspn(line, " \t")] = '\0';
		base = strrchr(line, '/');
		if (str_starts(line, "/dev/") && str_eq(base + 1, name))
			return danger_add(u->list, DANGER_SWAP, "%s holds swap space that is in use", disk);
	}
	return 0;
}

/*
 * What udev found on the device: ID_FS_TYPE in its database, which systemd-udevd(8) keeps below
 * /run/udev/data.
 */
static int member_check(const struct uses *u, const char *disk, dev_t dev)
{
	static const struct {
		const char *type, *what;
	} members[] = {
		{ "zfs_member", "ZFS" },
		{ "LVM2_member", "LVM" },
		{ "linux_raid_member", "a software RAID" },
		{ "ceph_bluestore", "Ceph" },
		{ "drbd", "DRBD" },
		{ "bcache", "bcache" },
	};
	static const char key[] = "E:ID_FS_TYPE=";
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX], *p, *line;

	path_f(path, "/run/udev/data/b%u:%u", major(dev), minor(dev));
	if (root_read(u->root, path, 1 << 20, &text, NULL) < 0)
		return 0;
	for (p = text; (line = str_line(&p));)
		for (size_t i = 0; i < ARRAY_SIZE(members); i++)
			if (str_starts(line, key) && str_eq(line + strlen(key), members[i].type))
				return danger_add(u->list, DANGER_MEMBER, "%s is a member of %s", disk,
						  members[i].what);
	return 0;
}

/* Everything about device `name`, which is disk itself or stacked upon it. */
static int device_check(const struct uses *u, const char *disk, const char *name, unsigned int depth)
{
	_cleanup_closedir_ DIR *d = NULL;
	char path[PATH_MAX], line[32], label[128]; /* DM_NAME_LEN */
	dev_t dev;
	int k;

	/* path devices of multipath NVMe are hidden: no number, nothing can be mounted from them */
	path_f(path, "/sys/class/block/%s/dev", name);
	if (root_read_line(u->root, path, line, sizeof(line)) < 0 || node_dev_parse(line, &dev) < 0)
		return 0;
	if ((k = mounts_check(u, disk, name, dev)) < 0 || (k = btrfs_check(u, disk, name)) < 0 ||
	    (k = swaps_check(u, disk, name)) < 0 || (k = member_check(u, disk, dev)) < 0)
		return k;
	if (depth == STACK_DEPTH ||
	    root_opendir(u->root, path_f(path, "/sys/class/block/%s/holders", name), &d) < 0)
		return 0;
	for (struct dirent *ent; (ent = readdir(d));) {
		if (ent->d_name[0] == '.')
			continue;
		if (root_read_line(u->root, path_f(path, "/sys/class/block/%s/dm/name", ent->d_name), label,
				   sizeof(label)) == 0)
			k = danger_add(u->list, DANGER_STACKED, "%s is part of %s (%s)", disk, ent->d_name,
				       label);
		else
			k = danger_add(u->list, DANGER_STACKED, "%s is part of %s", disk, ent->d_name);
		if (k == 0)
			k = device_check(u, disk, ent->d_name, depth + 1);
		if (k < 0)
			return k;
	}
	return 0;
}

int danger_block(const struct root *r, struct bdf bdf, struct danger_list *l)
{
	_cleanup_(uses_done) struct uses u = { .root = r, .list = l };
	_cleanup_strv_ struct strv disks = { 0 };
	size_t known = l->n;
	int k;

	k = disks_below(r, bdf, &disks);
	if (k < 0 || disks.n == 0)
		return k;
	/* not to know what is mounted is not to know that nothing is */
	k = root_read(r, "/proc/self/mountinfo", TEXT_MAX, &u.mounts, NULL);
	if (k < 0)
		return k;
	k = root_read(r, "/proc/swaps", TEXT_MAX, &u.swaps, NULL);
	if (k < 0 && k != -ENOENT) /* a kernel without swap has no such file */
		return k;
	strv_foreach (disk, &disks) {
		k = device_check(&u, disk, disk, 0);
		if (k < 0)
			return k;
	}
	return l->n > known ? 0 : danger_claimed(r, &disks, l);
}
