/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * systemd's units, over D-Bus (org.freedesktop.systemd1(5)). Each question has an end after BUS_TIMEOUT_MS; a bus that did not answer by
 * then is not asked again for BUS_SILENT_MS, and each question meanwhile fails at once (-ETIMEDOUT).
 */
#ifndef GPUPT_UNIT_H
#define GPUPT_UNIT_H

#include "base/root.h"

#define UNIT_STATE_LEN 32

/* A unit's ActiveState ("active", "inactive" …). 0, -ENOENT (no such unit), -ENOTCONN (no systemd here), -errno. */
int unit_state(const struct root *r, const char *unit, char ret[static UNIT_STATE_LEN], struct err *e);

/* Is this machine on its way down? False also where systemd does not run. */
bool system_stopping(const struct root *r);

/* Queues StartUnit or StopUnit, mode "replace". 0 or as above; the job goes on after the return, and ret_job names it. */
#define UNIT_JOB_LEN 96
int unit_start(const struct root *r, const char *unit, char ret_job[static UNIT_JOB_LEN], struct err *e);
int unit_stop(const struct root *r, const char *unit, char ret_job[static UNIT_JOB_LEN], struct err *e);

/* Is that job still under way? False also if it cannot be told. */
bool unit_job_pending(const struct root *r, const char *job);

#endif
