/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a start does about what is in its way: it waits for processes, shuts down VMs; and what it does not do for a backup. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "base/interrupt.h"
#include "base/log.h"
#include "flow/shutdown.h"
#include "plan/claim.h"
#include "plan/lease.h"
#include "pve/guest.h"
#include "pve/reservation.h"
#include "tests/fake/expect.h"
#include "tests/fake/helper.h"

#define CONF   "/etc/gpupt/gpupt.conf"
#define SHARED "machine: q35\nhostpci0: 0000:01:00,pcie=1\n"
#define QEMU   5001
#define PLAYER 4001

/* a refusal leaves everything as it was, but for the directories of ours and the locks of Proxmox VE's */
static const char *const except[] = { "/run/gpupt", "/run/qemu-server/pci-id-reservations", "/run/lock", NULL };

static void starts(struct fake *f, unsigned int vmid, struct vm_result *v)
{
	vm_start(f, vmid, false, v);
	if (v->r != 0) {
		vm_dump("the call", v);
		fail_msg("VM %u does not start", vmid);
	}
}

/* Refused by that finding, with these words in its message and its remedy; it is the only one that blocks. */
static void refused(struct fake *f, unsigned int vmid, enum finding_code code, const char *why, const char *remedy,
		    struct vm_result *v)
{
	size_t n = 0;

	vm_start(f, vmid, false, v);
	for (size_t i = 0; i < v->findings.n; i++) {
		const struct finding *x = &v->findings.v[i];

		if (x->severity != SEVERITY_BLOCK)
			continue;
		n++;
		if (x->code != code || !strstr(x->message, why) || !x->remedy || !strstr(x->remedy, remedy)) {
			vm_dump("the call", v);
			fail_msg("not '%s', '%s', but '%s'", why, remedy, x->remedy ? x->remedy : "no remedy");
		}
	}
	if (v->r != HANDOVER_REFUSED || n != 1) {
		vm_dump("the call", v);
		fail_msg("%zu reasons", n);
	}
	fake_no_locks(f);
}

static void assert_owner(struct fake *f, const char *bdf, unsigned int vmid)
{
	struct claim c = { 0 };

	if (claim_find(&f->root, fake_bdf(bdf), &c) != (vmid != 0) || c.vmid != vmid)
		fail_msg("%s belongs to VM %u, not to VM %u", bdf, c.vmid, vmid);
}

static bool runs(struct fake *f, unsigned int vmid)
{
	return guest_running(&f->root, GUEST_VM, vmid, NULL) > 0;
}

/* QEMU with the card open. */
static void qemu(struct fake *f, unsigned int vmid, int pid, const char *group)
{
	char cgroup[64], dev[16], node[32];

	snprintf(cgroup, sizeof(cgroup), "/qemu.slice/%u.scope", vmid);
	snprintf(dev, sizeof(dev), "511:%s", group);
	snprintf(node, sizeof(node), "/dev/vfio/%s", group);
	fake_holder(f, pid, "kvm", cgroup, dev, node);
	fake_vm_runs(f, vmid, pid);
}

/* VMs 101 and 102 that name one card, and 101 runs with it. */
static struct fake *two_for_one(const char *conf)
{
	struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };

	fake_put(f, "/etc/pve/qemu-server/102.conf", SHARED);
	fake_put(f, CONF, conf);
	starts(f, 101, &v);
	qemu(f, 101, QEMU, "15");
	return f;
}

static void in_use(struct fake *f, const char *what)
{
	fake_holder(f, PLAYER, "player", "/system.slice/player.service", fake_dev(f, CARD, "drm"), what);
}

/* --- turns --- */

static void taking_turns(void **state)
{
	_cleanup_fake_ struct fake *f = two_for_one("[defaults]\nvms = shutdown\nshutdown-timeout = 7\n");
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 }, x = { 0 };

	starts(f, 102, &v);
	assert_non_null(strstr(text_str(&v.said), "VM 101 is shut down for VM 102: it has " CARD "\n"));
	assert_string_equal(fake_hidden(f, "qm-calls"), "shutdown 101 --timeout 7");
	assert_false(runs(f, 101));
	assert_owner(f, CARD, 102);
	assert_owner(f, CARD1, 102);
	assert_false(fake_exists(f, "/run/gpupt/lease/101"));
	assert_string_equal(driver_of(f, CARD), "vfio-pci");
	/* and the other way round */
	qemu(f, 102, QEMU + 1, "15");
	starts(f, 101, &w);
	assert_non_null(strstr(text_str(&w.said), "VM 102 is shut down for VM 101"));
	assert_owner(f, CARD, 101);
	vm_stop(f, 101, &x);
	assert_int_equal(x.r, 0);
	assert_string_equal(driver_of(f, CARD), "radeon");
	assert_int_equal(reservation_remove(&f->root, NULL, 0, 101, NULL), 0);
	assert_string_equal(vm_leftovers(f), "");
}

