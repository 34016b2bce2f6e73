/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sections of gpupt.conf that are about guests. */
#include <errno.h>

#include "policy/settings_parser.h"

int parser_open_vm(struct parser *p, const char *name)
{
	struct vm_settings *v;
	unsigned int vmid;

	if (parse_vmid(name, &vmid) < 0)
		return err_set(p->e, -EINVAL, "%s line %d: [vm %s] names no VM: use its id, such as 101", p->name, p->line, parser_shown(p, name));
	if (settings_vm(&p->s, vmid))
		return err_set(p->e, -EINVAL, "%s line %d: a second section for VM %u", p->name, p->line, vmid);
	v = reallocarray(p->s.vms, p->s.n_vms + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	p->s.vms = v;
	p->vm = &v[p->s.n_vms++];
	*p->vm = (struct vm_settings){ .vmid = vmid };
	return 0;
}

int parser_open_ct(struct parser *p, const char *name)
{
	struct ct_settings *c;
	unsigned int vmid;

	if (parse_vmid(name, &vmid) < 0)
		return err_set(p->e, -EINVAL, "%s line %d: [ct %s] names no container: use its id, such as 200", p->name, p->line,
			       parser_shown(p, name));
	for (size_t i = 0; i < p->s.n_cts; i++)
		if (p->s.cts[i].vmid == vmid)
			return err_set(p->e, -EINVAL, "%s line %d: a second section for CT %u", p->name, p->line, vmid);
	c = reallocarray(p->s.cts, p->s.n_cts + 1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	p->s.cts = c;
	p->ct = &c[p->s.n_cts++];
	*p->ct = (struct ct_settings){ .vmid = vmid };
	return 0;
}

int parser_set_vm_key(struct parser *p, struct vm_settings *v, const char *key, const char *value)
{
	if (strcmp(key, "next") != 0)
		return parser_unknown_key(p, key, "next");
	if (!strstr(value, ":snippets/"))
		return parser_refuse(p, key, value, "use a snippet's volume, such as local:snippets/my-hook");
	v->next = strdup(value);
	return v->next ? 0 : -ENOMEM;
}

int parser_set_ct_key(struct parser *p, struct ct_settings *c, const char *key, const char *value)
{
	if (str_eq(key, "containers")) {
		c->has_containers = true;
		return parser_containers(p, key, value, &c->containers);
	}
	if (str_eq(key, "force-stop")) {
		c->has_force_stop = true;
		return parser_bool(p, key, value, &c->force_stop);
	}
	if (str_eq(key, "shutdown-timeout")) {
		c->has_shutdown_timeout = true;
		return parser_seconds(p, key, value, &c->shutdown_timeout);
	}
	return parser_unknown_key(p, key, "containers, force-stop, shutdown-timeout");
}

const struct vm_settings *settings_vm(const struct settings *s, unsigned int vmid)
{
	for (size_t i = 0; i < s->n_vms; i++)
		if (s->vms[i].vmid == vmid)
			return &s->vms[i];
	return NULL;
}

struct ct_settings settings_ct(const struct settings *s, unsigned int vmid, struct bdf b)
{
	const struct gpu_settings *g = settings_gpu(s, b);
	struct ct_settings ret = {
		.vmid = vmid, .has_containers = true, .has_force_stop = true, .has_shutdown_timeout = true,
		.containers = g->containers, .force_stop = g->force_stop, .shutdown_timeout = g->shutdown_timeout,
	};

	for (size_t i = 0; i < s->n_cts; i++) {
		const struct ct_settings *c = &s->cts[i];

		if (c->vmid != vmid)
			continue;
		if (c->has_containers)
			ret.containers = c->containers;
		if (c->has_force_stop)
			ret.force_stop = c->force_stop;
		if (c->has_shutdown_timeout)
			ret.shutdown_timeout = c->shutdown_timeout;
	}
	return ret;
}

void settings_ct_add(struct ct_settings *to, const struct ct_settings *more)
{
	/* one that is stopped for the one card cannot be started again without the other */
	static const int strictness[] = {
		[CONTAINERS_HOT] = 0,
		[CONTAINERS_DETACH] = 1,
		[CONTAINERS_SHUTDOWN] = 2,
		[CONTAINERS_REFUSE] = 3,
	};

	if (strictness[more->containers] > strictness[to->containers])
		to->containers = more->containers;
	if (more->shutdown_timeout > to->shutdown_timeout)
		to->shutdown_timeout = more->shutdown_timeout;
	to->force_stop &= more->force_stop;
}
