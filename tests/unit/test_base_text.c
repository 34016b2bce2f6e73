/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text, lists, strict parsers, addresses, errors, the log. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bdf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"

static void text_grows(void **state)
{
	struct text t = { 0 };
	char *taken;

	assert_string_equal(text_str(&t), "");
	for (int i = 0; i < 1000; i++)
		text_addf(&t, "%d,", i % 10);
	assert_int_equal(t.len, 2000);
	assert_int_equal(strlen(text_str(&t)), 2000);
	text_done(&t);
	text_join(&t, ", ", "a");
	text_join(&t, ", ", "b");
	text_add_n(&t, "cdef", 2);
	taken = text_take(&t);
	assert_string_equal(taken, "a, bcd");
	free(taken);
	taken = text_take(&t); /* of an empty one: a string, not NULL */
	assert_string_equal(taken, "");
	free(taken);
	text_done(&t);
	/* a lost allocation is not forgotten */
	t.r = -ENOMEM;
	text_add(&t, "more");
	text_addf(&t, "%s", "more");
	assert_null(text_take(&t));
	assert_int_equal(t.r, -ENOMEM);
}

static void lists(void **state)
{
	_cleanup_strv_ struct strv l = { 0 };
	unsigned int n = 0;

	strv_foreach(s, &l)
		n++;
	assert_int_equal(n, 0);
	assert_false(strv_has(&l, "a"));
	assert_int_equal(strv_add(&l, "a"), 0);
	assert_int_equal(strv_add(&l, ""), 0);
	assert_true(strv_has(&l, "") && strv_has(&l, "a") && !strv_has(&l, "b"));
	assert_null(l.v[2]);
	strv_foreach(s, &l)
		n += 1 + (unsigned int)strlen(s);
	assert_int_equal(n, 3);
}

static void lines_and_blanks(void **state)
{
	char text[] = "one\n\n three \t\nlast", *p = text;
	char blank[] = " \t\r\n ", empty[] = "";

	assert_string_equal(str_line(&p), "one");
	assert_string_equal(str_line(&p), "");
	assert_string_equal(str_trim(str_line(&p)), "three");
	assert_string_equal(str_line(&p), "last");
	assert_null(str_line(&p));
	assert_null(str_line(&p));
	p = empty;
	assert_null(str_line(&p));
	assert_string_equal(str_trim(blank), "");
	assert_true(str_eq(NULL, NULL) && !str_eq(NULL, "") && !str_eq("", NULL) && str_eq("x", "x"));
	assert_true(str_starts("abc", "ab") && str_starts("abc", "") && !str_starts("a", "ab"));
}

static void what_is_shown_is_printable(void **state)
{
	char s[] = "a\x1b[31m\tb\x7f\xc3\xa9\n";

	assert_string_equal(str_printable(s), "a?[31m?b????");
}