/* A VM whose post-stop comes late, or never: who comes next settles it, but not under Proxmox VE's lock of it. */
static void post_stop_comes_late(void **state)
{
	_cleanup_fake_ struct fake *f = two_for_one("[defaults]\nvms = shutdown\n");
	_cleanup_vm_ struct vm_result v = { 0 };

	fake_qm_how(f, 101, "late");
	starts(f, 102, &v);
	assert_owner(f, CARD, 102);
	assert_false(fake_exists(f, "/run/gpupt/lease/101"));
}

/* 'qm cleanup' as a process of its own: it has the lock, and gives the card back while the start waits. */
static pid_t cleanup_comes(struct fake *f, unsigned int vmid, int gate)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		_cleanup_vm_ struct vm_result v = { 0 };
		char path[PATH_MAX];
		int lock = root_open(&f->root, path_f(path, "/run/lock/qemu-server/lock-%u.conf", vmid), O_RDWR | O_CREAT, 0644);
		char go = lock >= 0 && flock(lock, LOCK_EX) == 0;

		if (write(gate, &go, 1) != 1 || !go)
			_exit(1);
		/* until the start has asked once and has been told that somebody is at work */
		while (!fake_is_hidden(f, "asked"))
			sleep_ms(1);
		vm_stop(f, vmid, &v);
		_exit(v.r != 0);
	}
	return pid;
}

static void cleanup_is_waited_for(void **state)
{
	_cleanup_fake_ struct fake *f = two_for_one("[defaults]\nvms = shutdown\n");
	_cleanup_free_ struct obstacle_vm *vm = calloc(1, sizeof(*vm));
	_cleanup_findings_ struct findings found = { 0 };
	struct report report = { .vmid = 102 };
	struct facts facts = { .vmid = 102 };
	bool settle = true;
	struct err e = { "" };
	int gate[2], status;
	struct shutdown s;
	char go = 0;
	pid_t pid;

	*vm = (struct obstacle_vm){ .vmid = 101, .code = FINDING_CLAIMED, .bdf = fake_bdf(CARD), .timeout = 1 };
	s = (struct shutdown){ .root = &f->root, .report = &report, .for_vmid = 102, .vm = vm, .found = &found };
	facts.v = calloc(2, sizeof(*facts.v));
	facts.n = 2;
	facts.v[0].fn.bdf = fake_bdf(CARD);
	facts.v[1].fn.bdf = fake_bdf(CARD1);
	/* it runs: no deadline makes that free */
	assert_int_equal(shutdown_wait(&s, &facts, now_ms(), &settle, &e), SHUTDOWN_REFUSED);
	assert_true(settle);
	fake_vm_ends(f, 101);
	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	pid = cleanup_comes(f, 101, gate[1]);
	assert_int_equal(read(gate[0], &go, 1), 1);
	assert_true(go);
	/* Proxmox VE works on it: not yet, and nothing of it is touched */
	assert_int_equal(shutdown_wait(&s, &facts, now_ms(), &settle, &e), SHUTDOWN_REFUSED);
	assert_int_equal(found.n, 2);
	assert_non_null(strstr(found.v[1].message, "VM 101 has " CARD " and was shut down, but did not let go of it"));
	assert_non_null(strstr(found.v[1].remedy, "reconcile 101"));
	assert_true(settle);
	assert_owner(f, CARD, 101);
	fake_hide(f, "asked", "1");
	assert_int_equal(shutdown_wait(&s, &facts, now_ms() + 60000, &settle, &e), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(gate[0]);
	close(gate[1]);
	facts_done(&facts);
}

static void deaf(void **state)
{
	_cleanup_fake_ struct fake *f = two_for_one("[defaults]\nvms = shutdown\nshutdown-timeout = 5\n");
	_cleanup_free_ char *before = fake_tree(f, except), *after = NULL;
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 };

	fake_qm_how(f, 101, "deaf");
	refused(f, 102, FINDING_CLAIMED,
		"VM 101 has " CARD " and did not shut down: qm shutdown ended with status 255: VM quit/powerdown failed - got timeout",
		"shutdown-timeout gives it longer than 5 s, force-stop = 1", &v);
	assert_string_equal(fake_hidden(f, "qm-calls"), "shutdown 101 --timeout 5");
	assert_true(runs(f, 101));
	assert_owner(f, CARD, 101);
	after = fake_tree(f, except);
	assert_string_equal(before, after);
	/* never forced unless that is allowed */
	fake_put(f, CONF, "[defaults]\nvms = shutdown\nshutdown-timeout = 5\nforce-stop = yes\n");
	starts(f, 102, &w);
	assert_string_equal(fake_hidden(f, "qm-calls"), "shutdown 101 --timeout 5; shutdown 101 --timeout 5; stop 101");
	assert_non_null(strstr(text_str(&w.said), "VM 101 did not shut down within 5 s: it is stopped (force-stop = 1)"));
	assert_owner(f, CARD, 102);
}

