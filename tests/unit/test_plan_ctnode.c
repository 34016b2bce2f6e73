/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ctnode step over the fake machine, whose cards get new numbers with each bind: what is kept, what is renewed, what is left alone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "plan/ctnode.h"
#include "tests/fake/inside.h"
#include "tests/fake/steps.h"

#define RENDER "/dev/dri/renderD128"
#define TARGET "lxc/200 " CARD " " AMD_ID " renderD 226:128 init=4711,99 allow=rw node=" RENDER

static void targets(void **state)
{
	static const char *const good[] = {
		TARGET,
		"lxc/200 " CARD " " AMD_ID " renderD 226:128 init=4711,99 allow=- node=/opt/my%20card%25",
		"lxc/200 " CARD " " AMD_ID " controlC 116:2 init=1,0 allow=r+rwm dir=/dev/snd from=/dev/snd",
	};
	static const char *const bad[] = {
		"",
		"lxc/200",
		"ct/200 " CARD " " AMD_ID " renderD 226:128 init=4711,99 allow=rw node=" RENDER,
		"lxc/20 " CARD " " AMD_ID " renderD 226:128 init=4711,99 allow=rw node=" RENDER,
		"lxc/200 0000:01:00 " AMD_ID " renderD 226:128 init=4711,99 allow=rw node=" RENDER,
		"lxc/200 " CARD " 1002 renderD 226:128 init=4711,99 allow=rw node=" RENDER,
		"lxc/200 " CARD " " AMD_ID " renderD 226 init=4711,99 allow=rw node=" RENDER,
		"lxc/200 " CARD " " AMD_ID " renderD 226:128 init=0,99 allow=rw node=" RENDER,
		"lxc/200 " CARD " " AMD_ID " renderD 226:128 init=4711 allow=rw node=" RENDER,
		"lxc/200 " CARD " " AMD_ID " renderD 226:128 init=4711,99 allow=rr node=" RENDER,
		"lxc/200 " CARD " " AMD_ID " renderD 226:128 init=4711,99 allow=rw+rw node=" RENDER,
		"lxc/200 " CARD " " AMD_ID " renderD 226:128 init=4711,99 allow=x node=" RENDER,
		"lxc/200 " CARD " " AMD_ID " renderD 226:128 init=4711,99 allow=rw node=dev",
		"lxc/200 " CARD " " AMD_ID " renderD 226:128 init=4711,99 allow=rw node=/%2",
		"lxc/200 " CARD " " AMD_ID " renderD 226:128 init=4711,99 allow=rw node=/%00",
		"lxc/200 " CARD " " AMD_ID " renderD 226:128 init=4711,99 allow=rw node=/a%62",
		"lxc/200 " CARD " " AMD_ID " renderD 226:128 init=4711,99 allow=rw dir=/dev/dri",
		"lxc/200 " CARD " " AMD_ID " renderD 226:128 init=4711,99 allow=rw node=/dev/dri from=/dev/dri",
		TARGET " ",
		TARGET " more",
	};
	struct step s = { .kind = &step_ctnode, .target = (char[]){ TARGET } };
	struct bdf b;

	assert_ptr_equal(step_kind_find("ctnode"), &step_ctnode);
	assert_true(step_ctnode.late && step_ctnode.follows && !step_ctnode.survives_reboot);
	assert_true(step_about(&s, &b) && bdf_eq(b, fake_bdf(CARD)));
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		_cleanup_ctnode_ struct ctnode n = { 0 };
		_cleanup_text_ struct text t = { 0 };

		assert_int_equal(ctnode_parse(good[i], &n), 0);
		ctnode_target(&n, &t);
		assert_string_equal(text_str(&t), good[i]);
		assert_int_equal(n.vmid, 200);
		if (i == 1)
			assert_string_equal(n.path, "/opt/my card%");
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ctnode n = { 0 };

		if (ctnode_parse(bad[i], &n) != -EINVAL || n.path || n.from)
			fail_msg("'%s'", bad[i]);
	}
}

