/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is done with a card for no VM, a reset or its way home: one record for each card, by the address of its display. */
#ifndef GPUPT_ERRAND_H
#define GPUPT_ERRAND_H

#include "base/bdf.h"
#include "plan/state.h"

/* Gone with the boot, as bindings are. */
#define ERRAND_DIR STATE_RUN "/reset"

static inline char *errand_path(char path[static PATH_MAX], struct bdf gpu)
{
	char name[BDF_LEN];

	return path_f(path, ERRAND_DIR "/%s", bdf_format(gpu, name));
}

#endif
