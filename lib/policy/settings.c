/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <ini.h>
#include <stddef.h>

#include "policy/settings.h"
#include "host/reset.h"

/* inih silently cuts a line at 200 bytes (INI_MAX_LINE), so longer ones are refused before it sees them. */
#define LINE_MAX_LEN 198

struct parser {
	struct settings s;
	const char *name;
	struct strv seen; /* "section\nkey": inih gives a repeated key and a continuation line in the same way */
	struct err *e;
	int r;
	const char *next; /* what is left of the text */
	int line;
	struct gpu_settings *gpu; /* of the present section */
	struct vm_settings *vm;
	char section[64];
	char shown[2][81]; /* two pieces of the file for one sentence */
	unsigned int next_shown;
};

/* A piece of the file as a terminal can bear it. */
static const char *shown(struct parser *p, const char *s)
{
	char *into = p->shown[p->next_shown++ % ARRAY_SIZE(p->shown)];

	snprintf(into, sizeof(p->shown[0]), "%s", s);
	return str_printable(into);
}

static int refuse(struct parser *p, const char *key, const char *value, const char *accepted)
{
	return err_set(p->e, -EINVAL, "%s line %d: %s = '%s' is not accepted: %s", p->name, p->line, key, shown(p, value), accepted);
}

static int set_after_stop(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	if (strcmp(v, "host") && strcmp(v, "keep"))
		return refuse(p, key, v, "use host or keep");
	g->after_stop = strcmp(v, "keep") ? AFTER_STOP_HOST : AFTER_STOP_KEEP;
	return 0;
}

static int set_processes(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	if (strcmp(v, "refuse") && strcmp(v, "terminate"))
		return refuse(p, key, v, "use refuse or terminate");
	g->processes = strcmp(v, "terminate") ? PROCESSES_REFUSE : PROCESSES_TERMINATE;
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
	uint64_t n;

	if (parse_uint(v, 600, &n) < 0 || n == 0)
		return refuse(p, key, v, "use whole seconds, 1 to 600");
	*ret = (unsigned int)n;
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

static int set_id(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	if (g == &p->s.defaults)
		return refuse(p, key, v, "an id belongs to one card, in [gpu …]");
	if (pci_id_parse(v, &g->id) < 0)
		return refuse(p, key, v, "use vendor:device or vendor:device/subvendor:subdevice, such as 1002:73bf/1da2:e438");
	g->has_id = true;
	return 0;
}

static int set_driver(struct parser *p, struct gpu_settings *g, const char *key, const char *v)
{
	if (g == &p->s.defaults)
		return refuse(p, key, v, "a driver belongs to one card, in [gpu …]");
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
} gpu_keys[] = {
	{ "id", set_id },
	{ "driver", set_driver },
	{ "after-stop", set_after_stop },
	{ "processes", set_processes },
	{ "reset", set_reset },
	{ "reset-at", set_reset_at },
	{ "driver-timeout", set_driver_timeout },
	{ "stop-timeout", set_stop_timeout },
};

static int unknown_key(struct parser *p, const char *key, const char *accepted)
{
	return err_set(p->e, -EINVAL, "%s line %d: there is no key '%s' in [%s]: known are %s", p->name, p->line, shown(p, key),
		       shown(p, p->section), accepted);
}

static int set_gpu_key(struct parser *p, struct gpu_settings *g, const char *key, const char *value)
{
	_cleanup_text_ struct text known = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(gpu_keys); i++) {
		if (strcmp(gpu_keys[i].name, key) == 0)
			return gpu_keys[i].set(p, g, key, value);
		text_join(&known, ", ", gpu_keys[i].name);
	}
	return unknown_key(p, key, text_str(&known));
}

static int set_vm_key(struct parser *p, struct vm_settings *v, const char *key, const char *value)
{
	if (strcmp(key, "next") != 0)
		return unknown_key(p, key, "next");
	if (!strstr(value, ":snippets/"))
		return refuse(p, key, value, "use a snippet's volume, such as local:snippets/my-hook");
	v->next = strdup(value);
	return v->next ? 0 : -ENOMEM;
}

