/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver, attribute, unit and run steps against the fake kernel: what is set, what is put back, what is left alone. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "plan/stuck.h"
#include "tests/fake/steps.h"

#define DEV "/sys/bus/pci/devices/"

/* One plan from beginning to end. */
struct walk {
	struct fake *f;
	struct engine en;
	struct plan plan;
	struct record rec;
	struct text diary;
	struct undo_result undo;
	struct err e;
	char *before;
};

static void walk_start(struct walk *w, struct fake *f)
{
	*w = (struct walk){ .f = f, .rec.fd = -1 };
	steps_engine(f, 5000, &w->diary, &w->en);
	w->before = fake_snapshot(f);
	assert_int_equal(record_create(&f->root, STEPS_RECORD, &w->rec, &w->e), 0);
}

static int apply(struct walk *w)
{
	return plan_apply(&w->en, &w->plan, &w->rec, &w->undo, &w->e);
}

static void undo(struct walk *w)
{
	text_done(&w->diary);
	record_undo(&w->en, &w->rec, NULL, NULL, &w->undo);
}

static void walk_end(struct walk *w)
{
	plan_done(&w->plan);
	record_close(&w->rec);
	text_done(&w->diary);
	free(w->before);
	fake_free(w->f);
}

static void assert_as_before(const struct walk *w)
{
	_cleanup_free_ char *after = fake_snapshot(w->f);

	if (strcmp(w->before, after) != 0)
		fail_msg("%s\n%s", fake_difference(w->before, after), w->diary.len ? w->diary.s : "");
}

static void assert_driver(const struct fake *f, const char *bdf, const char *driver, const char *override)
{
	char path[PATH_MAX], now[64] = "none";

	root_readlink_base(&f->root, path_f(path, DEV "%s/driver", bdf), now, sizeof(now));
	assert_string_equal(now, driver);
	assert_string_equal(fake_get(f, path_f(path, DEV "%s/driver_override", bdf)), override);
}

static void there_and_back(void **state)
{
	struct walk w;

	walk_start(&w, fake_machine());
	steps_prepare(w.f);
	free(w.before);
	w.before = fake_snapshot(w.f);
	steps_whole(w.f, &w.plan);
	assert_int_equal(plan_check(&w.en, &w.plan, &w.e), 0);
	assert_int_equal(apply(&w), 0);
	assert_driver(w.f, CARD, "vfio-pci", "vfio-pci");
	assert_driver(w.f, CARD1, "vfio-pci", "vfio-pci");
	assert_driver(w.f, TWIN, "radeon", "(null)");
	assert_driver(w.f, TWIN1, "snd_hda_intel", "(null)");
	/* vfio-pci's own probe sets auto: what was planned is set behind it */
	assert_string_equal(fake_get(w.f, DEV CARD "/power/control"), "on");
	assert_string_equal(fake_get(w.f, DEV CARD "/d3cold_allowed"), "0");
	assert_string_equal(fake_get(w.f, DEV CARD "/reset_method"), "device_specific");
	assert_string_equal(fake_hidden(w.f, "units/nvidia-persistenced.service"), "inactive");
	assert_true(fake_exists(w.f, "/etc/modprobe.d/gpupt.conf"));
	assert_int_equal(w.f->shared->resets, 1);
	/* the plan is made: its targets are no longer as it wants to find them */
	assert_int_equal(plan_check(&w.en, &w.plan, &w.e), -ESTALE);
	undo(&w);
	assert_true(undo_complete(&w.undo));
	assert_int_equal(w.undo.undone, 6);
	assert_int_equal(w.undo.foreign, 0);
	assert_false(record_any_open(&w.rec));
	assert_as_before(&w);
	walk_end(&w);
}

