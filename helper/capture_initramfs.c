/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is in each kernel's initramfs, as far as gpupt asks for it: below a captured tree nobody unpacks one. */
#include <errno.h>

#include "helper/capture.h"
#include "host/initramfs.h"
#include "host/kernels.h"

static int take(struct capture *c, const char *release)
{
	_cleanup_initramfs_ struct initramfs i = { 0 };
	_cleanup_text_ struct text names = { 0 };
	char path[PATH_MAX];

	if (initramfs_load(c->root, release, &i) < 0)
		return -ENOMEM;
	if (i.why[0])
		return 0;
	strv_foreach (name, &i.names)
		text_addf(&names, "%s\n", name);
	capture_text(c, path_f(path, INITRAMFS_LISTS "/%s", release), text_str(&names));
	return names.r;
}

void capture_initramfs(struct capture *c)
{
	_cleanup_kernels_ struct kernels l = { 0 };
	int k = kernels_load(c->root, &l);

	for (size_t i = 0; k == 0 && i < l.n; i++)
		if (l.v[i].initrd)
			k = take(c, l.v[i].release);
	if (k < 0)
		c->r = k;
}
