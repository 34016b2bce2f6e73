/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sys/sysmacros.h>

#include "policy/ctnodes.h"

static void fact_done(struct ctnode_fact *f)
{
	ctnode_done(&f->node);
	free(f->target);
	free(f->value);
	free(f->problem);
}

void ctnode_facts_done(struct ctnode_facts *l)
{
	for (size_t i = 0; i < l->n; i++)
		fact_done(&l->v[i]);
	free(l->v);
	*l = (struct ctnode_facts){ 0 };
}

static bool below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (path[n] == '/' || n == 1);
}

/* Is the use's node at a place that another line makes: the same path, or a directory that is mounted? */
static bool is_anothers(const struct sharer *s, const struct sharer_use *u)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct ctdev *d = &s->uses[i].ref;

		if (d->target && (str_eq(d->target, u->path) || (s->uses[i].wildcard && below(u->path, d->target))))
			return true;
	}
	return false;
}

/* Where in the container the use's line puts the node, and for a directory from where it is mounted. False: nowhere of its own. */
static bool place_of(const struct sharer *s, const struct sharer_use *u, const char **ret_path, const char **ret_from)
{
	*ret_from = NULL;
	if (u->ref.kind != CTDEV_ALLOW) {
		*ret_path = u->ref.target;
		*ret_from = u->wildcard ? u->ref.path : NULL;
		return true;
	}
	*ret_path = u->path;
	return u->wildcard && u->path && !is_anothers(s, u);
}

/* Has the list that place already? One node is at a place, whichever line put it there; in a directory there is one of each role. */
static bool is_known(const struct ctnode_facts *l, unsigned int vmid, const char *path, struct bdf b, const char *role)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct ctnode *n = &l->v[i].node;

		if (n->vmid == vmid && str_eq(n->path, path) && (!n->from || (bdf_eq(n->bdf, b) && str_eq(n->role, role))))
			return true;
	}
	return false;
}

/* The access in a line about a number or a path: "c 226:128 rwm", "/dev/kfd rw". LXC looks at three letters (ctdev_lxc.c). */
static void allow_line(const char *value, bool path, struct ctnode *n)
{
	char access[4];

	for (int words = path ? 1 : 2; words > 0; words--) {
		value += strcspn(value, " \t");
		value += strspn(value, " \t");
	}
	snprintf(access, sizeof(access), "%.*s", (int)strcspn(value, " \t"), value);
	ctnode_allow(n, access);
}

/* As Proxmox VE writes the rule of a devN (update_lxc_config() in PVE/LXC.pm). */
static void allow_node(const struct ctdev *d, struct ctnode *n)
{
	ctnode_allow(n, d->deny_write ? "r" : "rw");
}

static void allow_uses(const struct sharer *s, struct ctnode *n)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct sharer_use *u = &s->uses[i];

		if (u->dev != n->dev)
			continue;
		if (u->ref.kind == CTDEV_NODE)
			allow_node(&u->ref, n);
		else if (u->ref.kind == CTDEV_ALLOW && !u->wildcard && (u->ref.path || u->ref.type == 'c'))
			allow_line(u->value, u->ref.path != NULL, n);
	}
}

/*
 * What the lines say of a node that has not the number any more with which they were read: the devN of that place, or else whatever
 * they allow numbers of that kind.
 */
static void allow_lines(const struct ctnode_container *c, struct ctnode *n)
{
	bool node = false;

	for (size_t i = 0; i < c->devices->n; i++) {
		if (c->devices->v[i].kind != CTDEV_NODE || !str_eq(c->devices->v[i].target, n->path))
			continue;
		allow_node(&c->devices->v[i], n);
		node = true;
	}
	for (size_t i = 0; i < c->devices->n && !node; i++) {
		const struct ctdev *d = &c->devices->v[i];

		if (d->kind == CTDEV_ALLOW && !d->path && d->type == 'c' && !ctdev_is_wildcard(d) && d->major == major(n->dev))
			allow_line(c->cfg->lines[d->line].value, false, n);
	}
}