static int open_gpu(struct parser *p, const char *name)
{
	struct gpu_settings *g;
	struct bdf b;

	if (bdf_parse(name, &b) < 0)
		return err_set(p->e, -EINVAL, "%s line %d: [gpu %s] names no card: use an address such as 0000:01:00.0",
			       p->name, p->line, shown(p, name));
	for (size_t i = 0; i < p->s.n_gpus; i++)
		if (bdf_same_slot(p->s.gpus[i].bdf, b))
			return err_set(p->e, -EINVAL, "%s line %d: a second section for the card at %s", p->name, p->line, shown(p, name));
	g = reallocarray(p->s.gpus, p->s.n_gpus + 1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	p->s.gpus = g;
	/* [defaults] stands first, which open_section() sees to */
	p->gpu = &g[p->s.n_gpus++];
	*p->gpu = p->s.defaults;
	p->gpu->bdf = b;
	return 0;
}

static int open_vm(struct parser *p, const char *name)
{
	struct vm_settings *v;
	unsigned int vmid;

	if (parse_vmid(name, &vmid) < 0)
		return err_set(p->e, -EINVAL, "%s line %d: [vm %s] names no VM: use its id, such as 101", p->name, p->line, shown(p, name));
	v = reallocarray(p->s.vms, p->s.n_vms + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	p->s.vms = v;
	p->vm = &v[p->s.n_vms++];
	*p->vm = (struct vm_settings){ .vmid = vmid };
	return 0;
}

static int open_section(struct parser *p, const char *section)
{
	snprintf(p->section, sizeof(p->section), "%s", section);
	p->gpu = NULL;
	p->vm = NULL;
	if (strcmp(section, "defaults") == 0) {
		if (p->s.n_gpus > 0)
			return err_set(p->e, -EINVAL, "%s line %d: [defaults] must stand before every [gpu …]", p->name, p->line);
		p->gpu = &p->s.defaults;
		return 0;
	}
	if (str_starts(section, "gpu "))
		return open_gpu(p, section + 4);
	if (str_starts(section, "vm "))
		return open_vm(p, section + 3);
	return err_set(p->e, -EINVAL, "%s line %d: there is no section [%s]: known are [defaults], [gpu ADDRESS] and [vm VMID]",
		       p->name, p->line, shown(p, section));
}

static int take(struct parser *p, const char *section, const char *key, const char *value)
{
	_cleanup_text_ struct text seen = { 0 };
	int k = 0;

	if ((!p->gpu && !p->vm) || strcmp(p->section, section) != 0)
		k = open_section(p, section);
	if (k < 0)
		return k;
	text_addf(&seen, "%s\n%s", section, key);
	if (strv_has(&p->seen, text_str(&seen)))
		return err_set(p->e, -EINVAL, "%s line %d: '%s' a second time in [%s]", p->name, p->line, shown(p, key), shown(p, section));
	if (strv_add(&p->seen, text_str(&seen)) < 0)
		return -ENOMEM;
	return p->gpu ? set_gpu_key(p, p->gpu, key, value) : set_vm_key(p, p->vm, key, value);
}

/* inih's handler: 0 stops nothing, so the first error is kept and the rest ignored. */
static int handle(void *ctx, const char *section, const char *key, const char *value)
{
	struct parser *p = ctx;

	if (p->r == 0)
		p->r = take(p, section, key, value);
	return p->r == 0;
}

/* fgets() over the text, counting lines and refusing those that inih would cut. */
static char *next_line(char *buf, int size, void *ctx)
{
	struct parser *p = ctx;
	size_t n = strcspn(p->next, "\n");

	if (!*p->next || p->r < 0)
		return NULL;
	p->line++;
	if (n > LINE_MAX_LEN) {
		p->r = err_set(p->e, -EINVAL, "%s line %d: longer than %d bytes", p->name, p->line, LINE_MAX_LEN);
		return NULL;
	}
	snprintf(buf, (size_t)size, "%.*s", (int)n, p->next);
	p->next += n + (p->next[n] == '\n');
	return buf;
}

void settings_default(struct settings *ret)
{
	*ret = (struct settings){
		.defaults = {
			.after_stop = AFTER_STOP_HOST,
			.processes = PROCESSES_REFUSE,
			.reset = "auto",
			.reset_at_start = true,
			.reset_at_stop = true,
			.driver_timeout = 10,
			.stop_timeout = 8,
		},
	};
}

int settings_parse(const char *text, const char *name, struct settings *ret, struct err *e)
{
	struct parser p = { .name = name, .next = text, .e = e };
	int bad;

	settings_default(&p.s);
	bad = ini_parse_stream(next_line, &p, handle, &p);
	strv_done(&p.seen);
	/* the first error counts: inih goes on behind a line that it does not understand, the reader stops behind ours */
	if (bad != 0 && (p.r == 0 || bad < p.line))
		p.r = err_set(e, -EINVAL, "%s line %d: neither '[section]' nor 'key = value'", name, bad);
	if (p.r < 0) {
		settings_done(&p.s);
		return p.r;
	}
	*ret = p.s;
	return 0;
}

void settings_done(struct settings *s)
{
	for (size_t i = 0; i < s->n_vms; i++)
		free(s->vms[i].next);
	free(s->vms);
	free(s->gpus);
	*s = (struct settings){ 0 };
}

const struct gpu_settings *settings_gpu(const struct settings *s, struct bdf b)
{
	for (size_t i = 0; i < s->n_gpus; i++)
		if (bdf_same_slot(s->gpus[i].bdf, b))
			return &s->gpus[i];
	return &s->defaults;
}

const struct vm_settings *settings_vm(const struct settings *s, unsigned int vmid)
{
	for (size_t i = 0; i < s->n_vms; i++)
		if (s->vms[i].vmid == vmid)
			return &s->vms[i];
	return NULL;
}
