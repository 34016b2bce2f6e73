/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fnmatch.h>

#include "host/modalias.h"

#define ALIASES_MAX (64 << 20) /* modules.alias of a full kernel: 1.5 MiB */
#define CONF_MAX    (1 << 20)
#define ALIAS	    "alias "
#define BLACKLIST   "blacklist"

char *modalias_format(const struct pci_fn *fn, char out[static MODALIAS_LEN])
{
	snprintf(out, MODALIAS_LEN, "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X", fn->id.vendor,
		 fn->id.device, fn->id.subvendor, fn->id.subdevice, fn->class >> 16 & 0xff,
		 fn->class >> 8 & 0xff, fn->class & 0xff);
	return out;
}

/* A module's name as the kernel has it. */
static char *module_name(char *s)
{
	for (char *p = s; *p; p++)
		if (*p == '-')
			*p = '_';
	return s;
}

/*
 * Drivers that aliases ask for but that are no home. The vfio-pci variants (mlx5-vfio-pci,
 * nvgrace-gpu-vfio-pci …) have their aliases under "vfio_pci:", but vfio-pci itself could be given ids.
 */
static bool is_vfio(const char *module)
{
	size_t n = strlen(module), m = strlen("vfio_pci");

	return n >= m && strcmp(module + n - m, "vfio_pci") == 0;
}

int modalias_match_text(char *text, const char *modalias, struct strv *ret)
{
	const size_t id = strlen("pci:v00001002d");
	char *line;

	while ((line = str_line(&text))) {
		char *pattern, *module;

		if (!str_starts(line, ALIAS "pci:v"))
			continue;
		pattern = line + strlen(ALIAS);
		module = strchr(pattern, ' ');
		if (!module)
			continue;
		*module++ = '\0';
		/* most lines name another vendor: no need to match the rest of them */
		if (strlen(pattern) >= id && !memchr(pattern, '*', id) && !memchr(pattern, '[', id) &&
		    strncmp(pattern, modalias, id) != 0)
			continue;
		if (fnmatch(pattern, modalias, 0) != 0)
			continue;
		module = module_name(str_trim(module));
		if (*module && !strv_has(ret, module) && strv_add(ret, module) < 0)
			return -ENOMEM;
	}
	return 0;
}

int modalias_blacklist_text(char *text, struct strv *ret)
{
	char *line;

	while ((line = str_line(&text))) {
		char *word = str_trim(line);
		size_t n = strlen(BLACKLIST);

		if (!str_starts(word, BLACKLIST) || !strchr(" \t", word[n]) || !word[n])
			continue;
		word = str_trim(word + n);
		word[strcspn(word, " \t")] = '\0';
		module_name(word);
		if (*word && !strv_has(ret, word) && strv_add(ret, word) < 0)
			return -ENOMEM;
	}
	return 0;
}

static bool is_conf(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && name[0] != '.' && strcmp(name + n - 5, ".conf") == 0;
}

/* modprobe.d(5): in these directories; a file hides those of the same name in later ones. */
static int blacklist_load(const struct root *r, struct strv *ret)
{
	static const char *const dirs[] = { "/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d",
					    "/usr/lib/modprobe.d", "/lib/modprobe.d" };
	_cleanup_strv_ struct strv seen = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		_cleanup_closedir_ DIR *d = NULL;

		if (root_opendir(r, dirs[i], &d) < 0)
			continue;
		for (struct dirent *ent; (ent = readdir(d));) {
			_cleanup_free_ char *text = NULL;
			char path[PATH_MAX];

			if (!is_conf(ent->d_name) || strv_has(&seen, ent->d_name))
				continue;
			if (strv_add(&seen, ent->d_name) < 0)
				return -ENOMEM;
			path_f(path, "%s/%s", dirs[i], ent->d_name);
			if (root_read(r, path, CONF_MAX, &text, NULL) == 0 &&
			    modalias_blacklist_text(text, ret) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

int modalias_modules(const struct root *r, const struct pci_fn *fn, struct strv *ret, struct err *e)
{
	_cleanup_strv_ struct strv all = { 0 }, black = { 0 };
	_cleanup_free_ char *text = NULL;
	char release[65], path[PATH_MAX], modalias[MODALIAS_LEN];
	int k;

	k = root_read_line(r, "/proc/sys/kernel/osrelease", release, sizeof(release));
	if (k < 0 || strchr(release, '/'))
		return err_errno(e, k < 0 ? k : -EINVAL, "cannot tell the running kernel's release");
	path_f(path, "/lib/modules/%s/modules.alias", release);
	k = root_read(r, path, ALIASES_MAX, &text, NULL);
	if (k < 0)
		return err_errno(e, k, "cannot read %s%s", r->path, path);
	if (modalias_match_text(text, modalias_format(fn, modalias), &all) < 0 ||
	    blacklist_load(r, &black) < 0)
		return err_errno(e, -ENOMEM, "cannot look up the modules for a PCI device");
	strv_foreach (module, &all)
		if (!is_vfio(module) && !strv_has(&black, module) && !strv_has(ret, module) &&
		    strv_add(ret, module) < 0)
			return err_errno(e, -ENOMEM, "cannot look up the modules for a PCI device");
	return 0;
}

int module_pci_drivers(const struct root *r, const char *module, struct strv *ret)
{
	_cleanup_closedir_ DIR *d = NULL;
	char name[PCI_NAME_LEN * 2], path[PATH_MAX];
	int k;

	if (strlen(module) >= sizeof(name) || strchr(module, '/'))
		return -EINVAL;
	memcpy(name, module, strlen(module) + 1);
	k = root_opendir(r, path_f(path, "/sys/module/%s/drivers", module_name(name)), &d);
	if (k < 0)
		return k == -ENOENT ? 0 : k;
	for (struct dirent *ent; (ent = readdir(d));)
		if (str_starts(ent->d_name, "pci:") && strv_add(ret, ent->d_name + 4) < 0)
			return -ENOMEM;
	return 0;
}
