/* SPDX-License-Identifier: GPL-2.0-or-later */
/* As much of storage.cfg as it takes to find a snippet, by the rules of PVE/Storage/Plugin.pm. */
#ifndef GPUPT_PVE_STORAGE_H
#define GPUPT_PVE_STORAGE_H

#include "base/root.h"

/*
 * The path of "STORAGE:snippets/FILE". Whether the file is there is not looked at. 0; -EINVAL (no such volume
 * id, not in the snippets directory, a storage without directories); -ENOENT (no such storage);
 * -ENAMETOOLONG; -errno.
 */
int storage_snippet(const struct root *r, const char *volid, char ret[static PATH_MAX], struct err *e);

/* The same with the text of storage.cfg, which is cut into pieces. */
int storage_snippet_in(char *data, const char *volid, char ret[static PATH_MAX], struct err *e);

#endif
