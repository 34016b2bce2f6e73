/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One walk over the configurations of all guests of a kind: every file is read once, few are parsed. */
#ifndef GPUPT_PVE_SCAN_H
#define GPUPT_PVE_SCAN_H

#include "pve/config.h"

/* What is done with a guest's configuration (cfg->vmid is set). It may take cfg over, leaving it zeroed. 0, or -errno to stop. */
typedef int scan_fn(void *ctx, struct config *cfg, struct err *e);

/*
 * Calls fn for each guest of this node whose file contains one of the words, in ascending order of ids. A guest that leaves
 * meanwhile, or whose file nobody can use, is passed over. 0, what fn returned, or -errno.
 */
int scan_guests(const struct root *r, enum guest_kind kind, const char *const words[], size_t n_words, scan_fn *fn, void *ctx,
		struct err *e);

/*
 * The first VM of this node whose file has the word, snapshots and all, by its bytes: also one that nobody can parse. 0 with its id,
 * or with 0 if none has it; -errno: a file, which e names, cannot be read.
 */
int scan_vm_with(const struct root *r, const char *word, unsigned int *ret_vmid, struct err *e);

#endif
