/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What DKMS has built for which kernel, from its own tree (dkms(8)): /var/lib/dkms/NAME/VERSION/source is there for what was added, and the
 * link /var/lib/dkms/NAME/kernel-RELEASE-ARCH leads to VERSION/RELEASE/ARCH for what is installed. Debian has the modules installed in
 * /lib/modules/RELEASE/updates/dkms.
 */
#ifndef GPUPT_HOST_DKMS_H
#define GPUPT_HOST_DKMS_H

#include "host/kernels.h"

#define DKMS_TREE "/var/lib/dkms"

struct dkms_file {
	char *path; /* where it is installed */
	bool there;
	enum tri is_signed; /* unknown unless somebody looked: modsig.h */
};

/* For a kernel for which it is installed. */
struct dkms_build {
	char release[KERNEL_RELEASE_LEN];
	struct dkms_file *v;
	size_t n;
};

struct dkms_module {
	char *name, *version; /* of several versions the newest */
	struct dkms_build *v;
	size_t n;
};

struct dkms {
	struct dkms_module *v; /* by name */
	size_t n;
};

/* What was added, and what of that is installed for these kernels. 0 or -ENOMEM. */
int dkms_load(const struct root *r, const struct kernels *k, struct dkms *ret);
void dkms_done(struct dkms *d);
#define _cleanup_dkms_ _cleanup_(dkms_done)
/* NULL if it is not installed for that kernel. */
const struct dkms_build *dkms_build_of(const struct dkms_module *m, const char *release);

#endif
