/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/conf.h"
#include "host/dkms.h"

#define NAMES_MAX 64 /* of one directory */

static void module_done(struct dkms_module *m)
{
	for (size_t i = 0; i < m->n; i++) {
		for (size_t f = 0; f < m->v[i].n; f++)
			free(m->v[i].v[f].path);
		free(m->v[i].v);
	}
	free(m->v);
	free(m->name);
	free(m->version);
	*m = (struct dkms_module){ 0 };
}

void dkms_done(struct dkms *d)
{
	for (size_t i = 0; i < d->n; i++)
		module_done(&d->v[i]);
	free(d->v);
	*d = (struct dkms){ 0 };
}

const struct dkms_build *dkms_build_of(const struct dkms_module *m, const char *release)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->v[i].release, release) == 0)
			return &m->v[i];
	return NULL;
}

/* The names in a directory that begin so; 0 or -ENOMEM. */
static int list(const struct root *r, const char *dir, const char *prefix, struct strv *ret)
{
	_cleanup_closedir_ DIR *d = NULL;

	if (root_opendir(r, dir, &d) < 0)
		return 0;
	for (struct dirent *ent; ret->n < NAMES_MAX && (ent = readdir(d));)
		if (ent->d_name[0] != '.' && str_starts(ent->d_name, prefix) && strv_add(ret, ent->d_name) < 0)
			return -ENOMEM;
	return 0;
}

static int add_file(const struct root *r, struct dkms_build *b, const char *name)
{
	struct dkms_file *f = conf_grow(b->v, &b->n, sizeof(*f));

	if (!f)
		return -ENOMEM;
	b->v = f;
	f += b->n - 1;
	f->is_signed = TRI_UNKNOWN;
	if (asprintf(&f->path, "/lib/modules/%s/updates/dkms/%s", b->release, name) < 0) {
		f->path = NULL;
		return -ENOMEM;
	}
	f->there = root_exists(r, f->path);
	return 0;
}

/* `where`: the link for that kernel. */
static int add_build(const struct root *r, const char *where, const char *release, struct dkms_module *m)
{
	_cleanup_strv_ struct strv files = { 0 };
	char dir[PATH_MAX];
	struct dkms_build *b;

	if (!root_exists(r, where))
		return 0;
	b = conf_grow(m->v, &m->n, sizeof(*b));
	if (!b)
		return -ENOMEM;
	m->v = b;
	b += m->n - 1;
	snprintf(b->release, sizeof(b->release), "%s", release);
	if (list(r, path_f(dir, "%s/module", where), "", &files) < 0)
		return -ENOMEM;
	strv_foreach (name, &files)
		if (strstr(name, ".ko") && add_file(r, b, name) < 0)
			return -ENOMEM;
	return 0;
}

/* Behind the release there is the architecture alone: "6.8.12-9-pve" is no beginning of "6.8.12-9-pve-rt". */
static int add_builds(const struct root *r, const char *dir, const char *release, struct dkms_module *m)
{
	_cleanup_strv_ struct strv links = { 0 };
	char prefix[sizeof("kernel-") + KERNEL_RELEASE_LEN], path[PATH_MAX];
	int k;

	snprintf(prefix, sizeof(prefix), "kernel-%s-", release);
	k = list(r, dir, prefix, &links);
	strv_foreach (name, &links)
		if (k == 0 && !strchr(name + strlen(prefix), '-') && !dkms_build_of(m, release))
			k = add_build(r, path_f(path, "%s/%s", dir, name), release, m);
	return k;
}

static int load_module(const struct root *r, const char *name, const struct kernels *kernels, struct dkms *d)
{
	_cleanup_(module_done) struct dkms_module m = { 0 };
	_cleanup_strv_ struct strv versions = { 0 };
	char dir[PATH_MAX], path[PATH_MAX];
	const char *newest = NULL;
	struct dkms_module *v;
	struct stat st;
	int k = list(r, path_f(dir, DKMS_TREE "/%s", name), "", &versions);

	strv_foreach (version, &versions)
		if (root_lstat(r, path_f(path, "%s/%s/source", dir, version), &st) == 0 && (!newest || strverscmp(version, newest) > 0))
			newest = version;
	if (k < 0 || !newest)
		return k;
	m.name = strdup(name);
	m.version = strdup(newest);
	if (!m.name || !m.version)
		return -ENOMEM;
	for (size_t i = 0; k == 0 && i < kernels->n; i++)
		k = add_builds(r, dir, kernels->v[i].release, &m);
	v = k == 0 ? conf_grow(d->v, &d->n, sizeof(*v)) : NULL;
	if (!v)
		return -ENOMEM;
	d->v = v;
	v[d->n - 1] = m;
	m = (struct dkms_module){ 0 };
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct dkms_module *)a)->name, ((const struct dkms_module *)b)->name);
}

int dkms_load(const struct root *r, const struct kernels *kernels, struct dkms *ret)
{
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_dkms_ struct dkms d = { 0 };
	int k = list(r, DKMS_TREE, "", &names);

	strv_foreach (name, &names)
		if (k == 0)
			k = load_module(r, name, kernels, &d);
	if (k < 0)
		return k;
	if (d.n)
		qsort(d.v, d.n, sizeof(*d.v), by_name);
	*ret = d;
	d = (struct dkms){ 0 };
	return 0;
}
