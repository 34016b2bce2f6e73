/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unified diffs, as diff(1) would have them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/diff.h"

static void assert_diff(const char *before, const char *after, const char *expected)
{
	_cleanup_text_ struct text t = { 0 };

	diff_unified(before, after, "", &t);
	assert_int_equal(t.r, 0);
	assert_string_equal(text_str(&t), expected);
}

static void small(void **state)
{
	assert_diff("a\n", "a\n", "");
	assert_diff(NULL, NULL, "");
	assert_diff(NULL, "a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b\n");
	assert_diff("a\nb\n", NULL, "@@ -1,2 +0,0 @@\n-a\n-b\n");
	assert_diff("a\nb\nc\n", "a\nB\nc\n", "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
	assert_diff("a\nb", "a\nb\n", "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n");
	assert_diff("\n\n", "\n", "@@ -1,2 +1 @@\n \n-\n");
}

static void hunks(void **state)
{
	/* seven lines between two changes are one too many for one hunk */
	assert_diff("x\n1\n2\n3\n4\n5\n6\n7\ny\n", "X\n1\n2\n3\n4\n5\n6\n7\nY\n",
		    "@@ -1,4 +1,4 @@\n-x\n+X\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-y\n+Y\n");
	assert_diff("x\n1\n2\n3\n4\n5\n6\ny\n", "X\n1\n2\n3\n4\n5\n6\nY\n",
		    "@@ -1,8 +1,8 @@\n-x\n+X\n 1\n 2\n 3\n 4\n 5\n 6\n-y\n+Y\n");
}

static void long_texts(void **state)
{
	_cleanup_text_ struct text a = { 0 }, t = { 0 };

	for (int i = 0; i <= DIFF_LINES_MAX; i++)
		text_addf(&a, "%d\n", i);
	diff_unified(text_str(&a), "0\n", "> ", &t);
	assert_int_equal(t.r, 0);
	/* replaced as a whole: nothing is kept, not even the line that is in both */
	assert_true(str_starts(text_str(&t), "> @@ -1,2001 +1 @@\n> -0\n> -1\n"));
	assert_non_null(strstr(text_str(&t), "> -2000\n> +0\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small),
		cmocka_unit_test(hunks),
		cmocka_unit_test(long_texts),
	};

	return cmocka_run_group_tests_name("base/diff", tests, NULL, NULL);
}
