/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of ours in directories of the system: the targets of file steps, and the directories that they need. */
#ifndef GPUPT_PLAN_FILE_H
#define GPUPT_PLAN_FILE_H

#include "plan/plan.h"

/* Appends the target of a file step: the path, and what the file gets if it has to be made and that is not 0644 and root's. */
void file_target(const char *path, mode_t mode, uid_t uid, gid_t gid, struct text *ret);
/* The reverse. Without mode and owner: 0644, and nobody in particular (-1). 0, or -EINVAL: neither the one nor the other. */
int file_target_parse(const char *target, char ret_path[static PATH_MAX], struct root_own *ret, struct err *e);

/*
 * Adds to p, before each file step that makes a file, the dir steps for what is missing on the way to it, each once. For whoever has a
 * plan and a machine; the plan's own order is kept. 0 or -errno.
 */
int file_add_parents(const struct root *r, struct plan *p, struct err *e);

#endif
