/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An unbind that does not return: bounded, remembered, left alone, and completed when it does return. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "plan/stuck.h"
#include "tests/fake/steps.h"

#define DEV	   "/sys/bus/pci/devices/"
#define TIMEOUT_MS FAKE_HANG_MS

struct scene {
	struct fake *f;
	struct engine en;
	struct plan plan;
	struct record rec;
	struct undo_result undo;
	struct text diary;
	struct err e;
	char *before;
};

static void scene_start(struct scene *s)
{
	*s = (struct scene){ .f = fake_machine(), .rec.fd = -1 };
	steps_engine(s->f, TIMEOUT_MS, &s->diary, &s->en);
	s->before = fake_snapshot(s->f);
	steps_driver(s->f, &s->plan, CARD1, NULL);
	steps_driver(s->f, &s->plan, CARD, NULL);
	assert_int_equal(record_create(&s->f->root, STEPS_RECORD, &s->rec, &s->e), 0);
}

static void scene_end(struct scene *s)
{
	plan_done(&s->plan);
	record_close(&s->rec);
	text_done(&s->diary);
	free(s->before);
	fake_free(s->f);
}

static const char *driver_of(struct fake *f, const char *bdf)
{
	static char now[64];
	char path[PATH_MAX];

	if (root_readlink_base(&f->root, path_f(path, DEV "%s/driver", bdf), now, sizeof(now)) < 0)
		return "none";
	return now;
}


/* The number of the write that unbinds the display. */
static unsigned int nth_unbind(void)
{
	struct scene s;
	unsigned int n;

	for (n = 1; n < 20; n++) {
		scene_start(&s);
		fake_arm(s.f, FAKE_KERNEL, FAKE_ERROR_BEFORE, n, EIO);
		if (plan_apply(&s.en, &s.plan, &s.rec, NULL, &s.e) < 0 && strstr(s.e.text, "/unbind") && strstr(s.e.text, CARD) &&
		    !strstr(s.e.text, CARD1)) {
			scene_end(&s);
			return n;
		}
		scene_end(&s);
	}
	fail_msg("the display is never unbound");
	return 0;
}

static void hang_at_unbind(struct scene *s)
{
	uint64_t since;

	fake_arm(s->f, FAKE_KERNEL, FAKE_HANG, nth_unbind(), 0);
	since = now_ms();
	assert_int_equal(plan_apply(&s->en, &s->plan, &s->rec, &s->undo, &s->e), -ETIMEDOUT);
	assert_in_range(now_ms() - since, TIMEOUT_MS, TIMEOUT_MS + 30000);
	assert_int_equal(s->f->shared->hanging, 1);
}

static void stuck_is_bounded_and_remembered(void **state)
{
	struct stuck st, *all;
	struct scene s;
	size_t n;

	scene_start(&s);
	assert_int_equal(stuck_find(&s.f->root, fake_bdf(CARD), &st), 0);
	hang_at_unbind(&s);
	assert_non_null(strstr(s.e.text, CARD " is stuck"));
	assert_non_null(strstr(text_str(&s.diary), "stuck driver " CARD));
	/* the audio function went home meanwhile, and nobody touched the stuck one */
	assert_int_equal(s.undo.undone, 1);
	assert_int_equal(s.undo.stuck, 1);
	assert_string_equal(driver_of(s.f, CARD1), "snd_hda_intel");
	assert_int_equal(s.f->shared->touched_stuck, 0);
	assert_int_equal(stuck_find(&s.f->root, fake_bdf(CARD), &st), 1);
	assert_int_equal(st.child.pid, s.f->shared->hanger);
	assert_non_null(strstr(st.what, "unbind"));
	assert_int_equal(stuck_find(&s.f->root, fake_bdf(CARD1), &st), 0);
	assert_int_equal(stuck_all(&s.f->root, &all, &n), 0);
	assert_int_equal(n, 1);
	assert_true(bdf_eq(all[0].bdf, fake_bdf(CARD)));
	free(all);
	scene_end(&s);
}