static void numbers(void **state)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "01", "00", "0x1", "1a", "١", "1\n", "1.0" };
	uint64_t n = 7;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (parse_uint(bad[i], UINT64_MAX, &n) != -EINVAL || n != 7)
			fail_msg("'%s' is taken for a number", bad[i]);
	assert_int_equal(parse_uint("18446744073709551616", UINT64_MAX, &n), -ERANGE);
	assert_int_equal(parse_uint("99999999999999999999999999", UINT64_MAX, &n), -ERANGE);
	assert_int_equal(parse_uint("101", 100, &n), -ERANGE);
	assert_int_equal(n, 7);
	assert_int_equal(parse_uint("0", 0, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(parse_uint("18446744073709551615", UINT64_MAX, &n), 0);
	assert_true(n == UINT64_MAX);
}

static void hexadecimal(void **state)
{
	static const char *const bad[] = { "", "12345", "0x1", "-1", " 1", "1 ", "g", "123456789" };
	uint32_t n = 7;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (parse_hex(bad[i], i == ARRAY_SIZE(bad) - 1 ? 9 : 4, &n) != -EINVAL || n != 7)
			fail_msg("'%s' is taken for a number", bad[i]);
	assert_int_equal(parse_hex("fFfF", 4, &n), 0);
	assert_int_equal(n, 0xffff);
	assert_int_equal(parse_hex("ffffffff", 8, &n), 0);
	assert_true(n == UINT32_MAX);
}

static void booleans(void **state)
{
	static const char *const yes[] = { "1", "on", "yes", "true", "ON", "Yes", "tRuE" };
	static const char *const no[] = { "0", "off", "no", "false", "OFF", "No" };
	static const char *const bad[] = { "", "2", "y", "n", "on ", " on", "enable", "10" };
	bool b;

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		assert_true(parse_bool(yes[i], &b) == 0 && b);
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		assert_true(parse_bool(no[i], &b) == 0 && !b);
	b = true;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(parse_bool(bad[i], &b) == -EINVAL && b);
}

static void vmids(void **state)
{
	static const char *const bad[] = { "0", "99", "-1", "99999999999", "1000000000", "../101", "101a", "0101", "", " 101", "101/" };
	unsigned int n = 7;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (parse_vmid(bad[i], &n) != -EINVAL || n != 7)
			fail_msg("'%s' is taken for a VMID", bad[i]);
	assert_int_equal(parse_vmid("100", &n), 0);
	assert_int_equal(n, 100);
	assert_int_equal(parse_vmid("999999999", &n), 0);
	assert_int_equal(n, 999999999);
}

static void addresses(void **state)
{
	static const struct {
		const char *text;
		struct bdf b;
	} good[] = {
		{ "0000:01:00.0", { 0, 1, 0, 0 } },
		{ "01:00.7", { 0, 1, 0, 7 } },
		{ "01:1f", { 0, 1, 0x1f, BDF_ANY_FN } },
		{ "0000:01:00", { 0, 1, 0, BDF_ANY_FN } },
		{ "10000:E1:0A.1", { 0x10000, 0xe1, 0x0a, 1 } },
		{ "ffffffff:ff:1f.7", { 0xffffffff, 0xff, 0x1f, 7 } },
	};
	static const char *const bad[] = {
		"", "1", ":", "01", "01:", "01:00.", "01:00.8", "01:20.0", "1:00.0", "01:0.0", "000:01:00.0", "0000:01:00.0 ",
		" 0000:01:00.0", "0000:01:00.00", "0000:01:00:0", "100000000:01:00.0", "0000:01:00.0/..", "0000:0g:00.0", "0000::00.0",
		"01:00.0\n", "-001:01:00.0", "0000:01:00.x",
	};
	char name[BDF_LEN];
	struct bdf b;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		if (bdf_parse(good[i].text, &b) < 0 || !bdf_eq(b, good[i].b))
			fail_msg("'%s' is not understood", good[i].text);
		/* what is written is read again */
		assert_int_equal(bdf_parse(bdf_format(b, name), &b), 0);
		assert_true(bdf_eq(b, good[i].b));
		assert_true(strlen(name) < BDF_LEN);
	}
	b = (struct bdf){ 1, 2, 3, 4 };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (bdf_parse(bad[i], &b) != -EINVAL || b.bus != 2)
			fail_msg("'%s' is taken for an address", bad[i]);
}

