/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/bus.h"
#include "base/exec.h"
#include "base/proc.h"
#include "base/unit.h"

#define SYSTEMCTL_MS 2000 /* it is asked after the bus was, and a stop has 10 s for everything */

/* Begins to talk with systemd, if it runs this machine (sd_booted(3) looks at the same directory). */
static int systemd_open(const struct root *r, struct bus *b, struct err *e)
{
	if (!root_is_real(r) || !root_exists(r, "/run/systemd/system"))
		return err_set(e, -ENOTCONN, "systemd does not run here");
	return bus_open(r, b, e);
}

int unit_state(const struct root *r, const char *unit, char ret[static UNIT_STATE_LEN], struct err *e)
{
	_cleanup_bus_ struct bus b = { 0 };
	struct err why = { "" };
	char object[256];
	int k;

	if (r->hooks && r->hooks->unit)
		return r->hooks->unit(r->hooks->ctx, unit, "state", ret);
	k = systemd_open(r, &b, e);
	if (k == 0)
		k = bus_call(&b, "GetUnit", "find", unit, NULL, object, sizeof(object), e);
	if (k < 0)
		return k;
	k = bus_property(&b, object, "org.freedesktop.systemd1.Unit", "ActiveState", ret, UNIT_STATE_LEN, &why);
	return k < 0 ? err_set(e, k, "%s: %s", unit, why.text) : 0;
}

/* On the way down the bus goes while guests are still being stopped; systemctl has a way past it. */
static bool systemctl_says_stopping(const struct root *r)
{
	static uint64_t silent_until; /* as with the bus */
	char *argv[] = { (char[]){ "systemctl" }, (char[]){ "is-system-running" }, NULL };
	_cleanup_exec_ struct exec_result res = { 0 };
	int k;

	if (now_ms() < silent_until)
		return false;
	k = exec_run(r, argv, SYSTEMCTL_MS, &res, NULL);
	if (k == -ETIMEDOUT)
		silent_until = now_ms() + BUS_SILENT_MS;
	return k == 0 && res.output && strcmp(str_trim(res.output), "stopping") == 0;
}

bool system_stopping(const struct root *r)
{
	_cleanup_bus_ struct bus b = { 0 };
	char state[UNIT_STATE_LEN];
	int k;

	if (r->hooks && r->hooks->unit)
		return r->hooks->unit(r->hooks->ctx, "", "system-state", state) == 0 && strcmp(state, "stopping") == 0;
	k = systemd_open(r, &b, NULL);
	if (k == -ENOTCONN)
		return false;
	if (k == 0)
		k = bus_property(&b, NULL, NULL, "SystemState", state, sizeof(state), NULL);
	return k < 0 ? systemctl_says_stopping(r) : strcmp(state, "stopping") == 0;
}

static int unit_job(const struct root *r, const char *method, const char *verb, const char *unit, char ret_job[static UNIT_JOB_LEN],
		    struct err *e)
{
	_cleanup_bus_ struct bus b = { 0 };
	int k;

	ret_job[0] = '\0';
	if (r->hooks && r->hooks->unit)
		return r->hooks->unit(r->hooks->ctx, unit, verb, NULL);
	k = systemd_open(r, &b, e);
	return k < 0 ? k : bus_call(&b, method, verb, unit, "replace", ret_job, UNIT_JOB_LEN, e);
}

int unit_start(const struct root *r, const char *unit, char ret_job[static UNIT_JOB_LEN], struct err *e)
{
	return unit_job(r, "StartUnit", "start", unit, ret_job, e);
}

int unit_stop(const struct root *r, const char *unit, char ret_job[static UNIT_JOB_LEN], struct err *e)
{
	return unit_job(r, "StopUnit", "stop", unit, ret_job, e);
}

bool unit_job_pending(const struct root *r, const char *job)
{
	_cleanup_bus_ struct bus b = { 0 };
	char state[UNIT_STATE_LEN];

	/* hooks do at once what they are asked for */
	if (!job[0] || systemd_open(r, &b, NULL) < 0)
		return false;
	/* a job's object is there as long as the job is */
	return bus_property(&b, job, "org.freedesktop.systemd1.Job", "State", state, sizeof(state), NULL) == 0;
}
