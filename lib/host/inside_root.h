/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way into a container from outside: the directory of its init in /proc, and the root directory that this shows. The first, held
 * open, belongs to that very process: when it has ended nothing is found there any more, whoever gets its pid.
 */
#ifndef GPUPT_HOST_INSIDE_ROOT_H
#define GPUPT_HOST_INSIDE_ROOT_H

#include "base/proc.h"

/* /proc/PID, O_PATH. A descriptor, -ESRCH (it has ended), -errno. */
int inside_open_proc(const struct root *r, struct proc_id init);
/* Its root directory, into which no link leads out again: what is opened in *ret is the container's. 0, -ESRCH, -errno. */
int inside_open_root(const struct root *r, struct proc_id init, struct root *ret);
/* What path is in there, O_PATH, through no symbolic link: -ELOOP, also if it is one itself. A descriptor or -errno. */
int inside_open_path(const struct root *inner, const char *path, struct stat *ret);
/* Is a container's namespace of that kind ("user") also ours? proc: inside_open_proc(). 1, 0, -errno. */
int inside_shares(const struct root *r, int proc, const char *kind);

#endif
