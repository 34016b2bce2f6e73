/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real processes that start and stop VMs at the same moment: one card, a mapping with two, settle against stop. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/proc.h"
#include "flow/watch.h"
#include "plan/claim.h"
#include "pve/reservation.h"
#include "tests/fake/expect.h"

#define ROUNDS (12 / FAKE_EVERY)

/* Exit statuses of a racer. */
enum { WON, REFUSED, REFUSED_NAMELESS, ODD };

/* Is the other of the two named, and not ourselves? */
static bool names_rival(const char *sentence, unsigned int vmid)
{
	const char *rival = vmid == 101 ? "VM 102" : "VM 101", *at = strstr(sentence, rival);

	return at && strspn(at + strlen(rival), "0123456789") == 0;
}

/* A start as Proxmox VE makes it: under its lock of that VM, which nobody else may wait for; the VM runs when it is let go. */
static int start(struct fake *f, unsigned int vmid)
{
	_cleanup_vm_ struct vm_result v = { 0 };
	char path[PATH_MAX];
	int lock;

	path_f(path, "/run/lock/qemu-server/lock-%u.conf", vmid);
	lock = root_open(&f->root, path, O_RDWR | O_CREAT, 0644);
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return ODD;
	vm_start(f, vmid, false, &v);
	if (v.r == 0) {
		fake_vm_runs(f, vmid, getpid());
		return WON;
	}
	if (v.r != HANDOVER_REFUSED && v.r != -EBUSY)
		fprintf(stderr, "VM %u: %d %s\n%s", vmid, v.r, v.e.text, text_str(&v.complained));
	if (v.r == -EBUSY)
		return names_rival(v.e.text, vmid) ? REFUSED : REFUSED_NAMELESS;
	if (v.r != HANDOVER_REFUSED)
		return ODD;
	/* whose it is must be said */
	for (size_t i = 0; i < v.findings.n; i++)
		if (names_rival(v.findings.v[i].message, vmid))
			return REFUSED;
	return REFUSED_NAMELESS;
}

struct racer {
	int (*run)(struct fake *f, unsigned int vmid);
	unsigned int vmid;
	pid_t pid;
	int status;
};

/* Lets all go at once; they stay alive until all have tried, as QEMU would. */
static void race(struct fake *f, struct racer *racers, size_t n)
{
	int gate[2];

	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	for (size_t i = 0; i < n; i++) {
		racers[i].pid = fork();
		assert_true(racers[i].pid >= 0);
		if (racers[i].pid == 0) {
			char go;
			int status;

			close(gate[1]);
			if (read(gate[0], &go, 1) != 0)
				_exit(ODD);
			status = racers[i].run(f, racers[i].vmid);
			__atomic_add_fetch(&f->shared->resets, 1, __ATOMIC_SEQ_CST);
			while (f->shared->resets < n)
				sleep_ms(1);
			_exit(status);
		}
	}
	close(gate[0]);
	close(gate[1]);
	for (size_t i = 0; i < n; i++) {
		int status;

		assert_int_equal(waitpid(racers[i].pid, &status, 0), racers[i].pid);
		racers[i].status = WIFEXITED(status) ? WEXITSTATUS(status) : ODD;
	}
	f->shared->resets = 0;
}

static unsigned int count(const struct racer *racers, size_t n, int status)
{
	unsigned int found = 0;

	for (size_t i = 0; i < n; i++)
		found += racers[i].status == status;
	return found;
}

static void take_your_time(struct fake *f, void *ctx)
{
	sleep_ms(3);
}

