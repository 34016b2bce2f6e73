/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Leases that are not as they should be: one in two places, one that is out of date, one that cannot be read. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "plan/lease.h"
#include "tests/fake/expect.h"

#define DEV   "/sys/bus/pci/devices/"
#define LEASE "/run/gpupt/lease/101"
#define KEPT  "/var/lib/gpupt/lease/101"

static struct fake *machine(void)
{
	struct fake *f = fake_machine();

	/* another VM that wants the same card */
	fake_put(f, "/etc/pve/qemu-server/102.conf", "machine: q35\nhostpci0: 0000:01:00,pcie=1\n");
	return f;
}

static char *lease_text(const struct fake *f)
{
	char *text = NULL;

	assert_int_equal(root_read(&f->root, LEASE, 1 << 20, &text, NULL), 0);
	return text;
}

static void assert_same(const struct fake *f, const char *before, const char *what, unsigned int n)
{
	_cleanup_free_ char *after = fake_snapshot(f);

	if (strcmp(before, after) != 0)
		fail_msg("%s at call %u:\n%s", what, n, fake_difference(before, after));
}

/* --- in two places --- */

static int keep_run(struct fake *f, void *ctx)
{
	_cleanup_record_ struct record rec = { .fd = -1 };

	return record_open(&f->root, LEASE, &rec, NULL) < 0 || lease_keep(&rec, 101, NULL) < 0;
}

/* Killed on its way to /var: whoever comes next gives everything back, and no copy is left that says otherwise. */
static void kept_half_way(void **state)
{
	static const enum fake_fault faults[] = { FAKE_KILL_BEFORE, FAKE_KILL_AFTER };
	unsigned int both = 0, calls = 0;

	for (unsigned int n = 1; n < 100; n++) {
		_cleanup_fake_ struct fake *f = machine();
		_cleanup_free_ char *before = fake_snapshot(f);
		_cleanup_free_ unsigned int *all = NULL;
		size_t n_all;
		int status;

		vm_starts(f, 101);
		fake_arm(f, FAKE_STORAGE, faults[n % 2], n / 2 + 1, 0);
		status = fake_run(f, keep_run, NULL);
		fake_disarm(f);
		both += fake_exists(f, LEASE) && fake_exists(f, KEPT);
		assert_int_equal(lease_all(&f->root, &all, &n_all), 0);
		assert_int_equal(n_all, 1);
		vm_gives_back(f, 101);
		assert_same(f, before, "killed as the lease moved", n);
		if (fake_exists(f, LEASE) || fake_exists(f, KEPT))
			fail_msg("killed at call %u: a lease is left", n);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			calls = n;
			break;
		}
	}
	assert_true(calls > 0);
	assert_true(both > 0);
	fake_tally("crash-points", calls, "crash points of a lease that moves to /var");
}

/* --- out of date --- */

/* The other VM has the card by now: nothing that the old lease says about it counts. */
static void another_has_it(bool by_release)
{
	_cleanup_fake_ struct fake *f = machine();
	_cleanup_free_ char *lease = NULL, *held = NULL, *before = fake_snapshot(f);
	_cleanup_vm_ struct vm_result v = { 0 }, again = { 0 };

	vm_starts(f, 101);
	lease = lease_text(f);
	vm_gives_back(f, 101);
	vm_starts(f, 102);
	fake_vm_runs(f, 102, 7002);
	held = fake_snapshot(f);
	/* as if it had never been removed */
	fake_put(f, KEPT, lease);
	if (by_release)
		vm_release(f, 101, &v);
	else
		vm_reconcile(f, 0, &v);
	assert_int_equal(v.r, 0);
	assert_non_null(strstr(text_str(&v.complained), CARD " is VM 102's by now"));
	assert_non_null(strstr(text_str(&v.complained), CARD1 " is VM 102's by now"));
	assert_same(f, held, "an old lease is settled", 0);
	assert_driver(f, CARD, "vfio-pci");
	assert_false(fake_exists(f, KEPT));
	assert_true(fake_exists(f, "/run/gpupt/claim/" CARD));
	vm_release(f, 101, &again);
	assert_int_equal(again.r, -ENOENT);
	fake_vm_ends(f, 102);
	vm_gives_back(f, 102);
	assert_same(f, before, "given back by the other", 0);
}

static void out_of_date(void **state)
{
	another_has_it(true);
	another_has_it(false);
}

