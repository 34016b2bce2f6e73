/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines that were taken out of a container's configuration come back: after a power cut, with quorum, in their turn. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/exec.h"
#include "flow/holding.h"
#include "flow/late.h"
#include "flow/watch.h"
#include "plan/claim.h"
#include "plan/step_config.h"
#include "plan/step_guest.h"
#include "tests/fake/steps.h"
#include "tests/fake/vm.h"

#define CONF	"/etc/pve/lxc/200.conf"
#define LEASE	"/var/lib/gpupt/lease/101"
#define WHOLE	"arch: amd64\ndev0: /dev/dri/card1\nrootfs: x\nlxc.a: 1\nlxc.mount.entry: /dev/dri dev/dri none bind\nlxc.b: 1\n"
#define WITHOUT "arch: amd64\nrootfs: x\nlxc.a: 1\nlxc.b: 1\n"

static void assert_text(struct fake *f, const char *want)
{
	_cleanup_free_ char *now = NULL;

	assert_int_equal(root_read(&f->root, CONF, 1 << 20, &now, NULL), 0);
	assert_string_equal(now, want);
}

static void assert_says(const struct text *t, const char *what)
{
	if (!strstr(text_str(t), what))
		fail_msg("no '%s' in: %s", what, text_str(t));
}

/* A `pct` that starts and stops containers, of which the hidden file "deaf" says that they do not hear. Its calls are in "pct-calls". */
static int pct(void *ctx, char *const argv[], struct exec_result *ret)
{
	struct fake *f = ctx;
	char calls[512];
	bool start;

	if (!str_eq(argv[0], "pct"))
		return fake_exec(ctx, argv, ret);
	*ret = (struct exec_result){ 0 };
	snprintf(calls, sizeof(calls), "%s %s", fake_hidden(f, "pct-calls"), argv[1]);
	fake_hide(f, "pct-calls", calls);
	start = str_eq(argv[1], "start");
	if (!start && fake_is_hidden(f, "deaf")) {
		ret->status = 255;
		return 0;
	}
	fake_put(f, "/proc/net/unix", start ? "0: 2 0 10000 1 1 1 @/var/lib/lxc/200/command\n" : "");
	return 0;
}

/* VM 101 has CARD; CT 200 was stopped for it, and with, or without, its start runs without its lines. */
static struct fake *detached(bool started)
{
	struct fake *f = fake_machine();
	_cleanup_record_ struct record rec = { .fd = -1 };
	_cleanup_free_ char *text = NULL;
	_cleanup_config_ struct config cfg = { 0 };
	_cleanup_plan_ struct plan p = { 0 };
	_cleanup_text_ struct text target = { 0 };
	_cleanup_vm_ struct vm_result v = { 0 };
	static const size_t lines[] = { 1, 4 };
	struct engine en;
	struct err e = { "" };

	f->hooks.exec = pct;
	fake_put(f, CONF, WHOLE);
	fake_put(f, "/proc/net/unix", "0: 2 0 10000 1 1 1 @/var/lib/lxc/200/command\n");
	vm_start(f, 101, false, &v);
	assert_int_equal(v.r, 0);
	guest_target(&(struct guest_stop){ .vmid = 200, .timeout_s = 5 }, &target);
	plan_add(&p, &step_guest, text_str(&target), "running", "stopped", "it has " CARD);
	assert_int_equal(config_load(&f->root, GUEST_CT, 200, &cfg, &e), 0);
	assert_int_equal(config_steps(&p, &cfg, lines, ARRAY_SIZE(lines), "it has " CARD), 0);
	if (started)
		plan_add(&p, &step_guest, text_str(&target), "stopped", "running", "it had " CARD);
	/* in the place where the record of a lease with such steps is made */
	assert_int_equal(root_read(&f->root, "/run/gpupt/lease/101", 1 << 20, &text, NULL), 0);
	fake_put(f, LEASE, text);
	fake_remove(f, "/run/gpupt/lease");
	assert_int_equal(holding_open(&f->root, 101, &rec, &e), 0);
	steps_engine(f, 5000, NULL, &en);
	if (plan_apply(&en, &p, &rec, NULL, &e) < 0)
		fail_msg("%s", e.text);
	assert_text(f, WITHOUT);
	assert_string_equal(fake_hidden(f, "pct-calls"), started ? " shutdown start" : " shutdown");
	fake_hide(f, "pct-calls", "");
	return f;
}

