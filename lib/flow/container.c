/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/container.h"
#include "pve/scan.h"

struct reading {
	struct container_list list;
	size_t room;
};

static void container_done(struct container *c)
{
	config_done(&c->cfg);
	ctdev_list_done(&c->devices);
}

void container_list_done(struct container_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		container_done(&l->v[i]);
	free(l->v);
	*l = (struct container_list){ 0 };
}

void container_list_keep_dev(struct container_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct ctdev_list *d = &l->v[i].devices;
		size_t n = 0;

		for (size_t j = 0; j < d->n; j++) {
			if (!d->v[j].path || str_starts(d->v[j].path, "/dev/") || str_eq(d->v[j].path, "/dev"))
				d->v[n++] = d->v[j];
			else
				ctdev_done(&d->v[j]);
		}
		d->n = n;
	}
}

static int container_add(void *ctx, struct config *cfg, struct err *e)
{
	_cleanup_ctdev_list_ struct ctdev_list devices = { 0 };
	struct reading *rd = ctx;
	struct container_list *l = &rd->list;

	if (ctdev_all(cfg, &devices) < 0)
		return -ENOMEM;
	if (devices.n == 0)
		return 0;
	if (l->n == rd->room) {
		size_t room = rd->room ? rd->room * 2 : 16;
		struct container *v = realloc(l->v, room * sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->v = v;
		rd->room = room;
	}
	l->v[l->n++] = (struct container){ .cfg = *cfg, .devices = devices };
	*cfg = (struct config){ 0 };
	devices = (struct ctdev_list){ 0 };
	return 0;
}

int container_list_load(const struct root *r, struct container_list *ret, struct err *e)
{
	/* devN and devices.allow; a mount may be of anything */
	static const char *const words[] = { "dev", "lxc.mount.entry" };
	struct reading rd = { 0 };
	int k = scan_guests(r, GUEST_CT, words, ARRAY_SIZE(words), container_add, &rd, e);

	if (k < 0) {
		container_list_done(&rd.list);
		return k;
	}
	*ret = rd.list;
	return 0;
}
