/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One conversation with systemd's manager over the system bus, with an end: sd-bus itself waits 25 s for a bus that takes the connection
 * and says nothing (BUS_AUTH_TIMEOUT in systemd's src/libsystemd/sd-bus/bus-internal.h), whatever timeout its calls have.
 */
#ifndef GPUPT_BUS_H
#define GPUPT_BUS_H

#include "base/root.h"
#include "base/systemd.h"

#define BUS_TIMEOUT_MS 5000  /* for all of a conversation */
#define BUS_SILENT_MS  60000 /* one that did not answer is not asked again before: a stop asks more than once, and has 10 s */

struct bus {
	const struct systemd *sd;
	sd_bus *bus;
	uint64_t deadline;
};

/*
 * Connects to the bus whose socket is where D-Bus has it, below the root; no variable of the environment leads elsewhere. 0; -ETIMEDOUT:
 * it does not answer, or did not when this process last asked; -ELIBACC: no libsystemd; -errno, never -ENOTCONN.
 */
int bus_open(const struct root *r, struct bus *ret, struct err *e);
void bus_done(struct bus *b);
#define _cleanup_bus_ _cleanup_(bus_done)

/*
 * Calls a method of the manager with a unit's name, and with mode if that is not NULL, that answers with an object. verb is for the
 * sentence. 0, -ENOENT (no such unit), -ETIMEDOUT, -errno.
 */
int bus_call(struct bus *b, const char *method, const char *verb, const char *unit, const char *mode, char *ret, size_t size,
	     struct err *e);
/* A property of the manager (object NULL), or of another object of systemd's, that is a string. As bus_call(). */
int bus_property(struct bus *b, const char *object, const char *interface, const char *name, char *ret, size_t size, struct err *e);

#endif