/* Of two cards the other VM has one: the second comes home. */
static void half_out_of_date(void **state)
{
	_cleanup_fake_ struct fake *f = machine();
	_cleanup_vm_ struct vm_result v = { 0 };
	_cleanup_free_ char *lease = NULL;

	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\nhostpci0: 0000:01:00,pcie=1\nhostpci1: 0000:02:00,pcie=1\n");
	vm_starts(f, 101);
	lease = lease_text(f);
	vm_gives_back(f, 101);
	vm_starts(f, 102);
	fake_vm_runs(f, 102, 7002);
	fake_bind(f, TWIN, "vfio-pci");
	fake_override(f, TWIN, "vfio-pci");
	fake_put(f, LEASE, lease);
	vm_reconcile(f, 101, &v);
	assert_int_equal(v.r, 0);
	assert_driver(f, CARD, "vfio-pci");
	assert_driver(f, TWIN, "radeon");
	assert_false(fake_exists(f, LEASE));
}

/* --- it cannot be read --- */

#define ASIDE KEPT ".damaged"

static void damage(const struct fake *f)
{
	_cleanup_free_ char *lease = lease_text(f);

	fake_putf(f, LEASE, "%sbegin 99 nosuch /x ~ ~ ~\n", lease);
}

static void assert_override(const struct fake *f, const char *bdf, const char *want)
{
	char path[PATH_MAX];

	assert_string_equal(fake_get(f, path_f(path, DEV "%s/driver_override", bdf)), want);
}

/* Both functions at home, at nobody's wish but the host's; the file is out of the way, and there to be read. */
static void assert_mended(struct fake *f, const char *what, unsigned int n)
{
	_cleanup_free_ char *aside = NULL;

	assert_driver(f, CARD, "radeon");
	assert_driver(f, CARD1, "snd_hda_intel");
	assert_override(f, CARD, "(null)");
	assert_override(f, CARD1, "(null)");
	if (fake_exists(f, LEASE) || fake_exists(f, "/run/gpupt/claim/" CARD) || fake_exists(f, "/run/gpupt/claim/" CARD1))
		fail_msg("%s at call %u: a lease or a claim is left", what, n);
	assert_int_equal(root_read(&f->root, ASIDE, 1 << 20, &aside, NULL), 0);
	assert_non_null(strstr(aside, "begin 99 nosuch"));
}

static void remedy_leads_home(void **state)
{
	_cleanup_fake_ struct fake *f = machine();
	_cleanup_vm_ struct vm_result stopped = { 0 }, refused = { 0 }, v = { 0 }, again = { 0 };

	vm_starts(f, 101);
	damage(f);
	/* nothing is done by it, and the remedy is named */
	vm_stop(f, 101, &stopped);
	assert_int_equal(stopped.r, -EBADMSG);
	assert_non_null(strstr(stopped.e.text, "'gpupt-helper release 101'"));
	assert_driver(f, CARD, "vfio-pci");
	vm_start(f, 102, false, &refused);
	assert_int_not_equal(refused.r, 0);
	/* which is what the administrator does then */
	vm_release(f, 101, &v);
	assert_int_equal(v.r, -EUCLEAN);
	assert_non_null(strstr(v.e.text, ASIDE));
	assert_non_null(strstr(text_str(&v.said), CARD ": back from VM 101, on radeon"));
	assert_mended(f, "released", 0);
	vm_release(f, 101, &again);
	assert_int_equal(again.r, -ENOENT);
	/* from then on all is as ever */
	vm_starts(f, 102);
	vm_gives_back(f, 102);
	assert_driver(f, CARD, "radeon");
	vm_starts(f, 101);
	vm_gives_back(f, 101);
	assert_driver(f, CARD, "radeon");
}

/* Not for a VM that runs, nor where nobody reads what is said. */
static void not_by_itself(void **state)
{
	_cleanup_fake_ struct fake *f = machine();
	_cleanup_free_ char *held = NULL;
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 };
	_cleanup_settings_ struct settings s = { 0 };
	struct report report = { .vmid = 101 };
	struct release rel = { .root = &f->root, .settings = &s, .vmid = 101, .unattended = true, .report = &report };
	struct err e = { "" };

	settings_default(&s);
	vm_starts(f, 101);
	damage(f);
	held = fake_snapshot(f);
	fake_vm_runs(f, 101, 7001);
	vm_release(f, 101, &v);
	assert_int_equal(v.r, -EBUSY);
	fake_vm_ends(f, 101);
	assert_int_equal(release_run(&rel, NULL, &e), -EBADMSG);
	assert_same(f, held, "nobody asked for it", 0);
	assert_false(fake_exists(f, ASIDE));
	vm_reconcile(f, 0, &w);
	assert_int_equal(w.r, -EUCLEAN);
	assert_mended(f, "reconciled", 0);
}

static int release_run_it(struct fake *f, void *ctx)
{
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_release(f, 101, &v);
	return v.r != -EUCLEAN;
}