/* A value that is not there when the step's turn comes is somebody else's: nothing is changed. */
static void changed_before_its_turn(void **state)
{
	struct walk w;

	walk_start(&w, fake_machine());
	steps_driver(w.f, &w.plan, CARD1, NULL);
	steps_driver(w.f, &w.plan, CARD, NULL);
	fake_bind(w.f, CARD, "bochs-drm");
	assert_int_equal(apply(&w), -ESTALE);
	assert_driver(w.f, CARD, "bochs-drm", "(null)");
	assert_driver(w.f, CARD1, "snd_hda_intel", "(null)");
	assert_true(undo_complete(&w.undo));
	walk_end(&w);
}

static void probe_fails_silently(void **state)
{
	struct walk w;

	walk_start(&w, fake_machine());
	steps_driver(w.f, &w.plan, CARD1, NULL);
	steps_driver(w.f, &w.plan, CARD, NULL);
	fake_refuse_bind(w.f, CARD, "vfio-pci");
	assert_int_equal(apply(&w), -EIO);
	assert_non_null(strstr(w.e.text, CARD));
	assert_non_null(strstr(w.e.text, "did not bind to vfio-pci"));
	assert_true(undo_complete(&w.undo));
	assert_as_before(&w);
	walk_end(&w);
}

static void no_iommu(void **state)
{
	struct walk w;
	struct fake *f = fake_machine();

	fake_no_iommu(f);
	walk_start(&w, f);
	steps_driver(f, &w.plan, CARD, NULL);
	assert_int_equal(apply(&w), -EIO);
	assert_as_before(&w);
	walk_end(&w);
}

/* What cannot go home is told, stays on record, and the others go home all the same. */
static void home_refuses(void **state)
{
	struct walk w;

	walk_start(&w, fake_machine());
	steps_driver(w.f, &w.plan, CARD1, NULL);
	steps_driver(w.f, &w.plan, CARD, NULL);
	assert_int_equal(apply(&w), 0);
	fake_refuse_bind(w.f, CARD, "radeon");
	undo(&w);
	assert_int_equal(w.undo.failed, 1);
	assert_int_equal(w.undo.undone, 1);
	assert_non_null(strstr(text_str(&w.diary), "left driver " CARD));
	assert_driver(w.f, CARD1, "snd_hda_intel", "(null)");
	assert_true(record_any_open(&w.rec));
	/* the driver is there again: a second try completes it */
	fake_remove(w.f, "/none");
	{
		char path[PATH_MAX];

		unlink(fake_hidden_path(w.f, path, "refuse/" CARD "/radeon"));
	}
	undo(&w);
	assert_true(undo_complete(&w.undo));
	assert_as_before(&w);
	walk_end(&w);
}

static void foreign_driver_is_left(void **state)
{
	struct walk w;

	walk_start(&w, fake_machine());
	steps_driver(w.f, &w.plan, CARD1, NULL);
	steps_driver(w.f, &w.plan, CARD, NULL);
	assert_int_equal(apply(&w), 0);
	/* somebody gives the display to another driver, and makes the override theirs */
	fake_bind(w.f, CARD, "bochs-drm");
	fake_override(w.f, CARD, "bochs-drm");
	undo(&w);
	assert_int_equal(w.undo.foreign, 1);
	assert_int_equal(w.undo.undone, 1);
	assert_true(undo_complete(&w.undo));
	assert_driver(w.f, CARD, "bochs-drm", "bochs-drm");
	assert_non_null(strstr(text_str(&w.diary), "foreign driver " CARD));
	assert_false(record_any_open(&w.rec));
	walk_end(&w);
}

/* The override alone tells whose a function on vfio-pci is. */
static void foreign_override_is_left(void **state)
{
	struct walk w;

	walk_start(&w, fake_machine());
	steps_driver(w.f, &w.plan, CARD, NULL);
	assert_int_equal(apply(&w), 0);
	fake_override(w.f, CARD, "");
	undo(&w);
	assert_int_equal(w.undo.foreign, 1);
	assert_driver(w.f, CARD, "vfio-pci", "(null)");
	walk_end(&w);
}