static void values(void **state)
{
	static const char *const bad[] = { "", "absent", "0:44", "0:44 660", "0:44 0660 ", " 0:44 0660", "0:44 00660", "-1:0 0660",
					   "0:44 0680", "stale missing", "hosts", "4294967296:0 0660" };
	struct ctnode_value v;

	assert_int_equal(ctnode_value_parse("100000:100044 0660", &v), 0);
	assert_true(!v.host && v.uid == 100000 && v.gid == 100044 && v.mode == 0660);
	assert_int_equal(ctnode_value_parse("host", &v), 0);
	assert_true(v.host);
	assert_int_equal(ctnode_value_parse(NULL, &v), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (ctnode_value_parse(bad[i], &v) != -EINVAL)
			fail_msg("'%s'", bad[i]);
}

static void allowed(void **state)
{
	struct ctnode n = { 0 };

	ctnode_allow(&n, "rw");
	ctnode_allow(&n, "rwm");
	ctnode_allow(&n, "rw");
	ctnode_allow(&n, "");
	ctnode_allow(&n, "rwx");
	ctnode_allow(&n, "rwmr");
	ctnode_allow(&n, "r");
	assert_string_equal(n.allow, "rw+rwm+r");
	ctnode_allow(&n, "wm");
	ctnode_allow(&n, "mrw");
	ctnode_allow(&n, "w"); /* no room */
	assert_string_equal(n.allow, "rw+rwm+r+wm+mrw");
}

/* A machine, a container with a node of the card, and a hand-over. */
struct walk {
	struct fake *f;
	struct proc_id init;
	struct engine en;
	struct plan plan;
	struct record rec;
	struct text diary;
	struct undo_result undo;
	struct err e;
	char old[16]; /* the card's number */
};

/* Its render node: the number is the card's only one with a role "renderD". */
static const char *render_number(const struct fake *f)
{
	static char number[16];
	unsigned int n = 0;

	sscanf(fake_dev(f, CARD, "drm"), "226:%u", &n);
	snprintf(number, sizeof(number), "226:%u", n < 128 ? n + 128 : n);
	return number;
}

static char *target(const struct walk *w, const char *allow, const char *path, char buf[static PATH_MAX])
{
	return path_f(buf, "lxc/200 " CARD " " AMD_ID " renderD %s init=%d,%llu allow=%s node=%s", w->old, (int)w->init.pid,
		      (unsigned long long)w->init.start, allow, path);
}

static int get(struct walk *w, const char *t, char value[static 64])
{
	struct step s = { .kind = &step_ctnode, .target = (char *)(uintptr_t)t };
	_cleanup_free_ char *now = NULL;
	int k = s.kind->get(&w->en, &s, &now, &w->e);

	if (k == 0)
		snprintf(value, 64, "%s", now ? now : "(absent)");
	return k;
}

static void walk_start(struct walk *w, bool privileged)
{
	*w = (struct walk){ .f = fake_machine(), .rec.fd = -1 };
	/* the number that it has now is taken when it comes back */
	fake_hide(w->f, "drm-from", "10");
	steps_engine(w->f, 5000, &w->diary, &w->en);
	fake_inside(w->f, privileged, &w->init);
	snprintf(w->old, sizeof(w->old), "%s", render_number(w->f));
	fake_node(w->f, w->init.pid, RENDER, w->old, 0660);
}

static void walk_end(struct walk *w)
{
	plan_done(&w->plan);
	record_close(&w->rec);
	text_done(&w->diary);
	fake_free(w->f);
}

static void want_node(struct walk *w, const char *t, char before[static 64])
{
	assert_int_equal(get(w, t, before), 0);
	assert_non_null(plan_add(&w->plan, &step_ctnode, t, before, NULL, "CT 200 keeps running"));
}

static int apply(struct walk *w)
{
	assert_int_equal(record_create(&w->f->root, STEPS_RECORD, &w->rec, &w->e), 0);
	steps_driver(w->f, &w->plan, CARD, NULL);
	assert_int_equal(plan_check(&w->en, &w->plan, &w->e), 0);
	return plan_apply(&w->en, &w->plan, &w->rec, NULL, &w->e);
}

static void undo(struct walk *w)
{
	text_done(&w->diary);
	record_undo(&w->en, &w->rec, NULL, NULL, &w->undo);
}

/* The node in the container is the card's, with that mode. */
static void node_is(const struct walk *w, const char *path, const char *mode)
{
	char want[48];

	snprintf(want, sizeof(want), "%s %s", render_number(w->f), mode);
	assert_string_equal(fake_node_get(w->f, w->init.pid, path), want);
}

static void comes_back(void **state)
{
	char t[PATH_MAX], before[64], now[64], want[160];
	struct walk w;

	walk_start(&w, false);
	want_node(&w, target(&w, "rw", RENDER, t), before);
	snprintf(want, sizeof(want), "%u:%u 0660", getuid(), getgid());
	assert_string_equal(before, want);
	assert_int_equal(apply(&w), 0);
	assert_int_equal(get(&w, t, now), 0);
	assert_string_equal(now, "(absent)");
	assert_string_equal(fake_lxc_calls(w.f), "");
	undo(&w);
	assert_true(undo_complete(&w.undo) && w.undo.undone == 2 && w.undo.foreign == 0);
	assert_false(record_any_open(&w.rec));
	assert_string_not_equal(render_number(w.f), w.old);
	node_is(&w, RENDER, "0660");
	assert_int_equal(get(&w, t, now), 0);
	assert_string_equal(now, before);
	/* what an unprivileged container may not is named one by one: no denial is made */
	snprintf(want, sizeof(want), "200 devices.allow c %s rw;", render_number(w.f));
	assert_string_equal(fake_lxc_calls(w.f), want);
	walk_end(&w);
}

static void rules_of_a_privileged_one(void **state)
{
	char t[PATH_MAX], second[PATH_MAX], before[64], want[400];
	struct walk w;

	walk_start(&w, true);
	fake_node(w.f, w.init.pid, "/dev/gpu", w.old, 0600);
	want_node(&w, target(&w, "r+rwm", RENDER, t), before);
	want_node(&w, target(&w, "r+rwm", "/dev/gpu", second), before);
	assert_int_equal(apply(&w), 0);
	undo(&w);
	assert_true(undo_complete(&w.undo) && w.undo.undone == 3);
	node_is(&w, RENDER, "0660");
	node_is(&w, "/dev/gpu", "0600");
	/* the last step first; the old number is denied when the last node with it is gone */
	snprintf(want, sizeof(want), "200 devices.allow c %s r;200 devices.allow c %s rwm;", render_number(w.f), render_number(w.f));
	assert_true(str_starts(fake_lxc_calls(w.f), want));
	snprintf(want, sizeof(want), "200 devices.allow c %s r;200 devices.deny c %s r;", render_number(w.f), w.old);
	assert_non_null(strstr(fake_lxc_calls(w.f), want));
	snprintf(want, sizeof(want), "200 devices.allow c %s rwm;200 devices.deny c %s rwm;", render_number(w.f), w.old);
	assert_non_null(strstr(fake_lxc_calls(w.f), want));
	walk_end(&w);
}

/* A mount of the host's node is a mount of the host's node again. */
static void host_node(void **state)
{
	char t[PATH_MAX], before[64], path[PATH_MAX];
	struct walk w;

	walk_start(&w, true);
	fake_node(w.f, 0, path_f(path, "/dev/dri/renderD%s", w.old + strlen("226:")), w.old, 0664);
	fake_node_mount(w.f, w.init.pid, RENDER, path);
	want_node(&w, target(&w, "-", RENDER, t), before);
	assert_string_equal(before, "host");
	assert_int_equal(apply(&w), 0);
	fake_node_gone(w.f, 0, path);
	/* the card comes home, and with it its node, by another number */
	record_undo(&w.en, &w.rec, NULL, NULL, &w.undo);
	assert_int_equal(w.undo.failed, 1); /* the host's node is not there yet */
	fake_node(w.f, 0, path_f(path, "/dev/dri/renderD%s", render_number(w.f) + strlen("226:")), render_number(w.f), 0640);
	undo(&w);
	assert_true(undo_complete(&w.undo) && w.undo.undone == 1);
	node_is(&w, RENDER, "0640");
	assert_string_equal(fake_lxc_calls(w.f), "");
	walk_end(&w);
}

/* A plan that fails puts the node back behind the card. */
static void start_fails(void **state)
{
	char t[PATH_MAX], before[64];
	struct walk w;

	walk_start(&w, false);
	want_node(&w, target(&w, "rw", RENDER, t), before);
	fake_refuse_bind(w.f, CARD, "vfio-pci");
	assert_true(apply(&w) < 0);
	assert_false(record_any_open(&w.rec));
	node_is(&w, RENDER, "0660");
	walk_end(&w);
}

static void restarted(void **state)
{
	char t[PATH_MAX], before[64], now[64];
	unsigned int seq;
	struct walk w;

	walk_start(&w, false);
	want_node(&w, target(&w, "rw", RENDER, t), before);
	free(w.plan.steps[0].target); /* recorded of a process that has ended since */
	w.init.start++;
	w.plan.steps[0].target = strdup(target(&w, "rw", RENDER, t));
	assert_int_equal(record_create(&w.f->root, STEPS_RECORD, &w.rec, &w.e), 0);
	assert_int_equal(record_begin(&w.rec, &w.plan.steps[0], &seq, &w.e), 0);
	assert_int_equal(record_mark(&w.rec, seq, RECORD_DONE, &w.e), 0);
	assert_int_equal(get(&w, t, now), -ENODEV);
	assert_non_null(strstr(w.e.text, "CT 200"));
	undo(&w);
	assert_true(undo_complete(&w.undo) && w.undo.undone == 0);
	assert_false(record_any_open(&w.rec));
	assert_non_null(strstr(text_str(&w.diary), "gone ctnode"));
	walk_end(&w);
}

/* What the container, or its administrator, has made of the place meanwhile. */
static void left_alone(void **state)
{
	static const struct {
		const char *number;
		bool renewed;
	} cases[] = { { "1:3", false }, { "link", false }, { "dir", false }, { NULL, true }, { "file", true } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char t[PATH_MAX], before[64], path[PATH_MAX];
		struct walk w;

		walk_start(&w, false);
		want_node(&w, target(&w, "rw", RENDER, t), before);
		assert_int_equal(apply(&w), 0);
		fake_node_gone(w.f, w.init.pid, RENDER);
		path_f(path, "/proc/%d/root" RENDER, (int)w.init.pid);
		if (str_eq(cases[i].number, "link"))
			fake_link(w.f, path, "/dev/null");
		else if (str_eq(cases[i].number, "dir"))
			fake_mkdir(w.f, path);
		else if (str_eq(cases[i].number, "file"))
			fake_put(w.f, path, "");
		else if (cases[i].number)
			fake_node(w.f, w.init.pid, RENDER, cases[i].number, 0660);
		undo(&w);
		assert_true(undo_complete(&w.undo));
		assert_int_equal(w.undo.foreign, !cases[i].renewed);
		assert_false(record_any_open(&w.rec));
		if (cases[i].renewed)
			node_is(&w, RENDER, "0660");
		else
			assert_string_equal(fake_lxc_calls(w.f), "");
		walk_end(&w);
	}
}

static bool only_nodes(void *ctx, const struct step *s)
{
	return s->kind == &step_ctnode;
}

static void not_home(void **state)
{
	char t[PATH_MAX], before[64];
	struct walk w;

	walk_start(&w, false);
	want_node(&w, target(&w, "rw", RENDER, t), before);
	assert_int_equal(apply(&w), 0);
	fake_refuse_bind(w.f, CARD, "radeon");
	undo(&w);
	assert_true(w.undo.failed == 2 && record_any_open(&w.rec));
	assert_non_null(strstr(text_str(&w.diary), "waits for that"));
	/* it has gone to vfio-pci for good: there is no node any more, and that is told */
	fake_override(w.f, CARD, "");
	fake_bind(w.f, CARD, "");
	fake_bind(w.f, CARD, "vfio-pci");
	text_done(&w.diary);
	record_undo(&w.en, &w.rec, only_nodes, NULL, &w.undo);
	assert_non_null(strstr(text_str(&w.diary), "partly ctnode"));
	assert_non_null(strstr(text_str(&w.diary), "has no node like " RENDER " in CT 200"));
	walk_end(&w);
}

static void cannot_be_renewed(void **state)
{
	char t[PATH_MAX], before[64], was[64];
	struct walk w;

	walk_start(&w, false);
	want_node(&w, target(&w, "rw", RENDER, t), before);
	snprintf(was, sizeof(was), "%s 0660", w.old);
	assert_int_equal(apply(&w), 0);
	fake_hide(w.f, "lxc-fails", "1");
	undo(&w);
	assert_true(w.undo.failed == 1 && record_any_open(&w.rec));
	assert_non_null(strstr(text_str(&w.diary), "left ctnode"));
	/* without its rule the node is none either */
	assert_string_equal(fake_node_get(w.f, w.init.pid, RENDER), was);
	fake_hidden_path(w.f, t, "lxc-fails");
	assert_int_equal(unlink(t), 0);
	undo(&w);
	assert_true(undo_complete(&w.undo) && w.undo.undone == 1);
	node_is(&w, RENDER, "0660");
	walk_end(&w);
}

static int undo_alone(struct fake *f, void *ctx)
{
	return steps_undo(f, ctx);
}

/* Killed before and behind every call of the way back, and called once more. */
static void killed_on_the_way_back(void **state)
{
	static const enum fake_fault faults[] = { FAKE_KILL_BEFORE, FAKE_KILL_AFTER };
	unsigned int total = 0;

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		for (unsigned int at = 1;; at += FAKE_EVERY) {
			char t[PATH_MAX], before[64];
			struct undo_result u;
			struct walk w;
			int status;

			walk_start(&w, true);
			want_node(&w, target(&w, "rw", RENDER, t), before);
			assert_int_equal(apply(&w), 0);
			record_close(&w.rec);
			w.rec = (struct record){ .fd = -1 };
			fake_arm(w.f, FAKE_KERNEL | FAKE_STORAGE, faults[i], at, 0);
			status = fake_run(w.f, undo_alone, NULL);
			fake_disarm(w.f);
			steps_recover(w.f, &u, NULL);
			assert_true(undo_complete(&u) && u.foreign == 0);
			node_is(&w, RENDER, "0660");
			walk_end(&w);
			if (WIFEXITED(status))
				break;
			total++;
		}
	}
	assert_true(total > 5);
	fake_tally("crash-points", total, "the way back with a node in a container");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets),	 cmocka_unit_test(values),
		cmocka_unit_test(allowed),	 cmocka_unit_test(comes_back),
		cmocka_unit_test(host_node),	 cmocka_unit_test(rules_of_a_privileged_one),
		cmocka_unit_test(start_fails),	 cmocka_unit_test(restarted),
		cmocka_unit_test(left_alone),	 cmocka_unit_test(not_home),
		cmocka_unit_test(cannot_be_renewed), cmocka_unit_test(killed_on_the_way_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
