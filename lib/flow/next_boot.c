/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/next_boot.h"
#include "host/modsig.h"
#include "policy/prepare.h"

/* Ours that update-initramfs(8) takes in. */
static const char *const own_files[] = { PREPARE_MODPROBE, PREPARE_UDEV, PREPARE_INIT_HOOK, PREPARE_INIT_SCRIPT };

/* Does mkinitramfs(8) take in what has this pin? Of udev's rules those that a hook copies. */
static bool is_in_initramfs(const struct setup *s, const struct pin *p)
{
	switch (p->kind) {
	case PIN_OPTIONS:
	case PIN_BLACKLIST:
	case PIN_INSTALL:
	case PIN_ALIAS:
	case PIN_SOFTDEP:
	case PIN_MODULE:
	case PIN_SCRIPT:
	case PIN_HOOK:
		return true;
	case PIN_UDEV:
		return inithooks_take(&s->inithooks, p->file);
	case PIN_DRIVERCTL:
	case PIN_PARAM:
		break;
	}
	return false;
}

static int list_files(const struct setup *s, const struct pins *pins, struct strv *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_files); i++)
		if (strv_add(ret, own_files[i]) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < pins->n; i++) {
		const struct pin *p = &pins->v[i];

		if (is_in_initramfs(s, p) && p->file && !strv_has(ret, p->file) && strv_add(ret, p->file) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int compare_ages(const struct root *r, const struct strv *files, struct next_boot *n)
{
	strv_foreach (path, files) {
		struct stat st;

		if (root_stat(r, path, &st) < 0)
			continue;
		for (size_t i = 0; i < n->kernels.n; i++)
			if (kernel_initrd_is_older(&n->kernels.v[i], &st.st_mtim) && strv_add(&n->v[i].newer, path) < 0)
				return -ENOMEM;
	}
	return 0;
}

/* Only a module that matters is worth running a program. */
static void look_for_signatures(const struct root *r, const struct setup *s, const struct settings *set, struct dkms *d)
{
	for (size_t i = 0; i < d->n; i++) {
		if (!next_boot_needs(s, set, &d->v[i]))
			continue;
		for (size_t b = 0; b < d->v[i].n; b++)
			for (size_t f = 0; f < d->v[i].v[b].n; f++)
				d->v[i].v[b].v[f].is_signed = modsig_look(r, d->v[i].v[b].v[f].path);
	}
}

static int load(const struct root *r, const struct setup *s, const struct settings *set, const struct pins *pins, struct next_boot *n)
{
	_cleanup_strv_ struct strv files = { 0 };
	int k = kernels_load(r, &n->kernels);

	if (k == 0)
		k = boot_entries_load(r, &s->boot, &s->loader, &n->kernels, &n->entries);
	if (k == 0)
		k = esps_load(r, &s->loader, &n->esps);
	if (k == 0)
		k = esps_lend(&n->esps, &n->entries);
	if (k == 0)
		k = dkms_load(r, &n->kernels, &n->dkms);
	if (k == 0)
		k = list_files(s, pins, &files);
	n->v = calloc(n->kernels.n + 1, sizeof(*n->v));
	if (k < 0 || !n->v)
		return -ENOMEM;
	if (compare_ages(r, &files, n) < 0)
		return -ENOMEM;
	n->prepared = root_exists(r, PREPARE_UDEV) && root_exists(r, PREPARE_INIT_SCRIPT);
	for (size_t i = 0; k == 0 && next_boot_reserves(s, set) && i < n->kernels.n; i++)
		if (n->kernels.v[i].initrd)
			k = initramfs_load(r, n->kernels.v[i].release, &n->v[i].initramfs);
	if (s->boot.secure_boot == TRI_YES)
		look_for_signatures(r, s, set, &n->dkms);
	return k;
}

int next_boot_load(const struct root *r, const struct setup *s, const struct settings *set, const struct pins *pins,
		   struct next_boot *ret, struct err *e)
{
	_cleanup_next_boot_ struct next_boot n = { 0 };
	int k = load(r, s, set, pins, &n);

	if (k < 0)
		return err_errno(e, k, "cannot look at the next boot");
	*ret = n;
	n = (struct next_boot){ 0 };
	return 0;
}
