/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a rule applies to a PCI function: the conditions that follow from what the kernel says of it. */
#include <fnmatch.h>

#include "host/modalias.h"
#include "host/udev_rule.h"

#define VALUE_LEN 128

/* One of the patterns with '|' between; every one is a glob. None that could match here is longer than this. */
static bool matches(const char *patterns, const char *value, bool nocase)
{
	char pattern[VALUE_LEN * 2];

	for (size_t n;; patterns += n + 1) {
		n = strcspn(patterns, "|");
		if (n < sizeof(pattern)) {
			memcpy(pattern, patterns, n);
			pattern[n] = '\0';
			if (fnmatch(pattern, value, nocase ? FNM_CASEFOLD : 0) == 0)
				return true;
		}
		if (!patterns[n])
			return false;
	}
}

/* An attribute of the function, as the kernel writes it. */
static bool attribute(const struct pci_fn *fn, const char *name, char value[static VALUE_LEN])
{
	const struct {
		const char *name;
		uint32_t value;
		int digits;
	} numbers[] = {
		{ "vendor", fn->id.vendor, 4 },
		{ "device", fn->id.device, 4 },
		{ "subsystem_vendor", fn->id.subvendor, 4 },
		{ "subsystem_device", fn->id.subdevice, 4 },
		{ "class", fn->class, 6 },
		{ "revision", fn->revision, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (strcmp(name, numbers[i].name) != 0)
			continue;
		snprintf(value, VALUE_LEN, "0x%0*x", numbers[i].digits, numbers[i].value);
		return true;
	}
	if (strcmp(name, "boot_vga") == 0 && fn->class >> 8 == 0x0300) {
		snprintf(value, VALUE_LEN, "%d", fn->boot_vga);
		return true;
	}
	if (strcmp(name, "modalias") != 0)
		return false;
	modalias_format(fn, value);
	return true;
}

/* A property that the kernel itself sends: pci_uevent() in drivers/pci/pci-driver.c. */
static bool property(const struct pci_fn *fn, const char *name, char value[static VALUE_LEN])
{
	char bdf[BDF_LEN];

	if (strcmp(name, "PCI_SLOT_NAME") == 0)
		snprintf(value, VALUE_LEN, "%s", bdf_format(fn->bdf, bdf));
	else if (strcmp(name, "PCI_ID") == 0)
		snprintf(value, VALUE_LEN, "%04X:%04X", fn->id.vendor, fn->id.device);
	else if (strcmp(name, "PCI_SUBSYS_ID") == 0)
		snprintf(value, VALUE_LEN, "%04X:%04X", fn->id.subvendor, fn->id.subdevice);
	else if (strcmp(name, "PCI_CLASS") == 0)
		snprintf(value, VALUE_LEN, "%04X", fn->class);
	else if (strcmp(name, "MODALIAS") == 0)
		modalias_format(fn, value);
	else
		return false;
	return true;
}

/* What the token compares with; false if that is not known. */
static bool compared(const struct udev_token *t, const struct pci_fn *fn, char value[static VALUE_LEN])
{
	const char *attr = t->attr ? t->attr : "";

	if (strcmp(t->key, "KERNEL") == 0 || strcmp(t->key, "KERNELS") == 0)
		return bdf_format(fn->bdf, value);
	if (strcmp(t->key, "SUBSYSTEM") == 0 || strcmp(t->key, "SUBSYSTEMS") == 0)
		return snprintf(value, VALUE_LEN, "pci") > 0;
	if (strcmp(t->key, "ATTR") == 0 || strcmp(t->key, "ATTRS") == 0)
		return attribute(fn, attr, value);
	return strcmp(t->key, "ENV") == 0 && property(fn, attr, value);
}

static enum tri token_applies(const struct udev_token *t, const struct pci_fn *fn)
{
	char value[VALUE_LEN];
	bool same;

	if (strcmp(t->key, "ACTION") == 0 || strcmp(t->key, "DRIVER") == 0 || strcmp(t->key, "DRIVERS") == 0)
		return TRI_YES;
	if (!compared(t, fn, value))
		return TRI_UNKNOWN;
	/* somewhere above there is always a device that is none of these */
	if (t->key[strlen(t->key) - 1] == 'S' && t->op[0] == '!')
		return TRI_UNKNOWN;
	same = matches(t->value, value, t->nocase);
	return same == (t->op[0] == '=') ? TRI_YES : TRI_NO;
}

enum tri udev_rule_applies(const struct udev_rule *rule, const struct pci_fn *fn)
{
	enum tri all = TRI_YES;

	for (size_t i = 0; i < rule->n; i++) {
		enum tri one = udev_token_is_match(&rule->v[i]) ? token_applies(&rule->v[i], fn) : TRI_YES;

		if (one == TRI_NO)
			return TRI_NO;
		if (one == TRI_UNKNOWN)
			all = TRI_UNKNOWN;
	}
	return all;
}
