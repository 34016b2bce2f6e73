/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plans over the fake machine, and a diary of what the engine tells. */
#ifndef GPUPT_TESTS_STEPS_H
#define GPUPT_TESTS_STEPS_H

#include "plan/driver.h"
#include "plan/plan.h"
#include "tests/fake/fake.h"

#define STEPS_RECORD "/run/gpupt/lease/101"

/* An engine over f that waits timeout_ms for a driver; what it tells goes to diary ("made driver 0000:01:00.0 …"), which may be NULL. */
void steps_engine(struct fake *f, unsigned int timeout_ms, struct text *diary, struct engine *ret);
/* Adds the driver step that takes bdf to vfio-pci; home NULL: back to what it has now. */
struct step *steps_driver(struct fake *f, struct plan *p, const char *bdf, const char *home);
/* Every kind of step at once: a unit, a console, a file, both functions of CARD, its reset method, a reset. */
void steps_whole(struct fake *f, struct plan *p);
/* What steps_whole() wants to find: a unit, a second reset method. */
void steps_prepare(struct fake *f);

/* For fake_run(): applies steps_whole() to a new record. 0: applied, 1: failed, 2: no record. */
int steps_apply(struct fake *f, void *ctx);
/* Opens the record and undoes all of it. 0: complete, 1: not, 2: the record cannot be read. */
int steps_undo(struct fake *f, void *ctx);
/* The same here, with counts and diary. -ENOENT without a record. */
int steps_recover(struct fake *f, struct undo_result *ret, struct text *diary);

#endif
