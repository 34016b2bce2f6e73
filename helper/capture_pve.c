/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Proxmox VE's guests, as far as they name devices or hookscripts, and what these names lead to. Of a configuration no more is kept
 * than the keys below, of the section that counts now: no names, notes, networks, disks, users, passwords or keys.
 */
#include <errno.h>

#include "flow/observe.h"
#include "helper/capture.h"
#include "helper/hook_script.h"
#include "host/rdev.h"
#include "policy/settings.h"
#include "pve/cluster.h"
#include "pve/ctdev.h"

/* With '#' for a number. */
static const char *const vm_keys[] = {
	"hostpci#", "machine", "bios", "vga", "cpu", "lock", "template", "onboot", "hookscript", "memory", "cores", "ostype",
};
static const char *const ct_keys[] = {
	"lock", "template", "onboot", "hookscript", "memory", "cores", "ostype", "unprivileged",
};

struct guests {
	struct capture *c;
	char here[NODE_NAME_MAX];
	struct settings settings;
	struct cluster cluster;
};

static bool key_matches(const char *pattern, const char *key)
{
	size_t n = strcspn(pattern, "#");

	if (!pattern[n])
		return str_eq(pattern, key);
	return strncmp(pattern, key, n) == 0 && key[n] && !key[n + strspn(key + n, "0123456789")];
}

static bool key_kept(enum guest_kind kind, const char *key)
{
	const char *const *keys = kind == GUEST_CT ? ct_keys : vm_keys;
	size_t n = kind == GUEST_CT ? ARRAY_SIZE(ct_keys) : ARRAY_SIZE(vm_keys);

	for (size_t i = 0; i < n; i++)
		if (key_matches(keys[i], key))
			return true;
	return false;
}

static bool below_dev(const char *path)
{
	return path && (str_eq(path, "/dev") || str_starts(path, "/dev/"));
}

/* A mount matters if it may bring device nodes; other directories are nobody's business. found is NULL for another node's. */
static bool device_kept(const struct ctdev *d, const struct rdev *found)
{
	if (d->kind != CTDEV_MOUNT || !d->path || str_eq(d->path, "/") || below_dev(d->path) || below_dev(d->target))
		return true;
	return found && (found->r == 0 || found->on_dev);
}

/* What a path that a container names leads to: links on the way, and the node. */
static void follow(struct capture *c, const char *path, const struct rdev *found)
{
	char real[PATH_MAX];

	/* elsewhere only what has answered a moment ago */
	if (!below_dev(path) && found->r < 0 && !found->on_dev)
		return;
	if (!capture_resolve(c, path, real))
		return;
	if (found->r == 0)
		capture_node(c, real, found->dev);
	else if (found->is_dir)
		capture_dir(c, real);
}

/* Of a container's devices those that matter; kept[i] is of line i. 0 or -errno. */
static int ct_devices(struct guests *g, const struct config *cfg, bool here, bool *kept)
{
	_cleanup_ctdev_list_ struct ctdev_list devices = { 0 };
	_cleanup_free_ const char **paths = NULL;
	_cleanup_free_ struct rdev *found = NULL;
	int k = ctdev_all(cfg, &devices);

	paths = calloc(devices.n + 1, sizeof(*paths));
	if (k < 0 || !paths)
		return -ENOMEM;
	for (size_t i = 0; i < devices.n; i++)
		paths[i] = devices.v[i].path ? devices.v[i].path : "/dev";
	if (here)
		k = rdev_load(g->c->root, &g->c->manifest, paths, devices.n, &found);
	for (size_t i = 0; k == 0 && i < devices.n; i++) {
		if (!device_kept(&devices.v[i], found ? &found[i] : NULL))
			continue;
		kept[devices.v[i].line] = true;
		if (found && devices.v[i].path)
			follow(g->c, devices.v[i].path, &found[i]);
	}
	return k;
}

/* The file of a hookscript, as an empty one that may be executed or not. */
static void hookscript(struct capture *c, const char *volid)
{
	char real[PATH_MAX];
	struct hook_script h;

	hook_script_look(c->root, volid, &h);
	if ((h.state == HOOK_OURS || h.state == HOOK_OTHER || h.state == HOOK_NOT_EXECUTABLE) && capture_resolve(c, h.path, real))
		capture_stub(c, real);
}

static void hookscripts(struct guests *g, const struct config *cfg)
{
	const struct vm_settings *vm = settings_vm(&g->settings, cfg->vmid);
	const char *volid = config_get(cfg, "hookscript");

	if (volid)
		hookscript(g->c, volid);
	if (vm && vm->next)
		hookscript(g->c, vm->next);
}

/* 0, or -ENOMEM; a guest that is gone, or whose file nobody can use, is passed over. */
static int guest(struct guests *g, const struct cluster_guest *guest)
{
	bool here = str_eq(guest->node, g->here);
	_cleanup_config_ struct config cfg = { 0 };
	_cleanup_text_ struct text text = { 0 };
	_cleanup_free_ bool *kept = NULL;
	char path[PATH_MAX], node[24];
	int k = cluster_config(g->c->root, guest, &cfg, NULL);

	if (k < 0)
		return k == -ENOMEM ? k : 0;
	kept = calloc(cfg.n_lines + 1, sizeof(*kept));
	if (!kept)
		return -ENOMEM;
	if (guest->kind == GUEST_CT)
		k = ct_devices(g, &cfg, here, kept);
	for (size_t i = 0; i < cfg.n_lines; i++) {
		const struct config_line *line = &cfg.lines[i];

		if (kept[i] || (line->section == CONFIG_CURRENT && line->type == CONFIG_KEY && key_kept(guest->kind, line->key)))
			text_add_n(&text, line->raw, line->raw_len);
	}
	if (here)
		hookscripts(g, &cfg);
	path_f(path, "/etc/pve/nodes/%s/%s/%u.conf", mask_node(&g->c->names, guest->node, node),
	       guest->kind == GUEST_CT ? "lxc" : "qemu-server", guest->vmid);
	capture_text(g->c, path, text_str(&text));
	return k < 0 ? k : text.r;
}

/* This node is called "pve", and everything that leads to it. */
static void this_node(struct capture *c)
{
	static const char *const kinds[] = { "qemu-server", "lxc" };
	char path[PATH_MAX], target[64];

	capture_text(c, "/etc/hostname", "pve\n");
	capture_link(c, "/etc/pve/local", "nodes/pve");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(target, sizeof(target), "nodes/pve/%s", kinds[i]);
		capture_dir(c, path_f(path, "/etc/pve/%s", target));
		capture_link(c, path_f(path, "/etc/pve/%s", kinds[i]), target);
	}
}

static void guests_done(struct guests *g)
{
	settings_done(&g->settings);
	cluster_done(&g->cluster);
}

void capture_guests(struct capture *c)
{
	_cleanup_(guests_done) struct guests g = { .c = c };
	char node[24];
	int k = 0;

	if (!root_exists(c->root, "/etc/pve"))
		return;
	if (node_name(c->root, g.here, NULL) == 0)
		mask_node(&c->names, g.here, node);
	this_node(c);
	if (settings_load(c->root, &g.settings, NULL) < 0)
		settings_default(&g.settings);
	if (cluster_load(c->root, &g.cluster, NULL) < 0)
		return;
	for (size_t i = 0; k == 0 && i < g.cluster.n; i++)
		k = guest(&g, &g.cluster.v[i]);
	if (k < 0)
		c->r = k;
}