static void nothing_helps(void **state)
{
	_cleanup_fake_ struct fake *f = two_for_one("[defaults]\nvms = shutdown\nforce-stop = 1\n");
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 }, x = { 0 };

	fake_qm_how(f, 101, "undying");
	refused(f, 102, FINDING_CLAIMED, "could not be stopped: qm stop ended with status 255", "task log", &v);
	/* locked while it was shutting down: it is not stopped then */
	fake_qm_how(f, 101, "deaf, then locked");
	refused(f, 102, FINDING_CLAIMED, "is locked (snapshot)", "wait for the end of the task", &w);
	assert_true(runs(f, 101));
	fake_put(f, "/etc/pve/qemu-server/101.conf", SHARED);
	fake_put(f, CONF, "[defaults]\nvms = shutdown\n");
	fake_qm_how(f, 101, "hangs");
	refused(f, 102, FINDING_CLAIMED, "did not shut down: cannot run qm", "force-stop = 1", &x);
	assert_owner(f, CARD, 101);
}

/* --- never --- */

static void managed_by_ha(void **state)
{
	static const char *const states[] = { "", "\tstate started\n", "\tstate stopped\n", "\tstate disabled\n" };
	_cleanup_fake_ struct fake *f = two_for_one("[defaults]\nvms = shutdown\nforce-stop = 1\n");
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		_cleanup_vm_ struct vm_result x = { 0 };

		fake_putf(f, "/etc/pve/ha/resources.cfg", "ct: 200\n\tstate started\n\nvm: 101\n%s", states[i]);
		refused(f, 102, FINDING_CLAIMED, "VM 101 has " CARD " and is managed by HA", "ha-manager set vm:101 --state stopped", &x);
	}
	/* who cannot be asked may have it */
	fake_put_bytes(f, "/etc/pve/ha/resources.cfg", "vm: 101\0", 8);
	refused(f, 102, FINDING_CLAIMED, "since HA may manage it", "shut down VM 101", &v);
	assert_string_equal(fake_hidden(f, "qm-calls"), "");
	assert_true(runs(f, 101));
	/* as if it were not managed */
	fake_put(f, "/etc/pve/ha/resources.cfg", "vm: 101\n\tstate ignored\n");
	starts(f, 102, &w);
}

static void locked(void **state)
{
	static const char *const locks[] = { "backup", "migrate", "snapshot", "suspended" };
	_cleanup_fake_ struct fake *f = two_for_one("[defaults]\nvms = shutdown\nforce-stop = 1\n");
	_cleanup_vm_ struct vm_result v = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(locks); i++) {
		_cleanup_vm_ struct vm_result x = { 0 };
		char why[64];

		fake_putf(f, "/etc/pve/qemu-server/101.conf", SHARED "lock: %s\n", locks[i]);
		snprintf(why, sizeof(why), "VM 101 has " CARD " and is locked (%s)", locks[i]);
		refused(f, 102, FINDING_CLAIMED, why, "wait for the end of the task", &x);
	}
	fake_remove(f, "/etc/pve/qemu-server/101.conf");
	refused(f, 102, FINDING_CLAIMED, "is not shut down: ", "shut down VM 101", &v);
	assert_string_equal(fake_hidden(f, "qm-calls"), "");
	assert_true(runs(f, 101));
}

