/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is done with a card for no VM: a reset, a look at its ROM, its way home. */
#ifndef GPUPT_ERRAND_H
#define GPUPT_ERRAND_H

#include "host/pci.h"
#include "plan/claim.h"
#include "plan/state.h"

/* A record for each card, by the address of its display; gone with the boot, as bindings are. */
#define ERRAND_DIR STATE_RUN "/reset"

/* Where the record of gpu is; returns path. */
char *errand_path(char path[static PATH_MAX], struct bdf gpu);

/*
 * Claims the functions for this process as long as it lives, so that no VM takes one meanwhile. 0; -EBUSY with whose it is in
 * ret_conflict; -errno.
 */
int errand_claim(const struct root *r, const struct bdf_list *fns, struct claim *ret_conflict, struct err *e);
void errand_unclaim(const struct root *r, const struct bdf_list *fns);

#endif
