/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of `capture`: what a row of its table is. */
#ifndef GPUPT_CAPTURE_ROW_H
#define GPUPT_CAPTURE_ROW_H

#include "helper/capture.h"

enum capture_what {
	COPY,	 /* the file */
	HEAD,	 /* its first bytes */
	GREP,	 /* the file, if its mask leaves anything of it */
	STUB,	 /* an empty file or a directory: that it is there is what counts */
	LINK,	 /* the link itself, wherever it leads */
	MODULE,	 /* of a kernel module whether it ends in a signature: no more than that mark */
	AS_IS,	 /* the file, by this very path: /proc/self and /proc/net are other directories for every process */
};

/*
 * In a path '*' and '[…]' stand for names; a component that begins with '>' may be a link, which is then captured, and what follows
 * is looked for where it leads. A '%' at a component's end stands for the release of the kernel. "names" are looked for in that directory.
 */
struct capture_row {
	enum capture_what what;
	const char *dir, *names;
	size_t max;
	mask_fn *mask;
};

extern const struct capture_row capture_rows[];
extern const size_t capture_n_rows;

#endif