static void foreign_attribute_and_file_are_left(void **state)
{
	struct walk w;

	walk_start(&w, fake_machine());
	steps_prepare(w.f);
	plan_add(&w.plan, &step_file, "/etc/modprobe.d/gpupt.conf", NULL, "ours\n", "");
	plan_add(&w.plan, &step_attr, DEV CARD "/reset_method", "pm", "device_specific", "");
	assert_int_equal(apply(&w), 0);
	fake_put(w.f, "/etc/modprobe.d/gpupt.conf", "theirs\n");
	fake_put(w.f, DEV CARD "/reset_method", "pm bus\n");
	undo(&w);
	assert_int_equal(w.undo.foreign, 2);
	assert_string_equal(fake_get(w.f, "/etc/modprobe.d/gpupt.conf"), "theirs");
	assert_string_equal(fake_get(w.f, DEV CARD "/reset_method"), "pm bus");
	walk_end(&w);
}

/* Already as it was: nothing is written. */
static void put_back_by_somebody_else(void **state)
{
	struct walk w;

	walk_start(&w, fake_machine());
	steps_driver(w.f, &w.plan, CARD, NULL);
	assert_int_equal(apply(&w), 0);
	fake_override(w.f, CARD, "");
	fake_bind(w.f, CARD, "radeon");
	fake_arm(w.f, FAKE_KERNEL, FAKE_COUNT, 0, 0);
	undo(&w);
	assert_int_equal(fake_count(w.f), 0);
	assert_int_equal(w.undo.undone, 1);
	walk_end(&w);
}

static void stray_card_goes_home(void **state)
{
	static const char *const found_on[] = { "vfio-pci", "" };

	for (size_t i = 0; i < ARRAY_SIZE(found_on); i++) {
		struct walk w;
		struct fake *f = fake_machine();

		fake_bind(f, CARD, found_on[i]);
		walk_start(&w, f);
		steps_driver(f, &w.plan, CARD, "radeon");
		assert_int_equal(plan_check(&w.en, &w.plan, &w.e), 0);
		assert_int_equal(apply(&w), 0);
		assert_driver(f, CARD, "vfio-pci", "vfio-pci");
		undo(&w);
		assert_int_equal(w.undo.undone, 1);
		assert_driver(f, CARD, "radeon", "(null)");
		walk_end(&w);
	}
}

/* Nothing is known of its home: found unbound, left unbound. */
static void found_unbound_left_unbound(void **state)
{
	struct walk w;
	struct fake *f = fake_machine();

	fake_bind(f, CARD, "");
	walk_start(&w, f);
	steps_driver(f, &w.plan, CARD, NULL);
	assert_int_equal(apply(&w), 0);
	undo(&w);
	assert_true(undo_complete(&w.undo));
	assert_as_before(&w);
	walk_end(&w);
}

/* A card on vfio-pci by an administrator's override is no stray. */
static void reserved_card_is_no_stray(void **state)
{
	struct walk w;
	struct fake *f = fake_machine();

	fake_override(f, CARD, "vfio-pci");
	fake_bind(f, CARD, "vfio-pci");
	walk_start(&w, f);
	steps_driver(f, &w.plan, CARD, "radeon");
	assert_int_equal(apply(&w), -ESTALE);
	assert_as_before(&w);
	walk_end(&w);
}

static void new_id_does_not_pull_it_back(void **state)
{
	struct walk w;
	struct fake *f = fake_machine();

	fake_new_id(f, "1002 5159");
	walk_start(&w, f);
	steps_driver(f, &w.plan, CARD1, NULL);
	steps_driver(f, &w.plan, CARD, NULL);
	assert_int_equal(apply(&w), 0);
	undo(&w);
	assert_true(undo_complete(&w.undo));
	assert_as_before(&w);
	assert_driver(f, CARD, "radeon", "(null)");
	/* the residue is real: without an override a probe does go astray */
	fake_bind(f, TWIN, "");
	assert_int_equal(root_write_attr(&f->root, "/sys/bus/pci/drivers_probe", TWIN), 0);
	assert_driver(f, TWIN, "vfio-pci", "(null)");
	walk_end(&w);
}

