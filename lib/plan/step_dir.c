/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The dir step: a directory that had to be made for a file of ours ("0755"), and that goes again when it is empty. */
#include <errno.h>
#include <fcntl.h>

#include "plan/file.h"

static int dir_get(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	char mode[8];
	struct stat st;
	int k = root_stat(en->root, s->target, &st);

	if (k == -ENOENT) {
		*ret = NULL;
		return 0;
	}
	if (k < 0)
		return err_errno(e, k, "cannot examine %s", s->target);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, -ENOTDIR, "%s is there and is no directory: a file of gpupt's has to go into it", s->target);
	snprintf(mode, sizeof(mode), "%04o", st.st_mode & 07777);
	*ret = strdup(mode);
	return *ret ? 0 : -ENOMEM;
}

static int dir_remove(const struct engine *en, const struct step *s, struct err *e)
{
	int k = root_rmdir(en->root, s->target);

	if (k == -ENOTEMPTY) {
		err_set(e, 0, "%s stays: there are files in it that are not gpupt's", s->target);
		return 1;
	}
	return k == -ENOENT ? 0 : k;
}

static int dir_set(const struct engine *en, const struct step *s, struct err *e)
{
	int k = s->after ? root_mkdir(en->root, s->target, 0755) : dir_remove(en, s, e);

	if (k == 0)
		k = root_sync_name(en->root, s->target);
	return k < 0 ? err_errno(e, k, "cannot %s %s", s->after ? "make" : "remove", s->target) : k;
}

/* Whatever its mode has become, it is the one that was made: what is in it decides whether it goes. */
static bool dir_same(const char *a, const char *b)
{
	return true;
}

const struct step_kind step_dir = {
	.name = "dir",
	.survives_reboot = true,
	.get = dir_get,
	.set = dir_set,
	.same = dir_same,
};

static bool planned(const struct plan *p, const char *path)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->steps[i].kind == &step_dir && str_eq(p->steps[i].target, path))
			return true;
	return false;
}

/* The first directory on the way to path that is not there, and that no step before makes. 0, 1: there is none, -errno. */
static int first_missing(const struct root *r, const struct plan *p, const char *path, char ret[static PATH_MAX], struct err *e)
{
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		struct stat st;
		int k;

		path_f(ret, "%.*s", (int)(slash - path), path);
		if (planned(p, ret))
			continue;
		k = root_stat(r, ret, &st);
		if (k == -ENOENT)
			return 0;
		if (k < 0)
			return err_errno(e, k, "cannot examine %s", ret);
	}
	return 1;
}

int file_add_parents(const struct root *r, struct plan *p, struct err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		char path[PATH_MAX], dir[PATH_MAX];
		struct root_own own;
		struct step s;
		int k;

		if (p->steps[i].kind != &step_file || !p->steps[i].after)
			continue;
		k = file_target_parse(p->steps[i].target, path, &own, e);
		while (k == 0 && (k = first_missing(r, p, path, dir, e)) == 0) {
			if (!plan_add(p, &step_dir, dir, NULL, "0755", p->steps[i].why))
				return -ENOMEM;
			/* it comes right before the file */
			s = p->steps[p->n - 1];
			memmove(&p->steps[i + 1], &p->steps[i], (p->n - 1 - i) * sizeof(s));
			p->steps[i++] = s;
		}
		if (k < 0)
			return k;
	}
	return 0;
}
