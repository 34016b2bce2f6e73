/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "base/slow.h"
#include "host/inside.h"
#include "host/inside_root.h"

#define DEPTH_MAX   6     /* directories below each other: /dev/snd/by-path is three */
#define ENTRIES_MAX 32768 /* of one container, whose /dev has a hundred */
#define HANGS_MAX   2	  /* containers that are waited for; after that nobody is looked at any more */

/* What the child is told, and how far it has come. */
struct look {
	const struct manifest *manifest;
	const struct inside_place *places;
	const struct node_list *nodes;
	size_t first, n; /* of places */
	size_t room;
	/* from the child */
	size_t at; /* the place that it is at */
	size_t n_found;
	struct inside_node found[];
};

/* The walk through one place. */
struct walk {
	struct look *look;
	struct root inner; /* the container's root */
	bool captured;
	unsigned int entries;
	bool unsure;
};

/* A mark in the list: this place could not be looked at as a whole. */
#define UNSURE ((dev_t)-1)

static void found_add(struct look *l, dev_t dev, const char *path)
{
	unsigned int same = 0;

	for (size_t i = l->n_found; i-- > 0 && l->found[i].place == l->at;)
		same += l->found[i].dev == dev;
	if (same >= INSIDE_EACH || l->n_found == l->room)
		return;
	l->found[l->n_found].place = l->at;
	l->found[l->n_found].dev = dev;
	snprintf(l->found[l->n_found].path, INSIDE_PATH_LEN, "%s", path);
	l->n_found++;
}

/*
 * Its number, 0 if it is no character device. Asked of the file and not of the directory's entry: a node that is mounted on a
 * file looks like a file there.
 */
static dev_t entry_dev(const struct walk *w, int dir, const char *name, const char *path, bool *ret_is_dir)
{
	struct statx st;
	char full[PATH_MAX];
	dev_t dev;

	*ret_is_dir = false;
	if (statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0)
		return 0;
	*ret_is_dir = S_ISDIR(st.stx_mode);
	if (S_ISCHR(st.stx_mode))
		return makedev(st.stx_rdev_major, st.stx_rdev_minor);
	if (!w->captured || !S_ISREG(st.stx_mode))
		return 0;
	path_f(full, "/proc/%d/root%s", (int)w->look->places[w->look->at].init.pid, path);
	return manifest_find(w->look->manifest, full, &dev) == 0 ? dev : 0;
}

/* Filesystems of their own that anybody may fill, and that have no nodes of cards. */
static bool is_anybodys(const char *name, unsigned int depth)
{
	return depth == 1 && (str_eq(name, "shm") || str_eq(name, "mqueue") || str_eq(name, "pts"));
}

static void walk_dir(struct walk *w, const char *dir, unsigned int depth)
{
	_cleanup_closedir_ DIR *d = NULL;
	int fd = root_open_nofollow(&w->inner, dir, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);

	if (fd < 0)
		return;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return;
	}
	for (struct dirent *ent; !w->unsure && (ent = readdir(d));) {
		char path[PATH_MAX];
		bool is_dir;
		dev_t dev;

		if (str_eq(ent->d_name, ".") || str_eq(ent->d_name, ".."))
			continue;
		w->unsure = ++w->entries > ENTRIES_MAX;
		path_f(path, "%s/%s", dir, ent->d_name);
		dev = entry_dev(w, fd, ent->d_name, path, &is_dir);
		if (dev && nodes_find(w->look->nodes, dev))
			found_add(w->look, dev, path);
		if (is_dir && *path && depth < DEPTH_MAX && !is_anybodys(ent->d_name, depth))
			walk_dir(w, path, depth + 1);
	}
}

static void walk_place(const struct root *r, struct look *l)
{
	const struct inside_place *p = &l->places[l->at];
	struct walk w = { .look = l, .captured = !root_is_real(r) };
	int k;

	k = inside_open_root(r, p->init, &w.inner);
	if (k == 0) {
		strv_foreach(dir, p->in)
			walk_dir(&w, dir, 1);
		root_close(&w.inner);
	}
	/* one that has ended has nothing */
	w.unsure |= k < 0 && k != -ESRCH;
	if (w.unsure)
		found_add(l, UNSURE, "");
}

static void look_child(const struct root *r, void *shared)
{
	struct look *l = shared;

	for (l->at = l->first; l->at < l->n; l->at++)
		walk_place(r, l);
}

/* Takes over what a child has found at the places before `end`. */
static int take_found(const struct look *l, size_t end, struct inside *to)
{
	size_t n_found = l->n_found < l->room ? l->n_found : l->room;
	struct inside_node *v = realloc(to->v, (to->n + n_found + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	to->v = v;
	for (size_t i = 0; i < n_found && l->found[i].place < end; i++) {
		if (l->found[i].dev == UNSURE)
			to->unsure[l->found[i].place] = true;
		else
			v[to->n++] = l->found[i];
	}
	return 0;
}

/* One child, from place `first`; *ret_next is where another one has to go on. 0, -ETIMEDOUT (that place hangs), -errno. */
static int look_from(const struct root *r, const struct look *what, size_t first, struct inside *to, size_t *ret_next)
{
	size_t size = sizeof(struct look) + what->room * sizeof(struct inside_node);
	struct look *l = slow_map(size);
	size_t at;
	int k, taken;

	if (!l)
		return -ENOMEM;
	*l = *what;
	l->first = l->at = first;
	k = slow_call(r, look_child, l, SLOW_MS);
	/* a child that cannot be killed yet may go on writing */
	at = l->at < l->n ? l->at : l->n;
	taken = take_found(l, at, to);
	*ret_next = at + (k == -ETIMEDOUT);
	if (k == -ETIMEDOUT && at < l->n)
		to->unsure[at] = true;
	slow_unmap(l, size);
	return taken < 0 ? taken : k;
}

int inside_find(const struct root *r, const struct manifest *manifest, const struct inside_place *places, size_t n,
		const struct node_list *nodes, struct inside *ret)
{
	_cleanup_inside_ struct inside l = { .unsure = calloc(n + 1, sizeof(*l.unsure)) };
	const struct look what = { .manifest = manifest, .places = places, .nodes = nodes, .n = n,
				   .room = n * (nodes->n * INSIDE_EACH + 1) };
	unsigned int hangs = 0;
	size_t next = 0;

	if (!l.unsure)
		return -ENOMEM;
	while (next < n && hangs < HANGS_MAX) {
		int k = look_from(r, &what, next, &l, &next);

		if (k < 0 && k != -ETIMEDOUT)
			return k;
		hangs += k == -ETIMEDOUT;
	}
	for (; next < n; next++)
		l.unsure[next] = true;
	*ret = l;
	l = (struct inside){ 0 };
	return 0;
}

void inside_done(struct inside *l)
{
	free(l->v);
	free(l->unsure);
	*l = (struct inside){ 0 };
}