static void administrators_override_comes_back(void **state)
{
	static const char *const overrides[] = { "radeon", "pci-stub" };

	for (size_t i = 0; i < ARRAY_SIZE(overrides); i++) {
		struct walk w;
		struct fake *f = fake_machine();

		fake_load_module(f, "pci-stub");
		fake_override(f, CARD, overrides[i]);
		fake_bind(f, CARD, overrides[i]);
		walk_start(&w, f);
		steps_driver(f, &w.plan, CARD, NULL);
		assert_int_equal(apply(&w), 0);
		assert_driver(f, CARD, "vfio-pci", "vfio-pci");
		undo(&w);
		assert_driver(f, CARD, overrides[i], overrides[i]);
		assert_as_before(&w);
		walk_end(&w);
	}
}

/* An override for a driver that does not have the function: both come back as they were. */
static void idle_override_comes_back(void **state)
{
	struct walk w;
	struct fake *f = fake_machine();

	fake_override(f, CARD, "nosuchdriver");
	walk_start(&w, f);
	steps_driver(f, &w.plan, CARD, NULL);
	assert_int_equal(apply(&w), 0);
	undo(&w);
	assert_driver(f, CARD, "radeon", "nosuchdriver");
	assert_as_before(&w);
	walk_end(&w);
}

static void another_device_at_the_address(void **state)
{
	struct walk w;

	walk_start(&w, fake_machine());
	steps_driver(w.f, &w.plan, CARD, NULL);
	fake_identity(w.f, CARD, "1002:5159/1af4:2222");
	fake_arm(w.f, FAKE_KERNEL, FAKE_COUNT, 0, 0);
	assert_int_equal(apply(&w), -ENODEV);
	assert_int_equal(fake_count(w.f), 0);
	assert_non_null(strstr(w.e.text, "another device sits at " CARD));
	/* exchanged while a VM had it: the new one is not touched, the step is over */
	fake_identity(w.f, CARD, AMD_ID);
	assert_int_equal(apply(&w), 0);
	fake_identity(w.f, CARD, "10de:2204/1af4:1100");
	fake_arm(w.f, FAKE_KERNEL, FAKE_COUNT, 0, 0);
	undo(&w);
	assert_int_equal(fake_count(w.f), 0);
	assert_true(undo_complete(&w.undo));
	assert_non_null(strstr(text_str(&w.diary), "gone driver " CARD));
	assert_false(record_any_open(&w.rec));
	walk_end(&w);
}

static void function_gone(void **state)
{
	struct walk w;

	walk_start(&w, fake_machine());
	steps_driver(w.f, &w.plan, CARD1, NULL);
	steps_driver(w.f, &w.plan, CARD, NULL);
	assert_int_equal(apply(&w), 0);
	fake_vanish(w.f, CARD);
	undo(&w);
	assert_true(undo_complete(&w.undo));
	assert_int_equal(w.undo.undone, 1);
	assert_non_null(strstr(text_str(&w.diary), "gone driver " CARD));
	assert_driver(w.f, CARD1, "snd_hda_intel", "(null)");
	assert_false(record_any_open(&w.rec));
	walk_end(&w);
}

static void vanish_now(struct fake *f, void *ctx)
{
	fake_vanish(f, ctx);
}

