/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/ctnodes_look.h"
#include "flow/observe.h"
#include "flow/sharing.h"
#include "plan/step_guest.h"
#include "pve/cfs.h"
#include "pve/task.h"

/* The functions that are there, in the order of their addresses. */
static int present_functions(const struct facts *f, struct pci_list *ret)
{
	ret->v = calloc(f->n + 1, sizeof(*ret->v));
	if (!ret->v)
		return -ENOMEM;
	for (size_t i = 0; i < f->n; i++)
		if (!f->v[i].absent && !f->v[i].fn.bridge)
			ret->v[ret->n++] = f->v[i].fn;
	return 0;
}

int facts_look_for_containers(const struct root *r, const struct container_list *containers, struct facts *f, struct err *e)
{
	_cleanup_pci_list_ struct pci_list fns = { 0 };
	struct sharers found = { 0 };
	int k = present_functions(f, &fns);

	if (k == 0)
		k = sharing_find(r, containers, &fns, &f->holders, &found, e);
	if (k < 0)
		return k;
	sharers_done(&f->sharers);
	f->sharers = found;
	return 0;
}

int facts_look_into_containers(const struct root *r, const struct container_list *containers, struct facts *f, struct err *e)
{
	_cleanup_pci_list_ struct pci_list fns = { 0 };
	struct err why = { "" };
	int k = containers->n ? present_functions(f, &fns) : 0;

	if (k < 0 || containers->n == 0)
		return k;
	if (cfs_ready(r, &why) < 0)
		snprintf(f->pve_read_only, sizeof(f->pve_read_only), "%.119s", why.text);
	ctnode_facts_done(&f->ctnodes);
	return ctnodes_look(r, containers, &fns, &f->sharers, &f->ctnodes, e);
}

int facts_look_for_placeholders(const struct container_list *containers, struct facts *f)
{
	_cleanup_pci_list_ struct pci_list fns = { 0 };
	int k = present_functions(f, &fns);

	for (size_t i = 0; i < containers->n && k == 0; i++) {
		const struct container *ct = &containers->v[i];
		const struct sharer *s = sharers_get(&f->sharers, ct->cfg.vmid);
		struct ctnode_container c = { .cfg = &ct->cfg, .devices = &ct->devices };

		if (!s || s->init.pid == 0)
			continue;
		c.init = s->init;
		k = ctnodes_add_placeholders(s, &c, &fns, &f->ctnodes);
	}
	return k;
}

int facts_remember_containers(const struct root *r, const struct facts *f, struct err *e)
{
	_cleanup_pci_list_ struct pci_list fns = { 0 };
	bool any = f->sharers.n || f->sharers.n_dirs;
	int k = any ? present_functions(f, &fns) : 0;

	return k == 0 && any ? sharing_remember(r, &fns, &f->sharers, e) : k;
}

static bool stops(const struct step *s)
{
	return (s->kind == &step_guest && str_eq(s->after, GUEST_STOPPED)) ||
	       (s->kind == &step_ha && str_eq(s->after, ha_state_name(HA_STOPPED)));
}

/* Is a later step about the same container in force, by which it was started again? Not one that is being undone. */
static bool started_later(const struct record *lease, size_t i)
{
	for (size_t later = i + 1; later < lease->n_steps; later++)
		if (record_step_open(&lease->steps[later]) && lease->steps[later].state != RECORD_UNDOING &&
		    lease->steps[later].step.kind == lease->steps[i].step.kind &&
		    step_container(&lease->steps[later].step) == step_container(&lease->steps[i].step))
			return true;
	return false;
}

int facts_note_stopped(const struct engine *en, const struct record *lease, struct facts *f)
{
	for (size_t i = 0; i < lease->n_steps; i++) {
		const struct step *s = &lease->steps[i].step;
		_cleanup_free_ char *now = NULL;

		if (!record_step_open(&lease->steps[i]) || !stops(s) || started_later(lease, i))
			continue;
		if (s->kind->get(en, s, &now, NULL) == 0 && str_eq(now, s->after) &&
		    !plan_add(&f->stopped, s->kind, s->target, s->before, s->after, s->why))
			return -ENOMEM;
	}
	return 0;
}

/*
 * get_device_mode_and_rdev() in PVE/LXC/Tools.pm: "Device /dev/dri/renderD128 does not exist". Of a raw line LXC itself finds that there is
 * nothing to mount, and the task (vm_start() in PVE/LXC.pm) says no more than that the start has failed.
 */
static bool for_want_of_a_node(const struct sharer *c, const char *status)
{
	char failed[64];

	snprintf(failed, sizeof(failed), "startup for container '%u' failed", c->vmid);
	for (size_t i = 0; i < c->n; i++) {
		const struct sharer_use *u = &c->uses[i];
		char words[PATH_MAX];

		if (u->ref.kind == CTDEV_MOUNT && !u->ref.optional && strstr(status, failed))
			return true;
		if (u->path && strstr(status, path_f(words, "Device %s does not exist", u->path)))
			return true;
	}
	return false;
}

int facts_look_for_failed_starts(const struct root *r, struct facts *f)
{
	time_t boot = 0;
	int k = f->sharers.n ? proc_boot_time(r, &boot) : -ENOENT;

	if (k == -ENOENT)
		return 0;
	for (size_t i = 0; k == 0 && i < f->sharers.n; i++) {
		struct sharer *c = &f->sharers.v[i];
		struct task t;

		if (c->running || !(c->flags.onboot || (c->ha && c->ha_state == HA_STARTED)))
			continue;
		k = task_last(r, "vzstart", c->vmid, boot, &t);
		c->start_failed = k == 0 && for_want_of_a_node(c, t.status);
		if (k == -ENOENT)
			k = 0;
	}
	return k;
}
