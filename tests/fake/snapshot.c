/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "tests/fake/ct.h"
#include "tests/fake/nvidia.h"

static const char *bound_to(const struct fake *f, const char *bdf, char buf[static 64])
{
	char path[PATH_MAX];

	if (root_readlink_base(&f->root, path_f(path, "/sys/bus/pci/devices/%s/driver", bdf), buf, 64) < 0)
		snprintf(buf, 64, "none");
	return buf;
}

static unsigned int entries(const struct fake *f, const char *bdf, const char *kind)
{
	char path[PATH_MAX], full[PATH_MAX];
	struct dirent **v;
	unsigned int found = 0;
	int n = scandir(fake_path(f, full, path_f(path, "/sys/bus/pci/devices/%s/%s", bdf, kind)), &v, NULL, NULL);

	for (int i = 0; i < n; i++) {
		found += v[i]->d_name[0] != '.';
		free(v[i]);
	}
	if (n >= 0)
		free(v);
	return found;
}

static void add_function(const struct fake *f, const char *bdf, void *ctx)
{
	static const char *const attrs[] = { "vendor", "driver_override", "power/control", "d3cold_allowed", "reset_method" };
	struct text *t = ctx;
	char path[PATH_MAX], driver[64];

	text_addf(t, "%s %s", bdf, bound_to(f, bdf, driver));
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++)
		text_addf(t, " %s=%s", attrs[i], fake_get(f, path_f(path, "/sys/bus/pci/devices/%s/%s", bdf, attrs[i])));
	fake_nvidia_describe(f, bdf, t);
	text_addf(t, " drm:%u sound:%u fb:%u\n", entries(f, bdf, "drm"), entries(f, bdf, "sound"), entries(f, bdf, "graphics"));
}

/* Consoles by what they are called, since their numbers change; units by name. */
static void add_each(const struct fake *f, struct text *t, const char *dir, bool consoles)
{
	char path[PATH_MAX];
	struct dirent **v;
	int n = scandir(dir, &v, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		const char *name = v[i]->d_name;

		if (name[0] != '.' && consoles)
			text_addf(t, "console %s bind=%s\n", fake_get(f, path_f(path, "/sys/class/vtconsole/%s/name", name)),
				  fake_get(f, path_f(path, "/sys/class/vtconsole/%s/bind", name)));
		else if (name[0] != '.')
			text_addf(t, "unit %s %s\n", name, fake_hidden(f, path_f(path, "units/%s", name)));
		free(v[i]);
	}
	if (n >= 0)
		free(v);
}

char *fake_snapshot(const struct fake *f)
{
	struct text t = { 0 };
	char path[PATH_MAX];

	fake_each(f, add_function, &t);
	add_each(f, &t, fake_path(f, path, "/sys/class/vtconsole"), true);
	add_each(f, &t, fake_hidden_path(f, path, "units"), false);
	fake_ct_describe(f, &t);
	return text_take(&t);
}

static bool excepted(const char *path, const char *const except[])
{
	for (size_t i = 0; except && except[i]; i++)
		if (str_starts(path, except[i]))
			return true;
	return false;
}

static void add_file(const char *full, struct text *t)
{
	FILE *in = fopen(full, "re");
	int c;

	while (in && (c = fgetc(in)) != EOF)
		text_addf(t, c >= ' ' && c < 0x7f && c != '%' ? "%c" : "%%%02x", c);
	if (in)
		fclose(in);
}

static void add_tree(const struct fake *f, const char *path, const char *const except[], struct text *t)
{
	char full[PATH_MAX], sub[PATH_MAX], target[PATH_MAX];
	struct dirent **v;
	struct stat st;
	ssize_t len;
	int n;

	if (excepted(path, except) || lstat(fake_path(f, full, path), &st) < 0)
		return;
	text_addf(t, "%s %o ", path, st.st_mode);
	if (S_ISLNK(st.st_mode) && (len = readlink(full, target, sizeof(target) - 1)) >= 0)
		text_add_n(t, target, (size_t)len);
	if (S_ISREG(st.st_mode))
		add_file(full, t);
	text_add(t, "\n");
	if (!S_ISDIR(st.st_mode))
		return;
	n = scandir(full, &v, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (!str_eq(v[i]->d_name, ".") && !str_eq(v[i]->d_name, ".."))
			add_tree(f, path_f(sub, "%s/%s", path, v[i]->d_name), except, t);
		free(v[i]);
	}
	if (n >= 0)
		free(v);
}

char *fake_tree(const struct fake *f, const char *const except[])
{
	struct text t = { 0 };

	add_tree(f, "", except, &t);
	return text_take(&t);
}

const char *fake_difference(const char *a, const char *b)
{
	static char message[2048];

	while (*a && *b) {
		size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");

		if (n != m || strncmp(a, b, n) != 0)
			break;
		a += n + (a[n] == '\n');
		b += m + (b[m] == '\n');
	}
	if (!*a && !*b)
		return "";
	snprintf(message, sizeof(message), "before: %.*s\n  after:  %.*s", (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b);
	return message;
}
