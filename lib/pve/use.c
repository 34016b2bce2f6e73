/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>

#include "pve/guest.h"
#include "pve/hostpci.h"
#include "pve/mapping.h"
#include "pve/pciid.h"
#include "pve/property.h"
#include "pve/use.h"

/* One walk over the configurations of a kind; the buffer serves all files. */
struct scan {
	const struct root *root;
	enum guest_kind kind;
	int dir;
	char *buf;
	size_t len, size;
	struct guest_uses *uses;
	/* what is looked for */
	const struct bdf *functions;
	const struct guest_node *nodes;
	size_t n;
	/* read when the first mapping= comes along */
	struct mappings mappings;
	bool mappings_read;
};

static void scan_done(struct scan *s)
{
	if (s->dir >= 0)
		close(s->dir);
	free(s->buf);
	mapping_done(&s->mappings);
}
#define _cleanup_scan_ _cleanup_(scan_done)

/* The whole of a guest's file into s->buf. 0 or -errno; -EFBIG over CONFIG_MAX. */
static int scan_read(struct scan *s, unsigned int vmid)
{
	char name[32];
	_cleanup_close_ int fd = -1;
	ssize_t n;

	snprintf(name, sizeof(name), "%u.conf", vmid);
	fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	for (s->len = 0;; s->len += (size_t)n) {
		if (s->len == s->size) {
			size_t size = s->size ? s->size * 2 : 16384;
			char *buf = s->len > CONFIG_MAX ? NULL : realloc(s->buf, size);

			if (!buf)
				return s->len > CONFIG_MAX ? -EFBIG : -ENOMEM;
			s->buf = buf;
			s->size = size;
		}
		n = read(fd, s->buf + s->len, s->size - s->len);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n < 0)
			n = 0;
	}
}

