/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The step that puts gpupt's snippet into a storage. The storage may be a server that does not answer: a child looks and writes. */
#include <errno.h>
#include <fcntl.h>

#include "base/slow.h"
#include "helper/hook_kinds.h"
#include "helper/hook_script.h"
#include "pve/storage.h"

#define LOOK_MS	 10000
#define WRITE_MS 30000
#define TEMPORARY ".gpupt-hook.new"

/* What parent and child both see. */
struct work {
	struct storage_place place;
	char id[128];
	bool write;
	enum snippet found;
	int k;
	struct err e;
};

/* Else the file would go below the mount point, where nobody sees it once the storage is mounted. */
static int check_mount(const struct root *r, struct work *w)
{
	struct stat at, above;
	char path[PATH_MAX];

	if (!w->place.mount[0])
		return 0;
	if (root_stat(r, w->place.mount, &at) < 0 || root_stat(r, path_f(path, "%s/..", w->place.mount), &above) < 0 ||
	    (at.st_dev == above.st_dev && at.st_ino != above.st_ino))
		return err_set(&w->e, -ENODEV, "storage '%s' is not mounted at %.200s: see 'pvesm status'", w->id, w->place.mount);
	return 0;
}

/* Over whatever stands there, without a moment in which nothing does: a start of a guest would fail in it. */
static int write_over(const struct root *r, struct work *w, const char *text)
{
	_cleanup_close_ int dir = -1;
	char path[PATH_MAX];
	const char *name;
	int k = root_mkdir_p(r, w->place.dir, 0755);

	if (k == 0 && *path_f(path, "%s/" TEMPORARY, w->place.dir))
		k = root_write_file(r, path, text, strlen(text), 0755);
	if (k < 0)
		return k;
	dir = root_open_parent(r, path, 0, &name);
	if (dir < 0)
		return dir;
	if (renameat(dir, name, dir, SNIPPET_NAME) == 0)
		return fsync(dir) < 0 ? -errno : 0;
	k = -errno;
	unlinkat(dir, name, 0);
	return k;
}

static int work(const struct root *r, struct work *w)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	struct stat st;
	int k = snippet_text(r, &text, &w->e);

	if (k < 0)
		return k;
	k = root_stat(r, w->place.base, &st);
	if (k < 0)
		return err_errno(&w->e, k, "cannot look at the directory of storage '%s', %.200s", w->id, w->place.base);
	k = check_mount(r, w);
	if (k < 0)
		return k;
	if (!*path_f(path, "%s/" SNIPPET_NAME, w->place.dir))
		return err_set(&w->e, -ENAMETOOLONG, "the path of storage '%s' is too long", w->id);
	k = w->write ? write_over(r, w, text) : 0;
	if (k < 0)
		return err_errno(&w->e, k, "cannot write %.200s", path);
	k = snippet_look(r, path, text, &w->found);
	if (k < 0)
		return err_errno(&w->e, k, "cannot look at %.200s", path);
	if (w->write && (root_stat(r, path, &st) < 0 || !(st.st_mode & 0111)))
		return err_set(&w->e, -ENOEXEC, "storage '%s' keeps no file that may be executed: Proxmox VE would not run it from there", w->id);
	return 0;
}

static void child(const struct root *r, void *shared)
{
	struct work *w = shared;

	w->k = work(r, w);
}

static int by_child(const struct engine *en, const char *id, bool write, enum snippet *ret, struct err *e)
{
	struct work *w = slow_map(sizeof(*w));
	struct proc_id left;
	char node[NODE_NAME_MAX];
	int k;

	if (!w)
		return err_set(e, -ENOMEM, "out of memory");
	w->write = write;
	snprintf(w->id, sizeof(w->id), "%s", id);
	if (node_name(en->root, node, NULL) < 0)
		node[0] = '\0';
	k = storage_place(en->root, id, node, &w->place, e);
	if (k == 0) {
		k = write ? bounded_call(en->root, child, w, WRITE_MS, &left) : slow_call(en->root, child, w, LOOK_MS);
		if (k == -ETIMEDOUT)
			err_set(e, k, "storage '%s' does not answer: see 'pvesm status'", id);
		else if (k < 0)
			err_errno(e, k, "cannot look at storage '%s'", id);
		else if (w->k < 0)
			k = err_set(e, w->k, "%s", w->e.text);
		else
			*ret = w->found;
	}
	slow_unmap(w, sizeof(*w));
	return k;
}

static int snippet_get(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	static const char *const words[] = {
		[SNIPPET_NONE] = NULL,
		[SNIPPET_CURRENT] = SNIPPET_OURS,
		[SNIPPET_OLD] = SNIPPET_OTHER,
		[SNIPPET_FOREIGN] = SNIPPET_STRANGER,
	};
	enum snippet found = SNIPPET_NONE;
	int k = by_child(en, s->target, false, &found, e);

	if (k < 0)
		return k;
	*ret = words[found] ? strdup(words[found]) : NULL;
	return words[found] && !*ret ? -ENOMEM : 0;
}

static int snippet_set(const struct engine *en, const struct step *s, struct err *e)
{
	enum snippet found;

	return by_child(en, s->target, true, &found, e);
}

const struct step_kind step_snippet = { .name = "snippet", .survives_reboot = true, .get = snippet_get, .set = snippet_set };