/* The power is cut: what /run knew is gone, nothing runs. */
static struct fake *cut_off(void)
{
	struct fake *f = detached(true);

	fake_put(f, "/proc/net/unix", "");
	fake_reboot(f);
	return f;
}

static void take_home(struct fake *f)
{
	_cleanup_vm_ struct vm_result v = { 0 };

	fake_hide(f, "watcher", "comes");
	vm_stop(f, 101, &v);
	assert_int_equal(v.r, 0);
	assert_text(f, WITHOUT);
}

static void say(void *ctx, const char *line)
{
	text_addf(ctx, "%s\n", line);
}

/* gpupt-reconcile.service. */
static int boot(struct fake *f, unsigned int quorum_wait_ms, struct undo_result *u, struct text *said)
{
	_cleanup_settings_ struct settings s = { 0 };
	struct report report = { .say = say, .complain = say, .ctx = said };
	struct release rel = {
		.root = &f->root, .settings = &s, .unattended = true, .quorum_wait_ms = quorum_wait_ms, .report = &report,
	};
	struct err e = { "" };
	int k;

	settings_default(&s);
	fake_hide(f, "watcher", "comes");
	k = reconcile_run(&rel, u, &e);
	text_addf(said, "%s\n", e.text);
	return k;
}

static void assert_settled(struct fake *f)
{
	assert_text(f, WHOLE);
	assert_false(fake_exists(f, LEASE));
	assert_false(fake_exists(f, "/run/gpupt/watch/101"));
	/* to start it is Proxmox VE's affair now */
	assert_string_equal(fake_hidden(f, "pct-calls"), "");
}

/* --- without a power cut --- */

static void in_their_order(void **state)
{
	_cleanup_fake_ struct fake *f = detached(true);
	_cleanup_vm_ struct vm_result late = { 0 };

	take_home(f);
	assert_string_equal(fake_hidden(f, "pct-calls"), "");
	vm_late(f, 101, &late);
	assert_int_equal(late.r, 0);
	assert_string_equal(fake_hidden(f, "pct-calls"), " shutdown start");
	assert_text(f, WHOLE);
	assert_false(fake_exists(f, LEASE));
}

/* One that does not stop keeps running, and nothing behind that is done; the next try does all of it. */
static void a_container_that_does_not_stop(void **state)
{
	_cleanup_fake_ struct fake *f = detached(true);
	_cleanup_vm_ struct vm_result deaf = { 0 }, late = { 0 };

	take_home(f);
	fake_hide(f, "deaf", "1");
	vm_late(f, 101, &deaf);
	assert_int_equal(deaf.r, -EUCLEAN);
	assert_int_equal(deaf.undo.failed, 4);
	assert_text(f, WITHOUT);
	assert_string_equal(fake_hidden(f, "pct-calls"), " shutdown");
	fake_hide(f, "pct-calls", "");
	unlink(fake_hidden_path(f, (char[PATH_MAX]){ 0 }, "deaf"));
	vm_late(f, 101, &late);
	assert_int_equal(late.r, 0);
	assert_string_equal(fake_hidden(f, "pct-calls"), " shutdown start");
	assert_text(f, WHOLE);
	assert_false(fake_exists(f, LEASE));
}

