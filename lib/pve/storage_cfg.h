/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One storage as storage.cfg describes it: what storage.c and storage_place.c go by. */
#ifndef GPUPT_PVE_STORAGE_CFG_H
#define GPUPT_PVE_STORAGE_CFG_H

#include "base/root.h"

#define STORAGE_ID_MAX 128

/* What storage.cfg says of the one storage that is asked for; NULL: nothing. */
struct storage {
	bool found, shared, disabled;
	const char *type, *path, *content_dirs, *nodes, *content, *mountpoint;
};

/* parse_id() in PVE/JSONSchema.pm */
bool storage_id_valid(const char *s, size_t len);
/* The storage of that name in the file's text, which is cut into pieces. 0, or -ENOENT. */
int storage_get(char *data, const char *id, struct storage *ret, struct err *e);
/* The directory that a storage's others are in. 0, or -EINVAL (it has none). */
int storage_base(const struct storage *st, const char *id, char ret[static PATH_MAX], struct err *e);
/* content-dirs "snippets=some/dir,iso=…": points at the directory for snippets, and returns its length. */
size_t storage_snippets_dir(const char *dirs, const char **ret);
/*
 * What Proxmox VE mounts below /mnt/pve (check_config() in NFSPlugin.pm, CIFSPlugin.pm, CephFSPlugin.pm). Of the types with directories
 * they are those that are shared whatever the file says, too (@SHARED_STORAGE in Plugin.pm).
 */
bool storage_mounted_by_pve(const char *type);
/* The file's text; without a file there is still "local". 0 or -errno. */
int storage_read(const struct root *r, char **ret, struct err *e);

#endif
