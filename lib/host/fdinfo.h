/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors of which the device number alone does not say whether they hold the card; the rest is in
 * /proc/PID/fdinfo. A DRM driver adds to that text, and may wait for the process's work on the card first,
 * without limit (amdgpu_show_fdinfo() in drivers/gpu/drm/amd/amdgpu/amdgpu_fdinfo.c reserves its page
 * tables): hence a child reads, and whoever needs no answer does not ask. For holders.c alone.
 */
#ifndef GPUPT_HOST_FDINFO_H
#define GPUPT_HOST_FDINFO_H

#include "host/nodes.h"

#define FDINFO_MS 5000 /* for all of them together */

struct fdinfo {
	pid_t pid;
	unsigned int fd;
	const struct node *node; /* of the card; NULL: a DRM number without a node */
	bool known;		 /* it was read in time; the rest counts only then */
	bool open;		 /* it is there, and not just named by it (O_PATH) */
	bool has_pdev;
	struct bdf pdev; /* drm-pdev: Documentation/gpu/drm-usage-stats.rst */
};

struct fdinfo_list {
	struct fdinfo *v;
	size_t n;
};

int fdinfo_add(struct fdinfo_list *l, pid_t pid, unsigned int fd, const struct node *node); /* 0 or -ENOMEM */
/* Reads them all in one child, or as many as FDINFO_MS is enough for. None: no child. 0 or -errno. */
int fdinfo_load(const struct root *r, struct fdinfo_list *l);
void fdinfo_list_done(struct fdinfo_list *l);

#endif
