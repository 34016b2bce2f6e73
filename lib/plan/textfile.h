/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text files of the system, which steps read and replace as a whole. Inside of the step kinds. */
#ifndef GPUPT_TEXTFILE_H
#define GPUPT_TEXTFILE_H

#include "plan/step.h"

/*
 * Where a path ends in a target: at the first blank, or, with `last`, at the last one; *ret_rest is what follows. 0, or -EINVAL: it is
 * not absolute, or nothing follows.
 */
int textfile_split(const char *target, bool last, char ret_path[static PATH_MAX], const char **ret_rest);

/* The whole of it. 0, -ENOENT (err is not set), -EBADMSG (a NUL byte), -EFBIG (over 1 MiB), -errno. */
int textfile_read(const struct root *r, const char *path, char **ret, struct err *e);
/* Its bytes anew; mode and owner of one that is there are kept, else own counts. 0, -EINVAL (a link, or no file), -errno. */
int textfile_write(const struct root *r, const char *path, const char *text, const struct root_own *own, struct err *e);

/* A change to one that has to be there. 0: ret has the new text, which is to be written; 1: all is so already; -errno. */
typedef int textfile_edit_fn(const void *ctx, const char *text, struct text *ret, struct err *e);
/* 0, -ENODEV (the file is gone), -errno. */
int textfile_edit(const struct root *r, const char *path, textfile_edit_fn *edit, const void *ctx, struct err *e);

#endif
