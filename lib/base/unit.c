/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/exec.h"
#include "base/systemd.h"
#include "base/unit.h"

#define DEST	   "org.freedesktop.systemd1"
#define MANAGER	   "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"
#define TIMEOUT_US 5000000

struct bus {
	const struct systemd *sd;
	sd_bus *bus;
};

static void bus_done(struct bus *b)
{
	if (b->bus)
		b->sd->bus_flush_close_unref(b->bus);
}

/* Connects to the system bus, if systemd runs this machine (sd_booted(3) looks at the same directory). */
static int bus_open(const struct root *r, struct bus *b, struct err *e)
{
	int k;

	if (!root_is_real(r) || !root_exists(r, "/run/systemd/system"))
		return err_set(e, -ENOTCONN, "systemd does not run here");
	b->sd = systemd_load();
	if (!b->sd)
		return err_set(e, -ELIBACC, "libsystemd.so.0 cannot be loaded");
	k = b->sd->bus_open_system(&b->bus);
	if (k == -ENOTCONN)
		k = -ECONNREFUSED; /* that word is for machines without systemd */
	if (k < 0)
		return err_errno(e, k, "cannot reach systemd over D-Bus");
	b->sd->bus_set_method_call_timeout(b->bus, TIMEOUT_US);
	return 0;
}

static int call_failed(struct bus *b, sd_bus_error *error, const char *what, const char *unit, int k, struct err *e)
{
	bool absent = error->name && strstr(error->name, "NoSuchUnit");

	k = err_set(e, absent ? -ENOENT : k, "cannot %s %s: %s", what, unit, error->message ? error->message : strerror(-k));
	b->sd->bus_error_free(error);
	return k;
}

int unit_state(const struct root *r, const char *unit, char ret[static UNIT_STATE_LEN], struct err *e)
{
	_cleanup_(bus_done) struct bus b = { 0 };
	sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_free_ char *state = NULL;
	sd_bus_message *reply = NULL;
	char object[256];
	const char *path;
	int k;

	if (r->hooks && r->hooks->unit)
		return r->hooks->unit(r->hooks->ctx, unit, "state", ret);
	k = bus_open(r, &b, e);
	if (k < 0)
		return k;
	k = b.sd->bus_call_method(b.bus, DEST, MANAGER, "GetUnit", &error, &reply, "s", unit);
	if (k < 0)
		return call_failed(&b, &error, "find", unit, k, e);
	k = b.sd->bus_message_read_basic(reply, 'o', &path);
	if (k >= 0)
		snprintf(object, sizeof(object), "%s", path);
	b.sd->bus_message_unref(reply);
	if (k >= 0)
		k = b.sd->bus_get_property_string(b.bus, DEST, object, "org.freedesktop.systemd1.Unit", "ActiveState",
						  &error, &state);
	if (k < 0)
		return call_failed(&b, &error, "read the state of", unit, k, e);
	snprintf(ret, UNIT_STATE_LEN, "%s", state);
	return 0;
}

/* 1 if it is, 0 if not, -errno if the bus does not tell. */
static int bus_says_stopping(struct bus *b)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_free_ char *state = NULL;
	int k = b->sd->bus_get_property_string(b->bus, DEST, MANAGER, "SystemState", &error, &state);

	b->sd->bus_error_free(&error);
	return k < 0 ? k : strcmp(state, "stopping") == 0;
}

/* On the way down the bus goes while guests are still being stopped; systemctl has a way past it. */
static bool systemctl_says_stopping(const struct root *r)
{
	char *argv[] = { (char[]){ "systemctl" }, (char[]){ "is-system-running" }, NULL };
	_cleanup_exec_ struct exec_result res = { 0 };
	struct err e;

	return exec_run(r, argv, TIMEOUT_US / 1000, &res, &e) == 0 && res.output && strcmp(str_trim(res.output), "stopping") == 0;
}

bool system_stopping(const struct root *r)
{
	_cleanup_(bus_done) struct bus b = { 0 };
	char hooked[UNIT_STATE_LEN];
	int k;

	if (r->hooks && r->hooks->unit)
		return r->hooks->unit(r->hooks->ctx, "", "system-state", hooked) == 0 && strcmp(hooked, "stopping") == 0;
	k = bus_open(r, &b, NULL);
	if (k == -ENOTCONN)
		return false;
	if (k == 0)
		k = bus_says_stopping(&b);
	return k < 0 ? systemctl_says_stopping(r) : k > 0;
}

static int unit_job(const struct root *r, const char *method, const char *verb, const char *unit, char ret_job[static UNIT_JOB_LEN],
		    struct err *e)
{
	_cleanup_(bus_done) struct bus b = { 0 };
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	const char *path = "";
	int k;

	ret_job[0] = '\0';
	if (r->hooks && r->hooks->unit)
		return r->hooks->unit(r->hooks->ctx, unit, verb, NULL);
	k = bus_open(r, &b, e);
	if (k < 0)
		return k;
	k = b.sd->bus_call_method(b.bus, DEST, MANAGER, method, &error, &reply, "ss", unit, "replace");
	if (k < 0)
		return call_failed(&b, &error, verb, unit, k, e);
	if (b.sd->bus_message_read_basic(reply, 'o', &path) >= 0)
		snprintf(ret_job, UNIT_JOB_LEN, "%s", path);
	b.sd->bus_message_unref(reply);
	return 0;
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
	_cleanup_(bus_done) struct bus b = { 0 };
	sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_free_ char *state = NULL;
	int k;

	/* hooks do at once what they are asked for */
	if (!job[0] || bus_open(r, &b, NULL) < 0)
		return false;
	/* a job's object is there as long as the job is */
	k = b.sd->bus_get_property_string(b.bus, DEST, job, "org.freedesktop.systemd1.Job", "State", &error, &state);
	b.sd->bus_error_free(&error);
	return k >= 0;
}