static void addresses_in_full(void **state)
{
	static const char *const bad[] = { "01:00.0", "0000:01:00", "0000:0A:00.0", "00000:01:00.0", "0000:01:00.0x" };
	struct bdf b;

	assert_int_equal(bdf_parse_full("0000:0a:00.0", &b), 0);
	assert_int_equal(bdf_parse_full("10000:0a:00.0", &b), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (bdf_parse_full(bad[i], &b) != -EINVAL)
			fail_msg("'%s' is not how the kernel spells it", bad[i]);
}

static void addresses_in_order(void **state)
{
	static const struct bdf sorted[] = {
		{ 0, 0, 0, 0 }, { 0, 0, 0, 1 }, { 0, 0, 1, 0 }, { 0, 1, 0, 0 }, { 0, 0xff, 0, 0 }, { 1, 0, 0, 0 }, { 0x80000000, 0, 0, 0 },
	};
	const struct bdf slot = { 0, 1, 0, BDF_ANY_FN }, fn0 = { 0, 1, 0, 0 }, fn1 = { 0, 1, 0, 1 }, other = { 0, 2, 0, 0 };

	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++)
		for (size_t j = 0; j < ARRAY_SIZE(sorted); j++) {
			int c = bdf_cmp(sorted[i], sorted[j]);

			assert_true(i < j ? c < 0 : i > j ? c > 0 : c == 0);
		}
	assert_true(bdf_covers(slot, fn0) && bdf_covers(slot, fn1) && bdf_covers(fn1, fn1));
	assert_false(bdf_covers(fn0, fn1) || bdf_covers(slot, other) || bdf_covers(fn0, other));
	assert_true(bdf_same_slot(fn0, fn1) && !bdf_same_slot(fn0, other));
}

static void sentences(void **state)
{
	struct err e = { "" };
	char long_text[2000];

	assert_int_equal(err_set(&e, -EBUSY, "%s is %d", "it", 1), -EBUSY);
	assert_string_equal(e.text, "it is 1");
	assert_int_equal(err_errno(&e, -ENOENT, "cannot read %s", "/x"), -ENOENT);
	assert_string_equal(e.text, "cannot read /x: No such file or directory");
	/* it may quote itself */
	err_set(&e, 0, "outer (%s)", e.text);
	assert_string_equal(e.text, "outer (cannot read /x: No such file or directory)");
	assert_int_equal(err_set(NULL, -EIO, "%s", "nobody listens"), -EIO);
	assert_int_equal(err_errno(NULL, -EIO, "%s", "nobody listens"), -EIO);
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	err_errno(&e, -EIO, "%s", long_text);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
}

static void sink(void *ctx, const struct log_entry *entry, const char *message)
{
	text_addf(ctx, "%d %u %s %s %s|", entry->priority, entry->vmid, entry->bdf ? entry->bdf : "-", entry->step ? entry->step : "-", message);
}

static void logging(void **state)
{
	const struct log_entry entry = { .priority = LOG_ERR, .id = LOG_ID_STUCK, .vmid = 101, .bdf = "0000:01:00.0", .step = "driver" };
	_cleanup_text_ struct text t = { 0 };

	log_write(&entry, "nobody listens");
	log_to(sink, &t);
	log_write(&entry, "%s hangs", "it");
	log_debug("n=%d", 1);
	log_to(NULL, NULL);
	log_debug("nobody listens");
	assert_string_equal(text_str(&t), "3 101 0000:01:00.0 driver it hangs|7 0 - - n=1|");
	/* every kind of entry has an id of its own */
	assert_null(log_message_id(LOG_ID_NONE));
	for (int i = LOG_ID_NONE + 1; i < LOG_ID_COUNT; i++) {
		const char *id = log_message_id((enum log_id)i);

		assert_non_null(id);
		assert_int_equal(strspn(id, "0123456789abcdef"), 32);
		assert_int_equal(strlen(id), 32);
		for (int j = LOG_ID_NONE + 1; j < i; j++)
			assert_string_not_equal(id, log_message_id((enum log_id)j));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_grows),
		cmocka_unit_test(lists),
		cmocka_unit_test(lines_and_blanks),
		cmocka_unit_test(what_is_shown_is_printable),
		cmocka_unit_test(numbers),
		cmocka_unit_test(hexadecimal),
		cmocka_unit_test(booleans),
		cmocka_unit_test(vmids),
		cmocka_unit_test(addresses),
		cmocka_unit_test(addresses_in_full),
		cmocka_unit_test(addresses_in_order),
		cmocka_unit_test(sentences),
		cmocka_unit_test(logging),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
