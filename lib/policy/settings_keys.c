/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/reset.h"
#include "policy/settings_parser.h"

/* A piece of the file as a terminal can bear it. */
const char *parser_shown(struct parser *p, const char *s)
{
	char *into = p->shown[p->next_shown++ % ARRAY_SIZE(p->shown)];

	snprintf(into, sizeof(p->shown[0]), "%s", s);
	return str_printable(into);
}

static int refuse(struct parser *p, const char *key, const char *value, const char *accepted)
{
	return err_set(p->e, -EINVAL, "%s line %d: %s = '%s' is not accepted: %s", p->name, p->line, key, parser_shown(p, value), accepted);
}

static int set_after_stop(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	if (strcmp(v, "host") && strcmp(v, "keep"))
		return refuse(p, key, v, "use host or keep");
	g->after_stop = strcmp(v, "keep") ? AFTER_STOP_HOST : AFTER_STOP_KEEP;
	return 0;
}

/* What every number of seconds may be. */
static int parse_seconds(const char *v, unsigned int *ret)
{
	uint64_t n;

	if (parse_uint(v, 600, &n) < 0 || n == 0)
		return -EINVAL;
	*ret = (unsigned int)n;
	return 0;
}

/* "wait 60". */
static int parse_wait(const char *v, unsigned int *ret)
{
	size_t blanks;

	if (!str_starts(v, "wait"))
		return -EINVAL;
	v += strlen("wait");
	blanks = strspn(v, " \t");
	return blanks ? parse_seconds(v + blanks, ret) : -EINVAL;
}

static int set_processes(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	unsigned int seconds = 0;

	if (parse_wait(v, &seconds) == 0)
		g->processes = PROCESSES_WAIT;
	else if (strcmp(v, "refuse") == 0)
		g->processes = PROCESSES_REFUSE;
	else if (strcmp(v, "terminate") == 0)
		g->processes = PROCESSES_TERMINATE;
	else
		return refuse(p, key, v, "use refuse, terminate, or wait and whole seconds, 1 to 600, such as wait 60");
	g->wait = seconds;
	return 0;
}

static int set_vms(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	if (strcmp(v, "refuse") && strcmp(v, "shutdown"))
		return refuse(p, key, v, "use refuse or shutdown");
	g->vms = strcmp(v, "shutdown") ? VMS_REFUSE : VMS_SHUTDOWN;
	return 0;
}

static int set_force_stop(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	if (parse_bool(v, &g->force_stop) < 0)
		return refuse(p, key, v, "use 0 or 1");
	return 0;
}

static int set_backup(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	if (strcmp(v, "handover") && strcmp(v, "refuse"))
		return refuse(p, key, v, "use handover or refuse");
	g->backup = strcmp(v, "refuse") ? BACKUP_HANDOVER : BACKUP_REFUSE;
	return 0;
}

static int set_reset(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	enum reset_method m;

	if (strcmp(v, "auto") && strcmp(v, "none") && reset_method_parse(v, &m) < 0)
		return refuse(p, key, v,
			      "use auto, none, or a method of the kernel: device_specific, acpi, flr, af_flr, pm, bus, cxl_bus");
	snprintf(g->reset, sizeof(g->reset), "%s", v);
	return 0;
}

static int set_reset_at(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	char copy[64], *save = NULL;
	bool start = false, stop = false;

	if (snprintf(copy, sizeof(copy), "%s", v) >= (int)sizeof(copy))
		return refuse(p, key, v, "use start, stop, or both with a comma between");
	for (char *s = strtok_r(copy, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		s = str_trim(s);
		if (strcmp(s, "start") == 0)
			start = true;
		else if (strcmp(s, "stop") == 0)
			stop = true;
		else
			return refuse(p, key, v, "use start, stop, or both with a comma between");
	}
	if (!start && !stop)
		return refuse(p, key, v, "use start, stop, or both with a comma between; for neither, reset = none");
	g->reset_at_start = start;
	g->reset_at_stop = stop;
	return 0;
}

static int set_seconds(struct parser *p, const char *key, const char *v, unsigned int *ret)
{
	if (parse_seconds(v, ret) < 0)
		return refuse(p, key, v, "use whole seconds, 1 to 600");
	return 0;
}

static int set_driver_timeout(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	return set_seconds(p, key, v, &g->driver_timeout);
}

static int set_stop_timeout(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	return set_seconds(p, key, v, &g->stop_timeout);
}

static int set_shutdown_timeout(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	return set_seconds(p, key, v, &g->shutdown_timeout);
}

static int set_id(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	if (pci_id_parse(v, &g->id) < 0)
		return refuse(p, key, v, "use vendor:device or vendor:device/subvendor:subdevice, such as 1002:73bf/1da2:e438");
	g->has_id = true;
	return 0;
}

static int set_driver(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	if (!*v || strlen(v) >= sizeof(g->driver) ||
	    strspn(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != strlen(v))
		return refuse(p, key, v, "use the name of a PCI driver, such as amdgpu");
	snprintf(g->driver, sizeof(g->driver), "%s", v);
	return 0;
}

/* The keys of [defaults] and [gpu …]. */
static const struct gpu_key {
	const char *name;
	int (*set)(struct parser *p, struct gpu_settings *g, const char *key, const char *value);
	const char *of_one; /* why [defaults] cannot have it, or NULL */
} gpu_keys[] = {
	{ "id", set_id, "an id belongs to one card, in [gpu …]" },
	{ "driver", set_driver, "a driver belongs to one card, in [gpu …]" },
	{ "after-stop", set_after_stop, NULL },
	{ "processes", set_processes, NULL },
	{ "vms", set_vms, NULL },
	{ "force-stop", set_force_stop, NULL },
	{ "shutdown-timeout", set_shutdown_timeout, NULL },
	{ "backup", set_backup, NULL },
	{ "reset", set_reset, NULL },
	{ "reset-at", set_reset_at, NULL },
	{ "driver-timeout", set_driver_timeout, NULL },
	{ "stop-timeout", set_stop_timeout, NULL },
};

static int unknown_key(struct parser *p, const char *key, const char *accepted)
{
	return err_set(p->e, -EINVAL, "%s line %d: there is no key '%s' in [%s]: known are %s", p->name, p->line, parser_shown(p, key),
		       parser_shown(p, p->section), accepted);
}

int parser_set_gpu_key(struct parser *p, struct gpu_settings *g, const char *key, const char *value)
{
	_cleanup_text_ struct text known = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(gpu_keys); i++) {
		const struct gpu_key *k = &gpu_keys[i];
		const char *not_here = g == &p->s.defaults ? k->of_one : NULL;

		if (strcmp(k->name, key) == 0)
			return not_here ? refuse(p, key, value, not_here) : k->set(p, g, key, value);
		if (!not_here)
			text_join(&known, ", ", k->name);
	}
	return unknown_key(p, key, text_str(&known));
}

int parser_set_vm_key(struct parser *p, struct vm_settings *v, const char *key, const char *value)
{
	if (strcmp(key, "next") != 0)
		return unknown_key(p, key, "next");
	if (!strstr(value, ":snippets/"))
		return refuse(p, key, value, "use a snippet's volume, such as local:snippets/my-hook");
	v->next = strdup(value);
	return v->next ? 0 : -ENOMEM;
}
