/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parameters of a kernel command line: found, added and removed, and nothing else changed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/cmdline.h"
#include "policy/vfio_ids.h"

static void has(void **state)
{
	static const struct {
		const char *line, *param;
		bool has;
	} cases[] = {
		{ "quiet iommu=pt", "quiet", true },
		{ "quiet iommu=pt", "iommu", true },
		{ "quiet iommu=pt", "iommu=pt", true },
		{ "quiet iommu=pt", "iommu=on", false },
		{ "quiet iommu=pt", "quiet=", false },
		{ "quietly", "quiet", false },
		{ "vfio-pci.ids=1:2", "vfio_pci.ids", true },
		{ "a=x-y", "a=x_y", false },
		{ "a=\"x y\" b", "a=x", false },
		{ "a=\"x y\" b", "\"a=x y\"", true },
		{ "a=\"x y\" b", "y\"", false },
		{ "root=x -- quiet", "quiet", false },
		{ "a=1\nb=2", "b", false },
		{ "a\tb\fc", "b", true },
		{ "", "a", false },
		{ "a", "", false },
		{ "a b", "a b", false },
		{ "a --", "--", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (cmdline_has(cases[i].line, cases[i].param) != cases[i].has)
			fail_msg("'%s' in '%s'", cases[i].param, cases[i].line);
	assert_true(cmdline_same("a-b=\"x\"", "a_b=x"));
	assert_false(cmdline_same("a", "a=") || cmdline_same("a=x", "a=y") || cmdline_same("a b", "a b"));
}

static void value(void **state)
{
	static const struct {
		const char *line, *name, *value;
	} cases[] = {
		{ "a=1 a=2 b", "a", "2" },	   { "a=1 b", "b", "" },	      { "a=\"x y\"", "a", "x y" },
		{ "\"a=x y\"", "a", "x y" },	   { "a=x\"y z\"w", "a", "x\"y z\"w" }, { "a=b=c", "a", "b=c" },
		{ "ids=10de:2484 x", "ids", "10de:2484" }, { "\"a\"", "a", "" },	      { "a=\"", "a", "" },
	};
	char *v = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(cmdline_value(cases[i].line, cases[i].name, &v), 0);
		assert_string_equal(v, cases[i].value);
		free(v);
	}
	v = NULL;
	assert_int_equal(cmdline_value("a b", "c", &v), -ENOENT);
	assert_null(v);
}

static void add(void **state)
{
	static const struct {
		const char *line, *param, *after; /* NULL: refused */
	} cases[] = {
		{ "root=x quiet\n", "iommu=pt", "root=x quiet iommu=pt\n" },
		{ "root=x quiet", "quiet", "root=x quiet" },
		{ "root=x  quiet \t\nsecond\n", "a", "root=x  quiet a \t\nsecond\n" },
		{ "root=x iommu=on", "iommu=pt", "root=x iommu=on iommu=pt" },
		{ "root=x -- init", "a", "root=x a -- init" },
		{ "-- init", "a", "a -- init" },
		{ "", "a", "a" },
		{ "\n", "a", "a\n" },
		{ "  \n", "a", "a   \n" },
		{ "x=\"a b\"", "y=\"c d\"", "x=\"a b\" y=\"c d\"" },
		{ "x=\"a b", "y", NULL },
		{ "x", "a b", NULL },
		{ "x", "a=\"b", NULL },
		{ "x", "--", NULL },
		{ "x", "", NULL },
		{ "x", "a\nb", NULL },
		{ "x", "=1", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *after = NULL, *again = NULL;

		assert_int_equal(cmdline_add(cases[i].line, cases[i].param, &after), cases[i].after ? 0 : -EINVAL);
		if (!cases[i].after) {
			assert_null(after);
			continue;
		}
		assert_string_equal(after, cases[i].after);
		if (!cmdline_has(cases[i].line, cases[i].param)) {
			assert_int_equal(cmdline_remove(after, cases[i].param, &again), 0);
			assert_string_equal(again, cases[i].line);
		}
		free(after);
		free(again);
	}
}

static void remove_(void **state)
{
	static const struct {
		const char *line, *param, *after;
	} cases[] = {
		{ "a b c", "b", "a c" },	  { "a b c", "a", "b c" },	      { "a b c", "c", "a b" },
		{ "a  b  c", "b", "a   c" },	  { "b b a b", "b", "a" },	      { "a=1 a=2 a", "a=2", "a=1 a" },
		{ "a=1 a=2 a x", "a", "x" },	  { "a=\"b c\" d", "a", "d" },	      { "x a-b=1\n", "a_b=1", "x\n" },
		{ "a -- a", "a", "-- a" }, { "x\na", "a", "x\na" },	      { "ab", "a", "ab" },
		{ "", "a", "" },		  { "a", "a", "" },
	};
	char *after = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(cmdline_remove(cases[i].line, cases[i].param, &after), 0);
		if (strcmp(after, cases[i].after) != 0)
			fail_msg("'%s' out of '%s' gives '%s'", cases[i].param, cases[i].line, after);
		free(after);
	}
	after = NULL;
	assert_int_equal(cmdline_remove("a b", "a b", &after), -EINVAL);
	assert_null(after);
}

/* Of two that say the same only one is what was added: the other is somebody's own. */
static void remove_first(void **state)
{
	static const struct {
		const char *line, *param, *after;
	} cases[] = {
		{ "b b a b", "b", "b a b" },	       { "x b y b", "b", "x y b" },	     { "a b=1 b b", "b", "a b=1 b" },
		{ "x a_b=\"1\" a-b=1\n", "a-b=1", "x a-b=1\n" }, { "x -- b", "b", "x -- b" }, { "b", "b", "" },
	};
	char *after = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(cmdline_remove_first(cases[i].line, cases[i].param, &after), 0);
		if (strcmp(after, cases[i].after) != 0)
			fail_msg("'%s' out of '%s' gives '%s'", cases[i].param, cases[i].line, after);
		free(after);
	}
	assert_int_equal(cmdline_remove_first("a b", "a b", &after), -EINVAL);
}