/* Pulled out at every write: the plan fails, the other function comes back, nothing hangs or is written into the void. */
static void gone_at_every_write(void **state)
{
	for (unsigned int n = 1; n < 20; n++) {
		struct walk w;
		bool reached;

		walk_start(&w, fake_machine());
		steps_driver(w.f, &w.plan, CARD1, NULL);
		steps_driver(w.f, &w.plan, CARD, NULL);
		w.f->at = vanish_now;
		w.f->at_ctx = (char[]){ CARD };
		fake_arm(w.f, FAKE_KERNEL, FAKE_CALL, n, 0);
		assert_true(apply(&w) < 0 || fake_count(w.f) < n);
		reached = fake_count(w.f) >= n;
		fake_disarm(w.f);
		if (reached) {
			assert_true(undo_complete(&w.undo));
			assert_driver(w.f, CARD1, "snd_hda_intel", "(null)");
			assert_false(record_any_open(&w.rec));
		}
		walk_end(&w);
		if (!reached) {
			assert_true(n > 8);
			return;
		}
	}
	fail_msg("no end of writes");
}

static void modules_are_loaded(void **state)
{
	struct walk w;
	struct fake *f = fake_machine();

	fake_remove(f, "/sys/bus/pci/drivers/vfio-pci");
	fake_remove(f, "/sys/module/vfio_iommu_type1");
	walk_start(&w, f);
	steps_driver(f, &w.plan, CARD, NULL);
	assert_int_equal(apply(&w), 0);
	assert_driver(f, CARD, "vfio-pci", "vfio-pci");
	assert_true(fake_exists(f, "/sys/module/vfio_iommu_type1"));
	/* the home driver's module was unloaded meanwhile */
	fake_bind(f, TWIN, "");
	fake_remove(f, "/sys/bus/pci/drivers/radeon");
	undo(&w);
	assert_driver(f, CARD, "radeon", "(null)");
	walk_end(&w);
}

static void no_such_driver(void **state)
{
	struct walk w;
	struct fake *f = fake_machine();
	char path[PATH_MAX];

	fake_remove(f, "/sys/bus/pci/drivers/vfio-pci");
	unlink(fake_hidden_path(f, path, "modules/vfio-pci"));
	walk_start(&w, f);
	steps_driver(f, &w.plan, CARD, NULL);
	assert_int_equal(apply(&w), -EIO);
	assert_non_null(strstr(w.e.text, "modprobe"));
	assert_as_before(&w);
	walk_end(&w);
}

/* --- reset_method --- */

static void reset_method_as_far_as_possible(void **state)
{
	static const struct {
		const char *before, *can, *left;
	} cases[] = {
		{ "flr bus", "device_specific flr bus", "flr" },   /* bus is listed and cannot be written back: a sibling is there */
		{ "bus flr", "device_specific flr bus", "flr" },   /* wherever it stands */
		{ "pm bus flr", "device_specific flr pm bus", "pm flr" },
		{ "bus", "device_specific bus", "device_specific" }, /* nothing of it: what is there stays */
		{ "", "device_specific", "" },			   /* all were disabled */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct walk w;
		struct fake *f = fake_machine();
		char line[64];

		fake_hide(f, "reset/" CARD, cases[i].can);
		snprintf(line, sizeof(line), "%s%s", cases[i].before, *cases[i].before ? "\n" : "");
		fake_put(f, DEV CARD "/reset_method", line);
		walk_start(&w, f);
		plan_add(&w.plan, &step_attr, DEV CARD "/reset_method", cases[i].before, "device_specific", "");
		assert_int_equal(apply(&w), 0);
		assert_string_equal(fake_get(f, DEV CARD "/reset_method"), "device_specific");
		undo(&w);
		if (!undo_complete(&w.undo) || record_any_open(&w.rec))
			fail_msg("'%s' is still open: %s", cases[i].before, text_str(&w.diary));
		assert_string_equal(fake_get(f, DEV CARD "/reset_method"), cases[i].left);
		if (strcmp(cases[i].left, cases[i].before) != 0)
			assert_non_null(strstr(text_str(&w.diary), "partly attr"));
		walk_end(&w);
	}
}

