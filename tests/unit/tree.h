/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine in a temporary directory: from a table, or from tests/trees. */
#ifndef GPUPT_TEST_TREE_H
#define GPUPT_TEST_TREE_H

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/root.h"
#include "tests/fake/scratch.h"

struct tree {
	char dir[64];
	struct root root;
};

/* A file with content, a link if there is a target, a directory if neither. */
struct tree_entry {
	const char *path, *content, *target;
};

static _unused_ int tree_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static _unused_ void tree_done(struct tree *t)
{
	root_close(&t->root);
	nftw(t->dir, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
#define _cleanup_tree_ _cleanup_(tree_done)

static _unused_ void tree_put(const struct tree *t, const char *path, const char *content)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	if (dir[0])
		assert_int_equal(root_mkdir_p(&t->root, dir, 0755), 0);
	assert_int_equal(root_write_file(&t->root, path, content, strlen(content), 0644), 0);
}

static _unused_ void tree_link(const struct tree *t, const char *path, const char *target)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	if (dir[0])
		assert_int_equal(root_mkdir_p(&t->root, dir, 0755), 0);
	snprintf(dir, sizeof(dir), "%s%s", t->dir, path);
	unlink(dir);
	assert_int_equal(symlink(target, dir), 0);
}

/* An empty machine. */
static _unused_ void tree_new(struct tree *t)
{
	*t = (struct tree){ .root.fd = -1 };
	assert_in_range(snprintf(t->dir, sizeof(t->dir), "%s/gpupt-tree-XXXXXX", scratch_dir(true)), 1, sizeof(t->dir) - 1);
	assert_non_null(mkdtemp(t->dir));
	assert_int_equal(root_open_dir(&t->root, t->dir, NULL), 0);
}

static _unused_ void tree_build(struct tree *t, const struct tree_entry *entries, size_t n)
{
	tree_new(t);
	for (size_t i = 0; i < n; i++) {
		if (entries[i].content)
			tree_put(t, entries[i].path, entries[i].content);
		else if (entries[i].target)
			tree_link(t, entries[i].path, entries[i].target);
		else
			assert_int_equal(root_mkdir_p(&t->root, entries[i].path, 0755), 0);
	}
}

/* The machine tests/trees/NAME.tree; tests run at the top of the sources. */
static _unused_ void tree_expand(struct tree *t, const char *name)
{
	char expand[] = "tests/trees/expand", *argv[] = { expand, strdup(name), NULL, NULL };
	int status = -1;
	pid_t pid;

	tree_new(t);
	argv[2] = t->dir;
	assert_int_equal(posix_spawn(&pid, expand, NULL, NULL, argv, environ), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	free(argv[1]);
}

#endif
