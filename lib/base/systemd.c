/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dlfcn.h>

#include "base/cleanup.h"
#include "base/systemd.h"

static struct systemd lib;

/* POSIX has dlsym() return functions as objects: copy the bits. */
static const struct symbol {
	const char *name;
	void *into;
} symbols[] = {
	{ "sd_journal_sendv", &lib.journal_sendv },
	{ "sd_bus_new", &lib.bus_new },
	{ "sd_bus_set_address", &lib.bus_set_address },
	{ "sd_bus_set_bus_client", &lib.bus_set_bus_client },
	{ "sd_bus_start", &lib.bus_start },
	{ "sd_bus_process", &lib.bus_process },
	{ "sd_bus_wait", &lib.bus_wait },
	{ "sd_bus_is_ready", &lib.bus_is_ready },
	{ "sd_bus_set_method_call_timeout", &lib.bus_set_method_call_timeout },
	{ "sd_bus_call_method", &lib.bus_call_method },
	{ "sd_bus_get_property_string", &lib.bus_get_property_string },
	{ "sd_bus_message_read_basic", &lib.bus_message_read_basic },
	{ "sd_bus_message_unref", &lib.bus_message_unref },
	{ "sd_bus_error_free", &lib.bus_error_free },
	{ "sd_bus_close_unref", &lib.bus_close_unref },
};

const struct systemd *systemd_load(void)
{
	static enum { UNTRIED, ABSENT, LOADED } state;
	void *so;

	if (state != UNTRIED)
		return state == LOADED ? &lib : NULL;
	state = ABSENT;
	so = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!so)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		void *f = dlsym(so, symbols[i].name);

		if (!f)
			return NULL;
		__builtin_memcpy(symbols[i].into, &f, sizeof(f));
	}
	state = LOADED;
	return &lib;
}
