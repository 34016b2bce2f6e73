/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <strings.h>

#include "pve/property.h"
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

/* Takes the words of a list over, "none" left out: it goes with nothing else (decode_value() in PVE/Storage/Plugin.pm). */
static void join_content(const char *content, const char *more, struct text *ret)
{
	for (const char *p = content; *p;) {
		size_t n = strcspn(p, ",; \t");

		if (n && !(n == 4 && strncmp(p, "none", n) == 0)) {
			text_add(ret, ret->len ? "," : "");
			text_add_n(ret, p, n);
		}
		p += n + strspn(p + n, ",; \t");
	}
	if (more)
		text_join(ret, ",", more);
}

static int set_content(const struct storage *st, struct storage_place *p)
{
	const char *content = st->content ? st->content : default_content(st->type);
	_cleanup_text_ struct text now = { 0 }, wanted = { 0 };

	if (!content)
		return 0;
	p->offered = property_list_has(content, "snippets");
	join_content(content, NULL, &now);
	join_content(content, p->offered ? NULL : "snippets", &wanted);
	if (now.r < 0 || wanted.r < 0)
		return -ENOMEM;
	if (wanted.len < sizeof(p->wanted)) {
		snprintf(p->content, sizeof(p->content), "%s", now.len ? text_str(&now) : "none");
		snprintf(p->wanted, sizeof(p->wanted), "%s", text_str(&wanted));
	}
	return 0;
}

static bool all_in(const char *a, const char *b)
{
	char word[256];

	for (const char *p = a; *p;) {
		size_t n = strcspn(p, ",");

		snprintf(word, sizeof(word), "%.*s", (int)n, p);
		if (!property_list_has(b, word))
			return false;
		p += n + (p[n] == ',');
	}
	return true;
}

bool storage_content_same(const char *a, const char *b)
{
	return a && b ? all_in(a, b) && all_in(b, a) : a == b;
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
	p.here = !st.disabled && (!st.nodes || property_list_has(st.nodes, node));
	k = set_content(&st, &p);
	if (k < 0)
		return err_set(e, k, "out of memory");
	*ret = p;
	return 0;
}

int storage_place(const struct root *r, const char *id, const char *node, struct storage_place *ret, struct err *e)
{
	_cleanup_free_ char *data = NULL;
	int k = storage_read(r, &data, e);

	return k < 0 ? k : storage_place_in(data, id, node, ret, e);
}
