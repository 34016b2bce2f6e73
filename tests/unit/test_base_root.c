/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rooted file access: nothing leaves the root, nothing hangs, a file is replaced as a whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/root.h"
#include "tests/fake/fake.h"

static void assert_text(const struct fake *f, const char *path, const char *text)
{
	_cleanup_free_ char *have = NULL;

	assert_int_equal(root_read(&f->root, path, 1 << 20, &have, NULL), 0);
	assert_string_equal(have, text);
}

static void links_stay_inside(void **state)
{
	_cleanup_fake_ struct fake *f = fake_new();
	char outside[PATH_MAX];
	_cleanup_free_ char *text = NULL;

	path_f(outside, "%s/outside", f->dir);
	{
		FILE *out = fopen(outside, "we");

		assert_non_null(out);
		fputs("secret\n", out);
		fclose(out);
	}
	fake_put(f, "/inside/file", "inside\n");
	fake_link(f, "/absolute", "/inside/file");
	fake_link(f, "/up", "../../../../../../inside/file");
	fake_link(f, "/out", outside);
	fake_link(f, "/outdir", f->dir);
	fake_link(f, "/chain", "/absolute");
	fake_link(f, "/loop", "/loop");
	assert_text(f, "/absolute", "inside\n");
	assert_text(f, "/up", "inside\n");
	assert_text(f, "/chain", "inside\n");
	assert_text(f, "/../../inside/../../../inside/file", "inside\n");
	/* an absolute target is looked for below the root, where there is none */
	assert_int_equal(root_read(&f->root, "/out", 100, &text, NULL), -ENOENT);
	assert_int_equal(root_read(&f->root, "/outdir/outside", 100, &text, NULL), -ENOENT);
	assert_int_equal(root_read(&f->root, "/../outside", 100, &text, NULL), -ENOENT);
	assert_int_equal(root_read(&f->root, "/loop", 100, &text, NULL), -ELOOP);
	assert_int_equal(root_write_file(&f->root, "/outdir/outside", "x", 1, 0644), -ENOENT);
	assert_int_equal(root_mkdir_p(&f->root, "/outdir/made", 0755), -ENOENT);
	assert_int_equal(root_unlink(&f->root, "/../outside"), 0);
	assert_int_equal(access(outside, F_OK), 0);
	assert_null(text);
}

static void nofollow_means_nowhere(void **state)
{
	_cleanup_fake_ struct fake *f = fake_new();
	int fd;

	fake_put(f, "/d/file", "x");
	fake_link(f, "/d/link", "file");
	fake_link(f, "/dlink", "d");
	fd = root_open_nofollow(&f->root, "/d/file", O_RDONLY, 0);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	assert_int_equal(root_open_nofollow(&f->root, "/d/link", O_RDONLY, 0), -ELOOP);
	assert_int_equal(root_open_nofollow(&f->root, "/dlink/file", O_RDONLY, 0), -ELOOP);
	assert_int_equal(root_mkdir_p_nofollow(&f->root, "/dlink/new", 0700), -ELOOP);
	assert_int_equal(root_mkdir_p(&f->root, "/dlink/new", 0700), 0);
	assert_true(fake_exists(f, "/d/new"));
}

static void which_root_is_which(void **state)
{
	_cleanup_fake_ struct fake *f = fake_new();
	char path[PATH_MAX];
	struct root real, tree;
	struct err e;

	assert_int_equal(root_open_dir(&real, "/", &e), 0);
	assert_true(root_is_real(&real) && root_is_live(&real));
	assert_string_equal(real.path, "");
	root_close(&real);
	assert_int_equal(root_open_dir(&real, "///", &e), 0);
	assert_true(root_is_real(&real));
	root_close(&real);
	fake_path(f, path, "/");
	assert_int_equal(root_open_dir(&tree, path, &e), 0);
	tree.hooks = NULL;
	assert_false(root_is_real(&tree) || root_is_live(&tree));
	root_close(&tree);
	root_close(&tree); /* twice does no harm */
	assert_true(root_is_live(&f->root)); /* with a kernel of its own */
	assert_int_equal(root_open_dir(&tree, "", &e), -EINVAL);
	assert_int_equal(root_open_dir(&tree, "/nonexistent", &e), -ENOENT);
	assert_non_null(strstr(e.text, "/nonexistent"));
	assert_int_equal(root_open_dir(&tree, "/etc/passwd", &e), -ENOTDIR);
}