/* Takes over what of *n is to be kept. */
static int add(struct ctnode_facts *l, const struct ctnode *n, const char *path, const char *from)
{
	struct ctnode_fact *v = realloc(l->v, (l->n + 1) * sizeof(*v)), *f;
	struct text t = { 0 };

	if (!v)
		return -ENOMEM;
	l->v = v;
	f = &v[l->n];
	*f = (struct ctnode_fact){ .node = *n };
	f->node.path = strdup(path);
	f->node.from = from ? strdup(from) : NULL;
	l->n++; /* from here on it is freed with the list */
	if (!f->node.path || (from && !f->node.from))
		return -ENOMEM;
	ctnode_target(&f->node, &t);
	f->target = text_take(&t);
	return f->target ? 0 : -ENOMEM;
}

static int add_use(struct ctnode_facts *l, const struct sharer *s, const struct ctnode_container *c, const struct sharer_use *u,
		   const struct pci_fn *fn, const char *path, const char *from)
{
	struct ctnode n = { .vmid = s->vmid, .bdf = u->bdf, .dev = u->dev, .init = c->init, .path = (char *)(uintptr_t)path };

	pci_id_format(fn->id, n.identity);
	memcpy(n.role, u->role, sizeof(n.role));
	allow_uses(s, &n);
	if (!n.allow[0])
		allow_lines(c, &n);
	return add(l, &n, path, from);
}

int ctnodes_add(const struct sharer *s, const struct ctnode_container *c, const struct pci_list *card, struct ctnode_facts *l)
{
	int k = 0;

	for (size_t i = 0; i < s->n && k == 0; i++) {
		const struct sharer_use *u = &s->uses[i];
		const struct pci_fn *fn = pci_list_find(card, u->bdf);
		const char *path, *from;

		if (!fn || u->how != SHARING_NUMBER || !u->present || !place_of(s, u, &path, &from) ||
		    is_known(l, s->vmid, path, u->bdf, u->role))
			continue;
		k = add_use(l, s, c, u, fn, path, from);
	}
	return k;
}

int ctnodes_add_seen(const struct ctnode_container *c, const struct pci_list *card, const struct node *node, const char *path,
		     struct ctnode_facts *l)
{
	const struct pci_fn *fn = pci_list_find(card, node->bdf);
	struct ctnode n = { .vmid = c->cfg->vmid, .bdf = node->bdf, .dev = node->dev, .init = c->init, .path = (char *)(uintptr_t)path };
	bool named = false;

	for (size_t i = 0; i < c->devices->n; i++)
		named |= str_eq(c->devices->v[i].target, path);
	path_role(node->name, n.role);
	if (!fn || !named || is_known(l, n.vmid, path, n.bdf, n.role))
		return 0;
	pci_id_format(fn->id, n.identity);
	allow_lines(c, &n);
	return add(l, &n, path, NULL);
}

int ctnodes_add_placeholders(const struct sharer *s, const struct ctnode_container *c, const struct pci_list *card, struct ctnode_facts *l)
{
	int k = 0;

	for (size_t i = 0; i < s->n && k == 0; i++) {
		const struct sharer_use *u = &s->uses[i];
		const struct pci_fn *fn = pci_list_find(card, u->bdf);

		if (!fn || u->how == SHARING_NUMBER || !u->present || !u->dev || u->shared || u->ref.kind != CTDEV_MOUNT ||
		    is_known(l, s->vmid, u->ref.target, u->bdf, u->role))
			continue;
		k = add_use(l, s, c, u, fn, u->ref.target, NULL);
		if (k == 0 && !(l->v[l->n - 1].value = strdup(CTNODE_HOST)))
			k = -ENOMEM;
	}
	return k;
}

bool ctnode_fact_works(const struct ctnode_fact *f)
{
	struct ctnode_value value;

	return !f->problem && ctnode_value_parse(f->value, &value) == 0;
}

int ctnodes_plan(const struct ctnode_facts *l, unsigned int vmid, struct plan *p)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct ctnode_fact *f = &l->v[i];
		char why[64];

		if (f->node.vmid != vmid || !ctnode_fact_works(f))
			continue;
		snprintf(why, sizeof(why), "CT %u keeps running without it", vmid);
		if (!plan_add(p, &step_ctnode, f->target, f->value, NULL, why))
			return -ENOMEM;
	}
	return 0;
}