/* Taken out and put back, to the byte; and into what somebody has made of the line meanwhile. */
static void places(void **state)
{
	static const struct {
		const char *line, *param, *behind, *later, *back; /* later: NULL, nobody was there */
	} cases[] = {
		{ "quiet a=1 b", "a=1", "quiet", NULL, NULL },
		{ "quiet  a=1  b\n", "a=1", "quiet", NULL, NULL },
		{ "a=1 b", "a=1", "", NULL, NULL },
		{ " a=1 b", "a=1", "", NULL, NULL },
		{ "a=1", "a=1", "", NULL, NULL },
		{ "x=\"p q\" a=1", "a=1", "x", NULL, NULL },
		/* more behind it, before it, and around it; what it stood behind has another value, or is gone */
		{ "quiet a=1", "a=1", "quiet", "quiet splash", "quiet a=1 splash" },
		{ "quiet a=1 b", "a=1", "quiet", "splash quiet b", "splash quiet a=1 b" },
		{ "root=x q=3 a=1 b", "a=1", "q", "root=/dev/long q=4 c b", "root=/dev/long q=4 a=1 c b" },
		{ "quiet a=1 b", "a=1", "quiet", "splash b c", "splash b c a=1" },
		{ "quiet a=1 b", "a=1", "quiet", "", "a=1" },
		{ "quiet a=1 b", "a=1", "quiet", "splash -- b", "splash a=1 -- b" },
		{ "a=1 b", "a=1", "", "c b", "a=1 c b" },
		{ "t=0 t=1 a=1 b", "a=1", "t", "n t=0 t=1 b", "n t=0 t=1 a=1 b" },
		{ "quiet a=1", "a=1", "quiet", "x a=\"1\" quiet", "x a=\"1\" quiet" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *less = NULL, *back = NULL;
		struct cmdline_place place;

		assert_int_equal(cmdline_place(cases[i].line, cases[i].param, &place), 0);
		assert_string_equal(place.behind, cases[i].behind);
		assert_int_equal(cmdline_remove_first(cases[i].line, cases[i].param, &less), 0);
		assert_int_equal(cmdline_put(cases[i].later ? cases[i].later : less, cases[i].param, &place, &back), 0);
		assert_string_equal(back, cases[i].later ? cases[i].back : cases[i].line);
	}
}

static void ids(void **state)
{
	static const struct pci_fn fn = { .id = { 0x10de, 0x2484, 0x1458, 0x403b }, .class = 0x030000 };
	static const struct {
		const char *list;
		bool take;
	} cases[] = {
		{ "10de:2484", true },
		{ "10DE:2484", true },
		{ "0x10de:0x2484", true },
		{ "1002:73bf,10de:2484", true },
		{ "10de:2484:1458", true },
		{ "10de:2484:1458:403b", true },
		{ "10de:2484:1458:403c", false },
		{ "10de:2484:ffffffff:403b", true },
		{ "10de:ffffffff:ffffffff:ffffffff:30000:ff0000", true },
		{ "10de:ffffffff:ffffffff:ffffffff:40300:ff0000", false },
		{ "10de", false },
		{ "10de:", false },
		{ "", false },
		{ ",,x,", false },
		{ "10de:2485", false },
		{ "10de 2484", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (vfio_ids_take(cases[i].list, &fn) != cases[i].take)
			fail_msg("'%s'", cases[i].list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has), cmocka_unit_test(value), cmocka_unit_test(add), cmocka_unit_test(remove_),
		cmocka_unit_test(remove_first), cmocka_unit_test(places), cmocka_unit_test(ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
