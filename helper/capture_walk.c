/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds on this machine what the rows of a capture's table name. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>

#include "helper/capture_row.h"
#include "host/modsig.h"
#include "host/pci.h"

struct walk {
	struct capture *c;
	const struct capture_row *row;
	const char *release; /* of the running kernel, for '%' */
};

/* Ages of files in there say what an initramfs has missed. */
static bool is_dated(const char *path)
{
	return str_starts(path, "/etc/") || str_starts(path, "/boot/");
}

static void take_module(struct capture *c, const char *path)
{
	size_t n = strlen(path);

	if (n > 3 && strcmp(path + n - 3, ".ko") == 0 && modsig_look(c->root, path) == TRI_YES)
		capture_text(c, path, MODSIG_MARK);
	else
		capture_stub(c, path);
}

static void take_file(struct capture *c, const char *path, const struct capture_row *row)
{
	if (row->what == GREP)
		capture_if_any(c, path, row->max, row->mask);
	else
		capture_file(c, path, row->max, row->what == HEAD, row->mask);
}

/* The last component: what is done with it. */
static void act(const struct walk *w, const char *path)
{
	const struct capture_row *row = w->row;
	const char *name;
	_cleanup_close_ int dir = root_open_parent(w->c->root, path, 0, &name);
	char target[PATH_MAX];
	size_t before = w->c->n;
	struct stat st;
	ssize_t n;

	if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	n = S_ISLNK(st.st_mode) ? readlinkat(dir, name, target, sizeof(target) - 1) : -1;
	if (row->what == STUB) {
		capture_stub(w->c, path);
	} else if (row->what == LINK && n >= 0) {
		target[n] = '\0';
		capture_link(w->c, path, target);
	} else if (row->what != LINK && S_ISLNK(st.st_mode)) {
		if (capture_resolve(w->c, path, target))
			take_file(w->c, target, row);
	} else if (row->what == MODULE) {
		take_module(w->c, path);
	} else if (row->what != LINK && S_ISREG(st.st_mode)) {
		take_file(w->c, path, row);
	}
	if (S_ISREG(st.st_mode) && is_dated(path) && w->c->n > before) {
		w->c->v[w->c->n - 1].mtime = st.st_mtime;
		w->c->v[w->c->n - 1].mode = st.st_mode & 0111 ? 0755 : 0644;
	}
}

static bool is_link(const struct root *r, const char *path)
{
	const char *name;
	_cleanup_close_ int dir = root_open_parent(r, path, 0, &name);
	struct stat st;

	return dir >= 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

static void walk(const struct walk *w, const char *path, const char *pattern);

/* One name in the place of the pattern's first component. */
static void walk_name(const struct walk *w, const char *path, const char *name, const char *behind, bool follow)
{
	char next[PATH_MAX], real[PATH_MAX];

	if (!*path_f(next, "%s/%s", path, name))
		return;
	if (!*behind) {
		act(w, next);
		return;
	}
	if (follow) {
		if (!capture_resolve(w->c, next, real))
			return;
		capture_dir(w->c, real);
		walk(w, real, behind);
	} else if (!is_link(w->c->root, next)) {
		walk(w, next, behind);
	}
}

static void walk(const struct walk *w, const char *path, const char *pattern)
{
	bool follow = *pattern == '>';
	const char *component = pattern + follow;
	size_t n = strcspn(component, "/");
	const char *behind = component + n + (component[n] == '/');
	_cleanup_closedir_ DIR *d = NULL;
	char part[256];

	if (n == 0 || n >= sizeof(part))
		return;
	snprintf(part, sizeof(part), "%.*s", (int)n, component);
	if (part[n - 1] == '%')
		snprintf(part + n - 1, sizeof(part) - (n - 1), "%s", w->release);
	if (!strpbrk(part, "*[")) {
		walk_name(w, path, part, behind, follow);
		return;
	}
	if (root_opendir(w->c->root, *path ? path : "/", &d) < 0)
		return;
	for (struct dirent *ent; (ent = readdir(d));)
		if (ent->d_name[0] != '.' && fnmatch(part, ent->d_name, 0) == 0)
			walk_name(w, path, ent->d_name, behind, follow);
}

static void walk_row(struct capture *c, const struct capture_row *row, const char *release)
{
	struct walk w = { .c = c, .row = row, .release = release };
	const char *names = row->names;
	char pattern[512];

	while (*names) {
		size_t n = strcspn(names, " ");

		snprintf(pattern, sizeof(pattern), "%s%s%.*s", row->dir, row->dir[1] ? "/" : "", (int)n, names);
		names += n + strspn(names + n, " ");
		if (row->what != AS_IS)
			walk(&w, "", pattern + 1);
		else if (root_exists(c->root, pattern))
			capture_file(c, pattern, row->max, false, row->mask);
	}
}

/* Config space: up to where serial numbers can be (extended capabilities), and not of a card in D3cold, which it would wake. */
static void config_space(struct capture *c, struct bdf b)
{
	char path[PATH_MAX], real[PATH_MAX], state[16];

	if (root_read_line(c->root, pci_path(path, b, "power_state"), state, sizeof(state)) == 0 && str_eq(state, "D3cold"))
		return;
	if (capture_resolve(c, pci_path(path, b, ""), real) && root_exists(c->root, path_f(path, "%s/config", real)))
		capture_file(c, path, 256, true, NULL);
}

void capture_table(struct capture *c)
{
	_cleanup_bdf_list_ struct bdf_list all = { 0 };
	char release[128];

	if (root_read_line(c->root, "/proc/sys/kernel/osrelease", release, sizeof(release)) < 0 || strchr(release, '/'))
		release[0] = '\0';
	for (size_t i = 0; i < capture_n_rows; i++)
		walk_row(c, &capture_rows[i], release);
	if (pci_dir_functions(c->root, "/sys/bus/pci/devices", &all) == -ENOMEM)
		c->r = -ENOMEM;
	for (size_t i = 0; i < all.n; i++)
		config_space(c, all.v[i]);
}
