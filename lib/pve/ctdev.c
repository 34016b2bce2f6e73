/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sys/sysmacros.h>

#include "pve/ctdev_lxc.h"
#include "pve/property.h"

#define MOUNT_KEY   "lxc.mount.entry"
#define ALLOW_KEY   "lxc.cgroup2.devices.allow"
#define ALLOW_KEY_1 "lxc.cgroup.devices.allow"
#define DEV_MODE    0660 /* create_passthrough_device_node() in PVE/LXC.pm */

void ctdev_done(struct ctdev *d)
{
	free(d->path);
	free(d->target);
	*d = (struct ctdev){ 0 };
}
#define _cleanup_ctdev_ _cleanup_(ctdev_done)

void ctdev_list_done(struct ctdev_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		ctdev_done(&l->v[i]);
	free(l->v);
	*l = (struct ctdev_list){ 0 };
}

int ctdev_copy(const struct ctdev *d, struct ctdev *ret)
{
	_cleanup_ctdev_ struct ctdev copy = *d;

	copy.path = d->path ? strdup(d->path) : NULL;
	copy.target = d->target ? strdup(d->target) : NULL;
	if ((d->path && !copy.path) || (d->target && !copy.target))
		return -ENOMEM;
	*ret = copy;
	copy = (struct ctdev){ 0 };
	return 0;
}

bool ctdev_is_wildcard(const struct ctdev *d)
{
	return d->kind == CTDEV_ALLOW && !d->path && (d->any_major || d->any_minor);
}

bool ctdev_allows(const struct ctdev *d, dev_t dev)
{
	return d->kind == CTDEV_ALLOW && !d->path && d->type != 'b' && (d->any_major || d->major == major(dev)) &&
	       (d->any_minor || d->minor == minor(dev));
}

/* "/dev/…" without a component "." or "..": verify_lxc_dev_string() in PVE/LXC/Config.pm. */
static bool dev_path_valid(const char *path)
{
	if (!str_starts(path, "/dev/"))
		return false;
	for (const char *s = path; (s = strchr(s, '/')); s++) {
		size_t n = strcspn(s + 1, "/");

		if ((n == 1 && s[1] == '.') || (n == 2 && s[1] == '.' && s[2] == '.'))
			return false;
	}
	return true;
}

/* JSON schema's integer, from 0: a sign and leading zeros are no fault (check_type() in PVE/JSONSchema.pm). */
static int parse_id(const char *s, unsigned int *ret)
{
	uint64_t n;

	s += *s == '+';
	while (*s == '0' && s[1])
		s++;
	if (parse_uint(s, UINT32_MAX, &n) < 0)
		return -EINVAL;
	*ret = (unsigned int)n;
	return 0;
}

static int dev_property(struct ctdev *d, const struct property *p)
{
	if (str_eq(p->key, "path"))
		return dev_path_valid(p->value) ? 0 : -EINVAL;
	if (str_eq(p->key, "uid"))
		return parse_id(p->value, &d->uid);
	if (str_eq(p->key, "gid"))
		return parse_id(p->value, &d->gid);
	if (str_eq(p->key, "deny-write"))
		return parse_bool(p->value, &d->deny_write);
	if (!str_eq(p->key, "mode") || p->value[0] != '0' || strlen(p->value) != 4 || strspn(p->value, "01234567") != 4)
		return -EINVAL;
	d->mode = (mode_t)strtoul(p->value, NULL, 8);
	return 0;
}

/* $dev_desc in PVE/LXC/Config.pm. With a value that does not fit it the container does not start. */
static int dev_parse(const char *value, struct ctdev *d)
{
	_cleanup_property_ struct properties props = { 0 };
	int k = property_parse(value, "path", &props, NULL);
	const char *path;

	d->mode = DEV_MODE;
	for (size_t i = 0; i < props.n && k == 0; i++)
		k = dev_property(d, &props.v[i]);
	path = k == 0 ? property_get(&props, "path") : NULL;
	if (!path)
		return k < 0 ? k : -EINVAL;
	d->path = strdup(path);
	d->target = strdup(path);
	return d->path && d->target ? 0 : -ENOMEM;
}

/* N of a key devN, -1 if it is none. */
static int dev_index(const struct config_line *l)
{
	uint64_t n;

	if (l->type != CONFIG_KEY || !str_starts(l->key, "dev") || parse_uint(l->key + 3, CTDEV_NODE_MAX - 1, &n) < 0)
		return -1;
	return (int)n;
}

/* Raw lines without a value take back those of their key (lxc_clear_mount_entries(), lxc_clear_cgroups() in LXC's conf.c). */
static void list_clear(struct ctdev_list *l, const char *key)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (str_eq(l->v[i].key, key))
			ctdev_done(&l->v[i]);
		else
			l->v[n++] = l->v[i];
	}
	l->n = n;
}

static int line_parse(const struct config *cfg, const struct config_line *l, const size_t *last, struct ctdev *d)
{
	int index = dev_index(l);

	if (index >= 0 && last[index] == d->line) {
		d->kind = CTDEV_NODE;
		return dev_parse(l->value, d);
	}
	if (str_eq(l->key, MOUNT_KEY)) {
		d->kind = CTDEV_MOUNT;
		return ctdev_mount_parse(l->value, cfg->vmid, d);
	}
	if (str_eq(l->key, ALLOW_KEY) || str_eq(l->key, ALLOW_KEY_1)) {
		d->kind = CTDEV_ALLOW;
		return ctdev_allow_parse(l->value, str_eq(l->key, ALLOW_KEY), d);
	}
	return -EINVAL;
}

int ctdev_all(const struct config *cfg, struct ctdev_list *ret)
{
	_cleanup_ctdev_list_ struct ctdev_list l = { 0 };
	size_t last[CTDEV_NODE_MAX] = { 0 }, room = 0;

	config_foreach(line, cfg, "dev") if (dev_index(line) >= 0) last[dev_index(line)] = (size_t)(line - cfg->lines);
	config_foreach(line, cfg, "")
	{
		_cleanup_ctdev_ struct ctdev d = { .line = (size_t)(line - cfg->lines) };
		int k;

		if (line->type == CONFIG_LXC && !*line->value) {
			list_clear(&l, line->key);
			continue;
		}
		k = line_parse(cfg, line, last, &d);
		if (k == -ENOMEM)
			return k;
		if (k < 0)
			continue;
		snprintf(d.key, sizeof(d.key), "%s", line->key);
		if (l.n == room) {
			struct ctdev *v = realloc(l.v, (room = room ? room * 2 : 8) * sizeof(*v));

			if (!v)
				return -ENOMEM;
			l.v = v;
		}
		l.v[l.n++] = d;
		d = (struct ctdev){ 0 };
	}
	*ret = l;
	l = (struct ctdev_list){ 0 };
	return 0;
}
