/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel parameters that decide about cards: those in force, and those that stand in the boot loader's file. */
#include <errno.h>

#include "host/cmdline.h"
#include "policy/pins_list.h"

enum param_kind {
	PARAM_IDS,	/* a list as vfio-pci's */
	PARAM_MODULES,	/* modules that are not to be loaded, with commas between */
	PARAM_MODESET,	/* MODULE.modeset=0: the driver takes no card */
	PARAM_NO_DRM,	/* no DRM driver takes a card */
	PARAM_NO_FB,	/* the firmware's frame buffer is not used */
	PARAM_NO_ATS,
	PARAM_ACS,	/* a patch of Proxmox VE's kernels; which devices it is about depends on the machine's bridges */
};

static const struct known {
	const char *name;
	enum param_kind kind;
	const char *value; /* the value must have this member; NULL: any */
} knowns[] = {
	{ "vfio-pci.ids", PARAM_IDS, NULL },
	{ "pci-stub.ids", PARAM_IDS, NULL },
	/* kmod's libkmod/libkmod-config.c; blacklisted() in the kernel's kernel/module/main.c; the init of initramfs-tools */
	{ "modprobe.blacklist", PARAM_MODULES, NULL },
	{ "module_blacklist", PARAM_MODULES, NULL },
	{ "blacklist", PARAM_MODULES, NULL },
	{ "nouveau.modeset", PARAM_MODESET, "0" },
	{ "radeon.modeset", PARAM_MODESET, "0" },
	{ "amdgpu.modeset", PARAM_MODESET, "0" },
	{ "i915.modeset", PARAM_MODESET, "0" },
	{ "xe.modeset", PARAM_MODESET, "0" },
	/* drm_firmware_drivers_only() in drivers/gpu/drm/drm_nomodeset.c and its callers */
	{ "nomodeset", PARAM_NO_DRM, NULL },
	{ "video", PARAM_NO_FB, "efifb:off" },
	{ "video", PARAM_NO_FB, "vesafb:off" },
	{ "video", PARAM_NO_FB, "simplefb:off" },
	{ "initcall_blacklist", PARAM_NO_FB, "sysfb_init" },
	{ "pci", PARAM_NO_ATS, "noats" },
	{ "pcie_acs_override", PARAM_ACS, NULL },
};

/* Is it one of a list with commas between? '-' and '_' are the same. */
static bool list_has(const char *list, const char *word)
{
	for (;; list++) {
		size_t n = strcspn(list, ",");
		bool same = n == strlen(word);

		for (size_t i = 0; same && i < n; i++)
			same = (list[i] == '-' ? '_' : list[i]) == (word[i] == '-' ? '_' : word[i]);
		if (same)
			return true;
		if (!list[n])
			return false;
		list += n;
	}
}

/* What the parameter is, or NULL for one that is of no interest; its value, to be freed. */
static const struct known *known_of(const char *text, char **ret_value)
{
	struct cmdline_param param;
	const char *p = text;

	if (!cmdline_next(&p, &param))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(knowns); i++) {
		_cleanup_free_ char *value = NULL;

		if (!cmdline_is(&param, knowns[i].name))
			continue;
		value = cmdline_param_value(&param);
		if (!value || (knowns[i].value && !list_has(value, knowns[i].value)))
			continue;
		*ret_value = TAKE_PTR(value);
		return &knowns[i];
	}
	return NULL;
}

static bool blocks(const char *text, const char *module)
{
	_cleanup_free_ char *value = NULL;
	const struct known *k = known_of(text, &value);

	if (!k)
		return false;
	if (k->kind == PARAM_MODULES)
		return list_has(value, module);
	return k->kind == PARAM_MODESET && strcspn(k->name, ".") == strlen(module) && str_starts(k->name, module);
}

bool pins_param_blocks(const struct setup *s, const char *module)
{
	strv_foreach (token, &s->boot.cmdline)
		if (blocks(token, module))
			return true;
	for (size_t i = 0; i < s->loader.next.n; i++)
		if (blocks(s->loader.next.v[i].text, module))
			return true;
	return false;
}

/* The driver of a function that is no DRM driver of the kernel: NVIDIA's. */
static enum tri match_drm(const struct setup *s, const struct setup_fn *fn, const void *ctx)
{
	if (fn->fn.class >> 16 != 0x03 || !fn->native.n)
		return TRI_NO;
	strv_foreach (module, &fn->native)
		if (str_starts(module, "nvidia"))
			return TRI_NO;
	return TRI_YES;
}

