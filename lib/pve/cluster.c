/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>

#include "pve/cluster.h"
#include "pve/guest.h"

#define NODES_DIR "/etc/pve/nodes"

static const char *dir_of(enum guest_kind kind)
{
	return kind == GUEST_CT ? "lxc" : "qemu-server";
}

/* pve-node in PVE/JSONSchema.pm */
static bool node_valid(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n >= NODE_NAME_MAX || s[0] == '-' || s[n - 1] == '-')
		return false;
	while (isalnum((unsigned char)*s) || *s == '-')
		s++;
	return !*s;
}

static int add(struct cluster *c, const char *node, enum guest_kind kind, const struct guest_list *l)
{
	struct cluster_guest *v = l->n ? realloc(c->v, (c->n + l->n) * sizeof(*v)) : c->v;

	if (l->n && !v)
		return -ENOMEM;
	c->v = v;
	for (size_t i = 0; i < l->n; i++) {
		c->v[c->n] = (struct cluster_guest){ .kind = kind, .vmid = l->v[i] };
		snprintf(c->v[c->n++].node, NODE_NAME_MAX, "%s", node);
	}
	return 0;
}

static int add_node(const struct root *r, const char *node, struct cluster *c, struct err *e)
{
	static const enum guest_kind kinds[] = { GUEST_VM, GUEST_CT };
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_guest_list_ struct guest_list l = { 0 };
		int k = guest_list_dir(r, path_f(path, NODES_DIR "/%s/%s", node, dir_of(kinds[i])), &l, e);

		if (k == 0)
			k = add(c, node, kinds[i], &l);
		if (k < 0)
			return k;
	}
	return 0;
}

static int compare(const void *pa, const void *pb)
{
	const struct cluster_guest *a = pa, *b = pb;

	return a->vmid != b->vmid ? (a->vmid > b->vmid) - (a->vmid < b->vmid) : strcmp(a->node, b->node);
}

int cluster_load(const struct root *r, struct cluster *ret, struct err *e)
{
	_cleanup_cluster_ struct cluster c = { 0 };
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *de;
	int k = root_opendir(r, NODES_DIR, &dir);

	if (k < 0 && k != -ENOENT)
		return err_errno(e, k, "cannot read the directory '%s'", NODES_DIR);
	while (dir && k == 0 && (errno = 0, de = readdir(dir)))
		if (node_valid(de->d_name))
			k = add_node(r, de->d_name, &c, e);
	if (k == -ENOMEM)
		return err_set(e, k, "out of memory");
	if (dir && k == 0 && errno)
		return err_errno(e, -errno, "cannot read the directory '%s'", NODES_DIR);
	if (dir && k < 0)
		return k;
	if (c.n)
		qsort(c.v, c.n, sizeof(*c.v), compare);
	*ret = c;
	c = (struct cluster){ 0 };
	return 0;
}

void cluster_done(struct cluster *c)
{
	free(c->v);
	*c = (struct cluster){ 0 };
}

int cluster_config(const struct root *r, const struct cluster_guest *g, struct config *ret, struct err *e)
{
	char path[PATH_MAX];

	return config_load_file(r, path_f(path, NODES_DIR "/%s/%s/%u.conf", g->node, dir_of(g->kind), g->vmid), g->kind, g->vmid, ret, e);
}