static void one_card_for_two(void **state)
{
	for (int round = 0; round < ROUNDS; round++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		struct racer r[] = { { start, 101 }, { start, 102 } };
		struct claim c;

		fake_put(f, "/etc/pve/qemu-server/102.conf", "machine: q35\nhostpci0: 0000:01:00,pcie=1\n");
		/* a slow disk, so that the two really meet between looking and claiming */
		f->at = take_your_time;
		fake_arm(f, FAKE_STORAGE, FAKE_CALL_EACH, 0, 0);
		race(f, r, 2);
		fake_disarm(f);
		if (count(r, 2, WON) != 1 || count(r, 2, REFUSED) != 1)
			fail_msg("round %d: %d and %d", round, r[0].status, r[1].status);
		assert_int_equal(claim_find(&f->root, fake_bdf(CARD), &c), 1);
		assert_int_equal(c.vmid, r[0].status == WON ? 101 : 102);
		assert_string_equal(driver_of(f, CARD), "vfio-pci");
		assert_string_equal(driver_of(f, CARD1), "vfio-pci");
		assert_false(fake_exists(f, r[0].status == WON ? "/run/gpupt/lease/102" : "/run/gpupt/lease/101"));
	}
	fake_tally("races", ROUNDS, "rounds of two VMs that want one card");
}

static void put_mapping(struct fake *f)
{
	fake_put(f, "/etc/pve/mapping/pci.cfg",
		 "gpu\n"
		 "\tmap id=1002:5159,iommugroup=15,node=host,path=0000:01:00,subsystem-id=1af4:1100\n"
		 "\tmap id=1002:5159,iommugroup=16,node=host,path=0000:02:00,subsystem-id=1af4:1100\n");
	for (unsigned int vmid = 101; vmid <= 103; vmid++) {
		char path[PATH_MAX];

		fake_put(f, path_f(path, "/etc/pve/qemu-server/%u.conf", vmid), "machine: q35\nhostpci0: mapping=gpu,pcie=1\n");
	}
}

/* Two cards under one name, two VMs at once: each gets one, the same that Proxmox VE will choose; a third gets none. */
static void a_mapping_of_two(void **state)
{
	for (int round = 0; round < ROUNDS; round++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		struct racer r[] = { { start, 101 }, { start, 102 } };
		struct claim a, b;
		unsigned int holder;
		_cleanup_vm_ struct vm_result v = { 0 };

		put_mapping(f);
		race(f, r, 2);
		if (count(r, 2, WON) != 2)
			fail_msg("round %d: %d and %d", round, r[0].status, r[1].status);
		assert_int_equal(claim_find(&f->root, fake_bdf(CARD), &a), 1);
		assert_int_equal(claim_find(&f->root, fake_bdf(TWIN), &b), 1);
		assert_int_not_equal(a.vmid, b.vmid);
		assert_int_equal(reservation_holder(&f->root, fake_bdf(CARD), 0, &holder, NULL), 1);
		assert_int_equal(holder, a.vmid);
		assert_int_equal(reservation_holder(&f->root, fake_bdf(TWIN), 0, &holder, NULL), 1);
		assert_int_equal(holder, b.vmid);
		fake_vm_runs(f, 101, 5001);
		fake_vm_runs(f, 102, 5002);
		vm_start(f, 103, false, &v);
		assert_int_equal(v.r, HANDOVER_REFUSED);
		assert_true(vm_found(&v, FINDING_CLAIMED));
	}
}

static void mapping_alternatives_one_by_one(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result a = { 0 }, b = { 0 }, again = { 0 };
	struct bdf card = fake_bdf(CARD);

	put_mapping(f);
	/* Proxmox VE has given the first to another VM: the second is taken */
	assert_int_equal(reservation_reserve(&f->root, &card, 1, 999, 1000, NULL), 0);
	vm_start(f, 101, false, &a);
	assert_int_equal(a.r, 0);
	assert_string_equal(driver_of(f, CARD), "radeon");
	assert_string_equal(driver_of(f, TWIN), "vfio-pci");
	vm_stop(f, 101, &b);
	assert_int_equal(b.r, 0);
	assert_int_equal(reservation_remove(&f->root, NULL, 0, 999, NULL), 0);
	assert_int_equal(reservation_remove(&f->root, NULL, 0, 101, NULL), 0);
	/* free again: the first */
	vm_start(f, 102, false, &again);
	assert_int_equal(again.r, 0);
	assert_string_equal(driver_of(f, CARD), "vfio-pci");
	assert_string_equal(driver_of(f, TWIN), "radeon");
}

