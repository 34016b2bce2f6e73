/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/driverctl.h"

#define PREFIX "pci-"

int driverctl_name_parse(const char *name, struct bdf *ret)
{
	return str_starts(name, PREFIX) ? bdf_parse_full(name + strlen(PREFIX), ret) : -EINVAL;
}

int driverctl_parse(const char *text, char ret[static PCI_NAME_LEN])
{
	size_t n = strlen(text);

	while (n && text[n - 1] == '\n')
		n--;
	if (!n || n >= PCI_NAME_LEN)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] == '/' || text[i] >= 0x7f)
			return -EINVAL;
	memcpy(ret, text, n);
	ret[n] = '\0';
	return 0;
}

static int parse_file(void *ctx, const char *text, const char *file)
{
	struct driverctl *d = ctx;
	struct driverctl_override o = { 0 }, *v;

	if (driverctl_name_parse(strrchr(file, '/') + 1, &o.bdf) < 0 || driverctl_parse(text, o.driver) < 0)
		return 0;
	v = conf_grow(d->v, &d->n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	d->v = v;
	v[d->n - 1] = o;
	return conf_place_set(&v[d->n - 1].at, file, 1, 1, o.driver);
}

static int compare(const void *a, const void *b)
{
	return bdf_cmp(((const struct driverctl_override *)a)->bdf, ((const struct driverctl_override *)b)->bdf);
}

int driverctl_load(const struct root *r, struct driverctl *ret)
{
	/* of the package driverctl; it has driverctl@.service started for each device that has a file */
	static const char *const rules[] = { "/etc/udev/rules.d/05-driverctl.rules", "/usr/lib/udev/rules.d/05-driverctl.rules",
					     "/lib/udev/rules.d/05-driverctl.rules" };
	static const char *const dirs[] = { DRIVERCTL_DIR };
	_cleanup_driverctl_ struct driverctl d = { 0 };
	_cleanup_strv_ struct strv files = { 0 };
	int k = conf_files(r, dirs, ARRAY_SIZE(dirs), "", &files);

	if (k == 0)
		k = conf_each(r, &files, parse_file, &d, &d.unread);
	if (k < 0)
		return k;
	if (d.n)
		qsort(d.v, d.n, sizeof(*d.v), compare);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		d.installed |= root_exists(r, rules[i]);
	*ret = d;
	d = (struct driverctl){ 0 };
	return 0;
}

void driverctl_done(struct driverctl *d)
{
	for (size_t i = 0; i < d->n; i++)
		conf_place_done(&d->v[i].at);
	free(d->v);
	strv_done(&d->unread);
	*d = (struct driverctl){ 0 };
}
