/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/danger.h"
#include "host/danger_kinds.h"

void danger_list_done(struct danger_list *l)
{
	free(l->v);
	*l = (struct danger_list){ 0 };
}

int danger_add(struct danger_list *l, enum danger_kind kind, const char *fmt, ...)
{
	struct danger d = { .kind = kind }, *v;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d.text, sizeof(d.text), fmt, ap);
	va_end(ap);
	str_printable(d.text);
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->v[i].text, d.text))
			return 0;
	v = realloc(l->v, (l->n + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	l->v = v;
	v[l->n++] = d;
	return 0;
}

int danger_devices_below(const struct root *r, const char *class, struct bdf bdf, struct strv *ret)
{
	_cleanup_closedir_ DIR *d = NULL;
	char name[BDF_LEN], part[BDF_LEN + 2], dir[PATH_MAX];
	int k = root_opendir(r, path_f(dir, "/sys/class/%s", class), &d);

	if (k < 0)
		return k == -ENOENT ? 0 : k;
	snprintf(part, sizeof(part), "/%s/", bdf_format(bdf, name));
	for (struct dirent *ent; (ent = readdir(d));) {
		char target[PATH_MAX];
		ssize_t n = readlinkat(dirfd(d), ent->d_name, target, sizeof(target) - 1);

		if (n < 0)
			continue;
		/* "../../devices/pci0000:00/0000:00:02.0/virtio0/block/vda/vda1" */
		target[n] = '\0';
		if (strstr(target, part) && strv_add(ret, ent->d_name) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int compare_kind(const void *a, const void *b)
{
	const struct danger *x = a, *y = b;

	return x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->text, y->text);
}

int danger_find(const struct root *r, struct bdf bdf, struct danger_list *l, struct err *e)
{
	char name[BDF_LEN];
	int k = danger_block(r, bdf, l);

	if (k == 0)
		k = danger_net(r, bdf, l);
	if (k < 0)
		return err_errno(e, k, "cannot tell what of the host depends on %s", bdf_format(bdf, name));
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), compare_kind);
	return 0;
}
