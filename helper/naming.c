/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sys/sysmacros.h>

#include "helper/naming.h"
#include "host/nodes.h"

#define NODE_PATH_LEN (sizeof(((struct node *)0)->name) + sizeof("/dev/"))

int naming_vms(const struct root *r, const struct pci_list *fns, struct guest_uses *ret, struct err *e)
{
	_cleanup_free_ struct bdf *b = calloc(fns->n + 1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	for (size_t i = 0; i < fns->n; i++)
		b[i] = fns->v[i].bdf;
	return guest_vms_naming(r, b, fns->n, ret, e);
}

int naming_cts(const struct root *r, const struct pci_list *fns, struct guest_uses *ret, struct err *e)
{
	_cleanup_node_list_ struct node_list nodes = { 0 };
	_cleanup_free_ struct guest_node *v = NULL;
	_cleanup_free_ char (*paths)[NODE_PATH_LEN] = NULL;
	size_t n = 0;

	for (size_t i = 0; i < fns->n; i++)
		if (nodes_add(r, &fns->v[i], &nodes) < 0)
			return -ENOMEM;
	v = calloc(nodes.n + 1, sizeof(*v));
	paths = calloc(nodes.n + 1, sizeof(*paths));
	if (!v || !paths)
		return -ENOMEM;
	for (size_t i = 0; i < nodes.n; i++) {
		const struct node *node = &nodes.v[i];

		if (node->shared)
			continue;
		snprintf(paths[n], sizeof(paths[n]), "/dev/%s", node->name);
		v[n] = (struct guest_node){ .path = paths[n], .type = 'c', .major = major(node->dev), .minor = minor(node->dev) };
		n++;
	}
	return guest_cts_naming(r, v, n, ret, e);
}

bool naming_first(const struct guest_uses *uses, size_t i)
{
	return i == 0 || uses->v[i - 1].vmid != uses->v[i].vmid;
}

char *naming_guest(const struct guest_use *use, char buf[static 24])
{
	snprintf(buf, 24, "%s %u", guest_kind_name(use->kind), use->vmid);
	return buf;
}

void naming_keys(const struct guest_uses *uses, size_t i, struct text *ret)
{
	struct strv seen = { 0 };

	for (unsigned int vmid = uses->v[i].vmid; i < uses->n && uses->v[i].vmid == vmid; i++) {
		if (strv_has(&seen, uses->v[i].key) || strv_add(&seen, uses->v[i].key) < 0)
			continue;
		text_join(ret, ", ", uses->v[i].key);
	}
	strv_done(&seen);
}
