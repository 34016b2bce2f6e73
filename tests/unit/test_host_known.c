/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of cards: the table's format, which line counts, and the table that is shipped. */
#include <errno.h>

#include "host/known.h"
#include "tree.h"

/* "line id about bad text" of each. */
static void known_text(const struct known_cards *k, struct text *t)
{
	static const char *const about[] = { "passthrough", "vendor-reset" };
	char id[PCI_ID_LEN];

	for (size_t i = 0; i < k->n; i++)
		text_addf(t, "%s:%u %s %s%s [%s]\n", k->v[i].at.file, k->v[i].at.line, pci_id_format(k->v[i].id, id), about[k->v[i].about],
			  k->v[i].bad ? " bad" : "", k->v[i].text);
}

static void lines(void **state)
{
	static const struct {
		const char *text, *lines;
	} cases[] = {
		{ "", "" },
		{ "# 8086:5a84 bad x\n\n \t\r\n  # x", "" },
		{ "8086:5a84 bad it fails", "f:1 8086:5a84/0000:0000 passthrough bad [it fails]\n" },
		{ "\n\t8086:5A84\t bad \tit  fails \r\n8086:5a84 ok\n",
		  "f:2 8086:5a84/0000:0000 passthrough bad [it  fails]\nf:3 8086:5a84/0000:0000 passthrough []\n" },
		{ "8086:5a84 ok since # 2024\n", "f:1 8086:5a84/0000:0000 passthrough [since # 2024]\n" },
		{ "1002:67df:1da2:e387 vendor-reset Polaris 10\n1002:67df/1da2:e387 vendor-reset none\n",
		  "f:1 1002:67df/1da2:e387 vendor-reset [Polaris 10]\nf:2 1002:67df/1da2:e387 vendor-reset [none]\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_known_ struct known_cards k = { 0 };
		_cleanup_text_ struct text t = { 0 };
		struct err e = { "" };

		assert_int_equal(known_parse(cases[i].text, "f", &k, &e), 0);
		known_text(&k, &t);
		assert_string_equal(text_str(&t), cases[i].lines);
	}
}

static void refused(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "8086:5a84 ok\n8086:5a8 bad x\n", "f line 2: '8086:5a8' is no id: write VENDOR:DEVICE or" },
		{ "8086:5a84:1849 bad x\n", "f line 1: '8086:5a84/1849' is no id" },
		{ "8086:5a84:1849:5a84:0 bad x\n", "is no id" },
		{ "8086-5a84 bad x\n", "is no id" },
		{ "bad 8086:5a84 x\n", "f line 1: 'bad' is no id" },
		{ "8086:5a84\n", "f line 1: there is no '': behind the id use bad, ok or vendor-reset" },
		{ "8086:5a84 worse x\n", "f line 1: there is no 'worse': behind the id use bad, ok or vendor-reset" },
		{ "8086:5a84 Bad x\n", "there is no 'Bad'" },
		{ "\n8086:5a84 bad \n", "f line 2: behind 'bad' there has to be the reason" },
		{ "1002:67df vendor-reset\n", "f line 1: behind 'vendor-reset' there has to be the card's family, or none" },
		{ "8086:5a84 bad \x1b[31m\n", "f line 1: there are control characters in it" },
		{ "8086:5a84 ok 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345"
		  "6789012345678901234567890123456789012345678901234567890\n", "f line 1: the text is longer than 160 bytes" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_known_ struct known_cards k = { 0 };
		struct err e = { "" };

		/* what was there stays, and of this nothing is taken */
		assert_int_equal(known_parse("10de:2484 ok\n", "g", &k, &e), 0);
		assert_int_equal(known_parse(cases[i].text, "f", &k, &e), -EINVAL);
		if (!strstr(e.text, cases[i].error))
			fail_msg("'%s' says '%s'", cases[i].text, e.text);
		assert_int_equal(k.n, 1);
	}
}

