/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `qm set`, `pct set`, `pvesh set` of a guest's hookscript, and `pvesm set` of a storage's content, over the real files. Hidden:
 * "set-calls" has the calls; "set-how/ID" is what becomes of one: "" (the change is made), "locked", "late" (made, and status 255 all
 * the same), "deaf" (success, and nothing is made), "hangs", "interrupted".
 */
#include <errno.h>

#include "base/exec.h"
#include "pve/config.h"
#include "tests/fake/set.h"

bool fake_is_set(char *const argv[])
{
	return str_eq(argv[0], "pvesh") || str_eq(argv[0], "pvesm") ||
	       ((str_eq(argv[0], "qm") || str_eq(argv[0], "pct")) && argv[1] && str_eq(argv[1], "set"));
}

static void note_call(struct fake *f, char *const argv[])
{
	_cleanup_text_ struct text t = { 0 };

	text_add(&t, fake_hidden(f, "set-calls"));
	text_add(&t, t.len ? "; " : "");
	for (int i = 0; argv[i]; i++)
		text_addf(&t, "%s%s", i ? " " : "", argv[i]);
	fake_hide(f, "set-calls", text_str(&t));
}

/* The guest's file, and its id. */
static void find_guest(char *const argv[], char path[static PATH_MAX], unsigned int *ret_id)
{
	char node[64], kind[8], end[16];

	if (!str_eq(argv[0], "pvesh")) {
		if (parse_vmid(argv[2], ret_id) < 0)
			fake_die("%s set without a guest", argv[0]);
		config_path(path, str_eq(argv[0], "pct") ? GUEST_CT : GUEST_VM, *ret_id);
		return;
	}
	if (sscanf(argv[2], "/nodes/%63[^/]/%7[^/]/%u/%15s", node, kind, ret_id, end) != 4 || !str_eq(end, "config"))
		fake_die("pvesh set %s is not known here", argv[2]);
	path_f(path, "/etc/pve/nodes/%s/%s/%u.conf", node, str_eq(kind, "lxc") ? "lxc" : "qemu-server", *ret_id);
}

/* Proxmox VE writes the keys anew; where the line stands is nobody's business. */
static void set_hookscript(struct fake *f, const char *path, const char *volid)
{
	_cleanup_text_ struct text t = { 0 };
	_cleanup_free_ char *old = NULL;
	char *p, *line;
	bool current = true;

	if (root_read(&f->root, path, 1 << 20, &old, NULL) < 0)
		fake_die("there is no %s", path);
	if (volid)
		text_addf(&t, "hookscript: %s\n", volid);
	for (p = old; (line = str_line(&p));) {
		current = current && line[0] != '[';
		if (!current || !str_starts(line, "hookscript:"))
			text_addf(&t, "%s\n", line);
	}
	fake_put(f, path, text_str(&t));
}

static void set_content(struct fake *f, const char *id, const char *content)
{
	_cleanup_text_ struct text t = { 0 };
	_cleanup_free_ char *old = NULL;
	char *p, *line, header[160];
	bool mine = false;

	if (root_read(&f->root, "/etc/pve/storage.cfg", 1 << 20, &old, NULL) < 0)
		fake_die("there is no storage.cfg");
	snprintf(header, sizeof(header), ": %s", id);
	for (p = old; (line = str_line(&p));) {
		size_t n = strlen(line);

		if (line[0] != '\t')
			mine = n > strlen(header) && str_eq(line + n - strlen(header), header);
		if (!mine || !str_starts(line, "\tcontent "))
			text_addf(&t, "%s\n", line);
		if (mine && line[0] != '\t')
			text_addf(&t, "\tcontent %s\n", content);
	}
	fake_put(f, "/etc/pve/storage.cfg", text_str(&t));
}

static int fails(struct exec_result *ret, const char *why)
{
	ret->status = 255;
	ret->output = strdup(why);
	return 0;
}

int fake_set(struct fake *f, char *const argv[], struct exec_result *ret)
{
	bool storage = str_eq(argv[0], "pvesm");
	char path[PATH_MAX], hidden[PATH_MAX], how[32];
	unsigned int id = 0;

	if (!argv[1] || !str_eq(argv[1], "set") || !argv[2] || !argv[3] || !argv[4] || argv[5])
		fake_die("%s with these arguments is not known here", argv[0]);
	note_call(f, argv);
	fake_no_locks(f);
	if (!storage)
		find_guest(argv, path, &id);
	if (storage)
		path_f(hidden, "set-how/%s", argv[2]);
	else
		path_f(hidden, "set-how/%u", id);
	snprintf(how, sizeof(how), "%s", fake_hidden(f, hidden));
	if (str_eq(how, "locked"))
		return fails(ret, "trying to acquire lock...\nVM is locked (backup)\n");
	if (str_eq(how, "hangs"))
		return -ETIMEDOUT;
	if (str_eq(how, "interrupted"))
		return -EINTR;
	if (str_eq(how, "deaf"))
		return 0;
	if (storage)
		set_content(f, argv[2], argv[4]);
	else
		set_hookscript(f, path, str_eq(argv[3], "--hookscript") ? argv[4] : NULL);
	return str_eq(how, "late") ? fails(ret, "Device /dev/dri/renderD128 does not exist\n") : 0;
}