static void reading_is_bounded(void **state)
{
	_cleanup_fake_ struct fake *f = fake_new();
	_cleanup_free_ char *text = NULL;
	char line[8], path[PATH_MAX];
	uint32_t hex = 7;
	size_t len;

	fake_put(f, "/five", "12345");
	assert_int_equal(root_read(&f->root, "/five", 4, &text, NULL), -EFBIG);
	assert_null(text);
	assert_int_equal(root_read(&f->root, "/five", 5, &text, &len), 0);
	assert_int_equal(len, 5);
	assert_string_equal(text, "12345");
	fake_put(f, "/empty", "");
	free(TAKE_PTR(text));
	assert_int_equal(root_read(&f->root, "/empty", 0, &text, &len), 0);
	assert_string_equal(text, "");
	free(TAKE_PTR(text));
	fake_put_bytes(f, "/nul", "a\0b", 3);
	assert_int_equal(root_read(&f->root, "/nul", 9, &text, &len), 0);
	assert_int_equal(len, 3);
	assert_int_equal(text[2], 'b');
	free(TAKE_PTR(text));
	assert_int_equal(root_read(&f->root, "/", 9, &text, NULL), -EISDIR);
	/* a fifo and a device in the place of a file */
	assert_int_equal(mkfifo(fake_path(f, path, "/fifo"), 0600), 0);
	assert_int_equal(root_read(&f->root, "/fifo", 9, &text, NULL), -EINVAL);
	assert_int_equal(root_read_line(&f->root, "/fifo", line, sizeof(line)), 0);
	assert_string_equal(line, "");
	assert_int_equal(root_write_attr(&f->proc, path, "x"), -ENXIO);

	fake_put(f, "/line", "1234567");
	assert_int_equal(root_read_line(&f->root, "/line", line, sizeof(line)), 0);
	assert_string_equal(line, "1234567");
	fake_put(f, "/line", "1234567\nmore of it");
	assert_int_equal(root_read_line(&f->root, "/line", line, sizeof(line)), 0);
	assert_string_equal(line, "1234567");
	fake_put(f, "/line", "12345678");
	assert_int_equal(root_read_line(&f->root, "/line", line, sizeof(line)), -EOVERFLOW);
	fake_put(f, "/line", "");
	assert_int_equal(root_read_line(&f->root, "/line", line, sizeof(line)), 0);
	assert_string_equal(line, "");
	assert_int_equal(root_read_line(&f->root, "/absent", line, sizeof(line)), -ENOENT);

	fake_put(f, "/hex", "0x1002\n");
	assert_int_equal(root_read_hex(&f->root, "/hex", &hex), 0);
	assert_int_equal(hex, 0x1002);
	fake_put(f, "/hex", "ffffffff\n");
	assert_int_equal(root_read_hex(&f->root, "/hex", &hex), 0);
	assert_int_equal(hex, 0xffffffff);
	fake_put(f, "/hex", "0x123456789\n");
	hex = 7;
	assert_int_equal(root_read_hex(&f->root, "/hex", &hex), -EINVAL);
	fake_put(f, "/hex", "0x\n");
	assert_int_equal(root_read_hex(&f->root, "/hex", &hex), -EINVAL);
	assert_int_equal(hex, 7);
}

static void the_name_at_a_links_end(void **state)
{
	_cleanup_fake_ struct fake *f = fake_new();
	char name[8] = "before";

	fake_link(f, "/d/driver", "../../../bus/pci/drivers/amdgpu");
	fake_link(f, "/d/plain", "name");
	fake_link(f, "/d/long", "/a/eightlen");
	fake_put(f, "/d/file", "");
	assert_int_equal(root_readlink_base(&f->root, "/d/driver", name, sizeof(name)), 0);
	assert_string_equal(name, "amdgpu");
	assert_int_equal(root_readlink_base(&f->root, "/d/plain", name, sizeof(name)), 0);
	assert_string_equal(name, "name");
	assert_int_equal(root_readlink_base(&f->root, "/d/long", name, sizeof(name)), -EOVERFLOW);
	assert_int_equal(root_readlink_base(&f->root, "/d/file", name, sizeof(name)), -EINVAL);
	assert_int_equal(root_readlink_base(&f->root, "/d/absent", name, sizeof(name)), -ENOENT);
	assert_int_equal(root_readlink_base(&f->root, "/absent/absent", name, sizeof(name)), -ENOENT);
	assert_string_equal(name, "name");
}

