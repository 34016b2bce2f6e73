/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/reset.h"

static const char *const names[RESET_METHOD_COUNT] = {
	[RESET_DEVICE_SPECIFIC] = "device_specific",
	[RESET_ACPI] = "acpi",
	[RESET_FLR] = "flr",
	[RESET_AF_FLR] = "af_flr",
	[RESET_PM] = "pm",
	[RESET_BUS] = "bus",
	[RESET_CXL_BUS] = "cxl_bus",
};

const char *reset_method_name(enum reset_method m)
{
	return names[m];
}

static int method_parse_n(const char *name, size_t len, enum reset_method *ret)
{
	for (unsigned int i = 0; i < RESET_METHOD_COUNT; i++) {
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

int reset_method_parse(const char *name, enum reset_method *ret)
{
	return method_parse_n(name, strlen(name), ret);
}

bool reset_methods_has(const struct reset_methods *m, enum reset_method which)
{
	for (unsigned int i = 0; i < m->n; i++)
		if (m->v[i] == which)
			return true;
	return false;
}

void reset_methods_parse(const char *text, struct reset_methods *ret)
{
	static const char blank[] = " \t\n";
	struct reset_methods l = { 0 };

	for (size_t len; *(text += strspn(text, blank)); text += len) {
		enum reset_method m;

		len = strcspn(text, blank);
		if (method_parse_n(text, len, &m) < 0)
			l.unknown++;
		else if (!reset_methods_has(&l, m))
			l.v[l.n++] = m;
	}
	*ret = l;
}

const char *reset_obstacle(const struct pci_fn *fn, enum reset_method m)
{
	switch (m) {
	case RESET_PM: /* pci_pm_reset() refuses it */
		if (fn->no_soft_reset == TRI_YES)
			return "the function keeps its state across D3hot (NoSoftRst)";
		return NULL;
	case RESET_BUS: /* pci_parent_bus_reset(); a hotplug slot, pci_dev_reset_slot_function(), asks for the
			   same */
		if (!fn->has_upstream)
			return "no bridge above it could reset its bus";
		if (fn->on_bus > 1)
			return "another function shares its bus";
		return NULL;
	default:
		return NULL;
	}
}

const char *reset_hot_obstacle(const struct pci_fn *fn, const struct pci_list *set)
{
	unsigned int going = 0;

	if (!fn->has_upstream) /* pci_bus_reset() */
		return "no bridge above it could reset its bus";
	for (size_t i = 0; i < set->n; i++) {
		const struct pci_fn *other = &set->v[i];

		going += !other->bridge && other->bdf.domain == fn->bdf.domain &&
			 other->bdf.bus == fn->bdf.bus;
	}
	/* vfio_pci_ioctl_pci_hot_reset_groups(): every device that the reset hits must be the user's */
	return going < fn->on_bus ? "not every function of its bus goes along" : NULL;
}

static void say(struct reset_prediction *p, enum reset_how how, const char *fmt, ...) _printf_(3, 4);
static void say(struct reset_prediction *p, enum reset_how how, const char *fmt, ...)
{
	va_list ap;

	p->how = how;
	va_start(ap, fmt);
	vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
}

/* What stands in the way of any reset whatsoever. */
static const char *no_reset_at_all(const struct pci_fn *fn)
{
	if (fn->bridge)
		return "it is a bridge";
	if (fn->config == PCI_CONFIG_DEAD)
		return "the card does not answer: its config space reads ff";
	if (fn->config == PCI_CONFIG_HANGS)
		return "the kernel blocks its config space: a reset is under way, or stuck";
	return NULL;
}

void reset_predict(const struct pci_fn *fn, struct reset_prediction *ret)
{
	struct reset_prediction p = { .method = RESET_METHOD_COUNT };
	const char *why = no_reset_at_all(fn);
	struct reset_methods m;

	*ret = p;
	if (why)
		return say(ret, RESET_HOW_NONE, "%s", why);
	if (!fn->has_reset_method) {
		if (fn->has_reset)
			return say(ret, RESET_HOW_UNKNOWN,
				   "the kernel does not say which reset it would use");
		return say(ret, RESET_HOW_NONE, "the kernel knows no way to reset it");
	}
	reset_methods_parse(fn->reset_method, &m);
	if (m.n == 0)
		return say(ret, m.unknown ? RESET_HOW_UNKNOWN : RESET_HOW_NONE, "%s",
			   m.unknown ? "the kernel lists only methods unknown to this program"
				     : "all of its reset methods are disabled");
	for (unsigned int i = 0; i < m.n; i++) {
		why = reset_obstacle(fn, m.v[i]);
		if (!why) {
			ret->method = m.v[i];
			return say(ret, RESET_HOW_FUNCTION, "%s", names[m.v[i]]);
		}
		/* keep the last one's reason, in case that none works */
		say(ret, RESET_HOW_NONE, "%s is listed but cannot work: %s", names[m.v[i]], why);
	}
}

void reset_predict_in_set(const struct pci_fn *fn, const struct pci_list *set, struct reset_prediction *ret)
{
	struct reset_prediction own;
	const char *why;

	reset_predict(fn, &own);
	*ret = own;
	if (no_reset_at_all(fn) || (own.how == RESET_HOW_FUNCTION && own.method != RESET_PM))
		return;
	why = reset_hot_obstacle(fn, set);
	if (!why) {
		ret->method = RESET_METHOD_COUNT;
		say(ret, RESET_HOW_HOT, "vfio resets its whole bus");
	} else if (own.how == RESET_HOW_NONE) {
		say(ret, RESET_HOW_NONE, "%.110s; no hot reset: %s", own.why, why);
	}
}
