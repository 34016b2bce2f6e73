/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What runs after our hook: found, refused, and never ourselves. */
#include <errno.h>

#include "tree.h"

#include "base/proc.h"
#include "flow/next.h"

/* A tree beside this program, so that the two can share a file. */
static void tree_beside(struct tree *t, char exe[static PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", exe, PATH_MAX - 1);

	assert_true(n > 0);
	exe[n] = '\0';
	*t = (struct tree){ .root.fd = -1 };
	*strrchr(exe, '/') = '\0';
	/* an open directory keeps the path short */
	assert_int_equal(chdir(exe), 0);
	exe[strlen(exe)] = '/';
	snprintf(t->dir, sizeof(t->dir), "next-tree-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	assert_int_equal(root_open_dir(&t->root, t->dir, NULL), 0);
}

static int find(const struct tree *t, const char *conf, const char *text, char *path, struct err *e)
{
	_cleanup_settings_ struct settings s = { 0 };
	_cleanup_config_ struct config cfg = { 0 };

	assert_int_equal(settings_parse(conf, "gpupt.conf", &s, e), 0);
	if (text)
		assert_int_equal(config_parse(text, strlen(text), GUEST_VM, &cfg), 0);
	return next_find(&t->root, &s, text ? &cfg : NULL, 101, path, e);
}

static void what_can_be_run(void **state)
{
	static const char conf[] = "[vm 101]\nnext = local:snippets/other\n", cfg[] = "hookscript: local:snippets/gpupt-hook\n";
	_cleanup_tree_ struct tree t;
	char path[PATH_MAX] = "untouched", full[128];
	struct err e = { "" };

	tree_new(&t);
	tree_put(&t, "/var/lib/vz/snippets/gpupt-hook", "");
	assert_int_equal(find(&t, "", cfg, path, &e), 0);
	assert_int_equal(find(&t, "[vm 101]\n[vm 102]\nnext = local:snippets/other\n", cfg, path, &e), 0);
	assert_int_equal(find(&t, conf, cfg, path, &e), -ENOENT);
	tree_put(&t, "/var/lib/vz/snippets/other", "");
	assert_int_equal(find(&t, conf, cfg, path, &e), -ENOEXEC);
	assert_string_equal(path, "untouched");
	snprintf(full, sizeof(full), "%s/var/lib/vz/snippets/other", t.dir);
	assert_int_equal(chmod(full, 0755), 0);
	assert_int_equal(find(&t, conf, cfg, path, &e), 1);
	assert_string_equal(path, "/var/lib/vz/snippets/other");
	/* the VM is destroyed, or has a hookscript that is not there: neither makes it another file */
	assert_int_equal(find(&t, conf, NULL, path, &e), 1);
	assert_int_equal(find(&t, conf, "hookscript: local:snippets/gone\n", path, &e), 1);
	/* what Proxmox VE calls already, by any name */
	assert_int_equal(find(&t, conf, "hookscript: local:snippets/other\n", path, &e), -ELOOP);
	tree_link(&t, "/var/lib/vz/snippets/link", "other");
	assert_int_equal(find(&t, conf, "hookscript: local:snippets/link\n", path, &e), -ELOOP);
	assert_non_null(strstr(e.text, "'local:snippets/other' is the VM's own hookscript"));
	/* the lines that run the hook, where the VM's own are in another storage */
	tree_put(&t, "/var/lib/vz/snippets/other", "#!/bin/sh\n# gpupt's snippet: …\n");
	assert_int_equal(find(&t, conf, cfg, path, &e), -ELOOP);
	assert_non_null(strstr(e.text, "'local:snippets/other' is gpupt's snippet"));
	tree_put(&t, "/var/lib/vz/snippets/other", "#!/bin/sh\n# calls gpupt's snippet: no, it does not\n");
	assert_int_equal(find(&t, conf, cfg, path, &e), 1);
}

/* The program that asks is the hook: it finds itself also where the VM's configuration does not name it. */
static void not_itself(void **state)
{
	static const char conf[] = "[vm 101]\nnext = local:snippets/other\n";
	_cleanup_tree_ struct tree t;
	char exe[PATH_MAX], path[PATH_MAX] = "untouched", full[128];
	struct root real;
	struct root_hooks hooks = { .proc = &real };
	struct err e;

	assert_int_equal(root_open_dir(&real, "/", NULL), 0);
	tree_beside(&t, exe);
	tree_put(&t, "/var/lib/vz/snippets/x", "");
	snprintf(full, sizeof(full), "%s/var/lib/vz/snippets/other", t.dir);
	assert_int_equal(link(exe, full), 0);
	/* in the copy of some machine nothing of ours runs */
	assert_int_equal(find(&t, conf, NULL, path, &e), 1);
	t.root.hooks = &hooks;
	snprintf(path, sizeof(path), "untouched");
	assert_int_equal(find(&t, conf, NULL, path, &e), -ELOOP);
	assert_string_equal(path, "untouched");
	root_close(&real);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_can_be_run), cmocka_unit_test(not_itself) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
