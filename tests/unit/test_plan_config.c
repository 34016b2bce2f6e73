/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of a container's configuration as steps: taken out, put back, cut short at every call, and in everybody's way. */
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

#include "plan/step_config.h"
#include "pve/cfs.h"
#include "pve/config_change.h"
#include "pve/lock.h"
#include "tests/fake/steps.h"

#define CONF	  "/etc/pve/lxc/200.conf"
#define CALLS_MAX 400

#define WHOLE                                                                                                                    \
	"#media\narch: amd64\ndev0: /dev/dri/card0\ndev1: /dev/dri/renderD128,mode=0666\nhostname: media\nrootfs: x\n"                  \
	"lxc.cgroup2.devices.allow: c 226:0 rw\nlxc.idmap: u 0 100000 65536\nlxc.cgroup2.devices.allow: c 226:0 rw\n"                  \
	"lxc.mount.entry: /dev/dri dev/dri none bind,optional\n\n[snap]\ndev0: /dev/dri/card0\n"
#define WITHOUT "#media\narch: amd64\nhostname: media\nrootfs: x\nlxc.idmap: u 0 100000 65536\n\n[snap]\ndev0: /dev/dri/card0\n"

static const size_t lines[] = { 9, 2, 3, 6, 8, 2 };

static struct fake *container(const char *text)
{
	struct fake *f = fake_machine();

	fake_put(f, CONF, text);
	return f;
}

static char *text_now(struct fake *f)
{
	char *text = NULL;

	return root_read(&f->root, CONF, 1 << 20, &text, NULL) == 0 ? text : NULL;
}

static void assert_text(struct fake *f, const char *want)
{
	_cleanup_free_ char *now = text_now(f);

	assert_non_null(now);
	assert_string_equal(now, want);
}

static void plan_lines(struct fake *f, struct plan *p, const size_t *which, size_t n)
{
	_cleanup_config_ struct config cfg = { 0 };
	struct err e = { "" };

	if (config_load(&f->root, GUEST_CT, 200, &cfg, &e) < 0)
		fake_die("%s", e.text);
	if (config_steps(p, &cfg, which, n, "it has " CARD) < 0)
		fake_die("no plan");
}

static int make(struct fake *f, const struct plan *p, struct err *e)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	struct engine en;
	int k;

	steps_engine(f, 5000, NULL, &en);
	k = plan_check(&en, p, e);
	if (k == 0)
		k = record_create(&f->root, STEPS_RECORD, &rec, e);
	return k < 0 ? k : plan_apply(&en, p, &rec, NULL, e);
}

/* Takes all of them out. */
static void take_out(struct fake *f)
{
	_cleanup_plan_ struct plan p = { 0 };
	struct err e = { "" };

	plan_lines(f, &p, lines, ARRAY_SIZE(lines));
	if (make(f, &p, &e) < 0)
		fail_msg("%s", e.text);
	assert_text(f, WITHOUT);
}

static void undo(struct fake *f, struct undo_result *u, struct text *diary)
{
	assert_int_equal(steps_recover(f, u, diary), 0);
}

static void put_back(struct fake *f)
{
	_cleanup_text_ struct text diary = { 0 };
	struct undo_result u;

	undo(f, &u, &diary);
	if (!undo_complete(&u) || u.foreign)
		fail_msg("%s", text_str(&diary));
}

static void assert_says(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("no '%s' in: %s", what, text);
}

/* --- there and back --- */

static void taken_out_and_put_back(void **state)
{
	_cleanup_fake_ struct fake *f = container(WHOLE);
	_cleanup_plan_ struct plan p = { 0 };
	_cleanup_text_ struct text shown = { 0 };

	plan_lines(f, &p, lines, ARRAY_SIZE(lines));
	assert_int_equal(p.n, 5);
	plan_format(&p, &shown);
	assert_says(text_str(&shown), "dev0: /dev/dri/card0 -> (absent) (it has " CARD ")");
	take_out(f);
	put_back(f);
	assert_text(f, WHOLE);
}