static void everything_refuses_a_stuck_function(void **state)
{
	struct driver_value v;
	struct stuck st;
	struct scene s;
	char line[64];
	uint64_t since;
	char *value;

	scene_start(&s);
	hang_at_unbind(&s);
	since = now_ms();
	assert_int_equal(driver_read(&s.en, fake_bdf(CARD), &v, &s.e), -EBUSY);
	assert_non_null(strstr(s.e.text, "still waits in the kernel"));
	assert_int_equal(stuck_write(&s.f->root, fake_bdf(CARD), DEV CARD "/driver_override", "x", TIMEOUT_MS, &s.e), -EBUSY);
	assert_int_equal(stuck_read(&s.f->root, fake_bdf(CARD), DEV CARD "/driver_override", line, sizeof(line), TIMEOUT_MS, &s.e), -EBUSY);
	assert_int_equal(step_driver.get(&s.en, &s.rec.steps[1].step, &value, &s.e), -EBUSY);
	assert_int_equal(step_driver.set(&s.en, &s.rec.steps[1].step, &s.e), -EBUSY);
	/* a second plan, a second undo: refused at once, as often as one likes */
	assert_int_equal(plan_apply(&s.en, &s.plan, &s.rec, &s.undo, &s.e), -EBUSY);
	record_undo(&s.en, &s.rec, NULL, NULL, &s.undo);
	assert_true(s.undo.stuck > 0);
	assert_in_range(now_ms() - since, 0, TIMEOUT_MS);
	assert_int_equal(s.f->shared->touched_stuck, 0);
	/* it is not forgotten while it lives */
	stuck_forget(&s.f->root, fake_bdf(CARD));
	assert_int_equal(stuck_find(&s.f->root, fake_bdf(CARD), &st), 1);
	scene_end(&s);
}

static void completed_when_the_kernel_answers(void **state)
{
	struct stuck st;
	struct scene s;

	scene_start(&s);
	hang_at_unbind(&s);
	fake_disarm(s.f);
	fake_release(s.f);
	assert_int_equal(stuck_find(&s.f->root, fake_bdf(CARD), &st), 0);
	assert_string_equal(driver_of(s.f, CARD), "none"); /* the unbind did take place */
	assert_true(fake_exists(s.f, "/run/gpupt/stuck/" CARD));
	stuck_forget(&s.f->root, fake_bdf(CARD));
	assert_false(fake_exists(s.f, "/run/gpupt/stuck/" CARD));
	record_undo(&s.en, &s.rec, NULL, NULL, &s.undo);
	assert_true(undo_complete(&s.undo));
	assert_int_equal(s.undo.foreign, 0);
	{
		_cleanup_free_ char *after = fake_snapshot(s.f);

		assert_string_equal(s.before, after);
	}
	scene_end(&s);
}

/* The same by whoever comes later, with nothing but the record. */
static void completed_by_a_later_process(void **state)
{
	struct undo_result u;
	struct scene s;

	scene_start(&s);
	hang_at_unbind(&s);
	record_close(&s.rec);
	assert_int_equal(steps_recover(s.f, &u, NULL), 0);
	assert_int_equal(u.stuck, 1);
	fake_disarm(s.f);
	fake_release(s.f);
	assert_int_equal(steps_recover(s.f, &u, NULL), 0);
	assert_true(undo_complete(&u));
	{
		_cleanup_free_ char *after = fake_snapshot(s.f);

		assert_string_equal(s.before, after);
	}
	scene_end(&s);
}

/* An unbind from vfio-pci hangs on the way home. */
static void stuck_on_the_way_home(void **state)
{
	struct scene s;
	unsigned int n;

	for (n = 1; n < 12; n += FAKE_EVERY) {
		_cleanup_free_ char *after = NULL;
		bool reached;

		scene_start(&s);
		assert_int_equal(plan_apply(&s.en, &s.plan, &s.rec, &s.undo, &s.e), 0);
		fake_arm(s.f, FAKE_KERNEL, FAKE_HANG, n, 0);
		record_undo(&s.en, &s.rec, NULL, NULL, &s.undo);
		reached = fake_count(s.f) >= n;
		if (reached) {
			/* one function waits, the other is home */
			assert_int_equal(s.undo.stuck, 1);
			assert_int_equal(s.undo.undone, 1);
			assert_int_equal(s.f->shared->touched_stuck, 0);
		}
		fake_disarm(s.f);
		fake_release(s.f);
		record_undo(&s.en, &s.rec, NULL, NULL, &s.undo);
		assert_true(undo_complete(&s.undo));
		after = fake_snapshot(s.f);
		assert_string_equal(s.before, after);
		scene_end(&s);
		if (!reached)
			break;
	}
	assert_in_range(n, 8, 20);
	fake_tally("faults", n - 1, "writes of an undo that hung");
}

