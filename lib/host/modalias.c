/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fnmatch.h>

#include "host/modalias.h"
#include "host/modprobe.h"

#define ALIASES_MAX (64 << 20) /* modules.alias of a full kernel: 1.5 MiB */
#define ALIAS	    "alias "

char *modalias_format(const struct pci_fn *fn, char out[static MODALIAS_LEN])
{
	snprintf(out, MODALIAS_LEN, "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X", fn->id.vendor,
		 fn->id.device, fn->id.subvendor, fn->id.subdevice, fn->class >> 16 & 0xff,
		 fn->class >> 8 & 0xff, fn->class & 0xff);
	return out;
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

/* The next PCI alias of the text, cut in place: its pattern and its module. */
static bool next_alias(char **text, char **ret_pattern, char **ret_module)
{
	char *line;

	while ((line = str_line(text))) {
		char *pattern, *module;

		if (!str_starts(line, ALIAS "pci:v"))
			continue;
		pattern = line + strlen(ALIAS);
		module = strchr(pattern, ' ');
		if (!module)
			continue;
		*module++ = '\0';
		module = modprobe_name(str_trim(module));
		if (!*module)
			continue;
		*ret_pattern = pattern;
		*ret_module = module;
		return true;
	}
	return false;
}

static bool alias_matches(const char *pattern, const char *modalias)
{
	const size_t id = strlen("pci:v00001002d");

	/* most lines name another vendor: no need to match the rest of them */
	if (strlen(pattern) >= id && !memchr(pattern, '*', id) && !memchr(pattern, '[', id) && strncmp(pattern, modalias, id) != 0)
		return false;
	return fnmatch(pattern, modalias, 0) == 0;
}

int modalias_match_text(char *text, const char *modalias, struct strv *ret)
{
	char *pattern, *module;

	while (next_alias(&text, &pattern, &module))
		if (alias_matches(pattern, modalias) && !strv_has(ret, module) && strv_add(ret, module) < 0)
			return -ENOMEM;
	return 0;
}

/* Does the pattern name one device, and not a class or all of a vendor? */
static bool names_device(const char *pattern)
{
	const size_t from = strlen("pci:v00001002d"), to = from + 8;

	return strlen(pattern) >= to && strcspn(pattern + from, "*?[") >= to - from;
}

static bool is_fb(const char *module)
{
	size_t n = strlen(module);

	return n > 2 && strcmp(module + n - 2, "fb") == 0;
}

/* How much a match says: the device itself, its class, an old frame buffer driver that every distribution keeps from loading. */
enum { BY_FB, BY_CLASS, BY_DEVICE, RANKS };

int modalias_native_text(char *text, const struct pci_fn *fns, size_t n, struct strv ret[])
{
	_cleanup_free_ struct strv *found = calloc(n * RANKS + 1, sizeof(*found));
	_cleanup_free_ char(*modaliases)[MODALIAS_LEN] = calloc(n + 1, sizeof(*modaliases));
	char *pattern, *module;
	int k = found && modaliases ? 0 : -ENOMEM;

	for (size_t i = 0; k == 0 && i < n; i++)
		modalias_format(&fns[i], modaliases[i]);

	while (k == 0 && next_alias(&text, &pattern, &module)) {
		int rank = is_fb(module) ? BY_FB : names_device(pattern) ? BY_DEVICE : BY_CLASS;

		for (size_t i = 0; k == 0 && i < n && !is_vfio(module); i++) {
			struct strv *l = &found[i * RANKS + (size_t)rank];

			if (alias_matches(pattern, modaliases[i]) && !strv_has(l, module))
				k = strv_add(l, module);
		}
	}
	for (size_t i = 0; found && i < n * RANKS; i++) {
		struct strv *best = &found[i / RANKS * RANKS + (RANKS - 1 - i % RANKS)], *to = &ret[i / RANKS];

		if (k == 0 && !to->n) {
			*to = *best;
			*best = (struct strv){ 0 };
		}
		strv_done(best);
	}
	return k;
}

/* The aliases of the running kernel's modules. */
static int read_aliases(const struct root *r, char **ret, struct err *e)
{
	char release[65], path[PATH_MAX];
	int k = root_read_line(r, "/proc/sys/kernel/osrelease", release, sizeof(release));

	if (k < 0 || strchr(release, '/'))
		return err_errno(e, k < 0 ? k : -EINVAL, "cannot tell the running kernel's release");
	k = root_read(r, path_f(path, "/lib/modules/%s/modules.alias", release), ALIASES_MAX, ret, NULL);
	return k < 0 ? err_errno(e, k, "cannot read %s%s", r->path, path) : 0;
}

int modalias_native(const struct root *r, const struct pci_fn *fns, size_t n, struct strv ret[], struct err *e)
{
	_cleanup_free_ char *text = NULL;
	int k = read_aliases(r, &text, e);

	if (k < 0)
		return k;
	return modalias_native_text(text, fns, n, ret) < 0 ? err_errno(e, -ENOMEM, "cannot look up the modules for PCI devices") : 0;
}

int modalias_modules(const struct root *r, const struct pci_fn *fn, struct strv *ret, struct err *e)
{
	_cleanup_strv_ struct strv all = { 0 };
	_cleanup_modprobe_ struct modprobe conf = { 0 };
	_cleanup_free_ char *text = NULL;
	char modalias[MODALIAS_LEN];
	int k = read_aliases(r, &text, e);

	if (k < 0)
		return k;
	if (modalias_match_text(text, modalias_format(fn, modalias), &all) < 0 || modprobe_load(r, &conf) < 0)
		return err_errno(e, -ENOMEM, "cannot look up the modules for a PCI device");
	strv_foreach (module, &all)
		if (!is_vfio(module) && !modprobe_blacklisted(&conf, module) && !strv_has(ret, module) && strv_add(ret, module) < 0)
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
	k = root_opendir(r, path_f(path, "/sys/module/%s/drivers", modprobe_name(name)), &d);
	if (k < 0)
		return k == -ENOENT ? 0 : k;
	for (struct dirent *ent; (ent = readdir(d));)
		if (str_starts(ent->d_name, "pci:") && strv_add(ret, ent->d_name + 4) < 0)
			return -ENOMEM;
	return 0;
}
