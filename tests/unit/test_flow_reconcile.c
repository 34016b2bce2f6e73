/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `reconcile`, also at boot when nobody looks: what hinders it at one VM, at all of them, and what root hears of it. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/exec.h"
#include "base/log.h"
#include "helper/helper.h"
#include "host_hang.h"
#include "tests/fake/expect.h"
#include "tests/fake/helper.h"

#define DEV "/sys/bus/pci/devices/"

static void assert_says(const struct text *t, const char *what)
{
	if (!strstr(text_str(t), what))
		fail_msg("no '%s' in: %s", what, text_str(t));
}

/* Post-stop of VM 102 comes while VM 101 is being settled. */
static int stop_meanwhile(void *ctx, const char *unit, const char *verb, char *ret_state)
{
	_cleanup_vm_ struct vm_result v = { 0 };
	struct fake *f = ctx;

	if (str_eq(verb, "system-state") && fake_exists(f, "/run/gpupt/lease/102")) {
		f->hooks.unit = fake_unit_call;
		vm_stop(f, 102, &v);
		assert_int_equal(v.r, 0);
	}
	return fake_unit_call(ctx, unit, verb, ret_state);
}

static void one_is_settled_meanwhile(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };
	_cleanup_free_ char *before = fake_snapshot(f), *after = NULL;

	vm_starts(f, 101);
	vm_starts(f, 102);
	f->hooks.unit = stop_meanwhile;
	vm_reconcile(f, 0, &v);
	assert_ptr_equal(f->hooks.unit, fake_unit_call);
	assert_string_equal(text_str(&v.complained), "");
	assert_int_equal(v.r, 0);
	after = fake_snapshot(f);
	assert_string_equal(fake_difference(before, after), "");
	assert_string_equal(vm_leftovers(f), "");
}

/* A process whose command line cannot be read has the place of VM 101's QEMU; end it with hang_over(). */
static int unreadable_vm(struct fake *f)
{
	struct tree t = { .root = f->root };
	char path[PATH_MAX];

	fake_put(f, "/run/qemu-server/101.pid", "7001\n");
	fake_put(f, "/proc/7001/cmdline", "kvm");
	fake_path(f, path, "");
	assert_true(strlen(path) < sizeof(t.dir));
	snprintf(t.dir, sizeof(t.dir), "%.63s", path);
	return hang_at(&t, "/proc/7001/cmdline");
}

static void one_cannot_be_read(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };
	int fd;

	vm_starts(f, 101);
	vm_starts(f, 102);
	fd = unreadable_vm(f);
	if (fd < 0)
		skip();
	vm_reconcile(f, 0, &v);
	hang_over(fd);
	assert_int_equal(v.r, -ETIMEDOUT);
	assert_says(&v.complained, "VM 101 keeps its GPUs: cannot tell whether it runs: Connection timed out\n");
	/* what it is told about is not touched, and does not stop the rest */
	assert_driver(f, CARD, "vfio-pci");
	assert_driver(f, TWIN, "radeon");
}

/* --- what goes to root --- */

/* Mails are counted, and what was logged is kept, since a stand-in for a program is not given its input. */
static int count_mails(void *ctx, char *const argv[], struct exec_result *ret)
{
	struct fake *f = ctx;

	if (!str_eq(argv[0], "sendmail"))
		return fake_exec(ctx, argv, ret);
	__atomic_add_fetch(&f->shared->execs, 1, __ATOMIC_SEQ_CST);
	*ret = (struct exec_result){ 0 };
	return 0;
}

static void keep(void *ctx, const struct log_entry *entry, const char *message)
{
	if (entry->id == LOG_ID_LEFT)
		text_addf(ctx, "%u: %s\n", entry->vmid, message);
}

/* What gpupt-reconcile.service does: its exit status, the number of mails, what is in them. */
static int at_boot(struct fake *f, const char *command, struct text *mailed)
{
	int code;

	f->hooks.exec = count_mails;
	f->shared->execs = 0;
	log_to(keep, mailed);
	code = fake_helper(f, command, NULL, NULL);
	log_to(NULL, NULL);
	f->hooks.exec = fake_exec;
	return code;
}

