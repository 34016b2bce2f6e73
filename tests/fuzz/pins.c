/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of every kind about one card: a pin names the card, or is a script's; and its place. */
#include "policy/pins.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_setup_ struct setup s = { 0 };
	_cleanup_pins_ struct pins l = { 0 };
	_cleanup_findings_ struct findings found = { 0 };
	struct settings set;

	s.v = calloc(2, sizeof(*s.v));
	if (!text || !s.v || strv_add(&s.v[0].native, "nouveau") < 0)
		return 0;
	s.n = 2;
	s.v[0].card = true;
	s.v[0].fn = (struct pci_fn){ .bdf = { 0, 1, 0, 0 }, .id = { 0x10de, 0x2484, 0x1458, 0x403b }, .class = 0x030000 };
	s.v[1].fn = (struct pci_fn){ .bdf = { 0, 2, 0, 0 }, .id = { 0x8086, 0x10d3, 0, 0 }, .class = 0x020000 };
	if (modprobe_parse(text, "f", &s.modprobe) < 0 || modload_parse(text, "f", true, &s.modload) < 0 ||
	    udev_rules_parse(text, "f", &s.udev) < 0 || initscript_parse(text, "f", &s.initscripts) < 0 ||
	    initscript_parse(text, "f", &s.modruns) < 0 || inithook_parse(text, INITHOOK_DIR "/f", &s.inithooks) < 0 ||
	    boot_cmdline_parse(text, &s.boot.cmdline) < 0 || pins_find(&s, &l) < 0)
		return 0;
	settings_default(&set);
	pins_judge(&s, &set, &l, NULL, &found);
	for (size_t i = 0; i < l.n; i++)
		if (!l.v[i].what || !l.v[i].text || (!l.v[i].cards.n && l.v[i].kind != PIN_SCRIPT && !l.v[i].maybe) || (!l.v[i].file && !l.v[i].in_force))
			abort();
	if (found.n < l.n)
		abort();
	return 0;
}
