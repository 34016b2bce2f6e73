/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configuration in layers of directories: a file in an earlier one hides those of the same name in later ones, and all are
 * read in the order of their names (modprobe.d(5), modules-load.d(5), udev(7)).
 */
#ifndef GPUPT_HOST_CONF_H
#define GPUPT_HOST_CONF_H

#include "base/root.h"

#define CONF_MAX (1 << 20) /* of one file; the longest that a distribution ships are below 100 KiB */

/* Where a line stands. One that is continued begins at `line` and ends at `last`; both count from 1. */
struct conf_place {
	char *file;
	unsigned int line, last;
	char *text; /* as it stands there, continued ones in one, without the newline */
};

/* 0 or -ENOMEM. */
int conf_place_set(struct conf_place *p, const char *file, unsigned int line, unsigned int last, const char *text);
void conf_place_done(struct conf_place *p);

/*
 * The files NAME + suffix of these directories that count, by name. A directory that is not there is empty; one that is a link to another
 * (/lib to /usr/lib) gives no file twice. 0 or -ENOMEM.
 */
int conf_files(const struct root *r, const char *const dirs[], size_t n, const char *suffix, struct strv *ret);

/*
 * Reads one of them: text without NUL bytes. 0; -ENOENT also for one that is masked by a link to /dev/null; -EINVAL (NUL bytes: nobody
 * reads such a file alike); -errno.
 */
int conf_read(const struct root *r, const char *path, char **ret);

/* A parser of one file's text, for conf_each(). 0 or -ENOMEM. */
typedef int conf_parse_fn(void *ctx, const char *text, const char *file);

/* Reads these files and has them parsed; what cannot be read goes into *unread (may be NULL). 0 or -ENOMEM. */
int conf_each(const struct root *r, const struct strv *files, conf_parse_fn *parse, void *ctx, struct strv *unread);

/* Makes room in a list of n members of `size` bytes for one more, which is zeroed; returns that, or NULL without memory. */
void *conf_grow(void *v, size_t *n, size_t size);

#endif
