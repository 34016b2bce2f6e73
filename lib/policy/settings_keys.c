/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/reset.h"
#include "policy/settings_parser.h"

static int set_mode(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	if (strcmp(v, "shared") && strcmp(v, "reserved"))
		return parser_refuse(p, key, v, "use shared or reserved");
	g->mode = strcmp(v, "reserved") ? MODE_SHARED : MODE_RESERVED;
	return 0;
}

static int set_after_stop(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	if (strcmp(v, "host") && strcmp(v, "keep"))
		return parser_refuse(p, key, v, "use host or keep");
	g->after_stop = strcmp(v, "keep") ? AFTER_STOP_HOST : AFTER_STOP_KEEP;
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
	return blanks ? parser_parse_seconds(v + blanks, ret) : -EINVAL;
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
		return parser_refuse(p, key, v, "use refuse, terminate, or wait and whole seconds, 1 to 600, such as wait 60");
	g->wait = seconds;
	return 0;
}

static int set_vms(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	if (strcmp(v, "refuse") && strcmp(v, "shutdown"))
		return parser_refuse(p, key, v, "use refuse or shutdown");
	g->vms = strcmp(v, "shutdown") ? VMS_REFUSE : VMS_SHUTDOWN;
	return 0;
}

static int set_containers(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	return parser_containers(p, key, v, &g->containers);
}

static int set_force_stop(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	return parser_bool(p, key, v, &g->force_stop);
}

static int set_backup(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	if (strcmp(v, "handover") && strcmp(v, "refuse"))
		return parser_refuse(p, key, v, "use handover or refuse");
	g->backup = strcmp(v, "refuse") ? BACKUP_HANDOVER : BACKUP_REFUSE;
	return 0;
}

static int set_reset(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	enum reset_method m;

	if (strcmp(v, "auto") && strcmp(v, "none") && reset_method_parse(v, &m) < 0)
		return parser_refuse(p, key, v,
			      "use auto, none, or a method of the kernel: device_specific, acpi, flr, af_flr, pm, bus, cxl_bus");
	snprintf(g->reset, sizeof(g->reset), "%s", v);
	return 0;
}

static int set_reset_at(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	char copy[64], *save = NULL;
	bool start = false, stop = false;

	if (snprintf(copy, sizeof(copy), "%s", v) >= (int)sizeof(copy))
		return parser_refuse(p, key, v, "use start, stop, or both with a comma between");
	for (char *s = strtok_r(copy, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		s = str_trim(s);
		if (strcmp(s, "start") == 0)
			start = true;
		else if (strcmp(s, "stop") == 0)
			stop = true;
		else
			return parser_refuse(p, key, v, "use start, stop, or both with a comma between");
	}
	if (!start && !stop)
		return parser_refuse(p, key, v, "use start, stop, or both with a comma between; for neither, reset = none");
	g->reset_at_start = start;
	g->reset_at_stop = stop;
	return 0;
}

static int set_driver_timeout(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	return parser_seconds(p, key, v, &g->driver_timeout);
}

static int set_stop_timeout(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	return parser_seconds(p, key, v, &g->stop_timeout);
}

static int set_shutdown_timeout(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	return parser_seconds(p, key, v, &g->shutdown_timeout);
}

static int set_id(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	if (pci_id_parse(v, &g->id) < 0)
		return parser_refuse(p, key, v, "use vendor:device or vendor:device/subvendor:subdevice, such as 1002:73bf/1da2:e438");
	g->has_id = true;
	return 0;
}

static int set_driver(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	if (!*v || strlen(v) >= sizeof(g->driver) ||
	    strspn(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != strlen(v))
		return parser_refuse(p, key, v, "use the name of a PCI driver, such as amdgpu");
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
	{ "mode", set_mode, NULL },
	{ "after-stop", set_after_stop, NULL },
	{ "processes", set_processes, NULL },
	{ "vms", set_vms, NULL },
	{ "containers", set_containers, NULL },
	{ "force-stop", set_force_stop, NULL },
	{ "shutdown-timeout", set_shutdown_timeout, NULL },
	{ "backup", set_backup, NULL },
	{ "reset", set_reset, NULL },
	{ "reset-at", set_reset_at, NULL },
	{ "driver-timeout", set_driver_timeout, NULL },
	{ "stop-timeout", set_stop_timeout, NULL },
};

int parser_set_gpu_key(struct parser *p, struct gpu_settings *g, const char *key, const char *value)
{
	_cleanup_text_ struct text known = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(gpu_keys); i++) {
		const struct gpu_key *k = &gpu_keys[i];
		const char *not_here = g == &p->s.defaults ? k->of_one : NULL;

		if (strcmp(k->name, key) == 0)
			return not_here ? parser_refuse(p, key, value, not_here) : k->set(p, g, key, value);
		if (!not_here)
			text_join(&known, ", ", k->name);
	}
	return parser_unknown_key(p, key, text_str(&known));
}

int parser_set_host_key(struct parser *p, struct host_settings *h, const char *key, const char *value)
{
	if (strcmp(key, "ignore-msrs") == 0)
		return parser_bool(p, key, value, &h->ignore_msrs);
	if (strcmp(key, "unsafe-interrupts") == 0)
		return parser_bool(p, key, value, &h->unsafe_interrupts);
	if (strcmp(key, "disable-idle-d3") == 0)
		return parser_bool(p, key, value, &h->disable_idle_d3);
	return parser_unknown_key(p, key, "ignore-msrs, unsafe-interrupts, disable-idle-d3");
}
