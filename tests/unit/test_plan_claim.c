/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Claims, turns, leases and homes. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "plan/claim.h"
#include "plan/turn.h"
#include "plan/home.h"
#include "plan/lease.h"
#include "plan/state.h"
#include "tests/fake/fake.h"

#define RACERS 100

static const struct bdf *functions(void)
{
	static struct bdf b[2];

	b[0] = fake_bdf(CARD);
	b[1] = fake_bdf(CARD1);
	return b;
}

static void all_or_none(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	struct claim c, conflict;
	struct bdf twin = fake_bdf(TWIN), three[3];
	struct err e;

	assert_int_equal(claim_find(&f->root, functions()[0], &c), 0);
	assert_int_equal(claim_take(&f->root, functions(), 2, 101, &conflict, &e), 0);
	assert_int_equal(claim_find(&f->root, functions()[0], &c), 1);
	assert_int_equal(c.vmid, 101);
	assert_int_equal(c.owner.pid, getpid());
	/* one of three is another's: none is taken */
	three[0] = twin;
	three[1] = fake_bdf(NIC);
	three[2] = functions()[1];
	assert_int_equal(claim_take(&f->root, three, 3, 102, &conflict, &e), -EBUSY);
	assert_int_equal(conflict.vmid, 101);
	assert_true(bdf_eq(conflict.bdf, functions()[1]));
	assert_non_null(strstr(e.text, CARD1 " belongs to VM 101"));
	assert_int_equal(claim_find(&f->root, twin, &c), 0);
	/* what is one's own stays so */
	assert_int_equal(claim_take(&f->root, functions(), 2, 101, &conflict, &e), 0);
	assert_int_equal(claim_take(&f->root, &twin, 1, 102, &conflict, &e), 0);
	assert_int_equal(claim_find(&f->root, functions()[0], &c), 1);
	assert_int_equal(c.vmid, 101);
	assert_int_equal(claim_find(&f->root, twin, &c), 1);
	assert_int_equal(c.vmid, 102);
	/* only its owner drops it */
	claim_drop(&f->root, functions()[0], 102);
	assert_int_equal(claim_find(&f->root, functions()[0], &c), 1);
	claim_drop(&f->root, functions()[0], 101);
	assert_int_equal(claim_find(&f->root, functions()[0], &c), 0);
}

/* The other process: 0 if it may not have what this one resets, nor drop it. */
static int take_as_another(struct fake *f, void *ctx)
{
	struct claim c, conflict;
	bool refused = claim_take(&f->root, functions(), 1, CLAIM_FOR_RESET, &conflict, NULL) == -EBUSY;

	claim_drop(&f->root, functions()[0], CLAIM_FOR_RESET);
	return !refused || conflict.owner.pid == getpid() || claim_find(&f->root, functions()[0], &c) != 1;
}

/* No VM's: it is told apart from every VM's claim, also from that of no VM in particular, and from another reset's. */
static void claims_for_a_reset(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_record_ struct record rec = { .fd = -1 };
	struct claim c, conflict;
	struct err e;

	assert_int_equal(claim_take(&f->root, functions(), 2, CLAIM_FOR_RESET, &conflict, &e), 0);
	assert_int_equal(claim_find(&f->root, functions()[0], &c), 1);
	assert_int_equal(c.kind, CLAIM_RESET);
	assert_true(claim_is_of(&f->root, &c, CLAIM_FOR_RESET));
	assert_false(claim_is_of(&f->root, &c, 101));
	assert_int_equal(claim_take(&f->root, functions(), 2, 101, &conflict, &e), -EBUSY);
	assert_int_equal(conflict.kind, CLAIM_RESET);
	assert_non_null(strstr(e.text, CARD " is being reset by process "));
	claim_drop(&f->root, functions()[0], 101);
	assert_int_equal(claim_find(&f->root, functions()[0], &c), 1);
	assert_int_equal(fake_run(f, take_as_another, NULL), 0);
	/* one's own can be had again */
	assert_int_equal(claim_take(&f->root, functions(), 2, CLAIM_FOR_RESET, &conflict, &e), 0);
	claim_drop(&f->root, functions()[0], CLAIM_FOR_RESET);
	claim_drop(&f->root, functions()[1], CLAIM_FOR_RESET);
	assert_int_equal(claim_find(&f->root, functions()[0], &c), 0);
	/* a VM's is none of a reset's */
	assert_int_equal(claim_take(&f->root, functions(), 1, 101, &conflict, &e), 0);
	assert_int_equal(claim_take(&f->root, functions(), 1, CLAIM_FOR_RESET, &conflict, &e), -EBUSY);
	assert_int_equal(conflict.kind, CLAIM_VM);
	claim_drop(&f->root, functions()[0], CLAIM_FOR_RESET);
	assert_int_equal(claim_find(&f->root, functions()[0], &c), 1);
	assert_false(claim_is_of(&f->root, &c, CLAIM_FOR_RESET));
	/* its maker is dead: no lease makes it live on */
	claim_drop(&f->root, functions()[0], 101);
	assert_int_equal(lease_create(&f->root, 101, false, &rec, &e), 0);
	assert_int_equal(lease_set_functions(&rec, functions(), 2, &e), 0);
	fake_put(f, "/run/gpupt/claim/" CARD, "reset boot 11111111-2222-3333-4444-555555555555 owner 999999 1\n");
	assert_int_equal(claim_find(&f->root, functions()[0], &c), 0);
}