static void which_lines(void **state)
{
	static const size_t bad[] = { 0, 10, 11, 12, 13, 99 };
	_cleanup_fake_ struct fake *f = container(WHOLE);
	_cleanup_config_ struct config cfg = { 0 }, huge = { 0 };
	_cleanup_plan_ struct plan p = { 0 };
	struct text t = { 0 };
	size_t line = 0;

	assert_int_equal(config_load(&f->root, GUEST_CT, 200, &cfg, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(config_steps(&p, &cfg, &bad[i], 1, ""), -EINVAL);
	text_addf(&t, "lxc.x: %05000d\n", 1);
	assert_int_equal(config_parse(t.s, t.len, GUEST_CT, &huge), 0);
	assert_int_equal(config_steps(&p, &huge, &line, 1, ""), -E2BIG);
	assert_int_equal(config_steps(&p, &cfg, NULL, 0, ""), 0);
	assert_int_equal(p.n, 0);
	text_done(&t);
}

/* The stop of the container comes between plan and steps, and Proxmox VE writes the file in its own manner at every stop. */
static void written_anew_by_the_stop(void **state)
{
	_cleanup_fake_ struct fake *f = container("rootfs: x\ndev0:  /dev/a\nlxc.b = 1\nlxc.a = 2\narch: amd64\n#text\n");
	static const char canonical[] = "#text\narch: amd64\ndev0: /dev/a\nrootfs: x\nlxc.b: 1\nlxc.a: 2\n";
	static const size_t two[] = { 1, 2 };
	_cleanup_plan_ struct plan p = { 0 };
	struct err e = { "" };

	plan_lines(f, &p, two, ARRAY_SIZE(two));
	fake_put(f, CONF, canonical);
	if (make(f, &p, &e) < 0)
		fail_msg("%s", e.text);
	assert_text(f, "#text\narch: amd64\nrootfs: x\nlxc.a: 2\n");
	put_back(f);
	assert_text(f, "#text\narch: amd64\ndev0:  /dev/a\nrootfs: x\nlxc.b = 1\nlxc.a: 2\n");
}

/* What others have changed by the time of the return stays; so does their order. */
static void changed_meanwhile(void **state)
{
	_cleanup_fake_ struct fake *f = container(WHOLE);

	take_out(f);
	fake_put(f, CONF, "#film\narch: amd64\ncores: 4\nhostname: media\nonboot: 1\nrootfs: x\nlxc.idmap: u 0 100000 65536\nlxc.new: 1\n");
	put_back(f);
	assert_text(f, "#film\narch: amd64\ncores: 4\ndev0: /dev/dri/card0\ndev1: /dev/dri/renderD128,mode=0666\nhostname: media\nonboot: 1\n"
		       "rootfs: x\nlxc.cgroup2.devices.allow: c 226:0 rw\nlxc.idmap: u 0 100000 65536\nlxc.cgroup2.devices.allow: c 226:0 rw\n"
		       "lxc.mount.entry: /dev/dri dev/dri none bind,optional\nlxc.new: 1\n");
}

/* --- in the way --- */

/* A key that somebody has given away by then is his; what he has put back himself is back. */
static void taken_by_somebody_else(void **state)
{
	_cleanup_fake_ struct fake *f = container(WHOLE);
	_cleanup_text_ struct text diary = { 0 };
	struct undo_result u;

	take_out(f);
	fake_put(f, CONF, "arch: amd64\ndev0: /dev/ttyUSB0\ndev1: /dev/dri/renderD128,mode=0666\nlxc.mount.entry = /dev/dri dev/dri none bind,optional\n");
	undo(f, &u, &diary);
	assert_true(undo_complete(&u));
	assert_int_equal(u.foreign, 1);
	assert_int_equal(u.undone, 4);
	assert_says(text_str(&diary), "foreign config lxc/200 dev0");
	assert_says(text_str(&diary), "dev0: /dev/ttyUSB0");
	assert_text(f, "arch: amd64\ndev0: /dev/ttyUSB0\ndev1: /dev/dri/renderD128,mode=0666\nlxc.cgroup2.devices.allow: c 226:0 rw\n"
		       "lxc.mount.entry = /dev/dri dev/dri none bind,optional\nlxc.cgroup2.devices.allow: c 226:0 rw\n");
}

/* Before the step it is another line: what was decided on is not there. */
static void another_line_by_now(void **state)
{
	static const size_t one[] = { 2 };
	_cleanup_fake_ struct fake *f = container(WHOLE);
	_cleanup_plan_ struct plan p = { 0 };
	struct err e = { "" };

	plan_lines(f, &p, one, 1);
	fake_put(f, CONF, "dev0: /dev/ttyUSB0\n");
	assert_int_equal(make(f, &p, &e), -ESTALE);
	assert_text(f, "dev0: /dev/ttyUSB0\n");
}

/* The last of two counts; without it the other one would. */
static void the_same_key_twice(void **state)
{
	static const char twice[] = "dev0: /dev/ttyUSB0\ndev0: /dev/dri/card0\n";
	static const size_t second[] = { 1 };
	_cleanup_fake_ struct fake *f = container(twice);
	_cleanup_plan_ struct plan p = { 0 };
	struct err e = { "" };

	plan_lines(f, &p, second, 1);
	assert_int_equal(make(f, &p, &e), -ENOTUNIQ);
	assert_says(e.text, "dev0 more than once");
	assert_text(f, twice);
}

/* A try to put the lines back that has to wait: the record stays, and a later one does it. */
static void assert_left(struct fake *f, const char *why)
{
	_cleanup_text_ struct text diary = { 0 };
	struct undo_result u;

	undo(f, &u, &diary);
	assert_int_equal(u.failed, 5);
	assert_false(undo_complete(&u));
	assert_says(text_str(&diary), why);
	assert_says(text_str(&diary), "left config");
}

static void no_quorum(void **state)
{
	_cleanup_fake_ struct fake *f = container(WHOLE);
	_cleanup_plan_ struct plan p = { 0 };
	struct err e = { "" };

	fake_quorum(f, false);
	plan_lines(f, &p, lines, ARRAY_SIZE(lines));
	assert_int_equal(make(f, &p, &e), -EROFS);
	assert_says(e.text, "no quorum");
	assert_text(f, WHOLE);
	fake_remove(f, STEPS_RECORD);
	fake_quorum(f, true);
	take_out(f);
	fake_quorum(f, false);
	assert_left(f, "no quorum");
	assert_text(f, WITHOUT);
	fake_quorum(f, true);
	put_back(f);
	assert_text(f, WHOLE);
}

/* Without pmxcfs there is no container to be seen. That does not mean that there is none. */
static void no_pmxcfs(void **state)
{
	_cleanup_fake_ struct fake *f = container(WHOLE);
	char from[PATH_MAX], to[PATH_MAX];

	take_out(f);
	assert_int_equal(rename(fake_path(f, from, "/etc/pve"), fake_path(f, to, "/etc/pve.away")), 0);
	fake_mkdir(f, "/etc/pve");
	assert_left(f, "pve-cluster");
	assert_int_equal(rmdir(from), 0);
	assert_int_equal(rename(to, from), 0);
	put_back(f);
	assert_text(f, WHOLE);
}

static void locked(void **state)
{
	_cleanup_fake_ struct fake *f = container(WHOLE);
	_cleanup_plan_ struct plan p = { 0 };
	struct err e = { "" };

	fake_putf(f, CONF, "lock: migrate\n%s", WHOLE);
	plan_lines(f, &p, (const size_t[]){ 3 }, 1);
	assert_int_equal(make(f, &p, &e), -EBUSY);
	assert_says(e.text, "CT 200 is locked (migrate)");
	fake_remove(f, STEPS_RECORD);
	fake_put(f, CONF, WHOLE);
	take_out(f);
	fake_putf(f, CONF, "lock: migrate\n%s", WITHOUT);
	assert_left(f, "CT 200 is locked (migrate)");
	fake_put(f, CONF, WITHOUT);
	put_back(f);
	assert_text(f, WHOLE);
}

/* After a power cut Proxmox VE takes the lock of a backup off right before it starts the guests: too late to wait for. */
static void locked_by_a_backup_that_is_over(void **state)
{
	_cleanup_fake_ struct fake *f = container(WHOLE);
	_cleanup_plan_ struct plan p = { 0 };
	_cleanup_close_ int lock = -1;
	struct err e = { "" };
	char path[PATH_MAX];

	take_out(f);
	fake_putf(f, CONF, "lock: backup\n%s", WITHOUT);
	fake_put(f, "/run/vzdump.lock", "");
	lock = open(fake_path(f, path, "/run/vzdump.lock"), O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
	assert_left(f, "CT 200 is locked (backup)");
	assert_int_equal(flock(lock, LOCK_UN), 0);
	put_back(f);
	fake_remove(f, STEPS_RECORD);
	/* to take lines out there is always time */
	plan_lines(f, &p, (const size_t[]){ 3 }, 1);
	assert_int_equal(make(f, &p, &e), -EBUSY);
}

static void proxmox_ve_is_at_work(void **state)
{
	_cleanup_fake_ struct fake *f = container(WHOLE);
	_cleanup_plan_ struct plan p = { 0 };
	struct err e = { "" };
	int lock;

	plan_lines(f, &p, lines, 1);
	assert_int_equal(pve_lock_try(&f->root, GUEST_CT, 200, &lock), 0);
	assert_int_equal(make(f, &p, &e), -EBUSY);
	assert_says(e.text, "Proxmox VE is working on CT 200");
	close(lock);
	fake_remove(f, STEPS_RECORD);
	assert_int_equal(make(f, &p, &e), 0);
	put_back(f);
	assert_text(f, WHOLE);
}

static void gone_or_migrated(void **state)
{
	static const char *const texts[] = { "does not exist any more", "is on node pve2 by now" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_fake_ struct fake *f = container(WHOLE);
		_cleanup_text_ struct text diary = { 0 };
		struct undo_result u;

		take_out(f);
		fake_remove(f, CONF);
		if (i)
			fake_put(f, "/etc/pve/nodes/pve2/lxc/200.conf", WITHOUT);
		undo(f, &u, &diary);
		assert_true(undo_complete(&u));
		assert_says(text_str(&diary), texts[i]);
		assert_says(text_str(&diary), "'dev0: /dev/dri/card0'");
		assert_false(fake_exists(f, CONF));
	}
}

/* --- the file itself --- */

static int edit_behind(void *ctx, const struct config *cfg, struct text *ret, struct err *e)
{
	fake_put(ctx, CONF, "arch: i386\n");
	text_add(ret, "arch: amd64\n");
	return 0;
}

/* An editor takes no lock. */
static void edited_under_our_hands(void **state)
{
	_cleanup_fake_ struct fake *f = container(WHOLE);
	struct err e = { "" };

	assert_int_equal(config_change(&f->root, 200, false, edit_behind, f, &e), -EAGAIN);
	assert_text(f, "arch: i386\n");
}

static unsigned int calls_of_one(bool database)
{
	_cleanup_fake_ struct fake *f = container(WHOLE);
	_cleanup_plan_ struct plan p = { 0 };
	struct err e;
	unsigned int n;

	if (database)
		fake_put(f, "/var/lib/pve-cluster/config.db-wal", "");
	plan_lines(f, &p, lines, 1);
	fake_arm(f, FAKE_STORAGE, FAKE_COUNT, 0, 0);
	assert_int_equal(make(f, &p, &e), 0);
	n = fake_count(f);
	fake_disarm(f);
	return n;
}

/* What pmxcfs has taken is on disk before the record says so. */
static void outlasts_a_power_cut(void **state)
{
	assert_int_equal(calls_of_one(true), calls_of_one(false) + 1);
}

/* --- cut short --- */

static int apply_run(struct fake *f, void *ctx)
{
	_cleanup_plan_ struct plan p = { 0 };
	struct err e;

	plan_lines(f, &p, lines, ARRAY_SIZE(lines));
	return make(f, &p, &e) < 0;
}

static struct fake *with_database(void)
{
	struct fake *f = container(WHOLE);

	fake_put(f, "/var/lib/pve-cluster/config.db-wal", "");
	return f;
}

static void assert_as_before(struct fake *f, const char *tree, const char *what, unsigned int n)
{
	static const char *const except[] = { "/run", "/sys", "/proc", "/dev", NULL };
	_cleanup_free_ char *now = NULL;

	config_drop_temporary(&f->root);
	now = fake_tree(f, except);
	if (strcmp(tree, now) != 0)
		fail_msg("%s at call %u:\n  %s", what, n, fake_difference(tree, now));
}

static char *tree_of(struct fake *f)
{
	static const char *const except[] = { "/run", "/sys", "/proc", "/dev", NULL };

	return fake_tree(f, except);
}

/* What has to be done by whoever comes next; without a record there is nothing. */
static void recover(struct fake *f, const char *what, unsigned int n)
{
	_cleanup_text_ struct text diary = { 0 };
	struct undo_result u;
	int k = steps_recover(f, &u, &diary);

	if (k != -ENOENT && (k < 0 || u.foreign || !undo_complete(&u)))
		fail_msg("%s at call %u: %d\n%s", what, n, k, text_str(&diary));
}

/* Hit at every call of the way there, or, if it is made in peace, of the way back. */
static void hit_everywhere(enum fake_fault fault, int error, bool back, const char *kind, const char *what)
{
	unsigned int n;

	for (n = 1; n < CALLS_MAX; n += FAKE_EVERY) {
		_cleanup_fake_ struct fake *f = with_database();
		_cleanup_free_ char *before = tree_of(f);
		bool reached;

		if (back)
			assert_int_equal(fake_run(f, apply_run, NULL), 0);
		fake_arm(f, FAKE_STORAGE, fault, n, error);
		fake_run(f, back ? steps_undo : apply_run, NULL);
		reached = fake_count(f) >= n;
		fake_disarm(f);
		recover(f, what, n);
		assert_as_before(f, before, what, n);
		if (!reached)
			break;
	}
	assert_in_range(n, 20, CALLS_MAX - 1);
	fake_tally(kind, n - 1, "%s", what);
}

static void killed_everywhere(void **state)
{
	hit_everywhere(FAKE_KILL_BEFORE, 0, false, "crash-points", "lines taken out, killed before a call");
	hit_everywhere(FAKE_KILL_AFTER, 0, false, "crash-points", "lines taken out, killed after a call");
	hit_everywhere(FAKE_KILL_BEFORE, 0, true, "crash-points", "lines put back, killed before a call");
	hit_everywhere(FAKE_KILL_AFTER, 0, true, "crash-points", "lines put back, killed after a call");
}

static void fails_everywhere(void **state)
{
	hit_everywhere(FAKE_ERROR_BEFORE, EACCES, false, "faults", "lines taken out, a call fails");
	hit_everywhere(FAKE_ERROR_AFTER, EIO, false, "faults", "lines taken out, a call fails after its effect");
	hit_everywhere(FAKE_SHORT, ENOSPC, false, "faults", "lines taken out, a short write");
	hit_everywhere(FAKE_ERROR_BEFORE, EACCES, true, "faults", "lines put back, a call fails");
	hit_everywhere(FAKE_ERROR_AFTER, EIO, true, "faults", "lines put back, a call fails after its effect");
	hit_everywhere(FAKE_ERROR_FROM, ENOSPC, true, "faults", "lines put back, a disk that is full from then on");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken_out_and_put_back),
		cmocka_unit_test(which_lines),
		cmocka_unit_test(written_anew_by_the_stop),
		cmocka_unit_test(changed_meanwhile),
		cmocka_unit_test(taken_by_somebody_else),
		cmocka_unit_test(another_line_by_now),
		cmocka_unit_test(the_same_key_twice),
		cmocka_unit_test(no_quorum),
		cmocka_unit_test(no_pmxcfs),
		cmocka_unit_test(locked),
		cmocka_unit_test(locked_by_a_backup_that_is_over),
		cmocka_unit_test(proxmox_ve_is_at_work),
		cmocka_unit_test(gone_or_migrated),
		cmocka_unit_test(edited_under_our_hands),
		cmocka_unit_test(outlasts_a_power_cut),
		cmocka_unit_test(killed_everywhere),
		cmocka_unit_test(fails_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
