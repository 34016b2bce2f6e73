/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which modules are installed, by the lists of them. */
#include "host/kmod.h"
#include "tree.h"

static void lists(void **state)
{
	static const struct {
		const char *list;
		bool has;
	} cases[] = {
		{ "", false },
		{ "updates/dkms/vendor-reset.ko: kernel/x.ko\n", true },
		{ "kernel/a.ko.zst:\nupdates/vendor-reset.ko.zst:\n", true },
		{ "vendor_reset.ko", true },
		{ "extra/vendor-reset.ko.xz", true },
		/* what another one needs, what only begins or ends so, a directory, no module */
		{ "kernel/a.ko: updates/vendor-reset.ko\n", false },
		{ "kernel/vendor-reset-2.ko:\nkernel/my-vendor-reset.ko:\nkernel/vendor-rese.ko:\n", false },
		{ "vendor-reset.ko/a.ko:\nvendor-reset/b.ko:\n", false },
		{ "updates/vendor-reset.txt:\nvendor-reset\n", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (kmod_listed(cases[i].list, VENDOR_RESET) != cases[i].has)
			fail_msg("%s", cases[i].list);
}

static void installed(void **state)
{
	_cleanup_tree_ struct tree t;

	tree_new(&t);
	assert_int_equal(kmod_installed(&t.root, "6.8", "vendor-reset"), TRI_UNKNOWN);
	assert_int_equal(kmod_installed(&t.root, "", "vendor-reset"), TRI_UNKNOWN);
	tree_put(&t, "/lib/modules/6.8/modules.dep", "kernel/a.ko:\n");
	assert_int_equal(kmod_installed(&t.root, "6.8", "vendor-reset"), TRI_NO);
	assert_int_equal(kmod_installed(&t.root, "6.9", "vendor-reset"), TRI_UNKNOWN);
	assert_int_equal(kmod_installed(&t.root, "../modules/6.8", "a"), TRI_UNKNOWN);
	tree_put(&t, "/lib/modules/6.8/modules.builtin", "kernel/vendor-reset.ko\n");
	assert_int_equal(kmod_installed(&t.root, "6.8", "vendor-reset"), TRI_YES);
	assert_int_equal(kmod_installed(&t.root, "6.8", "a"), TRI_YES);
	assert_false(kmod_loaded(&t.root, "vendor-reset"));
	tree_put(&t, "/sys/module/vendor_reset/refcnt", "0\n");
	assert_true(kmod_loaded(&t.root, "vendor-reset"));
	assert_true(kmod_loaded(&t.root, VENDOR_RESET));
	assert_false(kmod_loaded(&t.root, "vendor/reset"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(installed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