/* Cut off between the writes of one such restoration: half of the list is ours, not somebody else's. */
static void reset_method_cut_off(void **state)
{
	for (unsigned int n = 1; n < 12; n++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		_cleanup_text_ struct text diary = { 0 };
		struct undo_result u;
		struct walk w;
		bool killed;

		fake_hide(f, "reset/" CARD, "device_specific flr pm bus");
		fake_put(f, DEV CARD "/reset_method", "pm bus flr\n");
		walk_start(&w, f);
		plan_add(&w.plan, &step_attr, DEV CARD "/reset_method", "pm bus flr", "device_specific", "");
		assert_int_equal(apply(&w), 0);
		record_close(&w.rec); /* the process that undoes it has it to itself */
		fake_arm(f, FAKE_KERNEL, FAKE_KILL_AFTER, n, 0);
		killed = !WIFEXITED(fake_run(f, steps_undo, NULL));
		fake_disarm(f);
		w.f = NULL;
		if (killed)
			assert_int_equal(steps_recover(f, &u, &diary), 0);
		if (strcmp(fake_get(f, DEV CARD "/reset_method"), "pm flr") != 0)
			fail_msg("killed after write %u: %s\n%s", n, fake_get(f, DEV CARD "/reset_method"), text_str(&diary));
		plan_done(&w.plan);
		record_close(&w.rec);
		text_done(&w.diary);
		free(w.before);
		if (!killed)
			return;
	}
	fail_msg("no end of writes");
}

/* --- optional steps, effects --- */

static void optional_steps(void **state)
{
	struct walk w;

	walk_start(&w, fake_machine());
	steps_driver(w.f, &w.plan, CARD1, NULL);
	steps_driver(w.f, &w.plan, CARD, NULL);
	/* the card's only method is bus, and its audio function is on that bus */
	plan_add(&w.plan, &step_run, "pci-reset " CARD " " AMD_ID, NULL, "bus", "")->optional = true;
	plan_add(&w.plan, &step_attr, DEV CARD "/reset_method", "bus", "device_specific", "")->optional = true;
	assert_int_equal(apply(&w), 0);
	assert_non_null(strstr(text_str(&w.diary), "skipped run pci-reset " CARD " " AMD_ID ": " CARD " cannot be reset alone"));
	assert_non_null(strstr(text_str(&w.diary), "skipped attr"));
	undo(&w);
	assert_true(undo_complete(&w.undo));
	assert_as_before(&w);
	walk_end(&w);
}

static void required_step_fails(void **state)
{
	struct walk w;

	walk_start(&w, fake_machine());
	steps_driver(w.f, &w.plan, CARD, NULL);
	plan_add(&w.plan, &step_run, "pci-reset " CARD " " AMD_ID, NULL, "bus", "");
	assert_int_equal(apply(&w), -ENOTTY);
	assert_true(undo_complete(&w.undo));
	assert_as_before(&w);
	assert_false(record_any_open(&w.rec));
	walk_end(&w);
}

/* A reset that kills the card is never forgiven, optional or not. */
static void reset_kills_the_card(void **state)
{
	struct walk w;

	walk_start(&w, fake_machine());
	steps_prepare(w.f);
	fake_hide(w.f, "dies-in-reset/" CARD, "1");
	steps_driver(w.f, &w.plan, CARD, NULL);
	plan_add(&w.plan, &step_run, "pci-reset " CARD " " AMD_ID, NULL, "pm", "")->optional = true;
	assert_int_equal(apply(&w), -ENXIO);
	assert_non_null(strstr(w.e.text, "does not answer"));
	walk_end(&w);
}

