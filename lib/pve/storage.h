/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As much of storage.cfg as it takes to find a snippet, by the rules of PVE/Storage/Plugin.pm (parse_section_header(), parse_config(),
 * get_subdir()).
 */
#ifndef GPUPT_PVE_STORAGE_H
#define GPUPT_PVE_STORAGE_H

#include "base/root.h"

/*
 * The path of "STORAGE:snippets/FILE". Whether the file is there is not looked at. 0; -EINVAL (no such volume
 * id, not in the snippets directory, a storage without directories); -ENOENT (no such storage);
 * -ENAMETOOLONG; -errno.
 */
int storage_snippet(const struct root *r, const char *volid, char ret[static PATH_MAX], struct err *e);

/*
 * The same of a script that Proxmox VE would run, by the two conditions of check_hookscript() in PVE/GuestHelpers.pm, whose words
 * it has: a regular file, links followed, that somebody may execute. Also 0 with its stat; -ENOENT (no such file), -ENOEXEC (not
 * executable), -EACCES (not for this user to see).
 */
int storage_script(const struct root *r, const char *volid, char ret[static PATH_MAX], struct stat *ret_st, struct err *e);

/*
 * Does this node see in volid's storage what every other node sees? It does if the storage is shared, by its type or by its own word,
 * and not for other nodes alone (`nodes`). 0 or as storage_snippet().
 */
int storage_shared(const struct root *r, const char *volid, const char *node, bool *ret, struct err *e);
/* With the text of storage.cfg, which is cut into pieces. */
int storage_shared_in(char *data, const char *volid, const char *node, bool *ret, struct err *e);

/* Where a storage has its snippets, for whoever wants to put one there. */
struct storage_place {
	char base[PATH_MAX];  /* the directory that has to be there */
	char dir[PATH_MAX];   /* of the snippets, below it: made by Proxmox VE only if they are among the content */
	char mount[PATH_MAX]; /* what has to be mounted, lest the file goes to the root filesystem; "" for nothing */
	bool here;	      /* the storage is for this node, too, and not disabled */
	bool offered;	      /* are snippets among its content? Hookscripts run in any case; pvesm and the GUI list no others */
	char content[256];    /* its content, with commas between; "" if that cannot be told */
	char wanted[256];     /* the same with snippets, for `pvesm set --content` */
};

/*
 * The storage of that name, as node has it. 0; -EINVAL (no such name, or a storage without directories); -ENOENT (no such storage);
 * -ENAMETOOLONG; -errno.
 */
int storage_place(const struct root *r, const char *id, const char *node, struct storage_place *ret, struct err *e);
/* Are two lists of content the same? Proxmox VE writes them in any order. */
bool storage_content_same(const char *a, const char *b);
/* With the text of storage.cfg, which is cut into pieces. */
int storage_place_in(char *data, const char *id, const char *node, struct storage_place *ret, struct err *e);

/* storage_snippet() with the text of storage.cfg, which is cut into pieces. */
int storage_snippet_in(char *data, const char *volid, char ret[static PATH_MAX], struct err *e);

#endif
