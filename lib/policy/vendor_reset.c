/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/vendor_reset.h"

/* Of a card that the module knows, and that gpupt.conf does not have reset otherwise, or not at all. */
static const char *family_of(const struct setup *s, const struct settings *set, const struct setup_fn *fn)
{
	const char *reset = settings_gpu(set, fn->fn.bdf)->reset;
	bool may = strcmp(reset, "auto") == 0 || strcmp(reset, "device_specific") == 0;

	return fn->card && may ? known_vendor_reset(&s->known, fn->fn.id) : NULL;
}

bool vendor_reset_wanted(const struct setup *s, const struct settings *set)
{
	for (size_t i = 0; i < s->n && s->vendor_reset_installed == TRI_YES; i++)
		if (family_of(s, set, &s->v[i]))
			return true;
	return false;
}

/*
 * The kernel refuses device_specific until the module is there to vouch for it (reset_method_store() in its drivers/pci/pci.c), and udev
 * does not wait for what loads modules at boot. So the rule loads it first, as the one that comes with the module does
 * (udev/99-vendor-reset.rules); by an IMPORT, since udev makes assignments before it comes to what RUN names, and without a shell. Whether
 * loading works is not asked: the write fails, and udev says so. Where there is no reset_method (before Linux 5.15) the module has its way.
 */
static void add_rule(const struct pci_fn *fn, struct text *ret)
{
	char name[BDF_LEN];

	text_addf(ret, "ACTION==\"add\", SUBSYSTEM==\"pci\", KERNEL==\"%s\", ATTR{vendor}==\"0x%04x\", ATTR{device}==\"0x%04x\", "
		       "ATTR{subsystem_vendor}==\"0x%04x\", ATTR{subsystem_device}==\"0x%04x\", TEST==\"reset_method\", "
		       "IMPORT{builtin}=\"kmod load " VENDOR_RESET "\", ATTR{reset_method}=\"device_specific\"\n",
		  bdf_format(fn->bdf, name), fn->id.vendor, fn->id.device, fn->id.subvendor, fn->id.subdevice);
}

int vendor_reset_rules(const struct setup *s, const struct settings *set, struct text *ret)
{
	for (size_t i = 0; i < s->n && vendor_reset_wanted(s, set); i++)
		if (family_of(s, set, &s->v[i]))
			add_rule(&s->v[i].fn, ret);
	return ret->r;
}

static void judge_card(const struct setup *s, const struct settings *set, const struct setup_fn *fn, struct findings *ret)
{
	const char *family = family_of(s, set, fn);
	char name[BDF_LEN];
	struct finding *f;

	if (!family)
		return;
	bdf_format(fn->fn.bdf, name);
	if (s->vendor_reset_installed == TRI_YES) {
		finding_add(ret, FINDING_VENDOR_RESET, name, "run 'modprobe vendor-reset' before a VM has the card, and have it loaded at boot",
			    "the module vendor-reset can reset %s (%s) and is installed, but not loaded", name, family);
		return;
	}
	f = finding_add(ret, FINDING_VENDOR_RESET, name, "install it if the card does not come back from a VM",
			"the module vendor-reset can reset %s (%s); it is not installed for this kernel", name, family);
	if (f)
		f->severity = SEVERITY_INFO;
}

void vendor_reset_judge(const struct setup *s, const struct settings *set, const struct bdf *slot, struct findings *ret)
{
	/* without a list of modules nobody can say */
	if (s->vendor_reset_loaded || s->vendor_reset_installed == TRI_UNKNOWN)
		return;
	for (size_t i = 0; i < s->n; i++)
		if (!slot || bdf_same_slot(s->v[i].fn.bdf, *slot))
			judge_card(s, set, &s->v[i], ret);
}