static void all_is_well(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_text_ struct text mailed = { 0 };

	vm_starts(f, 101);
	assert_int_equal(at_boot(f, "settle", &mailed), EXIT_DONE);
	assert_int_equal(f->shared->execs, 0);
	assert_string_equal(text_str(&mailed), "");
	assert_driver(f, CARD, "radeon");
}

/* What is about no VM in particular comes in one mail. */
static void root_hears_of_everything(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_text_ struct text mailed = { 0 }, by_hand = { 0 }, shown = { 0 };

	vm_starts(f, 101);
	fake_put(f, "/etc/gpupt/gpupt.conf", "nonsense\n");
	fake_remove(f, "/var/lib/gpupt/lease");
	fake_put(f, "/var/lib/gpupt/lease", "no directory");
	assert_int_equal(at_boot(f, "settle", &mailed), EXIT_REFUSED);
	assert_int_equal(f->shared->execs, 1);
	assert_says(&mailed, "0: ");
	assert_says(&mailed, "gpupt.conf line 1");
	assert_says(&mailed, "cannot list the leases: Not a directory");
	/* whoever calls by hand has read it, and who only looks wakes nobody */
	assert_int_equal(at_boot(f, "reconcile", &by_hand), EXIT_REFUSED);
	assert_int_equal(f->shared->execs, 0);
	assert_int_equal(at_boot(f, "settle --dry-run", &shown), EXIT_REFUSED);
	assert_int_equal(f->shared->execs, 0);
}

/* A bad gpupt.conf is told although all the rest went well; what failed at a VM has a mail of its own, and no second one. */
static void one_mail_for_each(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_text_ struct text mailed = { 0 }, twice = { 0 };

	vm_starts(f, 101);
	fake_put(f, "/etc/gpupt/gpupt.conf", "nonsense\n");
	assert_int_equal(at_boot(f, "settle", &mailed), EXIT_REFUSED);
	assert_int_equal(f->shared->execs, 1);
	assert_driver(f, CARD, "radeon");
	fake_put(f, "/etc/gpupt/gpupt.conf", "");
	vm_starts(f, 101);
	fake_link(f, DEV CARD "/virtfn0", "../0000:01:00.2");
	assert_int_equal(at_boot(f, "settle", &twice), EXIT_LEFT);
	assert_int_equal(f->shared->execs, 1);
	assert_says(&twice, "101: not everything of VM 101 could be put back");
	assert_null(strstr(text_str(&twice), "0: not every lease"));
}

/* Drivers that a reset has taken off and that do not come back are nobody's lease. */
static void a_reset_that_was_cut_short(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_text_ struct text mailed = { 0 };

	fake_put(f, "/run/gpupt/reset/" BOOT, "gpupt-record 1\nnonsense\n");
	assert_int_equal(at_boot(f, "settle", &mailed), EXIT_LEFT);
	assert_int_equal(f->shared->execs, 1);
	assert_says(&mailed, "0: ");
	assert_says(&mailed, "/run/gpupt/reset/" BOOT);
}

static void a_vm_that_cannot_be_read(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_text_ struct text mailed = { 0 };
	int fd, code;

	vm_starts(f, 101);
	fd = unreadable_vm(f);
	if (fd < 0)
		skip();
	code = at_boot(f, "settle", &mailed);
	hang_over(fd);
	assert_int_equal(code, EXIT_REFUSED);
	assert_int_equal(f->shared->execs, 1);
	assert_says(&mailed, "101: VM 101 keeps its GPUs: cannot tell whether it runs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_is_settled_meanwhile),
		cmocka_unit_test(one_cannot_be_read),
		cmocka_unit_test(all_is_well),
		cmocka_unit_test(root_hears_of_everything),
		cmocka_unit_test(one_mail_for_each),
		cmocka_unit_test(a_reset_that_was_cut_short),
		cmocka_unit_test(a_vm_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
