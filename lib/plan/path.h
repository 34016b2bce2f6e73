/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which card a device node belonged to when it was last seen, in /var/lib/gpupt/path: one small file for each path. While a VM has
 * the card its nodes are gone, and neither their names nor their numbers say whose they were.
 */
#ifndef GPUPT_PATH_H
#define GPUPT_PATH_H

#include <sys/types.h>

#include "plan/home.h"

#define PATH_ROLE_LEN 64

struct path_memory {
	/* of all cards of a driver (kfd, nvidiactl), of which there were several: bdf and identity say nothing */
	bool common;
	struct bdf bdf;		     /* the function */
	char identity[IDENTITY_LEN]; /* what was at that address, "1002:73bf/1da2:e438": another device is another card */
	char role[PATH_ROLE_LEN];    /* see path_role() */
	char type;		     /* 'c' or 'b' */
	unsigned int major, minor;
};

/*
 * What is remembered of a node's absolute path, spelt as it was when it was remembered. 0, or -ENOENT: nothing (or nothing that
 * can be understood). A number of the device cgroup, for which there is no path, goes by /dev/char/MAJOR:MINOR, udev's name for it.
 */
int path_find(const struct root *r, const char *path, struct path_memory *ret);
/* Calls fn for each path of which something is remembered. 0 or -errno. */
typedef void path_each_fn(void *ctx, const char *path, const struct path_memory *m);
int path_each(const struct root *r, path_each_fn *fn, void *ctx);
/* An absolute path out of one word, in which "%XX" stands for a byte. 0, -EINVAL, -ENOMEM; free *ret. */
int path_unescape(const char *word, char **ret);
/* Writes only what is new. 0, -ENAMETOOLONG (escaped it is no file name any more), -EINVAL (not absolute), -errno. */
int path_remember(const struct root *r, const char *path, const struct path_memory *m, struct err *e);

/*
 * What a node is to its function whatever its number: its name without directory and without the first run of digits. "dri/card0":
 * "card"; "dri/renderD128": "renderD"; "snd/pcmC1D3p": "pcmCD3p"; "kfd": "kfd". The role finds a node again that has come back with
 * another number. Returns buf.
 */
char *path_role(const char *node, char buf[static PATH_ROLE_LEN]);

/* The text of such a file. 0 or -EINVAL. */
int path_parse(const char *text, struct path_memory *ret);

#endif