/* The container goes on without its card until everything can be done: it is not stopped for a start that has to wait. */
static void without_quorum_nothing_is_stopped(void **state)
{
	_cleanup_fake_ struct fake *f = detached(true);
	_cleanup_free_ char *before = NULL, *after = NULL;
	struct vm_result v[3] = { 0 };

	take_home(f);
	fake_quorum(f, false);
	vm_late(f, 101, &v[0]);
	assert_int_equal(v[0].r, -EAGAIN);
	assert_non_null(strstr(v[0].e.text, "no quorum"));
	assert_int_equal(root_read(&f->root, LEASE, 1 << 20, &before, NULL), 0);
	vm_late(f, 101, &v[1]);
	assert_int_equal(root_read(&f->root, LEASE, 1 << 20, &after, NULL), 0);
	assert_string_equal(before, after); /* a try that was none leaves nothing on record: it may take days */
	assert_string_equal(fake_hidden(f, "pct-calls"), "");
	fake_quorum(f, true);
	vm_late(f, 101, &v[2]);
	assert_int_equal(v[2].r, 0);
	assert_text(f, WHOLE);
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		vm_result_done(&v[i]);
}

/* --- after a power cut --- */

static void a_power_cut(void **state)
{
	_cleanup_fake_ struct fake *f = cut_off();
	_cleanup_text_ struct text said = { 0 };
	struct undo_result u;

	assert_int_equal(boot(f, 0, &u, &said), 0);
	assert_int_equal(u.undone, 2);
	assert_settled(f);
}

/* The card hangs on vfio-pci, and somebody has it open there: the lines do not wait for it. */
static void the_card_is_not_home(void **state)
{
	_cleanup_fake_ struct fake *f = cut_off();
	_cleanup_text_ struct text said = { 0 };
	struct undo_result u;

	fake_bind(f, CARD, "vfio-pci");
	fake_holder(f, 4001, "qemu", "/user.slice", "511:15", "/dev/vfio/15");
	assert_int_equal(boot(f, 0, &u, &said), -EUCLEAN);
	assert_says(&said, "still has a GPU of VM 101 open");
	assert_text(f, WHOLE);
}

/* The VM's backup was under way, and has left its lock in the configuration. */
static void the_vm_was_backed_up(void **state)
{
	_cleanup_fake_ struct fake *f = cut_off();
	_cleanup_text_ struct text said = { 0 };
	_cleanup_free_ char *conf = NULL;
	struct undo_result u;

	assert_int_equal(root_read(&f->root, "/etc/pve/qemu-server/101.conf", 1 << 20, &conf, NULL), 0);
	fake_putf(f, "/etc/pve/qemu-server/101.conf", "lock: backup\n%s", conf);
	assert_int_equal(boot(f, 0, &u, &said), 0);
	assert_settled(f);
}

/* Quorum does not come in time: a watcher waits on, and has them back before anything else. */
static void no_quorum_at_boot(void **state)
{
	_cleanup_fake_ struct fake *f = cut_off();
	_cleanup_text_ struct text said = { 0 };
	_cleanup_vm_ struct vm_result late = { 0 };
	struct undo_result u;

	fake_quorum(f, false);
	assert_int_equal(boot(f, 1, &u, &said), 0);
	assert_says(&said, "no quorum");
	assert_text(f, WITHOUT);
	assert_true(fake_exists(f, "/run/gpupt/watch/101"));
	fake_quorum(f, true);
	vm_late(f, 101, &late);
	assert_int_equal(late.r, 0);
	fake_remove(f, "/run/gpupt/watch/101");
	assert_settled(f);
}

/* Quorum comes in a moment, by another process. */
static pid_t quorum_soon(struct fake *f)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		sleep_ms(300);
		fake_quorum(f, true);
		_exit(0);
	}
	return pid;
}

