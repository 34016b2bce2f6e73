/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/slow_list.h"
#include "host_hang.h"

static void done(struct slow_file *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i].data);
}

static void reads(void **state)
{
	struct slow_file v[] = {
		{ .path = "/a", .max = 100 },	{ .path = "/none", .max = 100 }, { .path = "/b", .max = 5 },
		{ .path = "/b", .max = 4 },	{ .path = "/b", .max = 4, .head = true }, { .path = "/dir", .max = 100 },
		{ .path = "/empty", .max = 0 }, { .path = "/fifo", .max = 100 },
	};
	char fifo[128];
	_cleanup_tree_ struct tree t;

	tree_new(&t);
	tree_put(&t, "/a", "some text\n");
	tree_put(&t, "/b", "12345");
	tree_put(&t, "/empty", "");
	tree_put(&t, "/dir/x", "");
	snprintf(fifo, sizeof(fifo), "%s/fifo", t.dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(slow_read_list(&t.root, v, ARRAY_SIZE(v)), 0);
	assert_int_equal(v[0].r, 0);
	assert_string_equal(v[0].data, "some text\n");
	assert_int_equal(v[0].len, 10);
	assert_int_equal(v[1].r, -ENOENT);
	assert_null(v[1].data);
	assert_int_equal(v[2].r, 0);
	assert_string_equal(v[2].data, "12345");
	assert_int_equal(v[3].r, -EFBIG);
	assert_int_equal(v[4].r, 0);
	assert_string_equal(v[4].data, "1234");
	assert_int_equal(v[5].r, -EISDIR);
	assert_int_equal(v[6].r, 0);
	assert_int_equal(v[6].len, 0);
	assert_int_equal(v[7].r, -EINVAL);
	done(v, ARRAY_SIZE(v));
	assert_int_equal(slow_read_list(&t.root, NULL, 0), 0);
}

/* One that does not answer costs nobody but itself. */
static void hangs(void **state)
{
	struct slow_file v[] = { { .path = "/a", .max = 9 }, { .path = "/b", .max = 9 }, { .path = "/c", .max = 9 } };
	_cleanup_tree_ struct tree t;
	int hang;

	tree_new(&t);
	tree_put(&t, "/a", "a");
	tree_put(&t, "/b", "b");
	tree_put(&t, "/c", "c");
	hang = hang_at(&t, "/b");
	if (hang < 0)
		skip();
	assert_int_equal(slow_read_list(&t.root, v, ARRAY_SIZE(v)), 0);
	hang_over(hang);
	assert_string_equal(v[0].data, "a");
	assert_int_equal(v[1].r, -ETIMEDOUT);
	assert_null(v[1].data);
	assert_string_equal(v[2].data, "c");
	done(v, ARRAY_SIZE(v));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reads), cmocka_unit_test(hangs) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
