/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fnmatch.h>

#include "host/cmdline.h"
#include "host/modalias.h"
#include "policy/pins_list.h"

#define VFIO_PCI "vfio_pci"
#define PCI_STUB "pci_stub"

/* ids= of a driver's options, wherever they stand. 0 or -ENOMEM. */
static int find_ids(const char *driver, const char *options, struct pin *pin, const struct setup *s, struct pins *l)
{
	_cleanup_free_ char *ids = NULL;
	int k = driver ? cmdline_value(options, "ids", &ids) : -ENOENT;
	char after[32];

	if (k < 0)
		return k == -ENOENT ? 0 : k;
	k = pin_match(pin, s, pin_match_ids, ids);
	pin->effect = PIN_BINDS;
	snprintf(after, sizeof(after), " to %s", driver);
	return k < 0 ? k : pins_add(l, pin, "gives ", after);
}

static enum tri match_alias(const struct setup *s, const struct setup_fn *fn, const void *ctx)
{
	const struct modprobe_line *line = ctx;
	char modalias[MODALIAS_LEN];

	if (strv_has(&fn->native, line->rest) || !str_starts(line->module, "pci:"))
		return TRI_NO;
	return fnmatch(line->module, modalias_format(&fn->fn, modalias), 0) == 0 ? TRI_YES : TRI_NO;
}

static enum tri match_native(const struct setup *s, const struct setup_fn *fn, const void *module)
{
	return strv_has(&fn->native, module) ? TRI_YES : TRI_NO;
}

static enum tri match_script(const struct setup *s, const struct setup_fn *fn, const void *ctx)
{
	const struct initscript *script = ctx;

	for (size_t i = 0; i < script->bdfs.n; i++)
		if (bdf_covers(script->bdfs.v[i], fn->fn.bdf))
			return TRI_UNKNOWN;
	for (size_t i = 0; i < script->n_ids; i++)
		if (pci_id_match(script->ids[i], fn->fn.id))
			return TRI_UNKNOWN;
	return TRI_NO;
}

/* A command in the place of loading the driver: it is a program, which is not run here. */
static int find_modrun(const struct initscript *run, const char *driver, struct pin *pin, const struct setup *s, struct pins *l)
{
	char after[96];
	int k = run ? pin_match(pin, s, match_script, run) : 0;

	if (k < 0 || !run)
		return k;
	pin->effect = PIN_BINDS;
	pin->maybe = true;
	snprintf(after, sizeof(after), " to %s, by a command%s", driver, pin->cards.n ? "" : " that names none");
	return pins_add(l, pin, pin->cards.n ? "gives " : "gives cards", after);
}

static int find_softdep(const struct modprobe_line *line, struct pin *pin, const struct setup *s, struct pins *l)
{
	const char *before = modprobe_softdep_pre(line, VFIO_PCI) ? VFIO_PCI : PCI_STUB;
	char what[128];
	int k = modprobe_softdep_pre(line, before) ? pin_match(pin, s, match_native, line->module) : 0;

	snprintf(what, sizeof(what), "has %s loaded before %.60s, the driver of ", kmod_keeper(before), line->module);
	return k < 0 ? k : pins_add(l, pin, what, "");
}

