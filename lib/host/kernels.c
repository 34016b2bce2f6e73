/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/conf.h"
#include "host/iommu.h"
#include "host/kernels.h"
#include "host/kmod.h"

#define IMAGE	    "vmlinuz-"
#define KERNELS_MAX 64
#define BUILTIN_MAX (1 << 20) /* of Debian's and Proxmox VE's kernels: 30 KiB */
#define FAT_SECONDS 2

bool kernel_release_parse(const char *s, char ret[static KERNEL_RELEASE_LEN])
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-_~");

	/* what is no release is left out by 10_linux, too: grub_file_is_not_garbage() */
	if (!n || s[n] || n >= KERNEL_RELEASE_LEN || strstr(s, ".dpkg-") || (n >= 4 && strcmp(s + n - 4, ".old") == 0))
		return false;
	memcpy(ret, s, n + 1);
	return true;
}

bool kernel_release(const char *path, char ret[static KERNEL_RELEASE_LEN])
{
	const char *name = strrchr(path, '/');

	name = name ? name + 1 : path;
	return str_starts(name, IMAGE) && kernel_release_parse(name + strlen(IMAGE), ret);
}

int kernel_compare(const char *a, const char *b)
{
	return strverscmp(a, b);
}

static int newest_first(const void *a, const void *b)
{
	return kernel_compare(((const struct kernel *)b)->release, ((const struct kernel *)a)->release);
}

static bool has_builtin(const struct root *r, const char *release, const char *module)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];

	path_f(path, "/lib/modules/%s/modules.builtin", release);
	return root_read(r, path, BUILTIN_MAX, &text, NULL) == 0 && kmod_listed(text, module);
}

static void look(const struct root *r, struct kernel *k)
{
	char path[PATH_MAX];
	struct stat st;

	k->modules = root_exists(r, path_f(path, "/lib/modules/%s", k->release));
	k->headers = root_exists(r, path_f(path, "/lib/modules/%s/build", k->release));
	k->initrd = root_stat(r, path_f(path, "/boot/initrd.img-%s", k->release), &st) == 0;
	if (k->initrd) {
		k->built = st.st_mtim;
		k->initrd_size = st.st_size;
		k->initrd_ino = st.st_ino;
		k->initrd_changed = st.st_ctim;
	}
	k->vfio_builtin = has_builtin(r, k->release, "vfio-pci");
	k->intel_iommu = iommu_intel_default(r, k->release);
}

int kernels_load(const struct root *r, struct kernels *ret)
{
	_cleanup_kernels_ struct kernels l = { 0 };
	_cleanup_closedir_ DIR *d = NULL;
	char release[KERNEL_RELEASE_LEN];

	*ret = (struct kernels){ 0 };
	if (root_opendir(r, "/boot", &d) < 0)
		return 0;
	for (struct dirent *ent; l.n < KERNELS_MAX && (ent = readdir(d));) {
		struct kernel *v;

		if (!kernel_release(ent->d_name, release))
			continue;
		v = conf_grow(l.v, &l.n, sizeof(*v));
		if (!v)
			return -ENOMEM;
		l.v = v;
		memcpy(v[l.n - 1].release, release, sizeof(release));
		look(r, &v[l.n - 1]);
	}
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), newest_first);
	*ret = l;
	l = (struct kernels){ 0 };
	return 0;
}

void kernels_done(struct kernels *l)
{
	free(l->v);
	*l = (struct kernels){ 0 };
}

const struct kernel *kernels_find(const struct kernels *l, const char *release)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].release, release) == 0)
			return &l->v[i];
	return NULL;
}

bool kernel_initrd_is_older(const struct kernel *k, const struct timespec *file)
{
	return k->initrd && file->tv_sec > k->built.tv_sec + FAT_SECONDS;
}

bool kernel_initrd_is_as_before(const struct root *r, const struct kernel *k)
{
	char path[PATH_MAX];
	struct stat st;

	return k->initrd && root_stat(r, path_f(path, "/boot/initrd.img-%s", k->release), &st) == 0 && st.st_ino == k->initrd_ino &&
	       st.st_ctim.tv_sec == k->initrd_changed.tv_sec && st.st_ctim.tv_nsec == k->initrd_changed.tv_nsec;
}

static bool is_later(const struct root *r, const char *path, const struct timespec *than)
{
	struct stat st;

	if (root_stat(r, path, &st) < 0)
		return false;
	return st.st_ctim.tv_sec > than->tv_sec || (st.st_ctim.tv_sec == than->tv_sec && st.st_ctim.tv_nsec > than->tv_nsec);
}

bool kernels_changed_since(const struct root *r, const char *stamp)
{
	/* a file that comes, goes, or is replaced changes its directory: dpkg, update-initramfs, depmod and DKMS write so */
	static const char *const dirs[] = { "/boot", "/lib/modules", "/var/lib/dkms" };
	char path[PATH_MAX];
	struct stat st;

	if (root_stat(r, stamp, &st) < 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		_cleanup_closedir_ DIR *d = NULL;

		if (is_later(r, dirs[i], &st.st_ctim))
			return true;
		if (root_opendir(r, dirs[i], &d) < 0)
			continue;
		for (struct dirent *ent; (ent = readdir(d));)
			if (ent->d_name[0] != '.' && is_later(r, path_f(path, "%s/%s", dirs[i], ent->d_name), &st.st_ctim))
				return true;
	}
	return false;
}