static void a_file_is_replaced(void **state)
{
	_cleanup_fake_ struct fake *f = fake_new();
	char path[PATH_MAX];
	struct stat st;

	fake_mkdir(f, "/etc");
	assert_int_equal(root_write_file(&f->root, "/etc/new", "one", 3, 0640), 0);
	assert_text(f, "/etc/new", "one");
	assert_int_equal(stat(fake_path(f, path, "/etc/new"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	/* mode and owner of one that is there are kept */
	assert_int_equal(chmod(path, 0604), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(path, 12, 34), 0);
	assert_int_equal(root_write_file(&f->root, "/etc/new", "two", 3, 0640), 0);
	assert_text(f, "/etc/new", "two");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
	if (geteuid() == 0) {
		assert_int_equal(st.st_uid, 12);
		assert_int_equal(st.st_gid, 34);
	}
	/* a link or a directory in its place is not replaced by a file */
	fake_link(f, "/etc/link", "new");
	assert_int_equal(root_write_file(&f->root, "/etc/link", "x", 1, 0644), -EINVAL);
	assert_text(f, "/etc/new", "two");
	fake_mkdir(f, "/etc/dir");
	assert_int_equal(root_write_file(&f->root, "/etc/dir", "x", 1, 0644), -EINVAL);
	assert_int_equal(root_write_file(&f->root, "/absent/file", "x", 1, 0644), -ENOENT);
	assert_int_equal(root_write_file(&f->root, "relative", "x", 1, 0644), -EINVAL);
	assert_int_equal(root_write_file(&f->root, "/etc/", "x", 1, 0644), -EINVAL);
	assert_int_equal(root_unlink(&f->root, "/etc/new"), 0);
	assert_int_equal(root_unlink(&f->root, "/etc/new"), 0);
	assert_int_equal(root_unlink(&f->root, "/absent/x"), 0);
	assert_int_equal(root_sync_name(&f->root, "/etc/new"), 0);
	assert_int_equal(root_sync_name(&f->root, "/absent/x"), 0);
}

static void a_file_gets_an_owner(void **state)
{
	_cleanup_fake_ struct fake *f = fake_new();
	bool super = geteuid() == 0;
	struct root_own own = { 0640, super ? 12 : getuid(), super ? 34 : getgid() };
	mode_t mask = umask(077);
	char path[PATH_MAX];
	struct stat st;

	fake_mkdir(f, "/etc");
	assert_int_equal(root_write_owned(&f->root, "/etc/new", "one", 3, &own), 0);
	assert_int_equal(stat(fake_path(f, path, "/etc/new"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_uid, own.uid);
	assert_int_equal(st.st_gid, own.gid);
	/* all of the mode stays, also the bits that a new owner takes away */
	assert_int_equal(chmod(path, 06755), 0);
	assert_int_equal(root_write_owned(&f->root, "/etc/new", "two", 3, &(struct root_own){ 0600, 0, 0 }), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 06755);
	assert_int_equal(st.st_uid, own.uid);
	umask(mask);
}

/* Nothing but what root_write_file() leaves of this very file when it is killed. */
static void leftovers_are_dropped(void **state)
{
	static const struct {
		const char *path;
		bool dropped;
	} files[] = {
		{ "/etc/.a.conf.7.tmp", true },	  { "/etc/.a.conf.123456.tmp", true }, { "/etc/a.conf", false },
		{ "/etc/.a.conf.tmp", false },	  { "/etc/.a.conf..tmp", false },      { "/etc/.a.conf.7.tmp~", false },
		{ "/etc/.a.conf.7x.tmp", false }, { "/etc/a.conf.7.tmp", false },      { "/etc/.b.a.conf.7.tmp", false },
		{ "/etc/.a.confx.7.tmp", false }, { "/etc/.a.conf.7.tmp.8.tmp", false },
	};
	_cleanup_fake_ struct fake *f = fake_new();

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		fake_put(f, files[i].path, "x");
	root_drop_temporary(&f->root, "/etc/a.conf");
	root_drop_temporary(&f->root, "/absent/a.conf");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (fake_exists(f, files[i].path) == files[i].dropped)
			fail_msg("%s", files[i].path);
}

static int write_new(struct fake *f, void *ctx)
{
	return root_write_file(&f->root, "/etc/file", "new text\n", 9, 0644) < 0;
}

static unsigned int entries_of_etc(const struct fake *f)
{
	_cleanup_closedir_ DIR *d = NULL;
	unsigned int n = 0;

	assert_int_equal(root_opendir(&f->root, "/etc", &d), 0);
	for (struct dirent *de; (de = readdir(d));)
		n += !str_eq(de->d_name, ".") && !str_eq(de->d_name, "..");
	return n;
}

/* Killed or failing at any call: the old text or the new, never half of it, and a failure leaves nothing lying about. */
static void a_file_is_replaced_as_a_whole(void **state)
{
	static const enum fake_fault faults[] = { FAKE_KILL_BEFORE, FAKE_KILL_AFTER, FAKE_ERROR_BEFORE, FAKE_SHORT, FAKE_ERROR_FROM };
	unsigned int tried = 0;

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		for (unsigned int n = 1; n < 20; n++) {
			_cleanup_fake_ struct fake *f = fake_new();
			const char *text;
			bool reached;
			int status;

			fake_put(f, "/etc/file", "old text\n");
			fake_arm(f, FAKE_STORAGE, faults[i], n, ENOSPC);
			status = fake_run(f, write_new, NULL);
			reached = fake_count(f) >= n;
			fake_disarm(f);
			text = fake_get(f, "/etc/file");
			if (!str_eq(text, "old text") && !str_eq(text, "new text"))
				fail_msg("fault %d at call %u: '%s'", (int)faults[i], n, text);
			if (status == 0)
				assert_string_equal(text, "new text");
			if (WIFEXITED(status))
				assert_int_equal(entries_of_etc(f), 1);
			tried += reached;
			if (!reached)
				break;
		}
	}
	assert_true(tried > 15);
	fake_tally("faults", tried, "faults in the midst of replacing a file");
}

static void directories(void **state)
{
	_cleanup_fake_ struct fake *f = fake_new();
	char path[PATH_MAX], full[PATH_MAX];
	struct stat st;

	assert_int_equal(root_mkdir_p(&f->root, "/a/b/c", 0700), 0);
	assert_int_equal(root_mkdir_p(&f->root, "/a/b/c", 0700), 0);
	assert_int_equal(stat(fake_path(f, full, "/a/b/c"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	umask(077);
	assert_int_equal(root_mkdir(&f->root, "/a/d", 0755), 0);
	umask(022);
	assert_int_equal(stat(fake_path(f, full, "/a/d"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(root_mkdir(&f->root, "/a/d", 0755), -EEXIST);
	assert_int_equal(root_mkdir(&f->root, "/e/f", 0755), -ENOENT);
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_true(root_mkdir_p(&f->root, path, 0700) < 0);
	/* an over-long path finds nothing, rather than its first part */
	assert_string_equal(path_f(full, "%s%s", path, "/more"), "");
	assert_false(root_exists(&f->root, full));
}

static void attributes(void **state)
{
	_cleanup_fake_ struct fake *f = fake_new();
	struct root plain = f->root;

	plain.hooks = NULL;
	fake_put(f, "/attr", "before");
	assert_int_equal(root_write_attr(&plain, "/attr", "after!"), 0);
	assert_string_equal(fake_get(f, "/attr"), "after!");
	/* one that is not there is not made */
	assert_int_equal(root_write_attr(&plain, "/none", "x"), -ENOENT);
	assert_false(fake_exists(f, "/none"));
	assert_int_equal(root_write_attr(&f->proc, "/dev/full", "x"), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_stay_inside),
		cmocka_unit_test(nofollow_means_nowhere),
		cmocka_unit_test(which_root_is_which),
		cmocka_unit_test(reading_is_bounded),
		cmocka_unit_test(the_name_at_a_links_end),
		cmocka_unit_test(a_file_is_replaced),
		cmocka_unit_test(a_file_gets_an_owner),
		cmocka_unit_test(leftovers_are_dropped),
		cmocka_unit_test(a_file_is_replaced_as_a_whole),
		cmocka_unit_test(directories),
		cmocka_unit_test(attributes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
