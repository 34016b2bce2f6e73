/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "base/root.h"
#include "pve/section.h"
#include "pve/storage_cfg.h"

#define STORAGE_FILE "/etc/pve/storage.cfg"
#define STORAGE_MAX  (1024 * 1024)
#define LOCAL_PATH   "/var/lib/vz"

bool storage_id_valid(const char *s, size_t len)
{
	if (len < 2 || !isalpha((unsigned char)s[0]) || !isalnum((unsigned char)s[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("-_.", s[i]))
			return false;
	return true;
}

/* Cuts "type: ID". */
static bool parse_header(char *line, const char **ret_type, const char **ret_id)
{
	size_t n = strcspn(line, ": \t\r\f\v");
	char *id;

	if (n == 0 || line[n] != ':')
		return false;
	line[n] = '\0';
	id = str_trim(line + n + 1);
	*ret_type = line;
	*ret_id = id;
	return *id && !id[strcspn(id, " \t\r\f\v")];
}

static void read_section_line(struct storage *st, const char *key, const char *value)
{
	if (str_eq(key, "path") && !st->path)
		st->path = value;
	if (str_eq(key, "content-dirs") && !st->content_dirs)
		st->content_dirs = value;
	if (str_eq(key, "nodes") && !st->nodes)
		st->nodes = value;
	if (str_eq(key, "content") && !st->content)
		st->content = value;
	if (str_eq(key, "is_mountpoint") && !st->mountpoint)
		st->mountpoint = value;
	if (str_eq(key, "shared") && value)
		parse_bool(value, &st->shared);
	/* a flag without a value is set */
	if (str_eq(key, "disable") && (!value || parse_bool(value, &st->disabled) < 0))
		st->disabled = true;
}

/* The last section of that id counts. */
static struct storage find_storage(char *data, const char *id)
{
	struct section_reader sr = section_reader(data);
	struct storage st = { 0 };
	enum section_event ev;
	char *text, *value;
	bool mine = false;

	while (section_next(&sr, &ev, &text, &value)) {
		const char *type, *name;

		if (ev == SECTION_HEADER && !parse_header(text, &type, &name)) {
			section_reject(&sr);
		} else if (ev == SECTION_HEADER) {
			mine = str_eq(name, id);
			if (mine)
				st = (struct storage){ .found = true, .type = type };
		} else if (ev == SECTION_PROPERTY && mine) {
			read_section_line(&st, text, value);
		}
	}
	return st;
}

/* "local" is a directory at /var/lib/vz whatever the file says (parse_config() in PVE/Storage/Plugin.pm). */
static void amend_local(struct storage *st)
{
	if (!st->found || strcasecmp(st->type, "dir") != 0 || (st->path && !str_eq(st->path, LOCAL_PATH)))
		*st = (struct storage){ .found = true, .type = "dir", .content = "backup,images,iso,rootdir,snippets,vztmpl" };
	st->path = LOCAL_PATH;
	st->nodes = NULL;
}

bool storage_mounted_by_pve(const char *type)
{
	static const char *const types[] = { "nfs", "cifs", "cephfs", "glusterfs" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcasecmp(type, types[i]) == 0)
			return true;
	return false;
}

/* verify_dir_override() in PVE/Storage/Plugin.pm: no two dots together and none at the end. */
static bool subdir_valid(const char *s, size_t len)
{
	return len > 0 && len < 1023 && s[len - 1] != '.' && !memmem(s, len, "..", 2);
}

size_t storage_snippets_dir(const char *dirs, const char **ret)
{
	size_t len = strlen("snippets");

	*ret = "snippets";
	for (const char *p = dirs; p && *p;) {
		size_t n = strcspn(p, ",; \t");

		if (n > 9 && strncmp(p, "snippets=", 9) == 0 && subdir_valid(p + 9, n - 9)) {
			*ret = p + 9;
			len = n - 9;
		}
		p += n + strspn(p + n, ",; \t");
	}
	return len;
}

int storage_get(char *data, const char *id, struct storage *ret, struct err *e)
{
	*ret = find_storage(data, id);
	if (str_eq(id, "local"))
		amend_local(ret);
	return ret->found ? 0 : err_set(e, -ENOENT, "storage '%s' does not exist", id);
}

int storage_base(const struct storage *st, const char *id, char ret[static PATH_MAX], struct err *e)
{
	if (st->path)
		path_f(ret, "%s", st->path);
	else if (storage_mounted_by_pve(st->type))
		path_f(ret, "/mnt/pve/%s", id);
	else
		ret[0] = '\0';
	return ret[0] == '/' ? 0 : err_set(e, -EINVAL, "storage '%s' of type '%.32s' has no directory for snippets", id, st->type);
}

int storage_read(const struct root *r, char **ret, struct err *e)
{
	int k = root_read(r, STORAGE_FILE, STORAGE_MAX, ret, NULL);

	if (k < 0 && k != -ENOENT)
		return err_errno(e, k, "cannot read '%s'", STORAGE_FILE);
	if (k == -ENOENT)
		*ret = calloc(1, 1);
	return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}
