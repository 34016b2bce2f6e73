/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of a VM's life expect again and again: that it starts, gives back what it had, and leaves the machine as it was. */
#ifndef GPUPT_TESTS_EXPECT_H
#define GPUPT_TESTS_EXPECT_H

#include "tests/fake/vm.h"

/* Everything that a call said and found, where the test's output goes. */
void vm_dump(const char *what, const struct vm_result *v);
/* It starts; all that it had is back, and nothing was left as somebody else's. Else the test fails. */
void vm_starts(struct fake *f, unsigned int vmid);
void vm_gives_back(struct fake *f, unsigned int vmid);

/* A function's driver, "none" if it has none. Good until the next call but one. */
const char *driver_of(const struct fake *f, const char *bdf);
void assert_driver(const struct fake *f, const char *bdf, const char *driver);
/* The driver, and what driver_override is aimed at. */
void assert_aimed(struct fake *f, const char *bdf, const char *driver, const char *override);
/* The machine is as fake_snapshot() had it. */
void assert_as_before(struct fake *f, const char *before);

#endif
