/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/exec.h"
#include "host/initramfs.h"

#define LIST_MAX (16 << 20)

bool initramfs_counts(const char *name)
{
	const char *base = strrchr(name, '/');

	return base && (strstr(base, "gpupt") || (str_starts(base, "/vfio") && strstr(base, ".ko")));
}

struct listing {
	struct initramfs *ret;
	bool any; /* it had names at all */
};

/* cpio(1) has names as they were archived: with "./" in front, or without. */
static int take_name(void *ctx, const char *line)
{
	struct listing *l = ctx;
	const char *name = line + (str_starts(line, "./") ? 2 : 0);

	l->any |= strchr(name, '/') != NULL;
	return initramfs_counts(name) ? strv_add(&l->ret->names, name) : 0;
}

/* From a captured tree. */
static int load_list(const struct root *r, const char *release, struct listing *l)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX], *next, *line;
	int k = root_read(r, path_f(path, INITRAMFS_LISTS "/%s", release), LIST_MAX, &text, NULL);

	if (k < 0) {
		snprintf(l->ret->why, sizeof(l->ret->why), "this is the copy of a host, below which no program is run");
		return k == -ENOMEM ? k : 0;
	}
	k = 0;
	for (next = text; k == 0 && (line = str_line(&next));)
		k = take_name(l, line);
	return k;
}

static int run(const struct root *r, const char *release, struct listing *l)
{
	_cleanup_exec_ struct exec_result res = { 0 };
	char path[PATH_MAX], program[] = "lsinitramfs";
	char *argv[] = { program, path_f(path, "/boot/initrd.img-%s", release), NULL };
	struct exec_watch watch = { .line = take_name, .ctx = l };
	struct err e = { "" };
	int k = exec_run_watched(r, argv, INITRAMFS_MS, &watch, &res, &e);

	if (k == -ENOMEM)
		return k;
	if (k == 0)
		k = exec_verdict(program, &res, &e);
	if (k < 0)
		snprintf(l->ret->why, sizeof(l->ret->why), "%.220s", e.text);
	else if (!l->any)
		snprintf(l->ret->why, sizeof(l->ret->why), "%s names no files in it", program);
	return 0;
}

int initramfs_load(const struct root *r, const char *release, struct initramfs *ret)
{
	_cleanup_initramfs_ struct initramfs i = { 0 };
	struct listing l = { .ret = &i };
	int k = root_is_live(r) ? run(r, release, &l) : load_list(r, release, &l);

	if (k < 0)
		return k;
	*ret = i;
	i = (struct initramfs){ 0 };
	return 0;
}

void initramfs_done(struct initramfs *i)
{
	strv_done(&i->names);
	*i = (struct initramfs){ 0 };
}

/* Is it the module's file: "/vfio-pci.ko", with .xz, .zst or .gz behind it? */
static bool is_module(const char *base, const char *module)
{
	for (base++; *module && (*base == *module || (*module == '-' && *base == '_')); base++)
		module++;
	return !*module && (strcmp(base, ".ko") == 0 || str_starts(base, ".ko."));
}

bool initramfs_has_module(const struct initramfs *i, const char *module)
{
	strv_foreach (name, &i->names)
		if (is_module(strrchr(name, '/'), module))
			return true;
	return false;
}

bool initramfs_has_file(const struct initramfs *i, const char *end)
{
	strv_foreach (name, &i->names) {
		size_t n = strlen(name), m = strlen(end);

		if ((n >= m && strcmp(name + n - m, end) == 0) || strcmp(name, end + 1) == 0)
			return true;
	}
	return false;
}
