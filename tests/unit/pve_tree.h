/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of lib/pve put into a tree beside text files. */
#ifndef GPUPT_TEST_PVE_TREE_H
#define GPUPT_TEST_PVE_TREE_H

#include "tree.h"

/* A file that may hold NUL bytes. */
static _unused_ void tree_put_bytes(struct tree *t, const char *path, const char *data, size_t len)
{
	tree_put(t, path, "");
	assert_int_equal(root_write_file(&t->root, path, data, len, 0644), 0);
}

/* The file's text; free it. */
static _unused_ char *tree_text(struct tree *t, const char *path)
{
	char *text = NULL;

	assert_int_equal(root_read(&t->root, path, 16 * 1024 * 1024, &text, NULL), 0);
	return text;
}

/* A running QEMU of a VM, as Proxmox VE's pid file and its command line show it. */
static _unused_ void tree_put_qemu(struct tree *t, unsigned int vmid, int pid)
{
	char path[PATH_MAX], text[256];
	int n;

	snprintf(text, sizeof(text), "%d\n", pid);
	tree_put(t, path_f(path, "/run/qemu-server/%u.pid", vmid), text);
	n = snprintf(text, sizeof(text),
		     "/usr/bin/kvm|-id|%u|-name|x|-no-shutdown|-pidfile|/var/run/qemu-server/%u.pid|", vmid,
		     vmid);
	for (int i = 0; i < n; i++)
		if (text[i] == '|')
			text[i] = '\0';
	tree_put_bytes(t, path_f(path, "/proc/%d/cmdline", pid), text, (size_t)n);
}

#endif
