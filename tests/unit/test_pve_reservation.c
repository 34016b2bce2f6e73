/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pve_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>

#include "base/proc.h"
#include "pve/reservation.h"
#include "pve/reservation_table.h"

#define FILE_PATH "/run/qemu-server/pci-id-reservations"

static const struct bdf card[] = { { 0, 1, 0, 0 }, { 0, 1, 0, 1 } };

static void file_is(struct tree *t, const char *fmt, ...) _printf_(2, 3);

static void file_is(struct tree *t, const char *fmt, ...)
{
	_cleanup_free_ char *text = tree_text(t, FILE_PATH);
	char want[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(want, sizeof(want), fmt, ap);
	va_end(ap);
	assert_string_equal(text, want);
}

static void file_set(struct tree *t, const char *fmt, ...) _printf_(2, 3);

static void file_set(struct tree *t, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	tree_put(t, FILE_PATH, text);
}

/* The time of an entry of 101 must be `seconds` + 5 from now, give or take what the test takes. */
static void time_is(struct tree *t, const char *id, unsigned int seconds)
{
	_cleanup_reservation_table_ struct reservation_table table = { .data = tree_text(t, FILE_PATH) };
	const struct reservation *r;

	assert_int_equal(reservation_table_parse(table.data, 0, &table), 0);
	r = reservation_table_find(&table, id);
	assert_non_null(r);
	assert_false(r->by_pid);
	assert_string_equal(r->vmid, "101");
	assert_in_range(atoll(r->value), time(NULL) + seconds + 5 - 2, time(NULL) + seconds + 5);
}

static void test_reserve_and_remove(void **state)
{
	_cleanup_tree_ struct tree t;
	unsigned int who = 0;
	struct err e;

	tree_new(&t);
	assert_int_equal(reservation_holder(&t.root, card[0], 102, &who, &e), 0);
	assert_int_equal(reservation_reserve(&t.root, card, 2, 101, 60, &e), 0);
	time_is(&t, "0000:01:00.0", 60);
	time_is(&t, "0000:01:00.1", 60);
	assert_int_equal(reservation_holder(&t.root, card[1], 102, &who, &e), 1);
	assert_int_equal(who, 101);
	assert_string_equal(e.text, "PCI device '0000:01:00.1' is currently reserved for use by VMID '101'");
	assert_int_equal(reservation_holder(&t.root, card[1], 101, &who, &e), 0);
	/* again, for a shorter time: the longer counts */
	assert_int_equal(reservation_reserve(&t.root, card, 2, 101, 10, &e), 0);
	time_is(&t, "0000:01:00.0", 60);
	/* another VM gets neither, though the second is free */
	assert_int_equal(reservation_remove(&t.root, &card[1], 1, 101, &e), 0);
	assert_int_equal(reservation_reserve(&t.root, card, 2, 102, 10, &e), -EBUSY);
	assert_string_equal(e.text, "PCI device '0000:01:00.0' is currently reserved for use by VMID '101'");
	assert_int_equal(reservation_holder(&t.root, card[1], 101, &who, &e), 0);
	assert_int_equal(reservation_remove(&t.root, NULL, 0, 102, &e), 0);
	time_is(&t, "0000:01:00.0", 60);
	assert_int_equal(reservation_remove(&t.root, NULL, 0, 101, &e), 0);
	file_is(&t, "%s", "");
	assert_int_equal(reservation_reserve(&t.root, NULL, 0, 101, 10, &e), 0);
	assert_int_equal(reservation_reserve(&t.root, &(struct bdf){ 0, 1, 0, BDF_ANY_FN }, 1, 101, 10, &e),
			 -EINVAL);
}

static void test_others_lines(void **state)
{
	_cleanup_tree_ struct tree t;
	long long later = time(NULL) + 1000;

	tree_new(&t);
	file_set(&t, "0001:02:00.0 0105 pid:0077\n01:00.0 200 time:5\nnonsense\n0000:00:02.0 103 time:%lld\n",
		 later);
	assert_int_equal(reservation_reserve(&t.root, card, 1, 101, 10, NULL), 0);
	time_is(&t, "0000:01:00.0", 10);
	assert_int_equal(reservation_remove(&t.root, card, 1, 101, NULL), 0);
	/* what Proxmox VE can read it also writes back, sorted */
	file_is(&t, "0000:00:02.0 103 time:%lld\n0001:02:00.0 0105 pid:0077\n01:00.0 200 time:5\n", later);
}

static void test_stale(void **state)
{
	_cleanup_tree_ struct tree t;
	unsigned int who;
	struct err e;

	tree_new(&t);
	/* a time that has passed, a pid without a process, a pid file that names another process */
	file_set(&t, "0000:01:00.0 102 time:%lld\n0000:01:00.1 103 pid:4242\n", (long long)time(NULL));
	assert_int_equal(reservation_holder(&t.root, card[0], 101, &who, &e), 0);
	assert_int_equal(reservation_holder(&t.root, card[1], 101, &who, &e), 0);
	tree_put_qemu(&t, 103, 4243);
	assert_int_equal(reservation_holder(&t.root, card[1], 101, &who, &e), 0);
	tree_put_qemu(&t, 103, 4242);
	assert_int_equal(reservation_holder(&t.root, card[1], 101, &who, &e), 1);
	assert_int_equal(who, 103);
	assert_string_equal(e.text, "PCI device '0000:01:00.1' already in use by VMID '103'");
	assert_int_equal(reservation_reserve(&t.root, card, 2, 101, 10, &e), -EBUSY);
	/* none was taken */
	assert_int_equal(reservation_holder(&t.root, card[0], 104, &who, &e), 0);
	assert_int_equal(root_unlink(&t.root, "/run/qemu-server/103.pid"), 0);
	assert_int_equal(reservation_reserve(&t.root, card, 2, 101, 10, &e), 0);
	time_is(&t, "0000:01:00.1", 10);
}

static void test_own_running(void **state)
{
	_cleanup_tree_ struct tree t;

	tree_new(&t);
	tree_put_qemu(&t, 101, 4242);
	file_set(&t, "%s", "0000:01:00.0 101 pid:4242\n");
	assert_int_equal(reservation_reserve(&t.root, card, 2, 101, 10, NULL), 0);
	file_is(&t, "%s", "0000:01:00.0 101 pid:4242\n");
	/* left over from an earlier run */
	file_set(&t, "%s", "0000:01:00.0 101 pid:4241\n");
	assert_int_equal(reservation_reserve(&t.root, card, 1, 101, 10, NULL), 0);
	time_is(&t, "0000:01:00.0", 10);
}

static void test_format(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "" },
		{ "\n\n", "" },
		{ "0000:03:00.0 101 pid:1234\n", "0000:03:00.0 101 pid:1234\n" },
		{ "0000:03:00.0 101 pid:1234", "0000:03:00.0 101 pid:1234\n" },
		{ "0000:03:00 101 time:99999999999999999999\n",
		  "0000:03:00 101 time:99999999999999999999\n" },
		{ "0000:03:00.0\t101\ttime:1\n", "0000:03:00.0 101 time:1\n" },
		{ "0000:03:00.0 101 pid:1\n0000:03:00.0 102 time:2\n", "0000:03:00.0 102 time:2\n" },
		{ "0000:03:00.0 101 pid:1\r\n", "" },
		{ "0000:03:00.0  101 pid:1\n", "" },
		{ "0000:03:00.0 101 pid:1 \n", "" },
		{ " 0000:03:00.0 101 pid:1\n", "" },
		{ "0000:03:00.0 101 pid:\n", "" },
		{ "0000:03:00.0 101 tid:1\n", "" },
		{ "0000:03:00.0 -1 pid:1\n", "" },
		{ "0000:03:00.0;0000:03:00.1 101 pid:1\n", "" },
		{ "0000:03:0A.0 101 pid:1\n", "" },
		{ "0000:03:00.0 101\n0000:03:00.1\n", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_reservation_table_ struct reservation_table t = { .data = strdup(rows[i].in) };
		_cleanup_text_ struct text out = { 0 };

		assert_int_equal(reservation_table_parse(t.data, 0, &t), 0);
		reservation_table_text(&t, &out);
		assert_string_equal(text_str(&out), rows[i].out);
	}
}

