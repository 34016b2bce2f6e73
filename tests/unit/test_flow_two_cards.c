/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One container that has two cards: with settings of their own, for one VM or for two. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/fake/ct.h"
#include "tests/fake/vm.h"

#define FIRST	 "/dev/dri/renderD129"
#define SECOND	 "/dev/dri/renderD130"
#define BOTH_WAY "dev0: " FIRST "\ndev1: " SECOND "\n"
#define OTHER_WAY "dev0: " SECOND "\ndev1: " FIRST "\n"

static struct fake *machine(const char *conf, const char *lines)
{
	struct fake *f = fake_machine();

	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\nhostpci0: 0000:01:00,pcie=1\nhostpci1: 0000:02:00,pcie=1\n");
	fake_put(f, "/etc/gpupt/gpupt.conf", conf);
	fake_ct(f, 200, lines, true);
	return f;
}

static const char *const orders[] = { BOTH_WAY, OTHER_WAY };

/* Whichever line comes first. */
static void the_strictest_counts(void **state)
{
	static const char *const named[] = { "CT 200 has " CARD " (dev0) and " TWIN " (dev1), runs",
					     "CT 200 has " TWIN " (dev0) and " CARD " (dev1), runs" };

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		_cleanup_fake_ struct fake *f = machine("[gpu 02:00]\ncontainers = refuse\n", orders[i]);
		_cleanup_vm_ struct vm_result v = { 0 };
		bool said = false;

		vm_start(f, 101, false, &v);
		assert_int_not_equal(v.r, 0);
		for (size_t j = 0; j < v.findings.n; j++)
			said |= v.findings.v[j].code == FINDING_CONTAINER && strstr(v.findings.v[j].message, named[i]);
		assert_true(said);
	}
}

/* It was stopped on account of both. */
static void back_when_both_are(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		_cleanup_fake_ struct fake *f = machine("[gpu 02:00]\ncontainers = shutdown\n", orders[i]);
		_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 };

		vm_start(f, 101, false, &v);
		assert_int_equal(v.r, 0);
		assert_string_equal(fake_pct_calls(f), "shutdown 200");
		fake_dead(f, i ? CARD : TWIN);
		vm_stop(f, 101, &w);
		assert_string_equal(fake_pct_calls(f), "shutdown 200");
		assert_true(fake_exists(f, "/run/gpupt/lease/101"));
	}
}

/* While VM 101 has CT 200 stopped for its line, whoever has VM 102's cards back comes by. */
static int and_the_other_vm(void *ctx, char *const argv[], struct exec_result *ret)
{
	struct fake *f = ctx;
	int k = fake_exec(ctx, argv, ret);

	if (k == 0 && str_eq(argv[0], "pct") && str_eq(argv[1], "shutdown") && !fake_is_hidden(f, "late")) {
		_cleanup_vm_ struct vm_result v = { 0 };

		fake_hide(f, "late", "1");
		vm_late(f, 102, &v);
		fake_hide(f, "late", v.e.text);
		if (v.r != -EAGAIN || v.complained.len)
			fake_die("%d %s %s", v.r, v.e.text, text_str(&v.complained));
	}
	return k;
}

/* That a container is stopped for another card's lines is nobody's wish, and each line is back before its start. */
static void two_vms_give_back(void **state)
{
	_cleanup_fake_ struct fake *f = machine("[ct 200]\ncontainers = detach\n", BOTH_WAY);
	_cleanup_free_ char *before = NULL, *after = NULL;

	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\nhostpci0: 0000:01:00,pcie=1\n");
	fake_put(f, "/etc/pve/qemu-server/102.conf", "machine: q35\nhostpci0: 0000:02:00,pcie=1\n");
	fake_hide(f, "watcher", "comes");
	before = fake_snapshot(f);
	for (unsigned int vmid = 101; vmid <= 102; vmid++) {
		_cleanup_vm_ struct vm_result v = { 0 };

		vm_start(f, vmid, false, &v);
		assert_int_equal(v.r, 0);
	}
	for (unsigned int vmid = 101; vmid <= 102; vmid++) {
		_cleanup_vm_ struct vm_result v = { 0 };

		vm_stop(f, vmid, &v);
		assert_int_equal(v.r, 0);
	}
	fake_hide(f, "pct-calls", "");
	f->hooks.exec = and_the_other_vm;
	for (unsigned int vmid = 101; vmid <= 102; vmid++) {
		_cleanup_vm_ struct vm_result v = { 0 };

		vm_late(f, vmid, &v);
		assert_int_equal(v.r, 0);
		assert_string_equal(text_str(&v.complained), "");
	}
	assert_string_equal(fake_hidden(f, "late"), "what made room for VM 102 comes back when the same container is back for VM 101");
	assert_string_equal(fake_pct_calls(f), "shutdown 200; start 200; shutdown 200; start 200");
	after = fake_snapshot(f);
	if (strcmp(before, after) != 0)
		fail_msg("%s", fake_difference(before, after));
	assert_string_equal(vm_leftovers(f), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_strictest_counts),
		cmocka_unit_test(back_when_both_are),
		cmocka_unit_test(two_vms_give_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