static int find_modprobe(const struct modprobe_line *line, const struct setup *s, struct pins *l)
{
	_cleanup_pin_ struct pin pin = { 0 };
	char after[128];
	int k = pin_place(&pin, &line->at);

	if (k < 0)
		return k;
	switch (line->kind) {
	case MODPROBE_OPTIONS:
		pin.kind = PIN_OPTIONS;
		return find_ids(kmod_keeper(line->module), line->rest, &pin, s, l);
	case MODPROBE_BLACKLIST:
	case MODPROBE_INSTALL:
		pin.kind = line->kind == MODPROBE_BLACKLIST ? PIN_BLACKLIST : PIN_INSTALL;
		pin.effect = PIN_KEEPS;
		if (line->kind == MODPROBE_INSTALL && kmod_keeper(line->module))
			return find_modrun(modrun_find(&s->modruns, line), kmod_keeper(line->module), &pin, s, l);
		if (line->kind == MODPROBE_BLACKLIST || modprobe_is_nothing(line))
			k = pin_match(&pin, s, pin_match_module, line->module);
		snprintf(after, sizeof(after), "keeps %.60s from loading for ", line->module);
		return k < 0 ? k : pins_add(l, &pin, after, "");
	case MODPROBE_ALIAS:
		pin.kind = PIN_ALIAS;
		pin.effect = PIN_KEEPS;
		k = pin_match(&pin, s, match_alias, line);
		snprintf(after, sizeof(after), ", and not its native driver");
		return k < 0 ? k : pins_add(l, &pin, "has another module loaded for ", after);
	case MODPROBE_SOFTDEP:
		pin.kind = PIN_SOFTDEP;
		pin.effect = PIN_NOTES;
		return find_softdep(line, &pin, s, l);
	case MODPROBE_REMOVE:
	case MODPROBE_WEAKDEP:
		break;
	}
	return 0;
}

static int find_modload(const struct modload_line *line, const struct setup *s, struct pins *l)
{
	_cleanup_pin_ struct pin pin = { .kind = PIN_MODULE };
	int k = pin_place(&pin, &line->at);

	return k < 0 || !line->initramfs ? k : find_ids(kmod_keeper(line->module), line->args, &pin, s, l);
}

static enum tri match_rule(const struct setup *s, const struct setup_fn *fn, const void *rule)
{
	return udev_rule_applies(rule, &fn->fn);
}

static int find_udev(const struct udev_rule *rule, const struct setup *s, struct pins *l)
{
	_cleanup_pin_ struct pin pin = { .kind = PIN_UDEV, .effect = PIN_BINDS };
	const char *driver = udev_rule_override(rule);
	char after[96];
	int k = pin_place(&pin, &rule->at);

	if (k == 0)
		k = pin_match(&pin, s, match_rule, rule);
	if (k < 0)
		return k;
	if (!driver) {
		/* a command: what it does is not said, only what it is about */
		pin.maybe = true;
		return pins_add(l, &pin, "runs a command that is about drivers for ", "");
	}
	/* an empty one takes an override away; its own driver's name keeps others off the card */
	for (size_t i = 0; i < s->n; i++)
		if (bdf_list_has(&pin.cards, s->v[i].fn.bdf) && (!*driver || strv_has(&s->v[i].native, driver)))
			pin.effect = PIN_NOTES;
	snprintf(after, sizeof(after), " to %.60s", *driver ? driver : "nothing");
	return pins_add(l, &pin, "sets driver_override of ", after);
}

static enum tri match_bdf(const struct setup *s, const struct setup_fn *fn, const void *bdf)
{
	return bdf_eq(fn->fn.bdf, *(const struct bdf *)bdf) ? TRI_YES : TRI_NO;
}

static int find_driverctl(const struct driverctl_override *o, const struct setup *s, struct pins *l)
{
	_cleanup_pin_ struct pin pin = { .kind = PIN_DRIVERCTL, .effect = PIN_BINDS };
	char after[64];
	int k = pin_place(&pin, &o->at);

	if (k == 0)
		k = pin_match(&pin, s, match_bdf, &o->bdf);
	if (k < 0)
		return k;
	/* the whole file is one name */
	pin.line = pin.last = 0;
	snprintf(after, sizeof(after), " to %s at boot, by driverctl", strcmp(o->driver, "none") == 0 ? "no driver" : o->driver);
	return pins_add(l, &pin, "binds ", after);
}

