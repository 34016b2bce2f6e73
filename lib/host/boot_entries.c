/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fnmatch.h>

#include "host/boot_entries.h"
#include "host/grub.h"

#define BLANK " \t\r"
/* an entry that was chosen for the next boot, or for all, at run time (https://systemd.io/BOOT_LOADER_INTERFACE) */
#define ONE_SHOT "/sys/firmware/efi/efivars/LoaderEntryOneShot-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
#define CHOSEN	 "/sys/firmware/efi/efivars/LoaderEntryDefault-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

void boot_entry_done(struct boot_entry *e)
{
	free(e->file);
	free(e->params);
	*e = (struct boot_entry){ 0 };
}

void boot_entries_done(struct boot_entries *l)
{
	for (size_t i = 0; i < l->n; i++)
		boot_entry_done(&l->v[i]);
	free(l->v);
	*l = (struct boot_entries){ 0 };
}

const struct boot_entry *boot_entries_find(const struct boot_entries *l, const char *release)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].release, release) == 0)
			return &l->v[i];
	return NULL;
}

static struct boot_entry *grow(struct boot_entries *l)
{
	struct boot_entry *v = conf_grow(l->v, &l->n, sizeof(*v));

	if (!v)
		return NULL;
	l->v = v;
	return &v[l->n - 1];
}

int boot_entries_add_menu(struct boot_entries *l, const struct grub_menu *m, const char *file)
{
	for (size_t i = 0; i < m->n; i++) {
		struct boot_entry *e;

		if (!m->v[i].release[0])
			continue;
		e = grow(l);
		if (!e)
			return -ENOMEM;
		memcpy(e->release, m->v[i].release, sizeof(e->release));
		e->params = strdup(m->v[i].params);
		e->file = strdup(file);
		e->initrd = m->v[i].initrd;
		if (!e->params || !e->file)
			return -ENOMEM;
	}
	return 0;
}

static int load_grub(const struct root *r, struct boot_entries *l)
{
	_cleanup_grub_menu_ struct grub_menu m = { 0 };
	const struct grub_item *next;
	int k = grub_menu_load(r, GRUB_BOOT, &m);

	if (k == -ENOMEM)
		return k;
	if (k < 0) {
		snprintf(l->why, sizeof(l->why), k == -ENOENT ? "there is no %s" : "%s cannot be read", GRUB_CFG);
		snprintf(l->next_why, sizeof(l->next_why), "%s", l->why);
		return 0;
	}
	k = boot_entries_add_menu(l, &m, GRUB_CFG);
	if (k < 0)
		return k;
	next = grub_menu_next(&m);
	if (next && next->release[0])
		memcpy(l->next, next->release, sizeof(l->next));
	else
		snprintf(l->next_why, sizeof(l->next_why), next ? "GRUB's default entry boots no kernel of %s" : "GRUB decides by a variable of %s",
			 next ? "this system" : "its own");
	return 0;
}

int boot_entry_parse(const char *text, const char *file, struct boot_entry *ret)
{
	_cleanup_free_ char *copy = strdup(text);
	_cleanup_text_ struct text params = { 0 };
	char *next = copy;

	*ret = (struct boot_entry){ .file = strdup(file) };
	for (char *line; copy && (line = str_line(&next));) {
		char *key = str_trim(line), *value = key + strcspn(key, BLANK);

		if (*value)
			*value++ = '\0';
		value += strspn(value, BLANK);
		if (strcmp(key, "linux") == 0)
			kernel_release(value, ret->release);
		else if (strcmp(key, "initrd") == 0)
			ret->initrd = true;
		else if (strcmp(key, "options") == 0)
			text_join(&params, " ", value);
		else if (strcmp(key, "version") == 0 && !ret->release[0])
			/* kernel-install(8) has the release here, and calls the image "linux" */
			kernel_release_parse(value, ret->release);
	}
	ret->params = text_take(&params);
	return copy && ret->file && ret->params ? 0 : -ENOMEM;
}

int boot_entries_add_dir(struct boot_entries *l, const struct root *r, const char *esp)
{
	_cleanup_strv_ struct strv files = { 0 };
	char path[PATH_MAX];
	const char *dirs[] = { path_f(path, "%s/loader/entries", esp) };
	int k = conf_files(r, dirs, 1, ".conf", &files);

	if (k < 0 || !files.n)
		return k < 0 ? k : -ENOENT;
	strv_foreach (file, &files) {
		_cleanup_free_ char *text = NULL;
		struct boot_entry *e;

		k = conf_read(r, file, &text);
		if (k == -ENOMEM)
			return k;
		if (k < 0)
			continue;
		e = grow(l);
		if (!e || boot_entry_parse(text, file, e) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* boot_entry_compare() of systemd-boot, of entries without a sort key. */
static int by_name(const void *a, const void *b)
{
	return kernel_compare(((const struct boot_entry *)b)->file, ((const struct boot_entry *)a)->file);
}

/* `default PATTERN` of loader.conf(5); "*" without. */
static void load_pattern(const struct root *r, const char *esp, char *buf, size_t size)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX], *next, *line;

	snprintf(buf, size, "*");
	if (conf_read(r, path_f(path, "%s/loader/loader.conf", esp), &text) < 0)
		return;
	for (next = text; (line = str_line(&next));)
		if (str_starts(line = str_trim(line), "default") && strchr(BLANK, line[strlen("default")]))
			snprintf(buf, size, "%s", str_trim(line + strlen("default")));
}

static int load_systemd(const struct root *r, struct boot_entries *l)
{
	/* where bootctl(1) looks */
	static const char *const esps[] = { "/efi", "/boot/efi", "/boot" };
	char pattern[256];
	int k = -ENOENT;

	for (size_t i = 0; k == -ENOENT && i < ARRAY_SIZE(esps); i++) {
		k = boot_entries_add_dir(l, r, esps[i]);
		if (k == 0)
			load_pattern(r, esps[i], pattern, sizeof(pattern));
	}
	if (k == -ENOENT) {
		snprintf(l->why, sizeof(l->why), "the EFI system partition is not mounted");
		snprintf(l->next_why, sizeof(l->next_why), "%s", l->why);
		return 0;
	}
	if (k < 0)
		return k;
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_name);
	for (size_t i = 0; i < l->n && !l->next[0]; i++)
		if (fnmatch(pattern, strrchr(l->v[i].file, '/') + 1, 0) == 0)
			memcpy(l->next, l->v[i].release, sizeof(l->next));
	if (!l->next[0])
		snprintf(l->next_why, sizeof(l->next_why), "systemd-boot has no entry '%.64s'", pattern);
	return 0;
}

