/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is done with a card for no VM: a reset, a look at its ROM, its way home. */
#ifndef GPUPT_ERRAND_H
#define GPUPT_ERRAND_H

#include "host/pci.h"
#include "plan/claim.h"
#include "plan/record.h"
#include "plan/state.h"

/* A record for each card, by the address of its display; gone with the boot, as bindings are. */
#define ERRAND_DIR STATE_RUN "/reset"

/* The note of one that brings the card home: what it has made is not put back, it goes on. One without it is of a reset. */
#define ERRAND_TOWARD "toward"
#define ERRAND_HOME   "home"

/* Where the record of gpu is; returns path. */
char *errand_path(char path[static PATH_MAX], struct bdf gpu);

/* Makes the record of gpu, whose functions are claimed. 0, -EEXIST, -errno. */
int errand_begin(const struct root *r, struct bdf gpu, bool homeward, struct record *ret, struct err *e);
bool errand_is_homeward(const struct record *rec);

/*
 * Claims the functions for this process as long as it lives, so that no VM takes one meanwhile. 0; -EBUSY with whose it is in
 * ret_conflict; -errno.
 */
int errand_claim(const struct root *r, const struct bdf_list *fns, struct claim *ret_conflict, struct err *e);
void errand_unclaim(const struct root *r, const struct bdf_list *fns);

#endif
