/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>

#include "host/esp_mount.h"

#define ESPS_MAX  64
#define HANGS_MAX 2

void esps_done(struct esps *l)
{
	for (size_t i = 0; i < l->n; i++)
		boot_entries_done(&l->v[i].entries);
	free(l->v);
	*l = (struct esps){ 0 };
}

const struct esp *esps_first(const struct esps *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].entries.why[0])
			return &l->v[i];
	return NULL;
}

/* What update_esp_func() of proxmox-boot-tool takes for one: others on the list it passes over. */
static bool is_uuid(const char *s)
{
	for (size_t i = 0; i < ESP_UUID_LEN - 1; i++)
		if (i == 4 ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	return !s[ESP_UUID_LEN - 1];
}

static int load_list(const struct root *r, struct esps *l)
{
	_cleanup_free_ char *text = NULL;
	int k = conf_read(r, LOADER_ESP_LIST, &text);

	if (k < 0)
		return k == -ENOMEM ? k : 0;
	for (char *next = text, *line; l->n < ESPS_MAX && (line = str_line(&next));) {
		struct esp *v;

		line = str_trim(line);
		if (!is_uuid(line))
			continue;
		v = conf_grow(l->v, &l->n, sizeof(*v));
		if (!v)
			return -ENOMEM;
		l->v = v;
		memcpy(v[l->n - 1].uuid, line, ESP_UUID_LEN);
	}
	return 0;
}

/*
 * The copies lie where copy_and_config_kernels() of zz-proxmox-boot puts them. Their size tells one from another: FAT's times are local
 * ones, and shift with the kernel's idea of the time zone.
 */
static void look_for_initrd(const struct root *r, const char *dir, enum loader_kind kind, struct boot_entry *e)
{
	char path[PATH_MAX];
	struct stat st;
	bool made = kind == LOADER_PROXMOX_GRUB || str_starts(strrchr(e->file, '/'), "/proxmox-");
	int k;

	if (kind == LOADER_PROXMOX_GRUB)
		path_f(path, "%s/initrd.img-%s", dir, e->release);
	else
		path_f(path, "%s/EFI/proxmox/%s/initrd.img-%s", dir, e->release, e->release);
	k = root_stat(r, path, &st);
	e->initrd_size = k == 0 ? st.st_size : k == -ENOENT && made && e->initrd ? 0 : -1;
}

static int read_entries(const struct root *r, const char *dir, enum loader_kind kind, struct boot_entries *l)
{
	_cleanup_grub_menu_ struct grub_menu m = { 0 };
	char path[PATH_MAX];
	int k;

	if (kind != LOADER_PROXMOX_GRUB)
		return boot_entries_add_dir(l, r, dir);
	k = grub_menu_load(r, dir, &m);
	return k < 0 ? k : boot_entries_add_menu(l, &m, path_f(path, "%s/grub/grub.cfg", dir));
}

int esp_read(const struct root *r, const char *dir, enum loader_kind kind, struct boot_entries *ret)
{
	_cleanup_boot_entries_ struct boot_entries l = { 0 };
	int k = read_entries(r, dir, kind, &l);

	if (k < 0 || !l.n)
		return k < 0 ? k : -ENOENT;
	for (size_t i = 0; i < l.n; i++) {
		char *file = l.v[i].file;

		look_for_initrd(r, dir, kind, &l.v[i]);
		/* where it is on the partition: where that was mounted tells nobody anything */
		memmove(file, file + strlen(dir), strlen(file + strlen(dir)) + 1);
	}
	*ret = l;
	l = (struct boot_entries){ 0 };
	return 0;
}

/* Of a tree. 0 or -ENOMEM. */
static int read_tree(const struct root *r, enum loader_kind kind, struct esp *e)
{
	char dir[PATH_MAX], *why = e->entries.why;
	size_t size = sizeof(e->entries.why);
	int k;

	if (!root_exists(r, path_f(dir, "%s/%s", ESP_TREE, e->uuid))) {
		snprintf(why, size, "it is not there");
		return 0;
	}
	k = esp_read(r, dir, kind, &e->entries);
	if (k == -ENOENT)
		snprintf(why, size, "it has no entries of this boot loader");
	else if (k < 0)
		snprintf(why, size, "cannot read it: %s", strerror(-k));
	return k == -ENOMEM ? k : 0;
}

static int visit_all(const struct root *r, enum loader_kind kind, struct esps *l)
{
	unsigned int hangs = 0;

	for (size_t i = 0; i < l->n; i++) {
		int k = hangs < HANGS_MAX ? esp_visit(r, kind, &l->v[i]) : -ETIMEDOUT;

		if (k == -EPERM || k == -ENOMEM)
			return k;
		if (k == -ETIMEDOUT && hangs++ >= HANGS_MAX)
			snprintf(l->v[i].entries.why, sizeof(l->v[i].entries.why), "it was not looked at, as others do not answer");
	}
	return 0;
}

int esps_load(const struct root *r, const struct loader *loader, struct esps *ret)
{
	_cleanup_esps_ struct esps l = { 0 };
	bool live = root_is_live(r);
	int k;

	*ret = (struct esps){ 0 };
	if (loader->kind != LOADER_PROXMOX_GRUB && loader->kind != LOADER_PROXMOX_SYSTEMD)
		return 0;
	if (!live && !root_exists(r, ESP_TREE))
		return 0;
	k = load_list(r, &l);
	if (k == 0 && live)
		k = visit_all(r, loader->kind, &l);
	for (size_t i = 0; k == 0 && !live && i < l.n; i++)
		k = read_tree(r, loader->kind, &l.v[i]);
	if (k < 0)
		return k == -ENOMEM ? k : 0;
	*ret = l;
	l = (struct esps){ 0 };
	return 0;
}

int esps_lend(const struct esps *l, struct boot_entries *host)
{
	const struct esp *first = esps_first(l);

	for (size_t i = 0; first && i < first->entries.n; i++) {
		const struct boot_entry *from = &first->entries.v[i];
		struct boot_entry *v = conf_grow(host->v, &host->n, sizeof(*v));

		if (!v)
			return -ENOMEM;
		host->v = v;
		v += host->n - 1;
		*v = *from;
		v->params = strdup(from->params);
		v->file = NULL;
		if (!v->params || asprintf(&v->file, "%s of %s", from->file, first->uuid) < 0) {
			v->file = NULL;
			return -ENOMEM;
		}
	}
	if (first)
		host->why[0] = '\0';
	return 0;
}
