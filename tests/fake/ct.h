/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Containers of a fake machine, and `pct` for them. */
#ifndef GPUPT_TESTS_CT_H
#define GPUPT_TESTS_CT_H

#include "base/exec.h"
#include "tests/fake/fake.h"

/* A container with these lines of configuration, running or not. */
void fake_ct(struct fake *f, unsigned int vmid, const char *lines, bool running);
bool fake_ct_runs(const struct fake *f, unsigned int vmid);
void fake_ct_set(struct fake *f, unsigned int vmid, bool running);
/* What a `pct shutdown` of it comes to: "" (it stops), "deaf", "undying" (nor does `pct stop` help), "late" (pct gives up, it stops then). */
void fake_ct_how(struct fake *f, unsigned int vmid, const char *how);
/* A process of the container that has a node open. */
void fake_ct_holder(struct fake *f, unsigned int vmid, int pid, const char *comm, const char *dev, const char *name);
/* "start 200; shutdown 201": what pct was called for. */
const char *fake_pct_calls(const struct fake *f);

/* Stands for pct and ha-manager. -ENOENT for any other program. */
int fake_pct(struct fake *f, char *const argv[], struct exec_result *ret);

/* In the list of nodes of a tree (NODE_MANIFEST): that node, or not. */
void fake_node_set(struct fake *f, const char *number, const char *path, bool there);

/* For snapshots: "ct 200 running" and its configuration; placeholders that are left. */
void fake_ct_describe(const struct fake *f, struct text *t);

#endif
