/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "pve/section.h"
#include "pve/storage.h"

#define STORAGE_FILE "/etc/pve/storage.cfg"
#define STORAGE_MAX  (1024 * 1024)
#define LOCAL_PATH   "/var/lib/vz"
#define ID_MAX	     128

/* What storage.cfg says of the one storage that is asked for; NULL: nothing. */
struct storage {
	bool found, shared;
	const char *type, *path, *content_dirs, *nodes;
};

/* parse_id() in PVE/JSONSchema.pm */
static bool id_valid(const char *s, size_t len)
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
	if (str_eq(key, "shared") && value)
		parse_bool(value, &st->shared);
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
		*st = (struct storage){ .found = true, .type = "dir" };
	st->path = LOCAL_PATH;
	st->nodes = NULL;
}

/*
 * What Proxmox VE mounts below /mnt/pve (check_config() in NFSPlugin.pm, CIFSPlugin.pm, CephFSPlugin.pm). Of the types with directories
 * they are those that are shared whatever the file says, too (@SHARED_STORAGE in Plugin.pm).
 */
static bool mounted_by_pve(const char *type)
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

/* content-dirs "snippets=some/dir,iso=…": points at the directory for snippets. */
static size_t snippets_dir(const char *dirs, const char **ret)
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

/* Takes a volume id apart and finds its storage. 0 with the file's name, or as storage_snippet(). */
static int find_volume(char *data, const char *volid, struct storage *ret, char id[static ID_MAX], const char **ret_file, struct err *e)
{
	const char *colon = strchr(volid, ':'), *file;
	size_t id_len = colon ? (size_t)(colon - volid) : 0;

	if (!colon || !id_valid(volid, id_len) || id_len >= ID_MAX || !colon[1])
		return err_set(e, -EINVAL, "unable to parse volume ID '%.100s'", volid);
	file = colon + 1 + strlen("snippets/");
	if (!str_starts(colon + 1, "snippets/") || !*file || strchr(file, '/') || str_eq(file, ".") ||
	    str_eq(file, ".."))
		return err_set(e, -EINVAL, "'%.100s' is not in the snippets directory", volid);
	memcpy(id, volid, id_len);
	id[id_len] = '\0';
	*ret = find_storage(data, id);
	if (str_eq(id, "local"))
		amend_local(ret);
	if (!ret->found)
		return err_set(e, -ENOENT, "storage '%s' does not exist", id);
	*ret_file = file;
	return 0;
}

int storage_snippet_in(char *data, const char *volid, char ret[static PATH_MAX], struct err *e)
{
	char id[ID_MAX], base[PATH_MAX], path[PATH_MAX];
	const char *file, *dir;
	struct storage st;
	size_t dir_len;
	int k = find_volume(data, volid, &st, id, &file, e);

	if (k < 0)
		return k;
	if (!st.path && mounted_by_pve(st.type))
		st.path = path_f(base, "/mnt/pve/%s", id);
	if (!st.path || *st.path != '/')
		return err_set(e, -EINVAL, "storage '%s' of type '%.32s' has no directory for snippets", id,
			       st.type);
	dir_len = snippets_dir(st.content_dirs, &dir);
	if (!*path_f(path, "%s/%.*s/%s", st.path, (int)dir_len, dir, file))
		return err_set(e, -ENAMETOOLONG, "the path of '%.100s' is too long", volid);
	memcpy(ret, path, PATH_MAX);
	return 0;
}

/* Is node in a list as split_list() in PVE/Tools.pm takes it? */
static bool list_has(const char *list, const char *node)
{
	size_t len = strlen(node);

	for (const char *p = list; *p;) {
		size_t n = strcspn(p, ",; \t");

		if (n == len && strncmp(p, node, n) == 0)
			return true;
		p += n + strspn(p + n, ",; \t");
	}
	return false;
}

int storage_shared_in(char *data, const char *volid, const char *node, bool *ret, struct err *e)
{
	char id[ID_MAX];
	const char *file;
	struct storage st;
	int k = find_volume(data, volid, &st, id, &file, e);

	if (k < 0)
		return k;
	*ret = (st.shared || mounted_by_pve(st.type)) && (!st.nodes || list_has(st.nodes, node));
	return 0;
}

/* The file's text; without a file there is still "local". */
static int read_file(const struct root *r, char **ret, struct err *e)
{
	int k = root_read(r, STORAGE_FILE, STORAGE_MAX, ret, NULL);

	if (k < 0 && k != -ENOENT)
		return err_errno(e, k, "cannot read '%s'", STORAGE_FILE);
	if (k == -ENOENT)
		*ret = calloc(1, 1);
	return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}

int storage_shared(const struct root *r, const char *volid, const char *node, bool *ret, struct err *e)
{
	_cleanup_free_ char *data = NULL;
	int k = read_file(r, &data, e);

	return k < 0 ? k : storage_shared_in(data, volid, node, ret, e);
}

int storage_snippet(const struct root *r, const char *volid, char ret[static PATH_MAX], struct err *e)
{
	_cleanup_free_ char *data = NULL;
	int k = read_file(r, &data, e);

	return k < 0 ? k : storage_snippet_in(data, volid, ret, e);
}

int storage_script(const struct root *r, const char *volid, char ret[static PATH_MAX], struct stat *ret_st, struct err *e)
{
	char path[PATH_MAX];
	struct stat st;
	int k = storage_snippet(r, volid, path, e);

	if (k < 0)
		return k;
	k = root_stat(r, path, &st);
	if (k == -EACCES)
		return err_errno(e, k, "cannot look at '%.200s'", path);
	if (k < 0 || !S_ISREG(st.st_mode))
		return err_set(e, -ENOENT, "script '%.100s' does not exist", volid);
	if (!(st.st_mode & 0111))
		return err_set(e, -ENOEXEC, "script '%.100s' is not executable", volid);
	memcpy(ret, path, PATH_MAX);
	*ret_st = st;
	return 0;
}
