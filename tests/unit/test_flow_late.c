/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Containers are on their way back, which takes long, and a VM starts that wants their card: it wins. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "plan/errand.h"
#include "plan/turn.h"
#include "tests/fake/ct.h"
#include "tests/fake/vm.h"

#define DEV0	"dev0: /dev/dri/renderD129,gid=104\n"
#define DETACH	"hostname: a\n" DEV0 "memory: 512\nlxc.mount.entry: /dev/dri/renderD129 dev/dri/x none bind\n"
#define WITHOUT "arch: amd64\nhostname: a\nmemory: 512\nostype: debian\n"

/* Until that hidden file is there; a test that has failed makes none. */
static bool wait_for(struct fake *f, const char *name)
{
	for (unsigned int i = 0; i < 1000 && !fake_is_hidden(f, name); i++)
		sleep_ms(20);
	return fake_is_hidden(f, name);
}

/* The call of pct that takes long: until the hidden file "go" is there, in the process of whoever brings containers back. */
static const char *slow;

static int pct(void *ctx, char *const argv[], struct exec_result *ret)
{
	struct fake *f = ctx;

	if (slow && str_eq(argv[0], "pct") && str_eq(argv[1], slow)) {
		fake_no_locks(f);
		if (!turn_calling(&f->root, 101, NULL) && turn_taken(&f->root, 101))
			fake_die("it is the turn of whoever calls pct");
		fake_hide(f, "waits", "1");
		wait_for(f, "go");
	}
	if (str_eq(argv[0], "pct") && str_eq(argv[1], fake_hidden(f, "fails"))) {
		*ret = (struct exec_result){ .status = 255 };
		return 0;
	}
	return fake_exec(ctx, argv, ret);
}

static struct fake *machine(const char *conf)
{
	struct fake *f = fake_machine();

	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\nhostpci0: 0000:01:00,pcie=1\n");
	fake_put(f, "/etc/pve/qemu-server/102.conf", "machine: q35\nhostpci0: 0000:01:00,pcie=1\n");
	fake_put(f, "/etc/gpupt/gpupt.conf", conf);
	fake_hide(f, "watcher", "comes");
	f->hooks.exec = pct;
	return f;
}

static void start(struct fake *f, unsigned int vmid, struct vm_result *v)
{
	vm_start(f, vmid, false, v);
	if (v->r != 0)
		fail_msg("VM %u does not start: %d %s\n%s%s", vmid, v->r, v->e.text, text_str(&v->said), text_str(&v->complained));
}

static void stop(struct fake *f, unsigned int vmid)
{
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_stop(f, vmid, &v);
	assert_int_equal(v.r, 0);
}

/* CT 200 has made room for VM 101, which has stopped: its way back is the watcher's. *ret_before is what it was like before. */
static struct fake *lent(const char *policy, const char *lines, char **ret_before)
{
	_cleanup_vm_ struct vm_result v = { 0 };
	struct fake *f;
	char conf[64];

	snprintf(conf, sizeof(conf), "[defaults]\ncontainers = %s\n", policy);
	f = machine(conf);
	fake_ct(f, 200, lines, true);
	*ret_before = fake_snapshot(f);
	start(f, 101, &v);
	stop(f, 101);
	return f;
}

/* The watcher brings back what made room for VM 101, and hangs at its first such call. */
static pid_t watcher(struct fake *f, const char *verb)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		_cleanup_vm_ struct vm_result v = { 0 };

		slow = verb;
		vm_late(f, 101, &v);
		_exit(v.r == 0 ? 0 : v.r == -EBUSY ? 1 : 2);
	}
	assert_true(wait_for(f, "waits"));
	return pid;
}

/* The call comes to its end half a second after that VM's start has begun. */
static pid_t goes_on_soon(struct fake *f, unsigned int vmid)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		for (unsigned int i = 0; i < 1000 && !turn_taken(&f->root, vmid); i++)
			sleep_ms(20);
		sleep_ms(500);
		fake_hide(f, "go", "1");
		_exit(0);
	}
	return pid;
}