/* Its pre-start is done or under way, and its QEMU is not there yet: Proxmox VE has its lock, and it may want ours. */
static void just_starting(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 };
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];

	fake_put(f, "/etc/pve/qemu-server/102.conf", SHARED);
	fake_put(f, CONF, "[defaults]\nvms = shutdown\nforce-stop = 1\n");
	starts(f, 101, &v);
	fd = open(fake_path(f, path, "/run/lock/qemu-server/lock-101.conf"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	refused(f, 102, FINDING_CLAIMED, "VM 101 has " CARD " and is being started or stopped", "when that task has ended", &w);
	assert_string_equal(fake_hidden(f, "qm-calls"), "");
	assert_owner(f, CARD, 101);
}

/* Neither runs, each would shut the other down: one gets the card, and nobody is shut down. */
static int start_under_lock(struct fake *f, void *ctx)
{
	unsigned int *vmid = ctx;
	_cleanup_vm_ struct vm_result v = { 0 };
	char path[PATH_MAX];
	int lock = root_open(&f->root, path_f(path, "/run/lock/qemu-server/lock-%u.conf", *vmid), O_RDWR | O_CREAT, 0644);
	uint64_t deadline = now_ms() + 60000;

	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return 9;
	vm_start(f, *vmid, false, &v);
	/* the lock stays, and with it the claim's owner, until both have tried */
	__atomic_add_fetch(&f->shared->resets, 1, __ATOMIC_SEQ_CST);
	while (f->shared->resets < 2 && now_ms() < deadline)
		sleep_ms(1);
	return v.r == 0 ? 0 : v.r == HANDOVER_REFUSED || v.r == -EBUSY ? 1 : 2;
}

static void each_for_the_other(void **state)
{
	for (unsigned int round = 0; round < 6 / FAKE_EVERY; round++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		unsigned int vms[2] = { 101, 102 }, sum = 0;
		pid_t pids[2];

		fake_put(f, "/etc/pve/qemu-server/102.conf", SHARED);
		fake_put(f, CONF, "[defaults]\nvms = shutdown\nforce-stop = 1\n");
		for (size_t i = 0; i < 2; i++) {
			pids[i] = fork();
			if (pids[i] == 0)
				_exit(start_under_lock(f, &vms[(i + round) % 2]));
		}
		for (size_t i = 0; i < 2; i++) {
			int status;

			assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
			assert_true(WIFEXITED(status));
			sum += (unsigned int)WEXITSTATUS(status);
		}
		assert_int_equal(sum, 1);
		assert_string_equal(fake_hidden(f, "qm-calls"), "");
	}
}

/* Nobody is shut down for a start that would be refused all the same. */
static void in_vain(void **state)
{
	_cleanup_fake_ struct fake *f = two_for_one("[gpu 01:00]\nvms = shutdown\nforce-stop = 1\n[gpu 02:00]\nvms = refuse\n");
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 }, x = { 0 }, y = { 0 };

	/* a card that is not there */
	fake_put(f, "/etc/pve/qemu-server/102.conf", SHARED "hostpci1: 0000:09:00\n");
	vm_start(f, 102, false, &v);
	assert_int_equal(v.r, HANDOVER_REFUSED);
	assert_true(vm_found(&v, FINDING_NO_DEVICE) && vm_found(&v, FINDING_CLAIMED));
	/* a second card that a process has open */
	fake_put(f, "/etc/pve/qemu-server/102.conf", SHARED "hostpci1: 0000:02:00\n");
	fake_holder(f, PLAYER, "player", "/user.slice", fake_dev(f, TWIN, "drm"), "/dev/dri/card2");
	vm_start(f, 102, false, &w);
	assert_int_equal(w.r, HANDOVER_REFUSED);
	assert_true(vm_found(&w, FINDING_HELD) && vm_found(&w, FINDING_CLAIMED));
	fake_holder_gone(f, PLAYER);
	/* a third VM with a card whose settings do not permit it */
	fake_put(f, "/etc/pve/qemu-server/103.conf", "machine: q35\nhostpci0: 0000:02:00\n");
	starts(f, 103, &x);
	qemu(f, 103, QEMU + 2, "16");
	vm_start(f, 102, false, &y);
	assert_int_equal(y.r, HANDOVER_REFUSED);
	assert_string_equal(fake_hidden(f, "qm-calls"), "");
	assert_true(runs(f, 101) && runs(f, 103));
}

/* Two cards, two VMs: both may be shut down, or none is. */
static void two_in_the_way(void **state)
{
	_cleanup_fake_ struct fake *f = two_for_one("[defaults]\nvms = shutdown\n");
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 }, x = { 0 };

	fake_put(f, "/etc/pve/qemu-server/102.conf", SHARED "hostpci1: 0000:02:00\n");
	fake_put(f, "/etc/pve/qemu-server/103.conf", "machine: q35\nlock: migrate\nhostpci0: 0000:02:00\n");
	starts(f, 103, &x);
	qemu(f, 103, QEMU + 2, "16");
	refused(f, 102, FINDING_CLAIMED, "VM 103 has " TWIN " and is locked (migrate)", "shut down VM 103", &v);
	assert_true(runs(f, 101) && runs(f, 103));
	fake_put(f, "/etc/pve/qemu-server/103.conf", "machine: q35\nhostpci0: 0000:02:00\n");
	fake_qm_how(f, 103, "late");
	fake_qm_how(f, 101, "late");
	starts(f, 102, &w);
	assert_string_equal(fake_hidden(f, "qm-calls"), "shutdown 101 --timeout 60; shutdown 103 --timeout 60");
	assert_owner(f, CARD, 102);
	assert_owner(f, TWIN, 102);
}

