/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Proxmox VE's tools as far as they set something in a configuration; see set.c for how to make them fail. */
#ifndef GPUPT_TESTS_SET_H
#define GPUPT_TESTS_SET_H

#include "tests/fake/fake.h"

/* Is it such a call? */
bool fake_is_set(char *const argv[]);
int fake_set(struct fake *f, char *const argv[], struct exec_result *ret);

#endif
