/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GPUPT_TESTS_SCRATCH_H
#define GPUPT_TESTS_SCRATCH_H

#include <stdbool.h>

/*
 * Where tests make their files: $TMPDIR, or in memory, where thousands of files and an fsync cost nothing; where that is not to be had,
 * or programs are to run there and may not (noexec), /tmp.
 */
const char *scratch_dir(bool programs);

#endif