/* Started before gpupt was there: nothing is claimed, Proxmox VE reserves it, QEMU has it open. */
static void started_without_us(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 };

	fake_put(f, "/etc/pve/qemu-server/102.conf", SHARED);
	fake_put(f, CONF, "[defaults]\nvms = shutdown\n");
	fake_bind(f, CARD, "vfio-pci");
	fake_bind(f, CARD1, "vfio-pci");
	qemu(f, 101, QEMU, "15");
	fake_putf(f, "/run/qemu-server/pci-id-reservations", CARD " 101 pid:%d\n" CARD1 " 101 pid:%d\n", QEMU, QEMU);
	starts(f, 102, &v);
	assert_string_equal(fake_hidden(f, "qm-calls"), "shutdown 101 --timeout 60");
	assert_owner(f, CARD, 102);
	vm_stop(f, 102, &w);
	assert_string_equal(driver_of(f, CARD), "radeon");
}

/* The start is stopped while the other VM shuts down: that one is as it is, and nothing is ours. */
static void interrupted_by_a_person(void **state)
{
	_cleanup_fake_ struct fake *f = two_for_one("[defaults]\nvms = shutdown\nforce-stop = 1\n");
	_cleanup_free_ char *before = fake_tree(f, except), *after = NULL;
	_cleanup_vm_ struct vm_result v = { 0 };

	fake_qm_how(f, 101, "interrupted");
	vm_start(f, 102, false, &v);
	assert_int_equal(v.r, -EINTR);
	assert_string_equal(fake_hidden(f, "qm-calls"), "shutdown 101 --timeout 60");
	assert_owner(f, CARD, 101);
	assert_false(fake_exists(f, "/run/gpupt/turn/102"));
	after = fake_tree(f, except);
	assert_string_equal(before, after);
}

/* Killed at every call: either VM 101 still has its card and runs, or everybody is home. */
static void killed_everywhere(void **state)
{
	static const enum fake_fault faults[] = { FAKE_KILL_BEFORE, FAKE_KILL_AFTER };
	unsigned int vmid = 102, points = 0, in_qm = 0;

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		for (unsigned int n = 1;; n += FAKE_EVERY) {
			_cleanup_fake_ struct fake *f = two_for_one("[defaults]\nvms = shutdown\n");
			_cleanup_vm_ struct vm_result v = { 0 };
			int status;

			assert_in_range(n, 1, 1000);
			fake_arm(f, FAKE_KERNEL | FAKE_STORAGE, faults[i], n, 0);
			status = fake_run(f, vm_start_run, &vmid);
			fake_disarm(f);
			if (WIFEXITED(status)) {
				assert_int_equal(WEXITSTATUS(status), 0);
				break;
			}
			points++;
			in_qm += *fake_hidden(f, "qm-calls") && !runs(f, 101) && fake_exists(f, "/run/gpupt/lease/101");
			vm_reconcile(f, 0, &v);
			if (v.r != 0 || !undo_complete(&v.undo))
				fail_msg("at call %u: %d %s\n%s%s", n, v.r, v.e.text, text_str(&v.said), text_str(&v.complained));
			assert_string_equal(driver_of(f, CARD), runs(f, 101) ? "vfio-pci" : "radeon");
			assert_owner(f, CARD, runs(f, 101) ? 101 : 0);
			assert_false(fake_exists(f, "/run/gpupt/lease/102"));
		}
	}
	/* also between its end and its post-stop's */
	assert_true(points > 40 / FAKE_EVERY && in_qm > 0);
	fake_tally("crash-points", points, "crash points of a start that shuts another VM down");
}

/* --- processes = wait --- */

/* What happens at each line that is logged while a start waits. */
static struct scene {
	struct fake *f;
	unsigned int lines;
	void (*at[3])(struct fake *f);
} scene;

static void at_line(void *ctx, const struct log_entry *entry, const char *message)
{
	if (!strstr(message, " waits, "))
		return;
	fake_no_locks(scene.f);
	assert_owner(scene.f, CARD, 101);
	if (scene.lines < ARRAY_SIZE(scene.at) && scene.at[scene.lines])
		scene.at[scene.lines](scene.f);
	scene.lines++;
}

static void play(struct fake *f, void (*first)(struct fake *f), void (*second)(struct fake *f))
{
	scene = (struct scene){ .f = f, .at = { first, second } };
	log_to(at_line, NULL);
}

static int end_play(void **state)
{
	log_to(NULL, NULL);
	interrupt_clear();
	return 0;
}

static void it_ends(struct fake *f)
{
	fake_holder_gone(f, PLAYER);
}

