/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libsystemd, loaded when it is first needed. Linking it costs every start of every VM half a millisecond (it pulls in
 * six libraries), as much as the whole hook takes for a VM that is none of ours.
 */
#ifndef GPUPT_SYSTEMD_H
#define GPUPT_SYSTEMD_H

#include <sys/uio.h>
#include <systemd/sd-bus.h>

/* The functions that we use, with libsystemd's own signatures. */
struct systemd {
	__typeof__(int(const struct iovec *, int)) *journal_sendv;
	__typeof__(sd_bus_new) *bus_new;
	__typeof__(sd_bus_set_address) *bus_set_address;
	__typeof__(sd_bus_set_bus_client) *bus_set_bus_client;
	__typeof__(sd_bus_start) *bus_start;
	__typeof__(sd_bus_process) *bus_process;
	__typeof__(sd_bus_wait) *bus_wait;
	__typeof__(sd_bus_is_ready) *bus_is_ready;
	__typeof__(sd_bus_set_method_call_timeout) *bus_set_method_call_timeout;
	__typeof__(sd_bus_call_method) *bus_call_method;
	__typeof__(sd_bus_get_property_string) *bus_get_property_string;
	__typeof__(sd_bus_message_read_basic) *bus_message_read_basic;
	__typeof__(sd_bus_message_unref) *bus_message_unref;
	__typeof__(sd_bus_error_free) *bus_error_free;
	__typeof__(sd_bus_close_unref) *bus_close_unref;
};

/* The loaded library, or NULL where there is none. */
const struct systemd *systemd_load(void);

#endif
