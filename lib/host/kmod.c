/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/kmod.h"
#include "host/modprobe.h"

#define LIST_MAX (64 << 20) /* modules.dep of a full kernel: 1 MiB */
#define MODULE_MAX 64	    /* MODULE_NAME_LEN of the kernel, include/linux/moduleparam.h */
#define SUFFIX	 ".ko"

static bool same_name(const char *s, size_t n, const char *module)
{
	for (; n && *module; n--, s++, module++)
		if (*s != *module && !(strchr("-_", *s) && strchr("-_", *module)))
			return false;
	return n == 0 && !*module;
}

bool kmod_listed(const char *list, const char *module)
{
	for (const char *line = list; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t end = strcspn(line, ":\n"), from = end;
		const char *suffix;

		while (from > 0 && line[from - 1] != '/')
			from--;
		suffix = memmem(line + from, end - from, SUFFIX, strlen(SUFFIX));
		if (suffix && same_name(line + from, (size_t)(suffix - line) - from, module))
			return true;
	}
	return false;
}

const char *kmod_keeper(const char *name)
{
	static const char *const keepers[] = { "vfio-pci", "pci-stub" };

	for (size_t i = 0; i < ARRAY_SIZE(keepers); i++)
		if (same_name(name, strlen(name), keepers[i]))
			return keepers[i];
	return NULL;
}

enum tri kmod_installed(const struct root *r, const char *release, const char *module)
{
	static const char *const lists[] = { "modules.dep", "modules.builtin" };
	enum tri is = TRI_UNKNOWN;

	if (!*release || strchr(release, '/'))
		return TRI_UNKNOWN;
	for (size_t i = 0; i < ARRAY_SIZE(lists) && is != TRI_YES; i++) {
		_cleanup_free_ char *text = NULL;
		char path[PATH_MAX];

		if (root_read(r, path_f(path, "/lib/modules/%s/%s", release, lists[i]), LIST_MAX, &text, NULL) == 0)
			is = kmod_listed(text, module) ? TRI_YES : TRI_NO;
	}
	return is;
}

bool kmod_loaded(const struct root *r, const char *module)
{
	char name[MODULE_MAX], path[PATH_MAX];

	if (strchr(module, '/') || snprintf(name, sizeof(name), "%s", module) >= (int)sizeof(name))
		return false;
	return root_exists(r, path_f(path, "/sys/module/%s", modprobe_name(name)));
}
