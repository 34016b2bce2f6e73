/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A running container of the fake machine: its first process is one of this machine, so that it lives; its nodes are in the tree. */
#ifndef GPUPT_TESTS_INSIDE_H
#define GPUPT_TESTS_INSIDE_H

#include "base/proc.h"
#include "tests/fake/fake.h"

/* One with no nodes yet, whose first process is the test. privileged: its root user is the host's. */
void fake_inside(struct fake *f, bool privileged, struct proc_id *ret_init);
/* Puts a node there, with the test's owner: path in the container, or with pid 0 on the host. */
void fake_node(struct fake *f, pid_t pid, const char *path, const char *number, mode_t mode);
/* The same, as a mount of the host's node. */
void fake_node_mount(struct fake *f, pid_t pid, const char *path, const char *host);
/* "226:128 0660", "" if there is none; in a static buffer. */
const char *fake_node_get(const struct fake *f, pid_t pid, const char *path);
void fake_node_gone(struct fake *f, pid_t pid, const char *path);
/* What lxc-cgroup was told, each: "200 devices.allow c 226:129 rw;". */
const char *fake_lxc_calls(const struct fake *f);

/* --- for the parts of the fake --- */
/* A write to /proc/PID/root/…: a node takes the place of what is there. */
int fake_inside_write(struct fake *f, const char *path, const char *value);
int fake_lxc(struct fake *f, char *const argv[], struct exec_result *ret);

#endif