static enum tri match_boot_vga(const struct setup *s, const struct setup_fn *fn, const void *ctx)
{
	return fn->card && fn->fn.boot_vga ? TRI_YES : TRI_NO;
}

static enum tri match_display(const struct setup *s, const struct setup_fn *fn, const void *ctx)
{
	return fn->card && fn->fn.class >> 16 == 0x03 ? TRI_YES : TRI_NO;
}

/* A list of modules: a function counts if one of them decides about it. */
static enum tri match_modules(const struct setup *s, const struct setup_fn *fn, const void *list)
{
	strv_foreach (module, &fn->native)
		if (list_has(list, module) && pin_module_decides(s, fn, module))
			return TRI_YES;
	return TRI_NO;
}

static int add_known(const struct known *k, const char *value, struct pin *pin, const struct setup *s, struct pins *l)
{
	_cleanup_free_ char *module = NULL;
	char after[32];
	int r;

	switch (k->kind) {
	case PARAM_IDS:
		pin->effect = PIN_BINDS;
		r = pin_match(pin, s, pin_match_ids, value);
		snprintf(after, sizeof(after), " to %.*s", (int)strcspn(k->name, "."), k->name);
		return r < 0 ? r : pins_add(l, pin, "gives ", after);
	case PARAM_MODULES:
		pin->effect = PIN_KEEPS;
		r = pin_match(pin, s, match_modules, value);
		return r < 0 ? r : pins_add(l, pin, "keeps the native driver from loading for ", "");
	case PARAM_MODESET:
		pin->effect = PIN_KEEPS;
		module = strndup(k->name, strcspn(k->name, "."));
		r = module ? pin_match(pin, s, pin_match_module, module) : -ENOMEM;
		return r < 0 ? r : pins_add(l, pin, "keeps the native driver off ", "");
	case PARAM_NO_DRM:
		pin->effect = PIN_KEEPS;
		r = pin_match(pin, s, match_drm, NULL);
		return r < 0 ? r : pins_add(l, pin, "keeps the native driver off ", "");
	case PARAM_NO_FB:
		pin->effect = PIN_NOTES;
		r = pin_match(pin, s, match_boot_vga, NULL);
		return r < 0 ? r : pins_add(l, pin, "keeps the firmware's frame buffer off ", "");
	case PARAM_NO_ATS:
		pin->effect = PIN_NOTES;
		r = pin_match(pin, s, match_display, NULL);
		return r < 0 ? r : pins_add(l, pin, "switches address translation services off for ", " and all else");
	case PARAM_ACS:
		pin->effect = PIN_NOTES;
		pin->regroups = true;
		r = pin_match(pin, s, match_display, NULL);
		return r < 0 ? r : pins_add(l, pin, "makes IOMMU groups smaller than the hardware's isolation, perhaps those of ",
					    ": devices of different groups can reach one another past the IOMMU");
	}
	return 0;
}

/* Is the parameter among those that are in force? A name alone is not enough: the value counts. */
static bool in_force(const struct setup *s, const char *text)
{
	strv_foreach (token, &s->boot.cmdline)
		if (cmdline_same(token, text))
			return true;
	return false;
}

static const struct loader_param *in_file(const struct setup *s, const char *text)
{
	for (size_t i = 0; i < s->loader.next.n; i++)
		if (cmdline_same(s->loader.next.v[i].text, text))
			return &s->loader.next.v[i];
	return NULL;
}

static int find_param(const struct setup *s, const char *text, const struct loader_param *from, struct pins *l)
{
	_cleanup_pin_ struct pin pin = { .kind = PIN_PARAM };
	_cleanup_free_ char *value = NULL;
	const struct known *k = known_of(text, &value);

	if (!k)
		return 0;
	pin.text = strdup(text);
	pin.file = from ? strdup(from->file) : NULL;
	if (!pin.text || (from && !pin.file))
		return -ENOMEM;
	pin.line = pin.last = from ? from->line : 0;
	pin.next_boot = from != NULL;
	pin.in_force = !from || in_force(s, text);
	return add_known(k, value, &pin, s, l);
}

int pins_find_params(const struct setup *s, struct pins *l)
{
	int k = 0;

	for (size_t i = 0; k == 0 && i < s->loader.next.n; i++)
		k = find_param(s, s->loader.next.v[i].text, &s->loader.next.v[i], l);
	strv_foreach (token, &s->boot.cmdline) {
		if (k < 0 || strcmp(token, "--") == 0)
			break;
		if (!in_file(s, token))
			k = find_param(s, token, NULL, l);
	}
	return k;
}
