/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The three standard descriptors, before anything else is opened: a file of ours must never become somebody's standard output. */
#ifndef GPUPT_STDIO_H
#define GPUPT_STDIO_H

/* Opens /dev/null in the place of a closed one. 0, or -EBADF if standard output or standard error was closed. */
int stdio_check(void);

#endif
