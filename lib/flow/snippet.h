/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file that a guest's hookscript is: a few lines of shell (conf/snippet) that run the hook which is installed on the node, and do
 * nothing where none is. A link to the hook would do until the guest comes to a node without gpupt: Proxmox VE does not start a guest
 * whose hookscript is not there (check_hookscript() in PVE/GuestHelpers.pm).
 */
#ifndef GPUPT_SNIPPET_H
#define GPUPT_SNIPPET_H

#include "base/root.h"

#define SNIPPET_NAME "gpupt-hook"
#define SNIPPET_FILE DATADIR "/gpupt/snippet" /* the lines, as they are installed */

enum snippet {
	SNIPPET_NONE,	 /* there is no such file */
	SNIPPET_CURRENT, /* the lines of this version */
	SNIPPET_OLD,	 /* those of another version; a link to the hook, or a copy of it */
	SNIPPET_FOREIGN, /* somebody else's file */
};

/* The lines. 0, -ENOENT (err says that gpupt is not installed), -errno. */
int snippet_text(const struct root *r, char **ret, struct err *e);

/*
 * What is at path, which no link is followed for. text: the lines of this version; NULL: those of any count as current. Waits for a
 * storage that does not answer. 0 or -errno.
 */
int snippet_look(const struct root *r, const char *path, const char *text, enum snippet *ret);

#endif
