/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gpupt-helper on a fake machine, in this process. */
#ifndef GPUPT_TESTS_HELPER_H
#define GPUPT_TESTS_HELPER_H

#include "tests/fake/fake.h"

/* Runs it with the words of command, which stand between blanks. out and err (may be NULL) get what it says. Its exit code. */
int fake_helper(struct fake *f, const char *command, struct text *out, struct text *err);

#endif
