/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks at a partition through a mount that is attached nowhere: no namespace has it, it needs no directory, and it is gone when the
 * child that made it has closed it or ended in whatever way. A disk that hangs, or a filesystem that upsets the reader, costs the child.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>

#include "base/slow.h"
#include "host/esp_mount.h"

#define VISIT_MS    10000 /* a disk may have to spin up */
#define ENTRIES_MAX 256
#define ARENA_LEN   (1u << 20) /* pages that are not used cost nothing */

/* What parent and child both see. */
struct visit {
	const char *uuid;
	enum loader_kind kind;
	int r;
	const char *at; /* what failed, of the program's own text */
	size_t n, used;
	struct packed {
		char release[KERNEL_RELEASE_LEN];
		bool initrd;
		off_t initrd_size;
		size_t file, params; /* where they begin in the arena */
	} v[ENTRIES_MAX];
	char arena[ARENA_LEN];
};

static int failed(struct visit *v, const char *at, int k)
{
	v->at = at;
	return k;
}

/* source: the device, from the working directory. A descriptor of the mount, or -errno. */
static int mount_vfat(const char *source, bool read_only)
{
	_cleanup_close_ int fs = fsopen("vfat", FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0) < 0)
		return -errno;
	if ((read_only && fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0) || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return fd < 0 ? -errno : fd;
}

static int mount_device(const struct root *r, struct visit *v)
{
	_cleanup_close_ int dev = -1, self = -1;
	char path[PATH_MAX], name[16];
	struct stat st;
	int fd;

	dev = root_open(r, path_f(path, "/dev/disk/by-uuid/%s", v->uuid), O_PATH, 0);
	if (dev < 0)
		return failed(v, "find the device", dev);
	if (fstat(dev, &st) < 0 || !S_ISBLK(st.st_mode))
		return failed(v, "use the device", -ENOTBLK);
	/* fsconfig(2) wants a path: that of our own descriptor */
	self = root_open(r, "/proc/self/fd", O_PATH | O_DIRECTORY, 0);
	if (self < 0 || fchdir(self) < 0)
		return failed(v, "find the device", self < 0 ? self : -errno);
	snprintf(name, sizeof(name), "%d", dev);
	fd = mount_vfat(name, true);
	/* somebody has it mounted for writing, and all mounts of a filesystem are alike in that: ours writes nothing all the same */
	if (fd == -EBUSY)
		fd = mount_vfat(name, false);
	return fd < 0 ? failed(v, "mount it", fd) : fd;
}

static bool pack_text(struct visit *v, const char *s, size_t *ret)
{
	size_t n = strlen(s) + 1;

	if (n > sizeof(v->arena) - v->used)
		return false;
	memcpy(&v->arena[v->used], s, n);
	*ret = v->used;
	v->used += n;
	return true;
}

static int pack(struct visit *v, const struct boot_entries *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct packed *p = &v->v[v->n];

		if (v->n == ENTRIES_MAX || !pack_text(v, l->v[i].file, &p->file) || !pack_text(v, l->v[i].params, &p->params))
			return failed(v, "take in its entries", -EFBIG);
		memcpy(p->release, l->v[i].release, sizeof(p->release));
		p->initrd = l->v[i].initrd;
		p->initrd_size = l->v[i].initrd_size;
		v->n++;
	}
	return 0;
}

static void child(const struct root *r, void *shared)
{
	_cleanup_boot_entries_ struct boot_entries l = { 0 };
	struct visit *v = shared;
	_cleanup_(root_close) struct root esp = { .fd = mount_device(r, v) };

	v->r = esp.fd < 0 ? esp.fd : esp_read(&esp, "", v->kind, &l);
	if (v->r == 0)
		v->r = pack(v, &l);
}

static int unpack(const struct visit *v, struct boot_entries *l)
{
	l->v = calloc(v->n + 1, sizeof(*l->v));
	if (!l->v)
		return -ENOMEM;
	for (; l->n < v->n; l->n++) {
		const struct packed *p = &v->v[l->n];
		struct boot_entry *e = &l->v[l->n];

		*e = (struct boot_entry){ .initrd = p->initrd, .initrd_size = p->initrd_size };
		memcpy(e->release, p->release, sizeof(e->release));
		e->file = strdup(&v->arena[p->file]);
		e->params = strdup(&v->arena[p->params]);
		if (!e->file || !e->params) {
			boot_entry_done(e);
			return -ENOMEM;
		}
	}
	return 0;
}

static int take(const struct visit *v, int k, struct esp *e)
{
	char *why = e->entries.why;
	size_t size = sizeof(e->entries.why);

	if (k == 0)
		k = v->r;
	if (k == 0)
		return unpack(v, &e->entries);
	if (k == -ETIMEDOUT)
		snprintf(why, size, "it does not answer");
	else if (k == -ENOENT && v->at)
		snprintf(why, size, "it is not there: there is no /dev/disk/by-uuid/%s", e->uuid);
	else if (k == -ENOENT)
		snprintf(why, size, "it has no entries of this boot loader");
	else
		snprintf(why, size, "cannot %s: %s", v->at ? v->at : "read it", strerror(-k));
	return k == -EPERM || k == -ETIMEDOUT || k == -ENOMEM ? k : 0;
}

int esp_visit(const struct root *r, enum loader_kind kind, struct esp *e)
{
	struct visit *v = slow_map(sizeof(*v));
	int k;

	if (!v)
		return -ENOMEM;
	v->uuid = e->uuid;
	v->kind = kind;
	k = slow_call(r, child, v, VISIT_MS);
	k = take(v, k, e);
	slow_unmap(v, sizeof(*v));
	return k;
}