static void processes_are_ended(void **state)
{
	struct walk w;
	uint64_t start;
	char target[64];
	int status;
	pid_t pid;

	if (!fake_processes_end())
		skip();
	pid = fork();
	if (pid == 0) {
		for (;;)
			pause();
	}
	walk_start(&w, fake_machine());
	assert_int_equal(proc_start(&w.f->root, pid, &start), 0);
	/* the pid with another start is another process: not ours to end */
	snprintf(target, sizeof(target), "process-end %d %llu", (int)pid, (unsigned long long)start + 1);
	plan_add(&w.plan, &step_run, target, NULL, "SIGTERM", "");
	assert_int_equal(apply(&w), 0);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	plan_done(&w.plan);
	snprintf(target, sizeof(target), "process-end %d %llu", (int)pid, (unsigned long long)start);
	plan_add(&w.plan, &step_run, target, NULL, "SIGTERM", "");
	assert_int_equal(apply(&w), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WTERMSIG(status), SIGTERM);
	plan_done(&w.plan);
	plan_add(&w.plan, &step_run, "process-end 1 1", NULL, "SIGTERM", "");
	assert_int_equal(apply(&w), -EINVAL);
	plan_done(&w.plan);
	plan_add(&w.plan, &step_run, "nosuch-effect 1", NULL, "x", "");
	assert_int_equal(apply(&w), -EINVAL);
	walk_end(&w);
}