static void killed_as_it_is_mended(void **state)
{
	static const enum fake_fault faults[] = { FAKE_KILL_BEFORE, FAKE_KILL_AFTER };

	for (unsigned int n = 2; n < 300; n += FAKE_EVERY) {
		_cleanup_fake_ struct fake *f = machine();
		_cleanup_vm_ struct vm_result v = { 0 };
		int status;

		vm_starts(f, 101);
		damage(f);
		fake_arm(f, FAKE_KERNEL | FAKE_STORAGE, faults[n % 2], n / 2, 0);
		status = fake_run(f, release_run_it, NULL);
		fake_disarm(f);
		vm_release(f, 101, &v);
		if (v.undo.foreign || (v.r != 0 && v.r != -EUCLEAN && v.r != -ENOENT))
			fail_msg("killed at call %u: %d %s\n%s", n / 2, v.r, v.e.text, text_str(&v.complained));
		/* a claim of the dead without a lease is no more than a file */
		fake_remove(f, "/run/gpupt/claim");
		assert_mended(f, "killed", n / 2);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			fake_tally("crash-points", n - 2, "crash points of a damaged lease's release");
			return;
		}
	}
	fail_msg("no end of calls");
}

static void mended_and_kept(void **state)
{
	_cleanup_fake_ struct fake *f = machine();
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_starts(f, 101);
	damage(f);
	fake_put(f, "/etc/gpupt/gpupt.conf", "[gpu 01:00]\nafter-stop = keep\n");
	vm_release(f, 101, &v);
	assert_int_equal(v.r, -EUCLEAN);
	assert_driver(f, CARD, "vfio-pci");
	assert_override(f, CARD, "(null)");
	assert_false(fake_exists(f, LEASE));
}

/* Somebody has moved one function meanwhile: it is his. */
static void mended_and_rebound(void **state)
{
	_cleanup_fake_ struct fake *f = machine();
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_starts(f, 101);
	damage(f);
	fake_bind(f, CARD1, "");
	fake_override(f, CARD1, "pci-stub");
	vm_release(f, 101, &v);
	assert_int_equal(v.undo.foreign, 1);
	assert_driver(f, CARD, "radeon");
	assert_driver(f, CARD1, "none");
	assert_override(f, CARD1, "pci-stub");
}

/* Its boot is over, and claims with it: it only goes out of the way. */
static void damaged_before_the_boot(void **state)
{
	_cleanup_fake_ struct fake *f = machine();
	_cleanup_free_ char *before = fake_snapshot(f);
	_cleanup_vm_ struct vm_result v = { 0 };

	fake_put(f, KEPT, "nonsense\n");
	vm_release(f, 101, &v);
	assert_int_equal(v.r, -EUCLEAN);
	assert_same(f, before, "an earlier boot", 0);
	assert_false(fake_exists(f, KEPT));
	assert_string_equal(fake_get(f, ASIDE), "nonsense");
	vm_starts(f, 101);
	vm_gives_back(f, 101);
}

/* Not to know whether QEMU runs is no leave to take its card away, whoever asks. */
static void qemu_cannot_be_read(void **state)
{
	_cleanup_fake_ struct fake *f = machine();
	_cleanup_vm_ struct vm_result stopped = { 0 }, released = { 0 }, reconciled = { 0 }, mended = { 0 };
	_cleanup_free_ char *held = NULL;

	vm_starts(f, 101);
	fake_put(f, "/run/qemu-server/101.pid", "7001\n");
	fake_mkdir(f, "/proc/7001/cmdline");
	held = fake_snapshot(f);
	vm_stop(f, 101, &stopped);
	assert_true(stopped.r < 0);
	assert_non_null(strstr(stopped.e.text, "cannot tell whether VM 101 runs"));
	vm_release(f, 101, &released);
	assert_true(released.r < 0);
	assert_non_null(strstr(released.e.text, "cannot tell whether VM 101 runs"));
	vm_reconcile(f, 0, &reconciled);
	assert_true(reconciled.r < 0);
	damage(f);
	vm_release(f, 101, &mended);
	assert_true(mended.r < 0);
	assert_same(f, held, "QEMU cannot be read", 0);
	assert_true(fake_exists(f, LEASE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_half_way),
		cmocka_unit_test(out_of_date),
		cmocka_unit_test(half_out_of_date),
		cmocka_unit_test(remedy_leads_home),
		cmocka_unit_test(not_by_itself),
		cmocka_unit_test(killed_as_it_is_mended),
		cmocka_unit_test(mended_and_kept),
		cmocka_unit_test(mended_and_rebound),
		cmocka_unit_test(damaged_before_the_boot),
		cmocka_unit_test(qemu_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