/* A NUL in the file costs its own line only. */
static void test_nul(void **state)
{
	static const char text[] = "0000:01:00.0 102\0 time:99999999999\n0000:02:00.0 102 time:99999999999\n";
	_cleanup_tree_ struct tree t;

	tree_new(&t);
	tree_put_bytes(&t, FILE_PATH, text, sizeof(text) - 1);
	assert_int_equal(reservation_reserve(&t.root, card, 1, 101, 10, NULL), 0);
	assert_int_equal(reservation_remove(&t.root, card, 1, 101, NULL), 0);
	file_is(&t, "%s", "0000:02:00.0 102 time:99999999999\n");
}

/* The wait for the lock ends. */
static void test_lock_held(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_close_ int fd = -1;
	uint64_t start = now_ms();
	struct err e;

	tree_new(&t);
	tree_put(&t, FILE_PATH, "");
	fd = root_open(&t.root, FILE_PATH ".lock", O_WRONLY | O_CREAT, 0644);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(reservation_remove(&t.root, card, 1, 101, &e), -ETIMEDOUT);
	assert_in_range(now_ms() - start, 1900, 40000);
	assert_string_equal(e.text, "can't lock file '" FILE_PATH ".lock' - got timeout");
}

/* Real processes that all want the same card: one gets it each time. */
static void test_race(void **state)
{
	enum { RIVALS = 8 };
	_cleanup_tree_ struct tree t;

	tree_new(&t);
	for (int round = 0; round < 10; round++) {
		int won = 0;

		for (unsigned int i = 0; i < RIVALS; i++) {
			pid_t pid = fork();

			assert_true(pid >= 0);
			if (pid == 0)
				_exit(reservation_reserve(&t.root, card, 2, 101 + i, 60, NULL) == 0 ? 0 : 1);
		}
		for (int i = 0; i < RIVALS; i++) {
			int status;

			assert_true(wait(&status) > 0);
			won += status == 0;
		}
		assert_int_equal(won, 1);
		assert_int_equal(root_unlink(&t.root, FILE_PATH), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reserve_and_remove),
		cmocka_unit_test(test_others_lines),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_own_running),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_lock_held),
		cmocka_unit_test(test_race),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
