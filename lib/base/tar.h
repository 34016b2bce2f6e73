/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tar archive, written into memory: POSIX's ustar, with a pax header before a member whose name or target does not fit (pax(1),
 * "ustar Interchange Format" and "pax Interchange Format"). All members are root's, and of the same time unless told otherwise, so
 * that the same tree makes the same archive.
 */
#ifndef GPUPT_TAR_H
#define GPUPT_TAR_H

#include <sys/types.h>

#include "base/text.h"

/* Names are relative, without a '/' at either end. What comes below a directory comes after it. */
void tar_dir(struct text *t, const char *name);
/* mtime: 0 for a file whose age does not matter. */
void tar_file(struct text *t, const char *name, const void *data, size_t len, mode_t mode, time_t mtime);
void tar_link(struct text *t, const char *name, const char *target);
/* After the last member. */
void tar_end(struct text *t);

#endif