/* Proxmox VE must not choose the card for another VM meanwhile, however long that is. */
static void it_ends_late(struct fake *f)
{
	const char *until = strstr(fake_get(f, "/run/qemu-server/pci-id-reservations"), CARD " 101 time:");

	assert_non_null(until);
	assert_true(strtoll(strrchr(until, ':') + 1, NULL, 10) > (long long)time(NULL) + 600);
	it_ends(f);
}

static void another_comes(struct fake *f)
{
	fake_holder_gone(f, PLAYER);
	fake_holder(f, PLAYER + 1, "recorder", "/lxc/200/ns", fake_dev(f, CARD1, "sound"), "/dev/snd/controlC3");
}

static void the_other_ends(struct fake *f)
{
	fake_holder_gone(f, PLAYER + 1);
}

static void somebody_interrupts(struct fake *f)
{
	raise(SIGTERM);
}

static void a_holder_ends(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 };

	fake_put(f, CONF, "[defaults]\nprocesses = wait 600\n");
	in_use(f, "/dev/dri/card2");
	play(f, it_ends_late, NULL);
	starts(f, 101, &v);
	assert_int_equal(scene.lines, 1);
	assert_non_null(strstr(text_str(&v.said), "VM 101 waits, 600 s at most, for player (4001) of player.service: it holds " CARD "\n"));
	assert_string_equal(driver_of(f, CARD), "vfio-pci");
	vm_stop(f, 101, &w);
	assert_string_equal(driver_of(f, CARD), "radeon");
	end_play(NULL);
}

/* One ends, another comes: that is told. A container's process is waited for as well. */
static void another_holder_comes(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };

	fake_put(f, CONF, "[defaults]\nprocesses = wait 600\n");
	in_use(f, "/dev/dri/card2");
	play(f, another_comes, the_other_ends);
	starts(f, 101, &v);
	assert_int_equal(scene.lines, 2);
	assert_non_null(strstr(text_str(&v.said), " for player (4001) of player.service: it holds " CARD "\n"));
	assert_non_null(strstr(text_str(&v.said), " for recorder (4002) in container 200: it holds " CARD1 "\n"));
	end_play(NULL);
}

static void time_is_up(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };
	_cleanup_free_ char *before = NULL, *after = NULL;
	uint64_t since = now_ms();

	fake_put(f, CONF, "[defaults]\nprocesses = wait 1\n");
	in_use(f, "/dev/dri/card2");
	before = fake_tree(f, except);
	play(f, NULL, NULL);
	refused(f, 101, FINDING_HELD, "is held by player (4001)", "systemctl stop player.service", &v);
	assert_true(now_ms() - since >= 1000);
	assert_int_equal(scene.lines, 1);
	after = fake_tree(f, except);
	assert_string_equal(before, after);
	assert_string_equal(vm_leftovers(f), "");
	end_play(NULL);
}

static void interrupted_while_waiting(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };

	interrupt_install();
	fake_put(f, CONF, "[defaults]\nprocesses = wait 600\n");
	in_use(f, "/dev/dri/card2");
	play(f, somebody_interrupts, NULL);
	vm_start(f, 101, false, &v);
	assert_int_equal(v.r, -EINTR);
	assert_non_null(strstr(v.e.text, "player (4001)"));
	assert_string_equal(vm_leftovers(f), "");
	assert_string_equal(driver_of(f, CARD), "radeon");
	end_play(NULL);
}

/* A lease that lives on is not locked meanwhile, and is given back with the start that fails. */
static void waiting_with_a_lease(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 }, x = { 0 };

	starts(f, 101, &x);
	fake_put(f, "/etc/pve/qemu-server/101.conf", SHARED "hostpci1: 0000:02:00\n");
	fake_put(f, CONF, "[defaults]\nprocesses = wait 600\n");
	fake_holder(f, PLAYER, "player", "/user.slice", fake_dev(f, TWIN, "drm"), "/dev/dri/card3");
	play(f, it_ends, NULL);
	starts(f, 101, &v);
	assert_int_equal(scene.lines, 1);
	assert_string_equal(driver_of(f, TWIN), "vfio-pci");
	fake_put(f, "/etc/pve/qemu-server/101.conf", SHARED "hostpci1: 0000:00:03.0\n");
	fake_put(f, CONF, "[defaults]\nprocesses = wait 1\n");
	fake_holder(f, PLAYER, "player", "/user.slice", fake_dev(f, BOOT, "drm"), "/dev/dri/card0");
	play(f, NULL, NULL);
	vm_start(f, 101, false, &w);
	assert_int_equal(w.r, HANDOVER_REFUSED);
	assert_string_equal(driver_of(f, CARD), "radeon");
	assert_string_equal(vm_leftovers(f), "");
	end_play(NULL);
}