/* Its first line, as get_first_line() of proxmox-boot-tool takes it; false without. */
static bool load_pin(const struct root *r, const char *file, char ret[static KERNEL_RELEASE_LEN])
{
	char line[256];

	if (root_read_line(r, file, line, sizeof(line)) < 0)
		return false;
	if (!*str_trim(line))
		return false;
	/* whatever stands there, it is not the default; as one that is not installed it is said */
	snprintf(ret, KERNEL_RELEASE_LEN, "%.*s", KERNEL_RELEASE_LEN - 1, str_trim(line));
	return true;
}

/* kernel_keep_versions(): of Proxmox VE's kernels the newest, the running one, and those that were named to it. */
static bool is_copied(const struct boot *b, const struct kernel *k, const char *manual)
{
	const char *at = manual ? strstr(manual, k->release) : NULL;
	size_t n = strlen(k->release);

	if (!k->initrd)
		return false;
	return strstr(k->release, "-pve") || strcmp(k->release, b->release) == 0 ||
	       (at && (at == manual || at[-1] == '\n') && (!at[n] || at[n] == '\n'));
}

/* GRUB's default is the first entry unless somebody has set another one. */
static int check_grub_default(const struct root *r, struct boot_entries *l)
{
	_cleanup_text_ struct text value = { 0 };
	_cleanup_grub_ struct grub g = { 0 };
	const struct grub_var *var;
	int k = grub_load(r, &g);

	if (k < 0)
		return k;
	var = grub_var(&g, "GRUB_DEFAULT");
	for (size_t i = 0; var && i < var->n; i++)
		text_add(&value, var->v[i].text);
	if (g.why[0])
		snprintf(l->next_why, sizeof(l->next_why), "%s", g.why);
	else if (var && strcmp(text_str(&value), "0") != 0)
		snprintf(l->next_why, sizeof(l->next_why), "GRUB_DEFAULT is '%.80s'", text_str(&value));
	return value.r;
}

static int load_proxmox(const struct root *r, const struct boot *b, bool grub, const struct kernels *k, struct boot_entries *l)
{
	_cleanup_free_ char *manual = NULL;
	const char *file = BOOT_NEXT_PIN;
	char pin[KERNEL_RELEASE_LEN];
	bool pinned = load_pin(r, file, pin);

	snprintf(l->why, sizeof(l->why), "the partitions of proxmox-boot-tool are not mounted");
	if (!pinned)
		pinned = load_pin(r, file = BOOT_PIN, pin);
	if (pinned && kernels_find(k, pin))
		memcpy(l->next, pin, sizeof(l->next));
	else if (pinned)
		snprintf(l->next_why, sizeof(l->next_why), "%s names %s, which is not installed", file, str_printable(pin));
	if (pinned)
		return 0;
	if ((grub && check_grub_default(r, l) < 0) || conf_read(r, BOOT_MANUAL, &manual) == -ENOMEM)
		return -ENOMEM;
	for (size_t i = 0; i < k->n && !l->next[0] && !l->next_why[0]; i++)
		if (is_copied(b, &k->v[i], manual))
			memcpy(l->next, k->v[i].release, sizeof(l->next));
	if (!l->next[0] && !l->next_why[0])
		snprintf(l->next_why, sizeof(l->next_why), "proxmox-boot-tool takes none of the kernels in /boot");
	return 0;
}

int boot_entries_load(const struct root *r, const struct boot *b, const struct loader *l, const struct kernels *k,
		      struct boot_entries *ret)
{
	_cleanup_boot_entries_ struct boot_entries e = { 0 };
	int res = 0;

	if (l->kind == LOADER_GRUB)
		res = load_grub(r, &e);
	else if (l->kind == LOADER_SYSTEMD)
		res = load_systemd(r, &e);
	else if (l->kind == LOADER_PROXMOX_GRUB || l->kind == LOADER_PROXMOX_SYSTEMD)
		res = load_proxmox(r, b, l->kind == LOADER_PROXMOX_GRUB, k, &e);
	else
		snprintf(e.why, sizeof(e.why), "which boot loader started this machine is not known");
	if (res < 0)
		return res;
	if (l->kind == LOADER_UNKNOWN)
		snprintf(e.next_why, sizeof(e.next_why), "%s", e.why);
	if ((l->kind == LOADER_SYSTEMD || l->kind == LOADER_PROXMOX_SYSTEMD) && (root_exists(r, ONE_SHOT) || root_exists(r, CHOSEN))) {
		e.next[0] = '\0';
		snprintf(e.next_why, sizeof(e.next_why), "systemd-boot has been told an entry (LoaderEntryOneShot or LoaderEntryDefault)");
	}
	*ret = e;
	e = (struct boot_entries){ 0 };
	return 0;
}
