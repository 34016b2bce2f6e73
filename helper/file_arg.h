/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file that a command writes, as a person names it. */
#ifndef GPUPT_FILE_ARG_H
#define GPUPT_FILE_ARG_H

#include "helper/helper.h"

/* "-": standard output. */
bool file_arg_is_stdout(const char *s);

/* Where s is, seen from the root: a name without a slash in front is in the working directory. EXIT_DONE, or EXIT_USAGE (said). */
int file_arg(const char *s, char ret[static PATH_MAX]);

/* Before anything is gathered for it: bytes are for a file or a pipe, no terminal. EXIT_DONE, or EXIT_USAGE (said). */
int file_arg_check_stdout(const struct options *o, const char *what);

/* Writes bytes to standard output. 0 or -errno. */
int file_arg_to_stdout(const void *data, size_t len, struct err *e);

#endif