/* Processes first: for one that does not end no VM is shut down. */
static void first_wait_then_shut_down(void **state)
{
	_cleanup_fake_ struct fake *f = two_for_one("[defaults]\nvms = shutdown\nprocesses = wait 1\n");
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 };

	fake_put(f, "/etc/pve/qemu-server/102.conf", SHARED "hostpci1: 0000:02:00\n");
	fake_holder(f, PLAYER, "player", "/user.slice", fake_dev(f, TWIN, "drm"), "/dev/dri/card3");
	vm_start(f, 102, false, &v);
	assert_int_equal(v.r, HANDOVER_REFUSED);
	assert_non_null(strstr(text_str(&v.said), "VM 102 waits, 1 s at most, for player (4001): it holds " TWIN));
	assert_string_equal(fake_hidden(f, "qm-calls"), "");
	fake_holder_gone(f, PLAYER);
	starts(f, 102, &w);
	assert_string_equal(fake_hidden(f, "qm-calls"), "shutdown 101 --timeout 60");
}

/* --- dry run --- */

static void a_dry_run_tells(void **state)
{
	_cleanup_fake_ struct fake *f = two_for_one("[defaults]\nvms = shutdown\nprocesses = wait 60\n");
	_cleanup_free_ char *before = NULL, *after = NULL;
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 };

	fake_put(f, "/etc/pve/qemu-server/102.conf", SHARED "hostpci1: 0000:02:00\n");
	fake_holder(f, PLAYER, "player", "/user.slice", fake_dev(f, TWIN, "drm"), "/dev/dri/card3");
	before = fake_tree(f, NULL);
	fake_arm(f, FAKE_KERNEL | FAKE_STORAGE, FAKE_COUNT, 0, 0);
	vm_start(f, 102, true, &v);
	assert_int_equal(v.r, 0);
	assert_non_null(strstr(text_str(&v.said), "would wait, 60 s at most, for player (4001): it holds " TWIN "\n"));
	assert_non_null(strstr(text_str(&v.said), "would shut down VM 101: it has " CARD "\n"));
	assert_int_equal(findings_worst(&v.findings), SEVERITY_WARN);
	assert_true(vm_found(&v, FINDING_CLAIMED) && vm_found(&v, FINDING_HELD));
	/* the steps are those that come then: its card from home, where VM 101 leaves it */
	assert_int_equal(v.plan.n, 4);
	for (size_t i = 0; i < v.plan.n; i++)
		if (strstr(v.plan.steps[i].target, CARD))
			assert_true(str_starts(v.plan.steps[i].before, "radeon"));
	/* who would be refused is refused here, too */
	fake_disarm(f);
	after = fake_tree(f, NULL);
	assert_string_equal(before, after);
	fake_put(f, "/etc/pve/ha/resources.cfg", "vm: 101\n");
	vm_start(f, 102, true, &w);
	assert_int_equal(w.r, HANDOVER_REFUSED);
	assert_string_equal(text_str(&w.said), "");
	assert_string_equal(fake_hidden(f, "qm-calls"), "");
}

/* --- backups --- */

#define FOR_BACKUP "machine: q35\nlock: backup\nhostpci0: 0000:01:00,pcie=1\n"

static void a_backup_disturbs_nobody(void **state)
{
	static const char *const confs[] = {
		"", "[defaults]\nprocesses = terminate\n", "[defaults]\nprocesses = wait 600\n",
	};
	_cleanup_vm_ struct vm_result w = { 0 }, x = { 0 };
	_cleanup_fake_ struct fake *g = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(confs); i++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		_cleanup_vm_ struct vm_result v = { 0 };
		_cleanup_free_ char *before = NULL, *after = NULL;

		fake_put(f, "/etc/pve/qemu-server/101.conf", FOR_BACKUP);
		fake_put(f, CONF, confs[i]);
		in_use(f, "/dev/dri/card2");
		before = fake_tree(f, except);
		vm_start(f, 101, false, &v);
		if (v.r != HANDOVER_REFUSED || !vm_found(&v, FINDING_HELD) || !vm_found(&v, FINDING_BACKUP_REFUSED)) {
			vm_dump("the call", &v);
			fail_msg("with '%s'", confs[i]);
		}
		assert_string_equal(text_str(&v.said), "");
		after = fake_tree(f, except);
		assert_string_equal(before, after);
	}
	g = two_for_one("[defaults]\nvms = shutdown\nforce-stop = 1\n");
	fake_put(g, "/etc/pve/qemu-server/102.conf", FOR_BACKUP);
	vm_start(g, 102, false, &w);
	assert_int_equal(w.r, HANDOVER_REFUSED);
	assert_true(vm_found(&w, FINDING_CLAIMED) && vm_found(&w, FINDING_BACKUP_REFUSED));
	assert_string_equal(fake_hidden(g, "qm-calls"), "");
	assert_true(runs(g, 101));
	/* a card that nobody uses goes to it */
	fake_put(g, "/etc/pve/qemu-server/102.conf", "machine: q35\nlock: backup\nhostpci0: 0000:02:00\n");
	starts(g, 102, &x);
	assert_owner(g, TWIN, 102);
}

