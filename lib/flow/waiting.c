/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/waiting.h"
#include "host/nodes.h"
#include "plan/aside.h"
#include "plan/lease.h"

#define DENY_MS 2000 /* for one denial: Proxmox VE waits for post-stop, and a monitor that is well answers at once */

void waiting_done(struct waiting *w)
{
	for (size_t i = 0; i < w->n; i++)
		ctnode_done(&w->v[i]);
	free(w->v);
	*w = (struct waiting){ 0 };
}

static void add(void *ctx, unsigned int vmid, const struct record *rec)
{
	struct waiting *w = ctx;
	struct ctnode *v = reallocarray(w->v, w->n + rec->n_steps + 1, sizeof(*v));

	if (!v)
		return;
	w->v = v;
	for (size_t i = 0; i < rec->n_steps; i++)
		if (rec->steps[i].step.kind == &step_ctnode && record_step_open(&rec->steps[i]))
			w->n += ctnode_parse(rec->steps[i].step.target, &v[w->n]) == 0;
}

int waiting_load(const struct root *r, struct waiting *ret)
{
	*ret = (struct waiting){ 0 };
	return lease_each(r, add, ret) == -ENOMEM ? -ENOMEM : 0;
}

static bool is_in(const struct ctnode *n, unsigned int vmid, struct proc_id init)
{
	return n->vmid == vmid && n->init.pid == init.pid && n->init.start == init.start;
}

bool waiting_for_another(const struct waiting *w, unsigned int vmid, struct proc_id init, const char *path, dev_t dev, struct bdf b)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct ctnode *n = &w->v[i];

		if (is_in(n, vmid, init) && n->dev == dev && !n->from && !bdf_eq(n->bdf, b) && (!path || str_eq(n->path, path)))
			return true;
	}
	return false;
}

bool waiting_at(const struct waiting *w, const struct ctnode *place)
{
	for (size_t i = 0; i < w->n; i++)
		if (is_in(&w->v[i], place->vmid, place->init) && str_eq(w->v[i].path, place->path))
			return true;
	return false;
}

/* Has the container a node of that function, too? Then it is the container's by right. */
static bool has_function(const struct waiting *w, const struct ctnode *of, struct bdf b)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].vmid == of->vmid && bdf_eq(w->v[i].bdf, b))
			return true;
	return false;
}

/* One denial is enough for a number that the container has several nodes of. */
static bool is_first(const struct waiting *w, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (w->v[i].vmid == w->v[at].vmid && w->v[i].dev == w->v[at].dev && str_eq(w->v[i].allow, w->v[at].allow))
			return false;
	return true;
}

static void deny(const struct engine *en, const struct report *report, const struct waiting *w, const struct node_list *nodes)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct ctnode *n = &w->v[i];
		const struct node *node = nodes_find(nodes, n->dev);
		char mine[BDF_LEN], other[BDF_LEN];
		struct err e = { "" };

		if (!node || node->shared || bdf_eq(node->bdf, n->bdf) || has_function(w, n, node->bdf) || !is_first(w, i) ||
		    ctnode_deny(en, n, &e) >= 0)
			continue;
		report_complain(report, "CT %u, which waits for %s, can use %s, which has its number by now: %s", n->vmid,
				bdf_format(n->bdf, mine), bdf_format(node->bdf, other), e.text);
	}
}

void waiting_others_came(const struct engine *en, const struct report *report, struct record *own, const struct bdf_list *came)
{
	_cleanup_node_list_ struct node_list nodes = { 0 };
	_cleanup_waiting_ struct waiting w = { 0 };
	_cleanup_pci_list_ struct pci_list fns = { 0 };
	struct engine hurried = *en;

	hurried.job_timeout_ms = DENY_MS;
	aside_return(en, own, came);
	if (waiting_load(en->root, &w) < 0 || w.n == 0 || pci_outline_list(en->root, came, &fns, NULL) < 0)
		return;
	for (size_t i = 0; i < fns.n; i++)
		nodes_add(en->root, &fns.v[i], &nodes);
	deny(&hurried, report, &w, &nodes);
}
