/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Proxmox VE's list of tasks: /var/log/pve/tasks/active has those that run and the last that have ended, /var/log/pve/tasks/index all
 * that have ended, until it becomes index.1 at 50 kB (active_workers() in PVE/RESTEnvironment.pm). A line is an UPID
 * (PVE/UPID.pm: UPID:NODE:PID:PSTART:STARTTIME:TYPE:ID:USER:, numbers in hexadecimal), in active then 0 or 1, and, once it is known,
 * the end in hexadecimal and a status: "OK", "WARNINGS: N" or an error's text.
 */
#ifndef GPUPT_PVE_TASK_H
#define GPUPT_PVE_TASK_H

#include "base/root.h"

#define TASK_STATUS_LEN 200

struct task {
	time_t start;
	char type[32]; /* "vzstart" … */
	char id[32];   /* of the guest, if it is about one */
	char status[TASK_STATUS_LEN]; /* "" while it is not known; cut if it is longer */
};

/* A line of either file. 0 or -EINVAL. */
int task_parse(const char *line, struct task *ret);

/* The last task of that type about a guest since then. 0, -ENOENT, -errno. */
int task_last(const struct root *r, const char *type, unsigned int vmid, time_t since, struct task *ret);

#endif
