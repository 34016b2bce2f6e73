/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/modload.h"
#include "host/modprobe.h"

#define BLANK	   " \t\r\v\f"
#define ETC_MODULES "/etc/modules"

static int add(struct modload *l, char *line, const char *text, const char *file, unsigned int number, bool initramfs)
{
	struct modload_line *v = conf_grow(l->v, &l->n, sizeof(*v)), *new;
	size_t n = strcspn(line, BLANK);

	if (!v)
		return -ENOMEM;
	l->v = v;
	new = &v[l->n - 1];
	new->initramfs = initramfs;
	new->args = strdup(line[n] ? str_trim(line + n) : "");
	line[n] = '\0';
	new->module = strdup(modprobe_name(line));
	return conf_place_set(&new->at, file, number, number, text) == 0 && new->args && new->module ? 0 : -ENOMEM;
}

int modload_parse(const char *text, const char *file, bool initramfs, struct modload *l)
{
	_cleanup_free_ char *copy = strdup(text);
	char *next = copy;
	unsigned int number = 0;

	if (!copy)
		return -ENOMEM;
	for (char *raw; (raw = str_line(&next));) {
		_cleanup_free_ char *whole = strdup(raw);
		char *line = str_trim(raw);

		number++;
		if (!whole)
			return -ENOMEM;
		if (!*line || *line == '#' || (*line == ';' && !initramfs))
			continue;
		if (add(l, line, whole, file, number, initramfs) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int parse_static(void *ctx, const char *text, const char *file)
{
	return modload_parse(text, file, false, ctx);
}

static int parse_initramfs(void *ctx, const char *text, const char *file)
{
	return modload_parse(text, file, true, ctx);
}

/* The files for systemd-modules-load(8), each under its own name; /etc/modules counts where no link leads to it, too (sysvinit). */
static int static_files(const struct root *r, struct strv *ret)
{
	static const char *const dirs[] = { "/etc/modules-load.d", "/run/modules-load.d", "/usr/local/lib/modules-load.d",
					    "/usr/lib/modules-load.d", "/lib/modules-load.d" };
	_cleanup_strv_ struct strv files = { 0 };
	int k = conf_files(r, dirs, ARRAY_SIZE(dirs), ".conf", &files);

	strv_foreach (path, &files) {
		char base[16];
		bool link = root_readlink_base(r, path, base, sizeof(base)) == 0 && strcmp(base, "modules") == 0;

		if (k == 0 && !(link && strv_has(ret, ETC_MODULES)))
			k = strv_add(ret, link ? ETC_MODULES : path);
	}
	if (k == 0 && !strv_has(ret, ETC_MODULES))
		k = strv_add(ret, ETC_MODULES);
	return k;
}

int modload_load(const struct root *r, struct modload *ret)
{
	_cleanup_modload_ struct modload l = { 0 };
	_cleanup_strv_ struct strv files = { 0 }, early = { 0 };
	int k = static_files(r, &files);

	if (k == 0)
		k = conf_each(r, &files, parse_static, &l, &l.unread);
	if (k == 0)
		k = strv_add(&early, "/etc/initramfs-tools/modules");
	if (k == 0)
		k = conf_each(r, &early, parse_initramfs, &l, &l.unread);
	if (k < 0)
		return k;
	*ret = l;
	l = (struct modload){ 0 };
	return 0;
}

void modload_done(struct modload *l)
{
	for (size_t i = 0; i < l->n; i++) {
		conf_place_done(&l->v[i].at);
		free(l->v[i].module);
		free(l->v[i].args);
	}
	free(l->v);
	strv_done(&l->unread);
	*l = (struct modload){ 0 };
}