/* Another device than the mapping says sits there: refused, as Proxmox VE will. */
static void mapping_of_another_device(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };

	put_mapping(f);
	fake_put(f, "/etc/pve/mapping/pci.cfg",
		 "gpu\n\tmap id=10de:2204,iommugroup=15,node=host,path=0000:01:00,subsystem-id=1af4:1100\n");
	vm_start(f, 101, false, &v);
	assert_int_equal(v.r, HANDOVER_REFUSED);
	assert_true(vm_found(&v, FINDING_CONFIG_BAD));
	assert_string_equal(driver_of(f, CARD), "radeon");
	assert_string_equal(vm_leftovers(f), "");
}

/* It owns both functions of the card, and is asked once whether it can do without. */
static void another_vm_is_settled_once(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result a = { 0 }, b = { 0 };
	const char *told;

	vm_start(f, 101, false, &a);
	assert_int_equal(a.r, 0);
	fake_put(f, "/run/qemu-server/101.reboot", "");
	fake_put(f, "/etc/pve/qemu-server/102.conf", "machine: q35\nhostpci0: 0000:01:00,pcie=1\n");
	vm_start(f, 102, false, &b);
	assert_int_equal(b.r, HANDOVER_REFUSED);
	told = strstr(text_str(&b.said), "VM 101 keeps its GPUs");
	assert_non_null(told);
	assert_null(strstr(told + 1, "VM 101 keeps its GPUs"));
}

static int stop_it(struct fake *f, unsigned int vmid)
{
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_stop(f, vmid, &v);
	return v.r == 0 || v.r == -EBUSY ? WON : ODD;
}

static int release_it(struct fake *f, unsigned int vmid)
{
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_release(f, vmid, &v);
	return v.r == 0 || v.r == -EBUSY || v.r == -ENOENT ? WON : ODD;
}

static int reconcile_it(struct fake *f, unsigned int vmid)
{
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_reconcile(f, 0, &v);
	return v.r == 0 ? WON : ODD;
}

/* The watcher: it settles at once, since it has seen no QEMU. */
static int watch_it(struct fake *f, unsigned int vmid)
{
	struct report report = { .vmid = vmid };
	struct release rel = { .root = &f->root, .vmid = vmid, .unattended = true, .report = &report };
	struct err e;

	return watch_run(&rel, &e) == 0 ? WON : ODD;
}

static unsigned int vm101 = 101;

/* The watcher settles while post-stop, release and reconcile do the same: it goes when there is nothing left to watch over. */
static void settled_while_others_give_back(void **state)
{
	for (int round = 0; round < ROUNDS; round++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		_cleanup_free_ char *before = fake_snapshot(f), *after = NULL;
		struct racer r[] = { { watch_it, 101 }, { stop_it, 101 }, { release_it, 101 }, { reconcile_it, 0 } };

		assert_int_equal(fake_run(f, vm_start_run, &vm101), 0);
		race(f, r, 4);
		if (count(r, 4, WON) != 4)
			fail_msg("round %d: %d %d %d %d", round, r[0].status, r[1].status, r[2].status, r[3].status);
		after = fake_snapshot(f);
		if (strcmp(before, after) != 0)
			fail_msg("round %d:\n%s", round, fake_difference(before, after));
		assert_false(fake_exists(f, "/run/gpupt/watch/101"));
		assert_int_equal(reservation_remove(&f->root, NULL, 0, 101, NULL), 0);
		assert_string_equal(vm_leftovers(f), "");
	}
	fake_tally("races", ROUNDS, "rounds of a watcher, post-stop, release and reconcile at once");
}