static void backups_unwanted(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 }, x = { 0 }, y = { 0 };

	fake_put(f, CONF, "[gpu 01:00]\nbackup = refuse\n");
	fake_put(f, "/etc/pve/qemu-server/101.conf", FOR_BACKUP);
	refused(f, 101, FINDING_BACKUP_REFUSED, "its backup would take " CARD, "back the VM up while it runs", &v);
	/* not in stop mode: a VM that ran gets its card back, and runs again */
	fake_put(f, "/etc/pve/qemu-server/101.conf", SHARED);
	starts(f, 101, &w);
	fake_put(f, "/etc/pve/qemu-server/101.conf", FOR_BACKUP);
	vm_stop(f, 101, &x);
	assert_int_equal(x.r, 1);
	starts(f, 101, &y);
	assert_owner(f, CARD, 101);
}

/* `check` names the VMs whose backup would be refused now, and no other. */
static void assert_forecast(struct fake *f, const char *vmid, const char *severity, const char *says)
{
	_cleanup_text_ struct text out = { 0 };
	char command[80], *p, *line;
	bool found = false;

	snprintf(command, sizeof(command), "check %s --noheadings -o finding,severity,message", vmid);
	fake_helper(f, command, &out, NULL);
	p = out.s;
	while ((line = str_line(&p))) {
		if (!str_starts(line, "backup-refused"))
			continue;
		if (found || !severity || !strstr(line, severity) || !strstr(line, says))
			fail_msg("VM %s: %s", vmid, line);
		found = true;
	}
	assert_int_equal(found, severity != NULL);
}

static void forecast(void **state)
{
	_cleanup_fake_ struct fake *f = two_for_one("[defaults]\nprocesses = terminate\n");

	assert_forecast(f, "101", NULL, NULL);
	assert_forecast(f, "102", "warn", "a backup of VM 102 would be refused now: " CARD " belongs to VM 101");
	fake_put(f, CONF, "[defaults]\nvms = shutdown\n");
	assert_forecast(f, "102", "warn", "a backup of VM 102 would be refused now: " CARD " belongs to VM 101 (a start shuts that VM down)");
	/* what a start would end, a backup does not */
	fake_put(f, CONF, "[defaults]\nprocesses = terminate\n");
	fake_put(f, "/etc/pve/qemu-server/103.conf", "machine: q35\nhostpci0: 0000:02:00,pcie=1\n");
	assert_forecast(f, "103", NULL, NULL);
	fake_holder(f, PLAYER, "player", "/user.slice", fake_dev(f, TWIN, "drm"), "/dev/dri/card3");
	assert_forecast(f, "103", "warn", "would be refused now: " TWIN " is held by player (4001)");
	fake_holder_gone(f, PLAYER);
	fake_put(f, CONF, "[gpu 02:00]\nbackup = refuse\n");
	assert_forecast(f, "103", "info", "a backup of VM 103 is refused while it does not run: " TWIN " has backup = refuse");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taking_turns),
		cmocka_unit_test(post_stop_comes_late),
		cmocka_unit_test(cleanup_is_waited_for),
		cmocka_unit_test(deaf),
		cmocka_unit_test(nothing_helps),
		cmocka_unit_test(managed_by_ha),
		cmocka_unit_test(locked),
		cmocka_unit_test(just_starting),
		cmocka_unit_test(each_for_the_other),
		cmocka_unit_test(in_vain),
		cmocka_unit_test(two_in_the_way),
		cmocka_unit_test(started_without_us),
		cmocka_unit_test(interrupted_by_a_person),
		cmocka_unit_test(killed_everywhere),
		cmocka_unit_test_teardown(a_holder_ends, end_play),
		cmocka_unit_test_teardown(another_holder_comes, end_play),
		cmocka_unit_test_teardown(time_is_up, end_play),
		cmocka_unit_test_teardown(interrupted_while_waiting, end_play),
		cmocka_unit_test_teardown(waiting_with_a_lease, end_play),
		cmocka_unit_test(first_wait_then_shut_down),
		cmocka_unit_test(a_dry_run_tells),
		cmocka_unit_test(a_backup_disturbs_nobody),
		cmocka_unit_test(backups_unwanted),
		cmocka_unit_test(forecast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
