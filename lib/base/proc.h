/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process by pid and start time: the pair is unique until the next boot, a pid alone is reused. */
#ifndef GPUPT_PROC_H
#define GPUPT_PROC_H

#include <sys/types.h>

#include "base/root.h"

struct proc_id {
	pid_t pid;
	uint64_t start; /* clock ticks since boot: field 22 of /proc/PID/stat, proc(5) */
};

#define BOOT_ID_LEN 40

/* The start time of pid. 0 or -errno (-ESRCH if there is no such process). */
int proc_start(const struct root *r, pid_t pid, uint64_t *ret);
/* The parent of pid. 0 or -errno. */
int proc_parent(const struct root *r, pid_t pid, pid_t *ret);
/* This process. */
int proc_self(const struct root *r, struct proc_id *ret);
/* The file of the program that this process runs. 0 or -errno; -EXDEV below a root that is not this machine's. */
int proc_program(const struct root *r, struct stat *ret);
/* Is this very process still there? A zombie no longer counts: it holds nothing. */
bool proc_alive(const struct root *r, struct proc_id id);
/* /proc/sys/kernel/random/boot_id; -errno where a captured tree lacks it. */
int proc_boot_id(const struct root *r, char ret[static BOOT_ID_LEN]);
/* When the machine was booted, in seconds of CLOCK_REALTIME: btime of /proc/stat, proc(5). 0 or -errno. */
int proc_boot_time(const struct root *r, time_t *ret);
/* Milliseconds of CLOCK_MONOTONIC, for deadlines. */
uint64_t now_ms(void);
void sleep_ms(unsigned int ms);

#endif