/* Well, or because it is the turn of the start by then. */
static void assert_ends(pid_t pid, int at_most)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= at_most);
}

static void late(struct fake *f)
{
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_late(f, 101, &v);
	assert_int_equal(v.r, 0);
}

static void assert_back(struct fake *f, const char *before)
{
	_cleanup_free_ char *after = fake_snapshot(f);

	fake_remove(f, "/run/gpupt/watch");
	if (strcmp(before, after) != 0)
		fail_msg("%s", fake_difference(before, after));
	assert_string_equal(vm_leftovers(f), "");
}

/* The VM starts again, or another one with the same card, while containers are being started: what is begun ends first. */
static void a_start_wins(void **state)
{
	static const unsigned int vms[] = { 101, 102 };

	for (size_t i = 0; i < ARRAY_SIZE(vms); i++) {
		_cleanup_free_ char *before = NULL;
		_cleanup_fake_ struct fake *f = lent("shutdown", DEV0, &before);
		_cleanup_vm_ struct vm_result v = { 0 };
		pid_t late_pid, timer;

		late_pid = watcher(f, "start");
		timer = goes_on_soon(f, vms[i]);
		start(f, vms[i], &v);
		assert_non_null(strstr(text_str(&v.said), "what made room for VM 101 is on its way back: waiting for what process"));
		assert_ends(timer, 0);
		assert_ends(late_pid, 1);
		assert_false(fake_ct_runs(f, 200));
		assert_string_equal(fake_pct_calls(f), "shutdown 200; start 200; shutdown 200");
		stop(f, vms[i]);
		if (i) {
			_cleanup_vm_ struct vm_result w = { 0 };

			vm_late(f, 102, &w);
			assert_int_equal(w.r, 0);
		}
		late(f);
		assert_back(f, before);
	}
}

/* One that ran without its lines was just stopped for them: it runs without them again, and the rest of its way back is later. */
static void what_is_not_begun_stays(void **state)
{
	_cleanup_free_ char *before = NULL, *conf = NULL;
	_cleanup_fake_ struct fake *f = lent("detach", DETACH, &before);
	_cleanup_vm_ struct vm_result v = { 0 };
	pid_t late_pid, timer;

	late_pid = watcher(f, "shutdown");
	timer = goes_on_soon(f, 101);
	start(f, 101, &v);
	assert_ends(timer, 0);
	assert_ends(late_pid, 1);
	assert_true(fake_ct_runs(f, 200));
	assert_string_equal(fake_pct_calls(f), "shutdown 200; start 200; shutdown 200; start 200");
	assert_int_equal(root_read(&f->root, "/etc/pve/lxc/200.conf", 4096, &conf, NULL), 0);
	assert_string_equal(conf, WITHOUT);
	stop(f, 101);
	late(f);
	assert_back(f, before);
}

/* The same when its lines were back already; then there is a placeholder for it. */
static void lines_that_are_back_stay(void **state)
{
	_cleanup_free_ char *before = NULL;
	_cleanup_fake_ struct fake *f = lent("detach", DETACH, &before);
	_cleanup_vm_ struct vm_result locked = { 0 }, v = { 0 };

	fake_hide(f, "fails", "start");
	vm_late(f, 101, &locked);
	assert_int_equal(locked.r, -EUCLEAN);
	assert_false(fake_ct_runs(f, 200));
	unlink(fake_hidden_path(f, (char[PATH_MAX]){ 0 }, "fails"));
	start(f, 101, &v);
	assert_true(fake_ct_runs(f, 200));
	stop(f, 101);
	late(f);
	assert_back(f, before);
}

/* Others neither call a second time nor wait. */
static void nobody_calls_twice(void **state)
{
	_cleanup_free_ char *before = NULL;
	_cleanup_fake_ struct fake *f = lent("shutdown", DEV0, &before);
	_cleanup_vm_ struct vm_result v = { 0 };
	pid_t late_pid;

	late_pid = watcher(f, "start");
	vm_release(f, 101, &v);
	assert_int_equal(v.r, -EBUSY);
	assert_non_null(strstr(v.e.text, "is bringing back what made room for VM 101"));
	fake_hide(f, "go", "1");
	assert_ends(late_pid, 0);
	assert_string_equal(fake_pct_calls(f), "shutdown 200; start 200");
	assert_back(f, before);
}