/* The last one that names the card, whatever it says; each subject by itself. */
static void which(void **state)
{
	static const struct pci_id mine = { 0x8086, 0x5a84, 0x1849, 0x5a84 }, other = { 0x8086, 0x5a84, 0x1043, 0x5a84 };
	_cleanup_known_ struct known_cards k = { 0 };

	assert_null(known_bad(&k, mine));
	assert_int_equal(known_parse("8086:5a84 bad first\n8086:5a84 bad second\n", "f", &k, NULL), 0);
	assert_string_equal(known_bad(&k, mine), "second");
	assert_null(known_vendor_reset(&k, mine));
	assert_int_equal(known_parse("8086:5a84:1849:5a84 ok\n8086:5a84 vendor-reset X 1\n", "g", &k, NULL), 0);
	assert_null(known_bad(&k, mine));
	assert_string_equal(known_bad(&k, other), "second");
	assert_string_equal(known_vendor_reset(&k, other), "X 1");
	assert_int_equal(known_parse("8086:5a84:1849:5a84 vendor-reset none\n8086:5a84 bad third\n", "h", &k, NULL), 0);
	assert_string_equal(known_bad(&k, mine), "third");
	assert_null(known_vendor_reset(&k, mine));
	assert_string_equal(known_vendor_reset(&k, other), "X 1");
	assert_null(known_find(&k, (struct pci_id){ 0x8086, 0x5a85, 0, 0 }, KNOWN_PASSTHROUGH));
}

/* An administrator's file comes second; one that is wrong costs its own lines, and is told. */
static void files(void **state)
{
	const struct pci_id a = { 0x8086, 0x5a84, 0, 0 }, b = { 0x1002, 0x73bf, 0, 0 };
	_cleanup_tree_ struct tree t;
	_cleanup_known_ struct known_cards none = { 0 }, both = { 0 }, half = { 0 };

	tree_new(&t);
	assert_int_equal(known_load(&t.root, &none), 0);
	assert_int_equal(none.n, 0);
	assert_string_equal(none.wrong, "");
	tree_put(&t, KNOWN_SHIPPED, "8086:5a84 bad x\n");
	tree_put(&t, KNOWN_OWN, "8086:5a84 ok here it works\n1002:73bf bad y\n");
	assert_int_equal(known_load(&t.root, &both), 0);
	assert_string_equal(both.wrong, "");
	assert_null(known_bad(&both, a));
	assert_string_equal(known_bad(&both, b), "y");
	tree_put(&t, KNOWN_OWN, "8086:5a84 ok\n1002:73bf\n");
	assert_int_equal(known_load(&t.root, &half), 0);
	assert_string_equal(half.wrong, KNOWN_OWN " line 2: there is no '': behind the id use bad, ok or vendor-reset");
	assert_string_equal(known_bad(&half, a), "x");
	assert_null(known_bad(&half, b));
}

static void shipped(void **state)
{
	_cleanup_known_ struct known_cards k = { 0 };
	_cleanup_free_ char *text = NULL;
	struct root here;
	struct err e = { "" };
	size_t families = 0;

	assert_int_equal(root_open_dir(&here, ".", &e), 0);
	assert_int_equal(root_read(&here, "/conf/known-cards", 1 << 20, &text, NULL), 0);
	root_close(&here);
	if (known_parse(text, "conf/known-cards", &k, &e) < 0)
		fail_msg("%s", e.text);
	assert_non_null(known_bad(&k, (struct pci_id){ 0x8086, 0x5a84, 0x1849, 0x5a84 }));
	assert_non_null(known_bad(&k, (struct pci_id){ 0x8086, 0x5a85, 0, 0 }));
	assert_string_equal(known_vendor_reset(&k, (struct pci_id){ 0x1002, 0x67df, 0x1da2, 0xe387 }), "Polaris 10");
	assert_string_equal(known_vendor_reset(&k, (struct pci_id){ 0x1002, 0x738c, 0, 0 }), "Arcturus");
	assert_null(known_vendor_reset(&k, (struct pci_id){ 0x1002, 0x73bf, 0, 0 }));
	for (size_t i = 0; i < k.n; i++) {
		/* each id once for each subject: a second line would be a slip of the pen */
		assert_ptr_equal(known_find(&k, k.v[i].id, k.v[i].about), &k.v[i]);
		families += k.v[i].about == KNOWN_VENDOR_RESET;
	}
	assert_int_equal(families, 67);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(refused),
		cmocka_unit_test(which),
		cmocka_unit_test(files),
		cmocka_unit_test(shipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
