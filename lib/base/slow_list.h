/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many files that may make their reader wait: read by one child as long as none does, so that each costs no process of its own. */
#ifndef GPUPT_SLOW_LIST_H
#define GPUPT_SLOW_LIST_H

#include "base/slow.h"

struct slow_file {
	const char *path;
	size_t max;    /* bytes */
	bool head;     /* of a longer file its first max bytes; else it is -EFBIG */
	int r;	       /* 0; -ETIMEDOUT: it did not answer, and its reader is given up; -EFBIG; -errno */
	char *data;    /* len bytes and a NUL; free it */
	size_t len;
};

/*
 * Reads them all, in their order. Files that do not answer cost SLOW_MS each, up to a few of them: then the rest is -ETIMEDOUT, too.
 * 0 with r of each, or -errno.
 */
int slow_read_list(const struct root *r, struct slow_file *v, size_t n);

#endif
