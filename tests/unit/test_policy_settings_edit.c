/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gpupt.conf changed for an administrator: one line, and nothing else. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/settings_edit.h"
#include "tests/fake/fake.h"

static const struct pci_id id = { 0x1002, 0x73bf, 0x1da2, 0xe438 };

static void assert_edit(const char *text, const char *expected)
{
	_cleanup_settings_ struct settings s = { 0 };
	_cleanup_free_ char *edited = NULL, *again = NULL;
	struct bdf b = fake_bdf("0000:01:00.0");
	struct err e = { "" };

	assert_int_equal(settings_edit_gpu(text, b, id, "mode", "reserved", &edited), 0);
	assert_string_equal(edited, expected);
	if (settings_parse(edited, "gpupt.conf", &s, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(settings_gpu(&s, b)->mode, MODE_RESERVED);
	/* twice is once */
	assert_int_equal(settings_edit_gpu(edited, b, id, "mode", "reserved", &again), 0);
	assert_string_equal(again, edited);
}

#define SECTION "[gpu 0000:01:00.0]\nid = 1002:73bf/1da2:e438\nmode = reserved\n"

static void new_section(void **state)
{
	assert_edit(NULL, SECTION);
	assert_edit("", SECTION);
	assert_edit("# mine\n", "# mine\n\n" SECTION);
	assert_edit("[defaults]\nmode = shared", "[defaults]\nmode = shared\n\n" SECTION);
	assert_edit("\xef\xbb\xbf[gpu 02:00]\n", "\xef\xbb\xbf[gpu 02:00]\n\n" SECTION);
	/* another card's, and one that is a comment */
	assert_edit("#[gpu 0000:01:00.0]\n[gpu 02:00.0]\nmode = shared\n",
		    "#[gpu 0000:01:00.0]\n[gpu 02:00.0]\nmode = shared\n\n" SECTION);
}

static void in_section(void **state)
{
	assert_edit("[gpu 01:00]\nreset = none\n# end", "[gpu 01:00]\nmode = reserved\nreset = none\n# end");
	assert_edit("\xef\xbb\xbf[gpu 01:00]\n", "\xef\xbb\xbf[gpu 01:00]\nmode = reserved\n");
	assert_edit("[gpu 01:00]", "[gpu 01:00]\nmode = reserved\n");
	assert_edit("  [gpu 01:00.0] ; mine\n\n  mode=shared ; why\nreset = none\n[vm 101]\n",
		    "  [gpu 01:00.0] ; mine\n\nmode = reserved\nreset = none\n[vm 101]\n");
	/* more of our value, if it stayed indented */
	assert_edit("[gpu 01:00]\n# its id\n    id = 1002:73bf/1da2:e438\n",
		    "[gpu 01:00]\n# its id\nmode = reserved\nid = 1002:73bf/1da2:e438\n");
	assert_edit("[gpu 01:00]\n\t[gpu 02:00]\n", "[gpu 01:00]\nmode = reserved\n[gpu 02:00]\n");
	assert_edit("[gpu 01:00]\n#mode = shared\n[gpu 02:00]\nmode = shared\n",
		    "[gpu 01:00]\nmode = reserved\n#mode = shared\n[gpu 02:00]\nmode = shared\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_section),
		cmocka_unit_test(in_section),
	};

	return cmocka_run_group_tests_name("policy/settings_edit", tests, NULL, NULL);
}
