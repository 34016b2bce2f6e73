/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The initramfs of each installed kernel, and which of them were written since. */
#ifndef GPUPT_PLAN_IMAGES_H
#define GPUPT_PLAN_IMAGES_H

#include "base/root.h"

struct image;
struct images {
	struct image *v;
	size_t n;
};

/* Those that there are now. 0 or -errno. */
int images_look(const struct root *r, struct images *ret);
void images_done(struct images *l);
#define _cleanup_images_ _cleanup_(images_done)

/* How many of them are the same file as then, untouched; in ret their paths, ", " between. */
size_t images_untouched(const struct root *r, const struct images *l, struct text *ret);

#endif