/* A hang at every write of the way to the VM. */
static void stuck_at_every_write(void **state)
{
	struct scene s;
	unsigned int n;

	for (n = 1; n < 16; n += FAKE_EVERY) {
		_cleanup_free_ char *after = NULL;
		bool reached;
		int k;

		scene_start(&s);
		fake_arm(s.f, FAKE_KERNEL, FAKE_HANG, n, 0);
		k = plan_apply(&s.en, &s.plan, &s.rec, &s.undo, &s.e);
		reached = fake_count(s.f) >= n;
		assert_int_equal(k, reached ? -ETIMEDOUT : 0);
		assert_int_equal(s.f->shared->touched_stuck, 0);
		fake_disarm(s.f);
		fake_release(s.f);
		record_undo(&s.en, &s.rec, NULL, NULL, &s.undo);
		assert_true(undo_complete(&s.undo));
		assert_int_equal(s.undo.foreign, 0);
		after = fake_snapshot(s.f);
		if (strcmp(s.before, after) != 0)
			fail_msg("write %u hung:\n%s", n, fake_difference(s.before, after));
		scene_end(&s);
		if (!reached)
			break;
	}
	assert_in_range(n, 8, 20);
	fake_tally("faults", n - 1, "writes of a plan that hung");
}

/* The child that hangs keeps no descriptor of its caller open but the directory that it works in. */
static void the_child_holds_nothing(void **state)
{
	char fds[64], link[PATH_MAX], end;
	struct pollfd p = { .events = POLLIN };
	int pipe_fds[2];
	struct scene s;
	DIR *d;

	scene_start(&s);
	assert_int_equal(pipe(pipe_fds), 0);
	hang_at_unbind(&s);
	snprintf(fds, sizeof(fds), "/proc/%d/fd", (int)s.f->shared->hanger);
	d = opendir(fds);
	assert_non_null(d);
	for (struct dirent *de; (de = readdir(d));) {
		struct stat st, root;
		ssize_t n;

		if (de->d_name[0] == '.')
			continue;
		n = readlinkat(dirfd(d), de->d_name, link, sizeof(link) - 1);
		assert_true(n > 0);
		link[n] = '\0';
		assert_int_equal(fstatat(dirfd(d), de->d_name, &st, 0), 0);
		assert_int_equal(fstat(s.f->root.fd, &root), 0);
		if (st.st_ino != root.st_ino || st.st_dev != root.st_dev)
			fail_msg("the child holds %s", link);
	}
	closedir(d);
	/* so whoever reads from us sees the end when we end */
	close(pipe_fds[1]);
	p.fd = pipe_fds[0];
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_int_equal(read(pipe_fds[0], &end, 1), 0);
	close(pipe_fds[0]);
	scene_end(&s);
}

/* Damage to the memory of what is stuck, or a pid that is another process by now, locks nobody out. */
static void memory_that_is_not_true(void **state)
{
	static const char *const texts[] = { "", "\n", "x y z\n", "1\n", "1 2\n", "-1 5 unbind\n", "99999999999 5 unbind\n", "1 1 unbind\n" };
	_cleanup_fake_ struct fake *f = fake_machine();
	struct stuck st;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		fake_put(f, "/run/gpupt/stuck/" CARD, texts[i]);
		assert_int_equal(stuck_find(&f->root, fake_bdf(CARD), &st), 0);
	}
	stuck_forget(&f->root, fake_bdf(CARD));
	assert_false(fake_exists(f, "/run/gpupt/stuck/" CARD));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stuck_is_bounded_and_remembered),
		cmocka_unit_test(everything_refuses_a_stuck_function),
		cmocka_unit_test(completed_when_the_kernel_answers),
		cmocka_unit_test(completed_by_a_later_process),
		cmocka_unit_test(stuck_on_the_way_home),
		cmocka_unit_test(stuck_at_every_write),
		cmocka_unit_test(the_child_holds_nothing),
		cmocka_unit_test(memory_that_is_not_true),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