/* The second of two cannot be written: the first is given up again, but only if it was new. */
static void half_a_claim(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	struct claim c, conflict;
	struct err e;

	fake_mkdir(f, "/run/gpupt/claim/" CARD1);
	assert_true(claim_take(&f->root, functions(), 2, 101, &conflict, &e) < 0);
	assert_int_equal(claim_find(&f->root, functions()[0], &c), 0);
	assert_int_equal(claim_take(&f->root, functions(), 1, 101, &conflict, &e), 0);
	assert_true(claim_take(&f->root, functions(), 2, 101, &conflict, &e) < 0);
	assert_int_equal(claim_find(&f->root, functions()[0], &c), 1);
}

static int take_and_die(struct fake *f, void *ctx)
{
	struct claim conflict;

	return claim_take(&f->root, functions(), 2, 101, &conflict, NULL) < 0;
}

static void stale_claims(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_record_ struct record rec = { .fd = -1 };
	struct claim c, conflict;
	struct err e;

	/* its maker is dead, and there is no lease */
	assert_int_equal(fake_run(f, take_and_die, NULL), 0);
	assert_true(fake_exists(f, "/run/gpupt/claim/" CARD));
	assert_int_equal(claim_find(&f->root, functions()[0], &c), 0);
	/* a lease about other functions does not make it count */
	assert_int_equal(lease_create(&f->root, 101, false, &rec, &e), 0);
	assert_int_equal(lease_set_functions(&rec, functions() + 1, 1, &e), 0);
	assert_int_equal(claim_find(&f->root, functions()[0], &c), 0);
	/* with a lease of it it counts, whoever made it */
	assert_int_equal(lease_set_functions(&rec, functions(), 2, &e), 0);
	assert_int_equal(claim_find(&f->root, functions()[0], &c), 1);
	assert_int_equal(claim_take(&f->root, functions(), 1, 102, &conflict, &e), -EBUSY);
	/* not in another boot */
	fake_put(f, "/proc/sys/kernel/random/boot_id", "00000000-0000-0000-0000-000000000001\n");
	assert_int_equal(claim_find(&f->root, functions()[0], &c), 0);
	assert_int_equal(claim_take(&f->root, functions(), 1, 102, &conflict, &e), 0);
}

static void claims_that_cannot_be_read(void **state)
{
	static const char *const texts[] = { "", "\n", "vm x boot y owner 1 1\n", "vm 101 boot y\n", "vm 0 boot y owner 1 1\n",
					     "reset boot y\n", "reset 101 boot y owner 1 1\n", "nonsense\n" };
	_cleanup_fake_ struct fake *f = fake_machine();
	struct claim c, conflict, *all;
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		fake_put(f, "/run/gpupt/claim/" CARD, texts[i]);
		assert_int_equal(claim_find(&f->root, functions()[0], &c), 0);
		assert_int_equal(claim_take(&f->root, functions(), 1, 101, &conflict, NULL), 0);
		fake_remove(f, "/run/gpupt/claim/" CARD);
	}
	fake_put(f, "/run/gpupt/claim/not-an-address", "vm 101 boot - owner 1 1\n");
	/* and is left alone */
	assert_int_equal(claim_drop_dead(&f->root, &all, &n), 0);
	assert_int_equal(n, 0);
	assert_true(fake_exists(f, "/run/gpupt/claim/not-an-address"));
	free(all);
}

