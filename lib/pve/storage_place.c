/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <strings.h>

#include "pve/storage.h"
#include "pve/storage_cfg.h"

/* What a type holds if its section does not say (plugindata() of the types in PVE/Storage/); NULL: not known here. */
static const char *default_content(const char *type)
{
	static const struct {
		const char *type, *content;
	} rows[] = {
		{ "dir", "images,rootdir" }, { "btrfs", "images,rootdir" }, { "nfs", "images" }, { "cifs", "images" },
		{ "cephfs", "backup" }, { "glusterfs", "images" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcasecmp(type, rows[i].type) == 0)
			return rows[i].content;
	return NULL;
}

/* "none" goes with nothing else (decode_value() in PVE/Storage/Plugin.pm). */
static void join_content(const char *content, char *buf, size_t size)
{
	size_t used = 0;

	for (const char *p = content; *p && used < size;) {
		size_t n = strcspn(p, ",; \t");

		if (n && !(n == 4 && strncmp(p, "none", n) == 0))
			used += (size_t)snprintf(buf + used, size - used, "%.*s,", (int)n, p);
		p += n + strspn(p + n, ",; \t");
	}
	if (used + sizeof("snippets") <= size)
		memcpy(buf + used, "snippets", sizeof("snippets"));
	else
		buf[0] = '\0';
}

static void set_content(const struct storage *st, struct storage_place *p)
{
	const char *content = st->content ? st->content : default_content(st->type);

	p->offered = content && storage_list_has(content, "snippets");
	if (p->offered)
		snprintf(p->content, sizeof(p->content), "%s", content);
	else if (content)
		join_content(content, p->content, sizeof(p->content));
}

int storage_place_in(char *data, const char *id, const char *node, struct storage_place *ret, struct err *e)
{
	struct storage_place p = { .base = "" };
	bool own = false;
	struct storage st;
	const char *dir;
	size_t len;
	int k;

	if (!storage_id_valid(id, strlen(id)) || strlen(id) >= STORAGE_ID_MAX)
		return err_set(e, -EINVAL, "'%.100s' is no name of a storage", id);
	k = storage_get(data, id, &st, e);
	if (k == 0)
		k = storage_base(&st, id, p.base, e);
	if (k < 0)
		return k;
	len = storage_snippets_dir(st.content_dirs, &dir);
	if (!*path_f(p.dir, "%s/%.*s", p.base, (int)len, dir))
		return err_set(e, -ENAMETOOLONG, "the path of storage '%s' is too long", id);
	/* parse_is_mountpoint() in PVE/Storage/DirPlugin.pm: yes, no, or a path */
	if (st.mountpoint && parse_bool(st.mountpoint, &own) < 0)
		path_f(p.mount, "%s", st.mountpoint);
	else if (own || storage_mounted_by_pve(st.type))
		path_f(p.mount, "%s", p.base);
	p.here = !st.disabled && (!st.nodes || storage_list_has(st.nodes, node));
	set_content(&st, &p);
	*ret = p;
	return 0;
}

int storage_place(const struct root *r, const char *id, const char *node, struct storage_place *ret, struct err *e)
{
	_cleanup_free_ char *data = NULL;
	int k = storage_read(r, &data, e);

	return k < 0 ? k : storage_place_in(data, id, node, ret, e);
}