static void quorum_is_waited_for(void **state)
{
	_cleanup_fake_ struct fake *f = cut_off();
	_cleanup_text_ struct text said = { 0 };
	struct undo_result u;
	pid_t pid;

	fake_quorum(f, false);
	pid = quorum_soon(f);
	assert_int_equal(boot(f, 60000, &u, &said), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_settled(f);
}

static int watch(struct fake *f, void *ctx)
{
	struct report report = { .vmid = 101 };
	struct release rel = { .root = &f->root, .vmid = 101, .unattended = true, .report = &report };
	struct err e;

	return watch_run(&rel, &e) < 0;
}

static void the_watcher_waits_for_quorum(void **state)
{
	_cleanup_fake_ struct fake *f = cut_off();
	pid_t pid;

	fake_quorum(f, false);
	pid = quorum_soon(f);
	assert_int_equal(fake_run(f, watch, NULL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_settled(f);
}

/* pve-cluster did not come up: no container can be seen, and none is taken for gone. */
static void no_pmxcfs_at_boot(void **state)
{
	_cleanup_fake_ struct fake *f = cut_off();
	_cleanup_text_ struct text said = { 0 }, later = { 0 };
	char from[PATH_MAX], to[PATH_MAX];
	struct undo_result u;

	assert_int_equal(rename(fake_path(f, from, "/etc/pve"), fake_path(f, to, "/etc/pve.away")), 0);
	assert_int_equal(boot(f, 1, &u, &said), 0);
	assert_says(&said, "pve-cluster");
	assert_true(fake_exists(f, LEASE));
	assert_int_equal(rename(to, from), 0);
	fake_remove(f, "/run/gpupt/watch/101");
	assert_int_equal(boot(f, 0, &u, &later), 0);
	assert_settled(f);
}

/* A task is at work on the container: a watcher tries again. */
static void locked_at_boot(void **state)
{
	_cleanup_fake_ struct fake *f = cut_off();
	_cleanup_text_ struct text said = { 0 };
	struct undo_result u;

	fake_put(f, CONF, "lock: migrate\n" WITHOUT);
	assert_int_equal(boot(f, 0, &u, &said), -EUCLEAN);
	assert_says(&said, "CT 200 is locked (migrate)");
	assert_true(fake_exists(f, "/run/gpupt/watch/101"));
	fake_put(f, CONF, WITHOUT);
	fake_remove(f, "/run/gpupt/watch/101");
	assert_int_equal(fake_run(f, watch, NULL), 0);
	assert_settled(f);
}

static void another_vm_has_the_card_by_now(void **state)
{
	_cleanup_fake_ struct fake *f = cut_off();
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 }, late = { 0 };

	fake_put(f, "/etc/pve/qemu-server/102.conf", "hostpci0: 0000:01:00\n");
	vm_start(f, 102, false, &v);
	assert_int_equal(v.r, 0);
	vm_reconcile(f, 101, &late);
	assert_text(f, WITHOUT);
	assert_true(fake_exists(f, LEASE));
	vm_stop(f, 102, &w);
	assert_int_equal(w.r, 0);
	vm_result_done(&late);
	vm_reconcile(f, 101, &late);
	assert_int_equal(late.r, 0);
	assert_settled(f);
}

/* A dry run shows what is left of such a lease, and nothing of what has lapsed. */
static void shown_only(void **state)
{
	_cleanup_fake_ struct fake *f = cut_off();
	_cleanup_text_ struct text said = { 0 };
	struct report report = { .say = say, .complain = say, .ctx = &said };
	struct release rel = { .root = &f->root, .vmid = 101, .dry_run = true, .report = &report };
	struct err e = { "" };

	assert_int_equal(release_run(&rel, NULL, &e), 0);
	assert_says(&said, "(absent) -> dev0: /dev/dri/card1");
	assert_says(&said, "(absent) -> lxc.mount.entry: /dev/dri dev/dri none bind");
	assert_null(strstr(text_str(&said), "vfio-pci"));
	assert_null(strstr(text_str(&said), "running"));
	assert_text(f, WITHOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_their_order),
		cmocka_unit_test(a_container_that_does_not_stop),
		cmocka_unit_test(without_quorum_nothing_is_stopped),
		cmocka_unit_test(a_power_cut),
		cmocka_unit_test(the_card_is_not_home),
		cmocka_unit_test(the_vm_was_backed_up),
		cmocka_unit_test(no_quorum_at_boot),
		cmocka_unit_test(quorum_is_waited_for),
		cmocka_unit_test(the_watcher_waits_for_quorum),
		cmocka_unit_test(no_pmxcfs_at_boot),
		cmocka_unit_test(locked_at_boot),
		cmocka_unit_test(another_vm_has_the_card_by_now),
		cmocka_unit_test(shown_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
