/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests/cli/hooks.t cannot have: a storage that does not answer. */
#include <errno.h>

#include "helper/hook_script.h"
#include "host_hang.h"

static void test_hangs(void **state)
{
	struct hook_guest g = { .kind = GUEST_VM, .vmid = 101, .wants = true, .volid = HOOK_VOLID };
	struct hook_script h;
	_cleanup_tree_ struct tree t;
	char buf[256];
	int hang;

	tree_new(&t);
	tree_put(&t, "/etc/pve/storage.cfg", "");
	hang = hang_at(&t, "/etc/pve/storage.cfg");
	if (hang < 0)
		skip();
	hook_script_look(&t.root, HOOK_VOLID, &h);
	hang_over(hang);
	assert_int_equal(h.state, HOOK_HANGS);
	assert_string_equal(h.e.text, "the storage of 'local:snippets/gpupt-hook' does not answer");
	assert_string_equal(hook_script_remedy(&h, &g, buf, sizeof(buf)), "make its storage answer: see 'pvesm status'");
}

static void test_odd(void **state)
{
	char volid[600] = "local:snippets/";
	struct hook_script h;
	_cleanup_tree_ struct tree t;

	tree_new(&t);
	hook_script_look(&t.root, NULL, &h);
	assert_int_equal(h.state, HOOK_NONE);
	memset(volid + strlen(volid), 'x', sizeof(volid) - strlen(volid) - 1);
	hook_script_look(&t.root, volid, &h);
	assert_int_equal(h.state, HOOK_BAD);
	assert_non_null(strstr(h.e.text, "File name too long"));
	assert_string_equal(h.path, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_hangs), cmocka_unit_test(test_odd) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