/* Adds a use of the guest, whose running is asked for once. */
static int scan_add(struct scan *s, unsigned int vmid, const struct guest_use *use)
{
	struct guest_uses *u = s->uses;
	struct guest_use *v = realloc(u->v, (u->n + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	u->v = v;
	v[u->n] = *use;
	v[u->n].vmid = vmid;
	v[u->n].kind = s->kind;
	v[u->n].running = u->n > 0 && v[u->n - 1].vmid == vmid
				  ? v[u->n - 1].running
				  : guest_running(s->root, s->kind, vmid, NULL) == 1;
	u->n++;
	return 0;
}

static bool covers_any(const struct bdf *devices, size_t n_devices, const struct scan *s)
{
	for (size_t i = 0; i < n_devices; i++)
		for (size_t j = 0; j < s->n; j++)
			if (pciid_overlap(devices[i], s->functions[j]))
				return true;
	return false;
}

/* Does one of a mapping's choices for this node cover a function that is looked for? 1, 0 or -errno. */
static int mapping_covers(struct scan *s, const char *name, struct err *e)
{
	const struct mapping *m;

	if (!s->mappings_read) {
		int k = mapping_load(s->root, &s->mappings, e);

		if (k < 0)
			return k;
		s->mappings_read = true;
	}
	m = mapping_find(&s->mappings, name, NULL);
	for (size_t i = 0; m && i < m->n_choices; i++)
		if (covers_any(m->choices[i].devices, m->choices[i].n_devices, s))
			return 1;
	return 0;
}

static int vm_key(struct scan *s, const struct config *cfg, unsigned int vmid, unsigned int index,
		  struct err *e)
{
	_cleanup_hostpci_ struct hostpci h = { 0 };
	struct guest_use use = { 0 };
	const char *value;
	int k;

	snprintf(use.key, sizeof(use.key), "hostpci%u", index);
	value = config_get(cfg, use.key);
	k = value ? hostpci_parse(index, value, &h, NULL) : -EINVAL;
	if (k < 0)
		return k == -ENOMEM ? k : 0;
	use.mapped = h.mapping;
	k = h.mapping ? mapping_covers(s, h.mapping, e) : covers_any(h.devices, h.n_devices, s);
	return k == 1 ? scan_add(s, vmid, &use) : k;
}

static int vm_file(struct scan *s, unsigned int vmid, struct err *e)
{
	_cleanup_config_ struct config cfg = { 0 };
	int k;

	if (!memmem(s->buf, s->len, "hostpci", 7))
		return 0;
	k = config_parse(s->buf, s->len, GUEST_VM, &cfg);
	if (k < 0)
		return k == -ENOMEM ? k : 0;
	for (unsigned int i = 0; k == 0 && i < HOSTPCI_MAX; i++)
		k = vm_key(s, &cfg, vmid, i, e);
	return k;
}

/* Is path the node, or a directory above it? */
static bool path_covers(const char *path, size_t len, const char *node)
{
	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len == 0 || *path != '/' || strncmp(path, node, len) != 0)
		return false;
	return node[len] == '\0' || node[len] == '/' || len == 1;
}

/* devN: the path is the default key. */
static bool dev_names(const char *value, const struct guest_node *node)
{
	_cleanup_property_ struct properties props = { 0 };

	return property_parse(value, "path", &props, NULL) == 0 &&
	       str_eq(property_get(&props, "path"), node->path);
}

/* lxc.mount.entry: what is mounted is the first field, as in fstab(5). */
static bool mount_names(const char *value, const struct guest_node *node)
{
	return path_covers(value, strcspn(value, " \t"), node->path);
}

static bool number_names(const char *s, unsigned int number)
{
	uint64_t n;

	return str_eq(s, "*") || (parse_uint(s, UINT32_MAX, &n) == 0 && n == number);
}

/* lxc.cgroup2.devices.allow: "c 226:128 rwm", "c 226:* rwm". */
static bool cgroup_names(const char *value, const struct guest_node *node)
{
	char major[16], minor[16], type;

	if (sscanf(value, " %c %15[0-9*]:%15[0-9*]", &type, major, minor) != 3 || str_eq(major, "*"))
		return false;
	return type == node->type && number_names(major, node->major) && number_names(minor, node->minor);
}

static bool is_dev_key(const char *key)
{
	uint64_t n;

	return str_starts(key, "dev") && parse_uint(key + 3, 255, &n) == 0;
}

static bool line_names(const struct config_line *l, const struct guest_node *node)
{
	if (l->type == CONFIG_KEY)
		return is_dev_key(l->key) && dev_names(l->value, node);
	if (str_eq(l->key, "lxc.mount.entry"))
		return mount_names(l->value, node);
	return (str_eq(l->key, "lxc.cgroup2.devices.allow") || str_eq(l->key, "lxc.cgroup.devices.allow")) &&
	       cgroup_names(l->value, node);
}

static int ct_line(struct scan *s, const struct config_line *l, unsigned int vmid)
{
	struct guest_use use = { 0 };
	int k;

	for (size_t i = 0; i < s->n; i++) {
		if (!line_names(l, &s->nodes[i]))
			continue;
		snprintf(use.key, sizeof(use.key), "%s", l->key);
		use.value = strdup(l->value);
		k = use.value ? scan_add(s, vmid, &use) : -ENOMEM;
		if (k < 0)
			free(use.value);
		return k;
	}
	return 0;
}

static int ct_file(struct scan *s, unsigned int vmid, struct err *e)
{
	_cleanup_config_ struct config cfg = { 0 };
	int k;

	if (!memmem(s->buf, s->len, "dev", 3) && !memmem(s->buf, s->len, "lxc.mount.entry", 15))
		return 0;
	k = config_parse(s->buf, s->len, GUEST_CT, &cfg);
	if (k < 0)
		return k == -ENOMEM ? k : 0;
	config_foreach(l, &cfg, "")
	{
		k = ct_line(s, l, vmid);
		if (k < 0)
			return k;
	}
	return 0;
}

static int scan_all(struct scan *s, struct guest_uses *ret, struct err *e)
{
	_cleanup_guest_list_ struct guest_list guests = { 0 };
	_cleanup_guest_uses_ struct guest_uses uses = { 0 };
	int k = guest_list(s->root, s->kind, &guests, e);

	if (k < 0)
		return k;
	s->uses = &uses;
	if (guests.n > 0) {
		s->dir = root_open(s->root, s->kind == GUEST_VM ? "/etc/pve/qemu-server" : "/etc/pve/lxc",
				   O_RDONLY | O_DIRECTORY, 0);
		if (s->dir < 0)
			return err_errno(e, s->dir, "cannot read the guests' configuration files");
	}
	for (size_t i = 0; i < guests.n; i++) {
		/* a guest that left meanwhile, or whose file nobody can use, names nothing */
		k = scan_read(s, guests.v[i]);
		if (k == -ENOMEM)
			return err_set(e, k, "out of memory");
		if (k < 0)
			continue;
		k = s->kind == GUEST_VM ? vm_file(s, guests.v[i], e) : ct_file(s, guests.v[i], e);
		if (k == -ENOMEM)
			return err_set(e, k, "out of memory");
		if (k < 0)
			return k;
	}
	*ret = uses;
	uses = (struct guest_uses){ 0 };
	return 0;
}

int guest_vms_naming(const struct root *r, const struct bdf *functions, size_t n, struct guest_uses *ret,
		     struct err *e)
{
	_cleanup_scan_ struct scan s = {
		.root = r, .kind = GUEST_VM, .dir = -1, .functions = functions, .n = n
	};

	return scan_all(&s, ret, e);
}

int guest_cts_naming(const struct root *r, const struct guest_node *nodes, size_t n, struct guest_uses *ret,
		     struct err *e)
{
	_cleanup_scan_ struct scan s = { .root = r, .kind = GUEST_CT, .dir = -1, .nodes = nodes, .n = n };

	return scan_all(&s, ret, e);
}

void guest_uses_done(struct guest_uses *u)
{
	for (size_t i = 0; i < u->n; i++)
		free(u->v[i].value);
	free(u->v);
	*u = (struct guest_uses){ 0 };
}
