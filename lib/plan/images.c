/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/kernels.h"
#include "plan/images.h"

struct image {
	char release[KERNEL_RELEASE_LEN];
	ino_t ino;
	struct timespec changed; /* by the inode: whoever writes the file cannot set that */
};

static bool look(const struct root *r, const char *release, struct image *ret)
{
	char path[PATH_MAX];
	struct stat st;

	*ret = (struct image){ 0 };
	snprintf(ret->release, sizeof(ret->release), "%s", release);
	if (root_stat(r, path_f(path, "/boot/initrd.img-%s", release), &st) < 0)
		return false;
	ret->ino = st.st_ino;
	ret->changed = st.st_ctim;
	return true;
}

int images_look(const struct root *r, struct images *ret)
{
	_cleanup_kernels_ struct kernels kernels = { 0 };
	int k = kernels_load(r, &kernels);

	*ret = (struct images){ 0 };
	if (k < 0)
		return k;
	ret->v = calloc(kernels.n + 1, sizeof(*ret->v));
	if (!ret->v)
		return -ENOMEM;
	for (size_t i = 0; i < kernels.n; i++)
		ret->n += look(r, kernels.v[i].release, &ret->v[ret->n]);
	return 0;
}

void images_done(struct images *l)
{
	free(l->v);
	*l = (struct images){ 0 };
}

size_t images_untouched(const struct root *r, const struct images *l, struct text *ret)
{
	char path[PATH_MAX];
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct image *then = &l->v[i];
		struct image now;

		if (!look(r, then->release, &now) || now.ino != then->ino || now.changed.tv_sec != then->changed.tv_sec ||
		    now.changed.tv_nsec != then->changed.tv_nsec)
			continue;
		text_join(ret, ", ", path_f(path, "/boot/initrd.img-%s", then->release));
		n++;
	}
	return n;
}
