/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/bus.h"
#include "base/proc.h"

#define SOCKET	"/run/dbus/system_bus_socket"
#define DEST	"org.freedesktop.systemd1"
#define PATH	"/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"

static uint64_t silent_until; /* 0: it has answered, or was not asked yet */

void bus_done(struct bus *b)
{
	/* without a flush, which would wait for a bus that does not read; what was answered has been sent */
	if (b->bus)
		b->sd->bus_close_unref(b->bus);
	b->bus = NULL;
}

static uint64_t left_us(const struct bus *b)
{
	uint64_t now = now_ms();

	return now < b->deadline ? (b->deadline - now) * 1000 : 0;
}

static int remember(int k)
{
	if (k == -ETIMEDOUT)
		silent_until = now_ms() + BUS_SILENT_MS;
	return k == -ENOTCONN ? -ECONNREFUSED : k; /* that word is for machines without systemd */
}

/* Until the bus has let us in and has given us a name. */
static int wait_until_ready(struct bus *b)
{
	for (;;) {
		int k = b->sd->bus_process(b->bus, NULL);

		if (k < 0)
			return k;
		if (b->sd->bus_is_ready(b->bus) > 0)
			return 0;
		if (left_us(b) == 0)
			return -ETIMEDOUT;
		if (k == 0)
			k = b->sd->bus_wait(b->bus, left_us(b));
		if (k < 0 && k != -EINTR)
			return k;
	}
}

static int connect_to(struct bus *b, const char *address)
{
	int k = b->sd->bus_new(&b->bus);

	if (k >= 0)
		k = b->sd->bus_set_address(b->bus, address);
	if (k >= 0)
		k = b->sd->bus_set_bus_client(b->bus, 1);
	if (k >= 0)
		k = b->sd->bus_start(b->bus);
	return k < 0 ? k : wait_until_ready(b);
}

int bus_open(const struct root *r, struct bus *ret, struct err *e)
{
	struct bus b = { .sd = systemd_load(), .deadline = now_ms() + BUS_TIMEOUT_MS };
	char address[PATH_MAX];
	int k;

	if (!b.sd)
		return err_set(e, -ELIBACC, "libsystemd.so.0 cannot be loaded");
	if (now_ms() < silent_until)
		return err_set(e, -ETIMEDOUT, "cannot reach systemd over D-Bus: it did not answer a moment ago");
	k = connect_to(&b, path_f(address, "unix:path=%s" SOCKET, r->path));
	if (k < 0) {
		bus_done(&b);
		return err_errno(e, remember(k), "cannot reach systemd over D-Bus");
	}
	silent_until = 0;
	*ret = b;
	return 0;
}

/* Each call has what is left of the conversation's time. */
static void hurry(struct bus *b)
{
	uint64_t us = left_us(b);

	b->sd->bus_set_method_call_timeout(b->bus, us ? us : 1); /* 0 would be sd-bus' own, 25 s */
}

static int call_failed(struct bus *b, sd_bus_error *error, const char *verb, const char *what, int k, struct err *e)
{
	bool absent = error->name && strstr(error->name, "NoSuchUnit");

	k = err_set(e, absent ? -ENOENT : remember(k), "cannot %s %s: %s", verb, what, error->message ? error->message : strerror(-k));
	b->sd->bus_error_free(error);
	return k;
}

int bus_call(struct bus *b, const char *method, const char *verb, const char *unit, const char *mode, char *ret, size_t size,
	     struct err *e)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	const char *path;
	int k;

	hurry(b);
	k = b->sd->bus_call_method(b->bus, DEST, PATH, MANAGER, method, &error, &reply, mode ? "ss" : "s", unit, mode);
	if (k >= 0)
		k = b->sd->bus_message_read_basic(reply, 'o', &path);
	if (k >= 0)
		snprintf(ret, size, "%s", path);
	b->sd->bus_message_unref(reply);
	return k < 0 ? call_failed(b, &error, verb, unit, k, e) : 0;
}

int bus_property(struct bus *b, const char *object, const char *interface, const char *name, char *ret, size_t size, struct err *e)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_free_ char *value = NULL;
	int k;

	hurry(b);
	k = b->sd->bus_get_property_string(b->bus, DEST, object ? object : PATH, object ? interface : MANAGER, name, &error, &value);
	if (k < 0)
		return call_failed(b, &error, "read", name, k, e);
	snprintf(ret, size, "%s", value);
	return 0;
}
