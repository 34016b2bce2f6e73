/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose a file is that guests name as their hookscript. */
#include "pve_tree.h"

#include <errno.h>

#include "flow/snippet.h"

#define DIR_OF "/var/lib/vz/snippets/"
#define LINES  "#!/bin/sh\n# gpupt's snippet: one\n"

static enum snippet look(struct tree *t, const char *name, const char *text)
{
	enum snippet s = SNIPPET_FOREIGN;
	char path[PATH_MAX];

	assert_int_equal(snippet_look(&t->root, path_f(path, DIR_OF "%s", name), text, &s), 0);
	return s;
}

static void test_look(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_free_ char *big = NULL;

	tree_new(&t);
	assert_int_equal(look(&t, "gpupt-hook", LINES), SNIPPET_NONE);
	tree_put(&t, DIR_OF "gpupt-hook", LINES);
	assert_int_equal(look(&t, "gpupt-hook", LINES), SNIPPET_CURRENT);
	assert_int_equal(look(&t, "gpupt-hook", LINES "exit 0\n"), SNIPPET_OLD);
	assert_int_equal(look(&t, "gpupt-hook", NULL), SNIPPET_CURRENT);
	/* under any name */
	tree_put(&t, DIR_OF "x", LINES);
	assert_int_equal(look(&t, "x", LINES), SNIPPET_CURRENT);
	/* links, by where they lead, there or not */
	tree_link(&t, DIR_OF "link", "/usr/libexec/gpupt/gpupt-hook");
	assert_int_equal(look(&t, "link", LINES), SNIPPET_OLD);
	tree_link(&t, DIR_OF "other", "x");
	assert_int_equal(look(&t, "other", LINES), SNIPPET_FOREIGN);
	/* somebody else's: under our name, or with our words in other places */
	tree_put(&t, DIR_OF "gpupt-hook", "#!/bin/sh\necho mine\n");
	assert_int_equal(look(&t, "gpupt-hook", LINES), SNIPPET_FOREIGN);
	tree_put(&t, DIR_OF "gpupt-hook", "#!/bin/sh\n: # gpupt's snippet: \n");
	assert_int_equal(look(&t, "gpupt-hook", LINES), SNIPPET_FOREIGN);
	tree_put(&t, DIR_OF "gpupt-hook", "\n# gpupt's snippet: \n");
	assert_int_equal(look(&t, "gpupt-hook", LINES), SNIPPET_FOREIGN);
	/* a copy of the hook, an empty stub: by its name alone */
	tree_put(&t, DIR_OF "gpupt-hook", "\177ELF…");
	assert_int_equal(look(&t, "gpupt-hook", LINES), SNIPPET_OLD);
	tree_put(&t, DIR_OF "x", "\177ELF…");
	assert_int_equal(look(&t, "x", LINES), SNIPPET_FOREIGN);
	tree_put(&t, DIR_OF "gpupt-hook", "");
	assert_int_equal(look(&t, "gpupt-hook", LINES), SNIPPET_OLD);
	tree_put(&t, DIR_OF "x", "");
	assert_int_equal(look(&t, "x", LINES), SNIPPET_FOREIGN);
	tree_put(&t, DIR_OF "dir/file", "");
	assert_int_equal(look(&t, "dir", LINES), SNIPPET_FOREIGN);
	/* long ones, and bytes that end no string */
	big = calloc(1, 200000);
	assert_non_null(big);
	memset(big, 'x', 199999);
	tree_put(&t, DIR_OF "gpupt-hook", big);
	assert_int_equal(look(&t, "gpupt-hook", LINES), SNIPPET_FOREIGN);
	tree_put_bytes(&t, DIR_OF "gpupt-hook", LINES "\0more", sizeof(LINES) + 4);
	assert_int_equal(look(&t, "gpupt-hook", LINES), SNIPPET_OLD);
}

/* What is shipped is what is recognised. */
static void test_shipped(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_free_ char *text = NULL, *shipped = NULL;
	struct root here;
	struct err e;

	tree_new(&t);
	assert_int_equal(snippet_text(&t.root, &text, &e), -ENOENT);
	assert_non_null(strstr(e.text, SNIPPET_FILE));
	assert_int_equal(root_open_dir(&here, ".", NULL), 0);
	assert_int_equal(root_read(&here, "/conf/snippet", 1 << 16, &shipped, NULL), 0);
	root_close(&here);
	tree_put(&t, SNIPPET_FILE, shipped);
	assert_int_equal(snippet_text(&t.root, &text, &e), 0);
	assert_string_equal(text, shipped);
	tree_put(&t, DIR_OF "gpupt-hook", shipped);
	assert_int_equal(look(&t, "gpupt-hook", text), SNIPPET_CURRENT);
	assert_int_equal(look(&t, "gpupt-hook", "another"), SNIPPET_OLD);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_look), cmocka_unit_test(test_shipped) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