/* Waits for all racers to be there, then takes turn, lock and claim as a hook does. Exit status 0: it won. */
static int race(struct fake *f, int gate, unsigned int vmid)
{
	struct claim conflict;
	int lock, k;
	char go;

	if (read(gate, &go, 1) != 0)
		return 3;
	lock = state_lock(&f->root, NULL);
	if (lock < 0) {
		__atomic_add_fetch(&f->shared->execs, 1, __ATOMIC_SEQ_CST);
		return 2;
	}
	k = claim_take(&f->root, functions(), 2, vmid, &conflict, NULL);
	close(lock);
	/* alive until all have tried: a claim without a lease lives as long as its maker */
	__atomic_add_fetch(&f->shared->execs, 1, __ATOMIC_SEQ_CST);
	while (k == 0 && f->shared->execs < RACERS)
		sleep_ms(1);
	return k == 0 ? 0 : k == -EBUSY ? 1 : 2;
}

static unsigned int run_race(struct fake *f, int (*racer)(struct fake *f, int gate, unsigned int vmid), unsigned int *ret_odd)
{
	unsigned int won = 0;
	pid_t pids[RACERS];
	int gate[2];

	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	*ret_odd = 0;
	for (unsigned int i = 0; i < RACERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			close(gate[1]);
			_exit(racer(f, gate[0], 101 + i));
		}
	}
	close(gate[0]);
	close(gate[1]); /* go */
	for (unsigned int i = 0; i < RACERS; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status));
		won += WEXITSTATUS(status) == 0;
		*ret_odd += WEXITSTATUS(status) > 1;
	}
	return won;
}

static void hundred_vms_want_one_card(void **state)
{
	for (int round = 0; round < 5; round++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		unsigned int odd, won = run_race(f, race, &odd);

		assert_int_equal(odd, 0);
		assert_int_equal(won, 1);
	}
}