static int find_script(const struct initscript *script, const struct setup *s, struct pins *l)
{
	_cleanup_pin_ struct pin pin = { .kind = PIN_SCRIPT, .effect = PIN_BINDS, .maybe = true };
	int k = pin_place(&pin, &script->at);

	if (k == 0)
		k = pin_match(&pin, s, match_script, script);
	if (k < 0)
		return k;
	return pins_add(l, &pin, pin.cards.n ? "is in a program of the initramfs about drivers, which names " :
					       "is in a program of the initramfs about drivers, which names no card", "");
}

/* What it puts into an initramfs about cards, and not that it puts vfio-pci there. */
static int find_hook_script(const struct initscript *script, const struct setup *s, struct pins *l)
{
	_cleanup_pin_ struct pin pin = { .kind = PIN_HOOK, .effect = PIN_BINDS, .maybe = true };
	int k = script->at.file ? pin_place(&pin, &script->at) : 0;

	if (k == 0 && script->at.file)
		k = pin_match(&pin, s, match_script, script);
	return k < 0 || !pin.cards.n ? k : pins_add(l, &pin, "has something about drivers put into the initramfs, which names ", "");
}

/* A hook, and the pins of which it may copy some. */
struct copied {
	const struct inithook *hook;
	const struct pins *pins;
};

static enum tri match_copied(const struct setup *s, const struct setup_fn *fn, const void *ctx)
{
	const struct copied *c = ctx;

	for (size_t i = 0; i < c->pins->n; i++) {
		const struct pin *p = &c->pins->v[i];

		if (p->kind == PIN_UDEV && !p->own && inithook_takes(c->hook, p->file) && bdf_list_has(&p->cards, fn->fn.bdf))
			return TRI_UNKNOWN;
	}
	return TRI_NO;
}

/* The rules that it copies are pins of their own. */
static int find_hook_rules(const struct inithook *hook, const struct setup *s, struct pins *l)
{
	_cleanup_pin_ struct pin pin = { .kind = PIN_HOOK, .effect = PIN_NOTES, .maybe = true };
	const struct copied c = { hook, l };
	int k = hook->at.file ? pin_place(&pin, &hook->at) : 0;

	if (k == 0 && hook->at.file)
		k = pin_match(&pin, s, match_copied, &c);
	return k < 0 || !pin.cards.n ? k : pins_add(l, &pin, "has udev's rules for ", " copied into the initramfs");
}

/* Those of packages pin nothing; which rules they copy is known all the same (lib/flow/next_boot.c). */
static int find_hook(const struct inithook *hook, const struct setup *s, struct pins *l)
{
	const char *file = hook->at.file ? hook->at.file : hook->script.at.file;
	int k = str_starts(file, INITHOOK_DIR) ? find_hook_script(&hook->script, s, l) : 0;

	return k == 0 && str_starts(file, INITHOOK_DIR) ? find_hook_rules(hook, s, l) : k;
}

int pins_find(const struct setup *s, struct pins *ret)
{
	_cleanup_pins_ struct pins l = { 0 };
	int k = 0;

	for (size_t i = 0; k == 0 && i < s->modprobe.n; i++)
		k = find_modprobe(&s->modprobe.v[i], s, &l);
	for (size_t i = 0; k == 0 && i < s->modload.n; i++)
		k = find_modload(&s->modload.v[i], s, &l);
	for (size_t i = 0; k == 0 && i < s->udev.n; i++)
		k = find_udev(&s->udev.v[i], s, &l);
	for (size_t i = 0; k == 0 && s->driverctl.installed && i < s->driverctl.n; i++)
		k = find_driverctl(&s->driverctl.v[i], s, &l);
	for (size_t i = 0; k == 0 && i < s->initscripts.n; i++)
		k = find_script(&s->initscripts.v[i], s, &l);
	for (size_t i = 0; k == 0 && i < s->inithooks.n; i++)
		k = find_hook(&s->inithooks.v[i], s, &l);
	if (k == 0)
		k = pins_find_params(s, &l);
	if (k < 0)
		return k;
	*ret = l;
	l = (struct pins){ 0 };
	return 0;
}