/* One that does not end at SIGTERM is not asked again. */
static void processes_that_do_not_listen(void **state)
{
	struct walk w;
	uint64_t start;
	char target[64];
	int status;
	pid_t pid;

	if (!fake_processes_end())
		skip();
	signal(SIGTERM, SIG_IGN);
	pid = fork();
	if (pid == 0) {
		for (;;)
			pause();
	}
	signal(SIGTERM, SIG_DFL);
	assert_true(pid > 0);
	walk_start(&w, fake_machine());
	assert_int_equal(proc_start(&w.f->root, pid, &start), 0);
	snprintf(target, sizeof(target), "process-end %d %llu", (int)pid, (unsigned long long)start);
	plan_add(&w.plan, &step_run, target, NULL, "SIGTERM, then SIGKILL", "");
	assert_int_equal(apply(&w), 0);
	assert_int_equal(waitpid(pid, &status, WNOHANG), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	walk_end(&w);
}

/* --- consoles and units --- */

static void console_by_name(void **state)
{
	struct walk w;

	walk_start(&w, fake_machine());
	plan_add(&w.plan, &step_attr, "/sys/class/vtconsole/[name=(M) frame buffer device]/bind", "1", "0", "");
	steps_driver(w.f, &w.plan, BOOT, NULL);
	assert_int_equal(apply(&w), 0);
	/* with its last frame buffer the console itself is gone, and comes back under another number */
	undo(&w);
	assert_true(undo_complete(&w.undo));
	assert_as_before(&w);
	walk_end(&w);

	/* the console is gone for good: that is not foreign, and nothing is left to do */
	walk_start(&w, fake_machine());
	plan_add(&w.plan, &step_attr, "/sys/class/vtconsole/[name=(M) frame buffer device]/bind", "1", "0", "");
	assert_int_equal(apply(&w), 0);
	fake_bind(w.f, BOOT, "");
	undo(&w);
	assert_true(undo_complete(&w.undo));
	assert_int_equal(w.undo.foreign, 0);
	assert_non_null(strstr(text_str(&w.diary), "gone attr"));
	assert_false(record_any_open(&w.rec));
	walk_end(&w);
}

static void units(void **state)
{
	struct walk w;

	walk_start(&w, fake_machine());
	fake_unit(w.f, "a.service", "active");
	plan_add(&w.plan, &step_unit, "a.service", "active", "inactive", "");
	assert_int_equal(apply(&w), 0);
	assert_string_equal(fake_hidden(w.f, "units/a.service"), "inactive");
	undo(&w);
	assert_string_equal(fake_hidden(w.f, "units/a.service"), "active");
	/* one that is already down has nothing to be taken from */
	fake_unit(w.f, "a.service", "inactive");
	assert_int_equal(apply(&w), -ESTALE);
	/* one that failed while a VM had the card is down, as we left it: it is started again */
	fake_unit(w.f, "a.service", "active");
	assert_int_equal(apply(&w), 0);
	fake_unit(w.f, "a.service", "failed");
	undo(&w);
	assert_string_equal(fake_hidden(w.f, "units/a.service"), "active");
	walk_end(&w);
}

/* What a unit is after its start: on its way up is good enough, not to have come up is a failure that stays on record. */
static void units_that_start_slowly_or_not(void **state)
{
	struct walk w;

	walk_start(&w, fake_machine());
	fake_unit(w.f, "a.service", "active");
	plan_add(&w.plan, &step_unit, "a.service", "active", "inactive", "");
	assert_int_equal(apply(&w), 0);
	fake_hide(w.f, "starts-as/a.service", "activating");
	undo(&w);
	assert_true(undo_complete(&w.undo));
	assert_int_equal(w.undo.undone, 1);
	assert_string_equal(fake_hidden(w.f, "units/a.service"), "activating");
	assert_false(record_any_open(&w.rec));
	/* it is up as far as a hand-over is concerned, too */
	assert_int_equal(apply(&w), 0);
	fake_hide(w.f, "starts-as/a.service", "failed");
	undo(&w);
	assert_int_equal(w.undo.failed, 1);
	assert_int_equal(w.undo.undone, 0);
	assert_non_null(strstr(text_str(&w.diary), "left unit a.service: a.service is 'failed' after its start"));
	assert_true(record_any_open(&w.rec));
	fake_hide(w.f, "starts-as/a.service", "active");
	undo(&w);
	assert_true(undo_complete(&w.undo));
	assert_string_equal(fake_hidden(w.f, "units/a.service"), "active");
	assert_false(record_any_open(&w.rec));
	walk_end(&w);
}

/* A unit that does not stop: the step fails, and is not kept, since nothing has changed. */
static void units_that_do_not_stop(void **state)
{
	struct walk w;

	walk_start(&w, fake_machine());
	fake_unit(w.f, "a.service", "active");
	fake_hide(w.f, "stops-as/a.service", "active");
	w.en.job_timeout_ms = 200;
	plan_add(&w.plan, &step_unit, "a.service", "active", "inactive", "");
	assert_int_equal(apply(&w), -ETIME);
	assert_non_null(strstr(w.e.text, "a.service is still 'active'"));
	assert_false(record_any_open(&w.rec));
	/* one that fails on its way down is down */
	fake_hide(w.f, "stops-as/a.service", "failed");
	assert_int_equal(apply(&w), 0);
	undo(&w);
	assert_string_equal(fake_hidden(w.f, "units/a.service"), "active");
	walk_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(changed_before_its_turn),
		cmocka_unit_test(probe_fails_silently),
		cmocka_unit_test(no_iommu),
		cmocka_unit_test(home_refuses),
		cmocka_unit_test(foreign_driver_is_left),
		cmocka_unit_test(foreign_override_is_left),
		cmocka_unit_test(foreign_attribute_and_file_are_left),
		cmocka_unit_test(put_back_by_somebody_else),
		cmocka_unit_test(stray_card_goes_home),
		cmocka_unit_test(found_unbound_left_unbound),
		cmocka_unit_test(reserved_card_is_no_stray),
		cmocka_unit_test(new_id_does_not_pull_it_back),
		cmocka_unit_test(administrators_override_comes_back),
		cmocka_unit_test(idle_override_comes_back),
		cmocka_unit_test(another_device_at_the_address),
		cmocka_unit_test(function_gone),
		cmocka_unit_test(gone_at_every_write),
		cmocka_unit_test(modules_are_loaded),
		cmocka_unit_test(no_such_driver),
		cmocka_unit_test(reset_method_as_far_as_possible),
		cmocka_unit_test(reset_method_cut_off),
		cmocka_unit_test(optional_steps),
		cmocka_unit_test(required_step_fails),
		cmocka_unit_test(reset_kills_the_card),
		cmocka_unit_test(processes_are_ended),
		cmocka_unit_test(processes_that_do_not_listen),
		cmocka_unit_test(console_by_name),
		cmocka_unit_test(units),
		cmocka_unit_test(units_that_start_slowly_or_not),
		cmocka_unit_test(units_that_do_not_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