/* The watcher against one other, so that the two meet more often. */
static void settled_while_another_gives_back(void **state)
{
	static int (*const others[])(struct fake *f, unsigned int vmid) = { stop_it, release_it, reconcile_it };

	for (size_t i = 0; i < ARRAY_SIZE(others) * ROUNDS / 2; i++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		_cleanup_free_ char *before = fake_snapshot(f), *after = NULL;
		struct racer r[] = { { watch_it, 101 }, { others[i % ARRAY_SIZE(others)], 101 } };

		assert_int_equal(fake_run(f, vm_start_run, &vm101), 0);
		race(f, r, 2);
		if (count(r, 2, WON) != 2)
			fail_msg("round %zu: %d %d", i, r[0].status, r[1].status);
		after = fake_snapshot(f);
		if (strcmp(before, after) != 0)
			fail_msg("round %zu:\n%s", i, fake_difference(before, after));
		assert_int_equal(reservation_remove(&f->root, NULL, 0, 101, NULL), 0);
		assert_string_equal(vm_leftovers(f), "");
	}
	fake_tally("races", ARRAY_SIZE(others) * ROUNDS / 2, "rounds of a watcher and one other");
}

/* post-stop, release and reconcile (twice) of one VM at once: done once, nobody in another's way for ever. */
static void everybody_gives_back(void **state)
{
	for (int round = 0; round < ROUNDS; round++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		_cleanup_free_ char *before = fake_snapshot(f), *after = NULL;
		struct racer r[] = { { stop_it, 101 }, { release_it, 101 }, { reconcile_it, 101 }, { reconcile_it, 0 } };
		uint64_t since;

		assert_int_equal(fake_run(f, vm_start_run, &vm101), 0);
		since = now_ms();
		race(f, r, 4);
		if (count(r, 4, WON) != 4)
			fail_msg("round %d: %d %d %d %d", round, r[0].status, r[1].status, r[2].status, r[3].status);
		assert_in_range(now_ms() - since, 0, 45000);
		after = fake_snapshot(f);
		if (strcmp(before, after) != 0)
			fail_msg("round %d:\n%s", round, fake_difference(before, after));
		assert_int_equal(reservation_remove(&f->root, NULL, 0, 101, NULL), 0);
		assert_string_equal(vm_leftovers(f), "");
	}
	fake_tally("races", ROUNDS, "rounds of post-stop, release and reconcile at once");
}

/* A VM that was left behind is settled by one that wants its card, while its own post-stop comes late. */
static void settled_while_another_starts(void **state)
{
	for (int round = 0; round < ROUNDS; round++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		struct racer r[] = { { start, 102 }, { stop_it, 101 } };
		struct claim c;

		fake_put(f, "/etc/pve/qemu-server/102.conf", "machine: q35\nhostpci0: 0000:01:00,pcie=1\n");
		assert_int_equal(fake_run(f, vm_start_run, &vm101), 0);
		reservation_remove(&f->root, NULL, 0, 101, NULL);
		race(f, r, 2);
		/* it may have come too early, when VM 101 was just being worked on: then it was refused by name */
		if (r[1].status != WON || (r[0].status != WON && r[0].status != REFUSED))
			fail_msg("round %d: %d and %d", round, r[0].status, r[1].status);
		assert_false(fake_exists(f, "/run/gpupt/lease/101"));
		assert_string_equal(driver_of(f, CARD), r[0].status == WON ? "vfio-pci" : "radeon");
		assert_int_equal(claim_find(&f->root, fake_bdf(CARD), &c), r[0].status == WON);
	}
	fake_tally("races", ROUNDS, "rounds of a start while another VM is settled");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_card_for_two),
		cmocka_unit_test(a_mapping_of_two),
		cmocka_unit_test(mapping_alternatives_one_by_one),
		cmocka_unit_test(mapping_of_another_device),
		cmocka_unit_test(another_vm_is_settled_once),
		cmocka_unit_test(everybody_gives_back),
		cmocka_unit_test(settled_while_others_give_back),
		cmocka_unit_test(settled_while_another_gives_back),
		cmocka_unit_test(settled_while_another_starts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
