/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>

#include "host/conf.h"
#include "host/nvidia_files.h"

const char *const nvidia_units[NVIDIA_UNITS] = { NVIDIA_PERSISTENCED, NVIDIA_POWERD, NVIDIA_FABRICMANAGER };
const char *const nvidia_rules[NVIDIA_RULES] = { NVIDIA_RULE_OWN, NVIDIA_RULE_DEBIAN, NVIDIA_RULE_UBUNTU };

bool own_mark_is_in(const char *text)
{
	return str_starts(text, OWN_MARK) && !isalnum((unsigned char)text[strlen(OWN_MARK)]);
}

/* systemd.unit(5), and udev(7): the first directory that has the name decides. */
static bool is_installed(const struct root *r, const char *const dirs[], size_t n, const char *name)
{
	char path[PATH_MAX], base[8];
	struct stat st;

	for (size_t i = 0; i < n; i++) {
		path_f(path, "%s/%s", dirs[i], name);
		if (root_lstat(r, path, &st) < 0)
			continue;
		return root_readlink_base(r, path, base, sizeof(base)) < 0 || strcmp(base, "null") != 0;
	}
	return false;
}

static enum nvidia_mask mask_of(const struct root *r, const char *name)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	struct stat st;

	if (root_lstat(r, path_f(path, UDEV_RULES_ETC "/%s", name), &st) < 0)
		return NVIDIA_MASK_NONE;
	return conf_read(r, path, &text) == 0 && own_mark_is_in(text) ? NVIDIA_MASK_OURS : NVIDIA_MASK_OTHERS;
}

void nvidia_files_load(const struct root *r, struct nvidia_files *ret)
{
	static const char *const units[] = { "/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
					     "/usr/lib/systemd/system", "/lib/systemd/system" };
	static const char *const rules[] = { "/run/udev/rules.d", "/usr/local/lib/udev/rules.d", "/usr/lib/udev/rules.d",
					     "/lib/udev/rules.d" };
	struct nvidia_files f = { 0 };

	for (size_t i = 0; i < NVIDIA_UNITS; i++)
		f.unit[i] = is_installed(r, units, ARRAY_SIZE(units), nvidia_units[i]);
	for (size_t i = 0; i < NVIDIA_RULES; i++) {
		f.rule[i] = is_installed(r, rules, ARRAY_SIZE(rules), nvidia_rules[i]);
		f.mask[i] = mask_of(r, nvidia_rules[i]);
	}
	*ret = f;
}
