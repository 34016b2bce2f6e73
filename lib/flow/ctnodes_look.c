/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/ctnodes_look.h"
#include "flow/waiting.h"
#include "host/inside.h"
#include "host/inside_node.h"

#define HANGS_MAX 2 /* nodes that are waited for; after that nobody is looked at any more */

struct work {
	const struct root *root;
	const struct pci_list *card;
	const struct sharers *sharers;
	struct node_list nodes; /* of the card */
	struct ctnode_container *running; /* those of the containers whose init was found */
	size_t n;
	unsigned int hangs;
	struct waiting waiting;
	struct ctnode_facts facts;
};

static void work_done(struct work *w)
{
	free(w->running);
	waiting_done(&w->waiting);
	node_list_done(&w->nodes);
	ctnode_facts_done(&w->facts);
}

static int running_find(struct work *w, const struct container_list *containers)
{
	_cleanup_(guest_list_done) struct guest_list ids = { 0 };
	int k = guest_cts_running(w->root, &ids);

	if (k < 0)
		return k;
	w->running = calloc(containers->n + 1, sizeof(*w->running));
	if (!w->running)
		return -ENOMEM;
	for (size_t i = 0; i < containers->n; i++) {
		const struct container *c = &containers->v[i];
		struct proc_id init;

		if (!guest_list_has(&ids, c->cfg.vmid) || guest_ct_init(w->root, c->cfg.vmid, &init) < 0)
			continue;
		w->running[w->n++] = (struct ctnode_container){ .init = init, .cfg = &c->cfg, .devices = &c->devices };
	}
	return 0;
}

/* A node that is seen at path; not one that the container has of another card, which is away and whose number this one has got. */
static int add_seen(struct work *w, const struct ctnode_container *c, const struct node *node, const char *path)
{
	if (waiting_for_another(&w->waiting, c->cfg->vmid, c->init, path, node->dev, node->bdf))
		return 0;
	return ctnodes_add_seen(c, w->card, node, path, &w->facts);
}

/* A place outside /dev: looked at by itself, since what else is beside it may be data without end. */
static int look_at(struct work *w, const struct ctnode_container *c, const struct ctdev *d)
{
	const struct node *node;
	struct inside_stat st;
	int k;

	if (!d->target || !d->path || str_starts(d->target, "/dev/") || !str_starts(d->path, "/dev/") || w->hangs >= HANGS_MAX)
		return 0;
	k = inside_stat(w->root, c->init, d->target, NULL, &st);
	w->hangs += k == -ETIMEDOUT;
	node = k == 0 && st.kind == INSIDE_NODE ? nodes_find(&w->nodes, st.dev) : NULL;
	return node ? add_seen(w, c, node, d->target) : 0;
}

/* Where the card's nodes are seen in containers, by number. */
static int seen_add(struct work *w, const struct inside *seen)
{
	int k = 0;

	for (size_t i = 0; i < seen->n && k == 0; i++) {
		const struct node *node = nodes_find(&w->nodes, seen->v[i].dev);

		if (node)
			k = add_seen(w, &w->running[seen->v[i].place], node, seen->v[i].path);
	}
	for (size_t i = 0; i < w->n && k == 0; i++)
		for (size_t d = 0; d < w->running[i].devices->n && k == 0; d++)
			k = look_at(w, &w->running[i], &w->running[i].devices->v[d]);
	return k;
}

static int look_inside(struct work *w)
{
	_cleanup_free_ struct inside_place *places = calloc(w->n + 1, sizeof(*places));
	_cleanup_manifest_ struct manifest manifest = { 0 };
	_cleanup_inside_ struct inside seen = { 0 };
	char *dir[] = { (char[]){ "/dev" }, NULL };
	const struct strv dev = { .v = dir, .n = 1 };
	int k = root_is_real(w->root) ? 0 : manifest_load(w->root, &manifest);

	if (!places)
		return -ENOMEM;
	for (size_t i = 0; i < w->n; i++)
		places[i] = (struct inside_place){ .init = w->running[i].init, .in = &dev };
	if (k == 0 && w->n && w->nodes.n)
		k = inside_find(w->root, &manifest, places, w->n, &w->nodes, &seen);
	return k < 0 ? k : seen_add(w, &seen);
}

static int places_add(struct work *w)
{
	int k = 0;

	for (size_t i = 0; i < w->card->n && k == 0; i++)
		k = nodes_add(w->root, &w->card->v[i], &w->nodes);
	for (size_t i = 0; i < w->n && k == 0; i++) {
		const struct sharer *s = sharers_get(w->sharers, w->running[i].cfg->vmid);

		if (s)
			k = ctnodes_add(s, &w->running[i], w->card, &w->facts);
	}
	return k < 0 ? k : look_inside(w);
}

static int read_value(struct work *w, struct ctnode_fact *f)
{
	const struct engine en = { .root = w->root };
	const struct step s = { .kind = &step_ctnode, .target = f->target };
	struct err e = { "" };
	int k;

	if (w->hangs >= HANGS_MAX)
		k = err_set(&e, -ETIME, "CT %u was not looked at: others do not answer", f->node.vmid);
	else
		k = step_ctnode.get(&en, &s, &f->value, &e);
	w->hangs += k == -ETIME;
	if (k < 0)
		f->problem = strdup(e.text);
	return k < 0 && !f->problem ? -ENOMEM : 0;
}

static int compare_fact(const void *pa, const void *pb)
{
	const struct ctnode_fact *a = pa, *b = pb;

	if (a->node.vmid != b->node.vmid)
		return a->node.vmid < b->node.vmid ? -1 : 1;
	return strverscmp(a->target, b->target);
}

int ctnodes_look(const struct root *r, const struct container_list *containers, const struct pci_list *card, const struct sharers *s,
		 struct ctnode_facts *ret, struct err *e)
{
	_cleanup_(work_done) struct work w = { .root = r, .card = card, .sharers = s };
	int k = waiting_load(r, &w.waiting);

	if (k == 0)
		k = running_find(&w, containers);
	if (k == 0)
		k = places_add(&w);
	if (w.facts.n)
		qsort(w.facts.v, w.facts.n, sizeof(*w.facts.v), compare_fact);
	for (size_t i = 0; i < w.facts.n && k == 0; i++)
		k = read_value(&w, &w.facts.v[i]);
	if (k < 0)
		return err_errno(e, k, "cannot look at the card's nodes in containers");
	*ret = w.facts;
	w.facts = (struct ctnode_facts){ 0 };
	return 0;
}
