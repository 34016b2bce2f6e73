/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory that stands for "/" while a test runs. */
#ifndef GPUPT_TEST_PVE_TREE_H
#define GPUPT_TEST_PVE_TREE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>

#include "base/root.h"

struct tree {
	char dir[64];
	struct root root;
};

static inline void tree_open(struct tree *t)
{
	strcpy(t->dir, "/tmp/gpupt-pve.XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	assert_int_equal(root_open_dir(&t->root, t->dir, NULL), 0);
}

static inline int tree_unlink(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static inline void tree_close(struct tree *t)
{
	root_close(&t->root);
	nftw(t->dir, tree_unlink, 16, FTW_DEPTH | FTW_PHYS);
}
#define _cleanup_tree_ _cleanup_(tree_close)

static inline void tree_parent(struct tree *t, const char *path)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	if (*dir)
		assert_int_equal(root_mkdir_p(&t->root, dir, 0755), 0);
}

static inline void tree_bytes(struct tree *t, const char *path, const char *data, size_t len)
{
	tree_parent(t, path);
	assert_int_equal(root_write_file(&t->root, path, data, len, 0644), 0);
}

static inline void tree_file(struct tree *t, const char *path, const char *text)
{
	tree_bytes(t, path, text, strlen(text));
}

static inline void tree_link(struct tree *t, const char *path, const char *target)
{
	char full[PATH_MAX + 64];

	tree_parent(t, path);
	snprintf(full, sizeof(full), "%s%s", t->dir, path);
	assert_int_equal(symlink(target, full), 0);
}

/* The file's text; free it. */
static inline char *tree_text(struct tree *t, const char *path)
{
	char *text = NULL;

	assert_int_equal(root_read(&t->root, path, 16 * 1024 * 1024, &text, NULL), 0);
	return text;
}

/* A running QEMU of a VM, as Proxmox VE's pid file and its command line show it. */
static inline void tree_qemu(struct tree *t, unsigned int vmid, int pid)
{
	char path[PATH_MAX], text[256];
	int n;

	snprintf(text, sizeof(text), "%d\n", pid);
	tree_file(t, path_f(path, "/run/qemu-server/%u.pid", vmid), text);
	n = snprintf(text, sizeof(text),
		     "/usr/bin/kvm|-id|%u|-name|guest,debug-threads=on|-no-shutdown|-pidfile|%s/%u.pid|",
		     vmid, "/var/run/qemu-server", vmid);
	for (int i = 0; i < n; i++)
		if (text[i] == '|')
			text[i] = '\0';
	tree_bytes(t, path_f(path, "/proc/%d/cmdline", pid), text, (size_t)n);
}

#endif
