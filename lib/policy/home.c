/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/home.h"

static const char *known_driver(const struct fn_facts *fn, const struct settings *s)
{
	const struct gpu_settings *g = settings_gpu(s, fn->fn.bdf);
	char identity[PCI_ID_LEN];

	if (g->driver[0] && gpu_is_display(&fn->fn))
		return g->driver;
	if (fn->has_home && strcmp(fn->home.driver, HOME_UNKNOWN) != 0 &&
	    strcmp(fn->home.identity, pci_id_format(fn->fn.id, identity)) == 0)
		return fn->home.driver;
	return fn->guess;
}

bool home_value(const struct fn_facts *fn, const struct settings *s, struct driver_value *ret)
{
	const struct driver_value *now = &fn->driver;
	struct driver_value home = { 0 };

	if (now->driver[0] && strcmp(now->driver, "vfio-pci") != 0) {
		*ret = *now;
		return true;
	}
	if (now->override[0]) {
		*ret = *now;
		memcpy(ret->driver, now->override, sizeof(ret->driver));
		return true;
	}
	snprintf(home.driver, sizeof(home.driver), "%s", known_driver(fn, s));
	if (!home.driver[0])
		return false;
	/* no driver touches it, so as it is found it comes back; power/control is what vfio-pci made of it */
	memcpy(home.d3cold, now->d3cold, sizeof(home.d3cold));
	*ret = home;
	return true;
}
