/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a script mentions, and what a file of driverctl's names. */
#include "host/driverctl.h"
#include "host/inithook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_initscripts_ struct initscripts l = { 0 };
	_cleanup_inithooks_ struct inithooks hooks = { 0 };
	char driver[PCI_NAME_LEN];
	struct bdf b;

	if (!text)
		return 0;
	driverctl_name_parse(text, &b);
	if (driverctl_parse(text, driver) == 0 && (!*driver || strpbrk(driver, " /\n")))
		abort();
	if (inithook_parse(text, "f", &hooks) < 0)
		return 0;
	for (size_t i = 0; i < hooks.n; i++)
		strv_foreach (pattern, &hooks.v[i].rules)
			if (!str_starts(pattern, "/etc/udev/rules.d/") || inithook_takes(&hooks.v[i], "/etc/udev/rules.d.x"))
				abort();
	if (initscript_parse(text, "f", &l) < 0)
		return 0;
	for (size_t i = 0; i < l.n; i++) {
		if (!l.v[i].at.line || strchr(l.v[i].at.text, '\n'))
			abort();
		for (size_t k = 0; k < l.v[i].bdfs.n; k++)
			if (l.v[i].bdfs.v[k].dev > 0x1f || (l.v[i].bdfs.v[k].fn > 7 && l.v[i].bdfs.v[k].fn != BDF_ANY_FN))
				abort();
	}
	return 0;
}