/* In its turn nobody else works on the VM's lease: a counter that is read and written without any lock stays right. */
static int take_turns(struct fake *f, int gate, unsigned int vmid)
{
	char go, text[16];
	struct err e;

	if (read(gate, &go, 1) != 0)
		return 3;
	if (turn_take(&f->root, 500, 60000, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return 2;
	}
	snprintf(text, sizeof(text), "%d\n", atoi(fake_get(f, "/counter")) + 1);
	sleep_ms(1);
	fake_put(f, "/counter", text);
	turn_leave(&f->root, 500);
	return 0;
}

static void one_at_a_time(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	unsigned int odd;

	fake_put(f, "/counter", "0\n");
	assert_int_equal(run_race(f, take_turns, &odd), RACERS);
	assert_string_equal(fake_get(f, "/counter"), "100");
}

static int take_turn_and_die(struct fake *f, void *ctx)
{
	return turn_take(&f->root, 101, 0, NULL) < 0;
}

static void turns(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	pid_t pid;
	struct err e;
	int ready[2];
	char byte;

	/* the dead have had their turn */
	assert_int_equal(fake_run(f, take_turn_and_die, NULL), 0);
	assert_int_equal(turn_take(&f->root, 101, 0, &e), 0);
	/* one's own once more, as release within a failed hand-over does */
	assert_int_equal(turn_take(&f->root, 101, 0, &e), 0);
	assert_false(turn_taken(&f->root, 101));
	turn_leave(&f->root, 101);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (turn_take(&f->root, 101, 0, NULL) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(turn_take(&f->root, 101, 100, &e), -EBUSY);
	{
		char who[32];

		snprintf(who, sizeof(who), "process %d", (int)pid);
		assert_non_null(strstr(e.text, who));
	}
	assert_true(turn_taken(&f->root, 101));
	assert_int_equal(turn_take(&f->root, 102, 0, &e), 0); /* another VM's turn is another matter */
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(turn_take(&f->root, 101, 0, &e), 0);
	close(ready[0]);
	close(ready[1]);
}

static void the_lock_is_waited_for(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_close_ int lock = state_lock(&f->root, NULL);
	struct err e;
	int status;
	pid_t pid;

	assert_true(lock >= 0);
	pid = fork();
	if (pid == 0) {
		close(lock); /* a copy of it would hold the lock, too */
		_exit(state_lock(&f->root, &e) < 0);
	}
	sleep_ms(100);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	close(lock);
	lock = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void leases(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_record_ struct record rec = { .fd = -1 }, lasting = { .fd = -1 };
	_cleanup_free_ struct bdf *got = NULL;
	_cleanup_free_ unsigned int *vms = NULL;
	char path[PATH_MAX];
	struct err e;
	size_t n;

	assert_int_equal(lease_path(&f->root, 101, path), -ENOENT);
	assert_int_equal(lease_create(&f->root, 101, false, &rec, &e), 0);
	assert_int_equal(lease_create(&f->root, 100, true, &lasting, &e), 0);
	assert_int_equal(lease_path(&f->root, 101, path), 0);
	assert_true(str_starts(path, "/run/gpupt/"));
	assert_int_equal(lease_path(&f->root, 100, path), 0);
	assert_true(str_starts(path, "/var/lib/gpupt/"));
	fake_put(f, "/run/gpupt/lease/junk", "");
	fake_put(f, "/run/gpupt/lease/.101.7.tmp", "");
	assert_int_equal(lease_all(&f->root, &vms, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(vms[0], 100);
	assert_int_equal(vms[1], 101);
	assert_int_equal(lease_set_functions(&rec, functions(), 2, &e), 0);
	assert_int_equal(lease_functions(&rec, &got, &n), 0);
	assert_int_equal(n, 2);
	assert_true(bdf_eq(got[0], functions()[0]) && bdf_eq(got[1], functions()[1]));
	assert_false(lease_is_old(&f->root, &rec)); /* it does not say: then it is of today */
	assert_int_equal(record_note(&rec, LEASE_BOOT, "11111111-2222-3333-4444-555555555555", &e), 0);
	assert_false(lease_is_old(&f->root, &rec));
	fake_reboot(f);
	assert_true(lease_is_old(&f->root, &rec));
}

static void homes(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	struct home h = { .identity = AMD_ID, .driver = "radeon" }, got;
	struct err e;

	assert_int_equal(home_find(&f->root, functions()[0], &got), -ENOENT);
	assert_int_equal(home_remember(&f->root, functions()[0], &h, &e), 0);
	fake_reboot(f);
	assert_int_equal(home_find(&f->root, functions()[0], &got), 0);
	assert_string_equal(got.identity, AMD_ID);
	assert_string_equal(got.driver, "radeon");
	/* nothing is written that is not new */
	fake_arm(f, FAKE_STORAGE, FAKE_COUNT, 0, 0);
	assert_int_equal(home_remember(&f->root, functions()[0], &h, &e), 0);
	assert_int_equal(fake_count(f), 0);
	snprintf(h.driver, sizeof(h.driver), "amdgpu");
	assert_int_equal(home_remember(&f->root, functions()[0], &h, &e), 0);
	assert_true(fake_count(f) > 0);
	fake_disarm(f);
	assert_int_equal(home_find(&f->root, functions()[0], &got), 0);
	assert_string_equal(got.driver, "amdgpu");
	fake_put(f, "/var/lib/gpupt/home/" CARD, "half");
	assert_int_equal(home_find(&f->root, functions()[0], &got), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_or_none),
		cmocka_unit_test(claims_for_a_reset),
		cmocka_unit_test(half_a_claim),
		cmocka_unit_test(stale_claims),
		cmocka_unit_test(claims_that_cannot_be_read),
		cmocka_unit_test(hundred_vms_want_one_card),
		cmocka_unit_test(one_at_a_time),
		cmocka_unit_test(turns),
		cmocka_unit_test(the_lock_is_waited_for),
		cmocka_unit_test(leases),
		cmocka_unit_test(homes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
