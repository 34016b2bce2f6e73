/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "pve/property.h"
#include "pve/storage.h"
#include "pve/storage_cfg.h"

/* Takes a volume id apart and finds its storage. 0 with the file's name, or as storage_snippet(). */
static int find_volume(char *data, const char *volid, struct storage *ret, char id[static STORAGE_ID_MAX], const char **ret_file,
		       struct err *e)
{
	const char *colon = strchr(volid, ':'), *file;
	size_t id_len = colon ? (size_t)(colon - volid) : 0;

	if (!colon || !storage_id_valid(volid, id_len) || id_len >= STORAGE_ID_MAX || !colon[1])
		return err_set(e, -EINVAL, "unable to parse volume ID '%.100s'", volid);
	file = colon + 1 + strlen("snippets/");
	if (!str_starts(colon + 1, "snippets/") || !*file || strchr(file, '/') || str_eq(file, ".") ||
	    str_eq(file, ".."))
		return err_set(e, -EINVAL, "'%.100s' is not in the snippets directory", volid);
	memcpy(id, volid, id_len);
	id[id_len] = '\0';
	*ret_file = file;
	return storage_get(data, id, ret, e);
}

int storage_snippet_in(char *data, const char *volid, char ret[static PATH_MAX], struct err *e)
{
	char id[STORAGE_ID_MAX], base[PATH_MAX], path[PATH_MAX];
	const char *file, *dir;
	struct storage st;
	size_t dir_len;
	int k = find_volume(data, volid, &st, id, &file, e);

	if (k == 0)
		k = storage_base(&st, id, base, e);
	if (k < 0)
		return k;
	dir_len = storage_snippets_dir(st.content_dirs, &dir);
	if (!*path_f(path, "%s/%.*s/%s", base, (int)dir_len, dir, file))
		return err_set(e, -ENAMETOOLONG, "the path of '%.100s' is too long", volid);
	memcpy(ret, path, PATH_MAX);
	return 0;
}

int storage_shared_in(char *data, const char *volid, const char *node, bool *ret, struct err *e)
{
	char id[STORAGE_ID_MAX];
	const char *file;
	struct storage st;
	int k = find_volume(data, volid, &st, id, &file, e);

	if (k < 0)
		return k;
	*ret = (st.shared || storage_mounted_by_pve(st.type)) && (!st.nodes || property_list_has(st.nodes, node));
	return 0;
}

int storage_shared(const struct root *r, const char *volid, const char *node, bool *ret, struct err *e)
{
	_cleanup_free_ char *data = NULL;
	int k = storage_read(r, &data, e);

	return k < 0 ? k : storage_shared_in(data, volid, node, ret, e);
}

int storage_snippet(const struct root *r, const char *volid, char ret[static PATH_MAX], struct err *e)
{
	_cleanup_free_ char *data = NULL;
	int k = storage_read(r, &data, e);

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
