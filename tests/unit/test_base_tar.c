/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Archives that tar(1) unpacks to what was put in. */
#include "base/tar.h"
#include "tree.h"

static void unpack(struct tree *t, const struct text *archive)
{
	char tar[] = "tar", option[] = "-xpf", file[80], into[] = "-C", *argv[] = { tar, option, file, into, t->dir, NULL };
	int status = -1;
	pid_t pid;

	assert_int_equal(archive->r, 0);
	assert_int_equal(archive->len % 512, 0);
	assert_int_equal(root_write_file(&t->root, "/a.tar", archive->s, archive->len, 0600), 0);
	snprintf(file, sizeof(file), "%s/a.tar", t->dir);
	assert_int_equal(posix_spawnp(&pid, tar, NULL, NULL, argv, environ), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void assert_file(struct tree *t, const char *path, const char *data, size_t len)
{
	_cleanup_free_ char *text = NULL;
	size_t n;

	assert_int_equal(root_read(&t->root, path, 1 << 20, &text, &n), 0);
	assert_int_equal(n, len);
	assert_memory_equal(text, data, len);
}

static void members(void **state)
{
	_cleanup_text_ struct text a = { 0 };
	_cleanup_tree_ struct tree t;
	char block[513], target[PATH_MAX];
	struct stat st;

	tree_new(&t);
	memset(block, 'x', sizeof(block));
	block[7] = '\0';
	tar_dir(&a, "d");
	tar_file(&a, "d/empty", "", 0, 0755, 0);
	tar_file(&a, "d/block", block, 512, 0644, 1700000000);
	tar_file(&a, "d/more", block, 513, 0600, 0);
	tar_link(&a, "d/link", "../d/more");
	tar_dir(&a, "d/below");
	tar_end(&a);
	unpack(&t, &a);
	assert_file(&t, "/d/empty", "", 0);
	assert_file(&t, "/d/block", block, 512);
	assert_file(&t, "/d/more", block, 513);
	assert_int_equal(root_stat(&t.root, "/d/empty", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(st.st_mtime, 0);
	assert_int_equal(root_stat(&t.root, "/d/block", &st), 0);
	assert_int_equal(st.st_mtime, 1700000000);
	assert_int_equal(root_stat(&t.root, "/d/link", &st), 0);
	assert_int_equal(st.st_size, 513);
	assert_int_equal(root_readlink_base(&t.root, "/d/link", target, sizeof(target)), 0);
	assert_int_equal(root_stat(&t.root, "/d/below", &st), 0);
	assert_true(S_ISDIR(st.st_mode));
}

/* Names and targets of every length around the sizes of the fields, with slashes here and there. */
static void names(void **state)
{
	for (size_t len = 90; len < 400; len += len < 110 || (len > 245 && len < 265) ? 1 : 13) {
		for (size_t part = 17; part < 200; part += 61) {
			_cleanup_text_ struct text a = { 0 };
			_cleanup_tree_ struct tree t;
			char name[512], path[520], target[512], got[PATH_MAX];
			size_t i;

			tree_new(&t);
			for (i = 0; i < len; i++)
				name[i] = i % part == part - 1 && i + 1 < len ? '/' : (char)('a' + i % 26);
			name[len] = '\0';
			memset(target, 't', len);
			target[len] = '\0';
			tar_file(&a, name, name, len, 0644, 0);
			tar_link(&a, "link", target);
			tar_end(&a);
			unpack(&t, &a);
			snprintf(path, sizeof(path), "/%s", name);
			assert_file(&t, path, name, len);
			assert_int_equal(root_readlink_base(&t.root, "/link", got, sizeof(got)), 0);
			assert_string_equal(got, target);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(members), cmocka_unit_test(names) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