/* Who called is killed: nobody waits for him, and the next one goes on. */
static void killed_while_it_calls(void **state)
{
	_cleanup_free_ char *before = NULL;
	_cleanup_fake_ struct fake *f = lent("shutdown", DEV0, &before);
	_cleanup_vm_ struct vm_result v = { 0 };
	pid_t late_pid;
	int status;

	late_pid = watcher(f, "start");
	kill(late_pid, SIGKILL);
	assert_int_equal(waitpid(late_pid, &status, 0), late_pid);
	vm_reconcile(f, 0, &v);
	assert_int_equal(v.r, 0);
	assert_back(f, before);
}

/* A process of ours does something with the card for a moment: that is waited for, and no failure. */
static void after_an_errand(void **state)
{
	_cleanup_free_ char *before = NULL;
	_cleanup_fake_ struct fake *f = lent("shutdown", DEV0, &before);
	_cleanup_vm_ struct vm_result v = { 0 };
	pid_t pid;

	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct bdf card = fake_bdf(CARD);
		const struct bdf_list one = { .v = &card, .n = 1 };
		struct claim conflict;
		struct err e;

		fake_hide(f, "claimed", errand_claim(&f->root, &one, &conflict, &e) == 0 ? "yes" : "no");
		wait_for(f, "go");
		errand_unclaim(&f->root, &one);
		_exit(0);
	}
	assert_true(wait_for(f, "claimed"));
	assert_string_equal(fake_hidden(f, "claimed"), "yes");
	vm_late(f, 101, &v);
	assert_int_equal(v.r, -EAGAIN);
	assert_non_null(strstr(v.e.text, "is done with the card"));
	fake_hide(f, "go", "1");
	assert_ends(pid, 0);
	late(f);
	assert_back(f, before);
}

/* A backup starts the VM while its containers are not back yet. What is left of the run before is no reason to await a start after it. */
static void a_backup_meanwhile(void **state)
{
	_cleanup_free_ char *before = NULL;
	_cleanup_fake_ struct fake *f = lent("shutdown", DEV0, &before);
	_cleanup_vm_ struct vm_result v = { 0 };

	fake_put(f, "/etc/pve/qemu-server/101.conf", "lock: backup\nmachine: q35\nhostpci0: 0000:01:00,pcie=1\n");
	start(f, 101, &v);
	assert_non_null(strstr(text_str(&v.said), CARD ": for VM 101, from radeon"));
	stop(f, 101);
	late(f);
	assert_back(f, before);
}

/* What cannot be put on record is not begun, if it would be begun again and again. */
static void no_stop_without_record(void **state)
{
	_cleanup_free_ char *before = NULL, *lease = NULL;
	_cleanup_fake_ struct fake *f = lent("detach", DETACH, &before);
	_cleanup_vm_ struct vm_result v = { 0 };

	assert_int_equal(root_read(&f->root, "/var/lib/gpupt/lease/101", 1 << 20, &lease, NULL), 0);
	fake_put(f, "/run/gpupt/lease/101", lease);
	fake_remove(f, "/var/lib/gpupt/lease/101");
	fake_arm(f, FAKE_STORAGE, FAKE_READ_ONLY, 1, 0);
	vm_late(f, 101, &v);
	fake_disarm(f);
	assert_int_equal(v.r, -EUCLEAN);
	assert_string_equal(fake_pct_calls(f), "shutdown 200; start 200");
	late(f);
	assert_back(f, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_start_wins),
		cmocka_unit_test(what_is_not_begun_stays),
		cmocka_unit_test(lines_that_are_back_stay),
		cmocka_unit_test(nobody_calls_twice),
		cmocka_unit_test(killed_while_it_calls),
		cmocka_unit_test(after_an_errand),
		cmocka_unit_test(a_backup_meanwhile),
		cmocka_unit_test(no_stop_without_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
