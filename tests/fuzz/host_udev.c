/* SPDX-License-Identifier: GPL-2.0-or-later */
/* udev's rules: whole tokens with known operators, and each kept rule does something. */
#include "host/udev_rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pci_fn fn = { .bdf = { 0, 1, 0, 0 }, .id = { 0x10de, 0x2484, 0x1458, 0x403b }, .class = 0x030000 };
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_udev_rules_ struct udev_rules l = { 0 };

	if (!text || udev_rules_parse(text, "f", &l) < 0)
		return 0;
	for (size_t i = 0; i < l.n; i++) {
		const struct udev_rule *rule = &l.v[i];

		if (!rule->n || rule->at.last < rule->at.line || (!udev_rule_override(rule) && !udev_rule_command(rule)))
			abort();
		for (size_t k = 0; k < rule->n; k++)
			if (!*rule->v[k].key || strpbrk(rule->v[k].key, " {\"") || !*rule->v[k].op)
				abort();
		udev_rule_applies(rule, &fn);
	}
	return 0;
}
