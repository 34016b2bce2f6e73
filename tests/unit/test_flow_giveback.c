/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way back where something has changed meanwhile: what is home already, who came in between, services that come back late, a node
 * that goes down, a gpupt.conf that is wrong by now.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/interrupt.h"
#include "flow/giveback.h"
#include "flow/holding.h"
#include "flow/watch.h"
#include "helper/helper.h"
#include "hook/hook.h"
#include "plan/claim.h"
#include "plan/state.h"
#include "pve/reservation.h"
#include "tests/fake/expect.h"

#define DEV	  "/sys/bus/pci/devices/"
#define CALLS_MAX 600
#define ENCODER	  "encoder.service"

static unsigned int vm101 = 101;

static void reconcile(struct fake *f)
{
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_reconcile(f, 0, &v);
	if (v.r != 0 || v.undo.foreign || !undo_complete(&v.undo)) {
		vm_dump("reconcile", &v);
		fail_msg("not everything could be reconciled");
	}
}

static void assert_says(const struct text *t, const char *what)
{
	if (!strstr(text_str(t), what))
		fail_msg("no '%s' in: %s", what, text_str(t));
}

static void assert_silent(const struct text *t, const char *what)
{
	if (strstr(text_str(t), what))
		fail_msg("'%s' in: %s", what, text_str(t));
}

/* CARD has this reset of its own. */
static void give_reset(struct fake *f, const char *method)
{
	char text[64];

	snprintf(text, sizeof(text), "%s pm", method);
	fake_hide(f, "reset/" CARD, text);
	snprintf(text, sizeof(text), "%s\n", method);
	fake_put(f, DEV CARD "/reset_method", text);
}

/* CARD is what the host's console shows on. */
static void give_console(struct fake *f)
{
	fake_put(f, "/proc/iomem", "e0000000-efffffff : PCI Bus\n  e0000000-e0ffffff : BOOTFB\n");
	fake_put(f, DEV CARD "/resource", "0x00000000e0000000 0x00000000efffffff 0x0000000000040200\n");
}

static const char *console_bound(struct fake *f)
{
	char path[PATH_MAX];

	return fake_get(f, path_f(path, "/sys/class/vtconsole/%s/bind", fake_hidden(f, "fbcon")));
}

/* A service that has CARD open, and that may be stopped for a VM. */
static void give_service(struct fake *f)
{
	fake_put(f, "/etc/gpupt/gpupt.conf", "[defaults]\nprocesses = terminate\n");
	fake_unit(f, ENCODER, "active");
	fake_holder(f, 4001, "ffmpeg", "/system.slice/" ENCODER, fake_dev(f, CARD, "drm"), "/dev/dri/card1");
}

static const char *service(struct fake *f)
{
	return fake_hidden(f, "units/" ENCODER);
}

static bool leased(struct fake *f)
{
	return fake_exists(f, "/run/gpupt/lease/101");
}

/* Loads the lease of VM 101; close it. */
static void load_lease(struct fake *f, struct record *ret)
{
	struct err e = { "" };

	if (record_load(&f->root, "/run/gpupt/lease/101", ret, &e) < 0)
		fail_msg("%s", e.text);
}

static unsigned int claimed_by(struct fake *f, const char *bdf)
{
	struct claim c;

	return claim_find(&f->root, fake_bdf(bdf), &c) > 0 ? c.vmid : 0;
}

/* --- what is home already is not touched --- */

/* Somebody has given the card its driver while the VM was on its way out: it is not reset under it, and nothing is left to do. */
static void put_back_by_hand_is_not_reset(void **state)
{
	static const char *const methods[] = { "flr", "device_specific" };

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		_cleanup_vm_ struct vm_result v = { 0 };

		give_reset(f, methods[i]);
		vm_starts(f, 101);
		assert_int_equal(f->shared->resets, 1);
		fake_override(f, CARD, "");
		fake_bind(f, CARD, "radeon");
		vm_stop(f, 101, &v);
		if (v.r != 0)
			vm_dump(methods[i], &v);
		assert_int_equal(v.r, 0);
		assert_int_equal(f->shared->resets, 1);
		assert_silent(&v.said, "reset");
		assert_aimed(f, CARD, "radeon", "(null)");
		assert_aimed(f, CARD1, "snd_hda_intel", "(null)");
		assert_false(leased(f));
	}
}

/* A return that was cut short when the display was home: by now somebody uses it. The rest comes home all the same. */
static void in_use_when_half_way_home(void **state)
{
	unsigned int half_way = 0, n;

	for (n = 1; n < CALLS_MAX; n += FAKE_EVERY > 1 ? 2 : 1) {
		_cleanup_fake_ struct fake *f = fake_machine();
		int status;

		give_reset(f, "device_specific");
		assert_int_equal(fake_run(f, vm_start_run, &vm101), 0);
		fake_arm(f, FAKE_KERNEL | FAKE_STORAGE, FAKE_KILL_AFTER, n, 0);
		status = fake_run(f, vm_stop_run, &vm101);
		fake_disarm(f);
		if (str_eq(driver_of(f, CARD), "radeon")) {
			fake_holder(f, 4001, "Xorg", "/system.slice/display-manager.service", fake_dev(f, CARD, "drm"), "/dev/dri/card0");
			half_way += !str_eq(driver_of(f, CARD1), "snd_hda_intel");
		}
		reconcile(f);
		assert_aimed(f, CARD, "radeon", "(null)");
		assert_aimed(f, CARD1, "snd_hda_intel", "(null)");
		assert_false(leased(f));
		if (WIFEXITED(status))
			break;
	}
	assert_true(n < CALLS_MAX && half_way > 0);
	fake_tally("crash-points", n - 1, "crash points of a return, with the display in use if it is home (%u)", half_way);
}

/* Another device at the address, wherever it is bound: not reset, not moved, and not said to be back. */
static void another_device_is_left_alone(void **state)
{
	static const char *const drivers[] = { "vfio-pci", "radeon" };

	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		_cleanup_vm_ struct vm_result v = { 0 };

		give_reset(f, "flr");
		vm_starts(f, 101);
		assert_int_equal(f->shared->resets, 1);
		fake_identity(f, CARD, "1002:73bf/1da2:e438");
		fake_override(f, CARD, "");
		fake_bind(f, CARD, drivers[i]);
		fake_arm(f, FAKE_KERNEL, FAKE_COUNT, 0, 0);
		vm_stop(f, 101, &v);
		fake_disarm(f);
		assert_int_equal(v.r, 0);
		assert_int_equal(f->shared->resets, 1);
		assert_aimed(f, CARD, drivers[i], "(null)");
		assert_aimed(f, CARD1, "snd_hda_intel", "(null)");
		assert_says(&v.complained, "another device sits at " CARD " now");
		assert_silent(&v.said, "back from VM");
		assert_silent(&v.said, "reset");
		assert_false(leased(f));
		assert_int_equal(claimed_by(f, CARD), 0);
	}
}

/* A rebind, and a reset, would destroy the virtual functions that somebody has switched on meanwhile. */
static void virtual_functions_keep_it_there(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_free_ char *before = NULL;
	_cleanup_vm_ struct vm_result v = { 0 }, again = { 0 };

	give_reset(f, "flr");
	before = fake_snapshot(f);
	vm_starts(f, 101);
	fake_link(f, DEV CARD "/virtfn0", "../0000:01:00.2");
	vm_stop(f, 101, &v);
	assert_int_equal(v.r, -EUCLEAN);
	assert_aimed(f, CARD, "vfio-pci", "vfio-pci");
	assert_aimed(f, CARD1, "snd_hda_intel", "(null)");
	assert_int_equal(f->shared->resets, 1);
	assert_says(&v.complained, CARD " has active virtual functions");
	assert_says(&v.complained, "write 0 to its sriov_numvfs");
	assert_true(leased(f));
	assert_int_equal(claimed_by(f, CARD), 101);
	assert_int_equal(claimed_by(f, CARD1), 0);
	vm_reconcile(f, 0, &again);
	assert_int_equal(again.r, -EUCLEAN);
	assert_aimed(f, CARD, "vfio-pci", "vfio-pci");
	fake_remove(f, DEV CARD "/virtfn0");
	reconcile(f);
	assert_as_before(f, before);
	assert_string_equal(vm_leftovers(f), "");
}

/* --- services that made room --- */

/* One of two cards dies in the VM: what made room for the other comes back, and only the dead one stays on record. */
static void one_of_two_cards_dies(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };
	_cleanup_record_ struct record lease = { .fd = -1 };
	_cleanup_free_ struct bdf *left = NULL;
	size_t n;

	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\nhostpci0: 0000:01:00\nhostpci1: 0000:02:00\n");
	give_console(f);
	give_service(f);
	vm_starts(f, 101);
	assert_string_equal(service(f), "inactive");
	assert_string_equal(console_bound(f), "0");
	assert_aimed(f, TWIN, "vfio-pci", "vfio-pci");
	fake_dead(f, TWIN);
	vm_stop(f, 101, &v);
	assert_int_equal(v.r, -EUCLEAN);
	assert_says(&v.complained, TWIN " does not answer");
	assert_aimed(f, CARD, "radeon", "(null)");
	assert_aimed(f, CARD1, "snd_hda_intel", "(null)");
	assert_aimed(f, TWIN1, "snd_hda_intel", "(null)");
	assert_aimed(f, TWIN, "vfio-pci", "vfio-pci");
	assert_string_equal(service(f), "active");
	assert_string_equal(console_bound(f), "1");
	load_lease(f, &lease);
	assert_int_equal(lease_functions(&lease, &left, &n), 0);
	assert_int_equal(n, 1);
	assert_true(bdf_eq(left[0], fake_bdf(TWIN)));
	assert_int_equal(claimed_by(f, CARD), 0);
	assert_int_equal(claimed_by(f, TWIN), 101);
}

/* Post-stop is called under Proxmox VE's lock, for which others wait 10 s: it leaves services to the watcher. */
static void services_come_back_late(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result late = { 0 };
	_cleanup_record_ struct record lease = { .fd = -1 };
	_cleanup_free_ char *before = NULL;

	fake_hide(f, "watcher", "comes");
	give_service(f);
	before = fake_snapshot(f);
	vm_starts(f, 101);
	assert_string_equal(service(f), "inactive");
	vm_gives_back(f, 101);
	assert_aimed(f, CARD, "radeon", "(null)");
	assert_string_equal(service(f), "inactive");
	load_lease(f, &lease);
	assert_true(record_any_open(&lease));
	assert_false(holding_early(&lease));
	assert_int_equal(claimed_by(f, CARD), 0);
	vm_late(f, 101, &late);
	assert_int_equal(late.r, 0);
	assert_int_equal(late.undo.undone, 1);
	assert_as_before(f, before);
	fake_remove(f, "/run/gpupt/watch");
	assert_string_equal(vm_leftovers(f), "");
}

/* Where no watcher can be had the hook does it itself. */
static void without_a_watcher_at_once(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_free_ char *before = NULL;

	give_service(f);
	before = fake_snapshot(f);
	vm_starts(f, 101);
	assert_string_equal(service(f), "inactive");
	vm_gives_back(f, 101);
	assert_as_before(f, before);
	assert_string_equal(vm_leftovers(f), "");
}

/* The next VM has the card before the service is back: it would be in the way, so it waits for that one's end. */
static void services_wait_for_another_vm(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result wait = { 0 }, by_hand = { 0 }, late = { 0 };
	_cleanup_free_ char *before = NULL;

	fake_hide(f, "watcher", "comes");
	fake_put(f, "/etc/pve/qemu-server/102.conf", "machine: q35\nhostpci0: 0000:01:00,pcie=1\n");
	give_service(f);
	before = fake_snapshot(f);
	vm_starts(f, 101);
	vm_gives_back(f, 101);
	vm_starts(f, 102);
	fake_vm_runs(f, 102, 5002);
	vm_late(f, 101, &wait);
	assert_int_equal(wait.r, -EAGAIN);
	assert_non_null(strstr(wait.e.text, "VM 102"));
	/* by hand it is told, and no failure */
	vm_release(f, 101, &by_hand);
	assert_int_equal(by_hand.r, 0);
	assert_says(&by_hand.said, "VM 102");
	assert_string_equal(service(f), "inactive");
	assert_aimed(f, CARD, "vfio-pci", "vfio-pci");
	assert_true(leased(f));
	fake_vm_ends(f, 102);
	vm_gives_back(f, 102);
	vm_late(f, 101, &late);
	assert_int_equal(late.r, 0);
	assert_as_before(f, before);
	assert_false(leased(f));
}

/* A service that does not come up stays on record, and comes with the next try. */
static void a_service_that_does_not_come_up(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result late = { 0 };
	_cleanup_free_ char *before = NULL;

	fake_hide(f, "watcher", "comes");
	give_service(f);
	before = fake_snapshot(f);
	vm_starts(f, 101);
	vm_gives_back(f, 101);
	fake_hide(f, "starts-as/" ENCODER, "failed");
	vm_late(f, 101, &late);
	assert_int_equal(late.r, -EUCLEAN);
	assert_says(&late.complained, ENCODER " is 'failed' after its start");
	assert_true(leased(f));
	fake_hide(f, "starts-as/" ENCODER, "active");
	reconcile(f);
	assert_as_before(f, before);
	assert_false(leased(f));
}

/* --- who opens the card between the look and the unbind --- */

static void opened_in_between(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };
	_cleanup_free_ char *before = NULL;
	char next[128];

	give_service(f);
	snprintf(next, sizeof(next), "4100 player %s /dev/dri/card1", fake_dev(f, CARD, "drm"));
	fake_hide(f, "respawns/" ENCODER, next);
	before = fake_snapshot(f);
	vm_start(f, 101, false, &v);
	if (v.r != -EBUSY)
		vm_dump("start", &v);
	assert_int_equal(v.r, -EBUSY);
	assert_non_null(strstr(v.e.text, CARD " is held by player (4100)"));
	assert_as_before(f, before);
	assert_string_equal(service(f), "active");
	assert_string_equal(vm_leftovers(f), "");
}

static void become_a_port(struct fake *f, void *ctx)
{
	char path[PATH_MAX];

	fake_link(f, "/sys/class/net/eth7", "../../devices/pci0000:00/" CARD1 "/net/eth7");
	fake_link(f, path_f(path, "/sys/devices/pci0000:00/%s/net/eth7/master", CARD1), "../../../virtual/net/vmbr0");
}

static void make_functions(struct fake *f, void *ctx)
{
	fake_link(f, "/sys/bus/pci/devices/" CARD1 "/virtfn0", "../0000:01:00.2");
}

/* What the host begins to do with a function by then is no less a reason than at the first look. */
static void needed_in_between(void **state)
{
	static const struct {
		void (*what)(struct fake *f, void *ctx);
		const char *why;
	} cases[] = {
		{ become_a_port, "the host runs on " CARD1 " by now: eth7 is a port of vmbr0" },
		{ make_functions, CARD1 " has 1 active virtual functions by now; write 0 to its sriov_numvfs first" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		_cleanup_vm_ struct vm_result v = { 0 };

		f->at = cases[i].what;
		fake_arm(f, FAKE_KERNEL, FAKE_CALL, 1, 0);
		vm_start(f, 101, false, &v);
		fake_disarm(f);
		assert_int_equal(v.r, -EBUSY);
		assert_non_null(strstr(v.e.text, cases[i].why));
		assert_string_equal(driver_of(f, CARD1), "snd_hda_intel");
		assert_string_equal(driver_of(f, CARD), "radeon");
		assert_string_equal(vm_leftovers(f), "");
	}
}

static void open_vfio(struct fake *f, void *ctx)
{
	fake_holder(f, 5001, "kvm", "/qemu.slice/101.scope", "511:15", "/dev/vfio/15");
}

/* The same on the way back: what is open stays, is named, and goes home when it is free. */
static void opened_in_between_on_the_way_back(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_free_ char *before = fake_snapshot(f);
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_starts(f, 101);
	f->at = open_vfio;
	fake_arm(f, FAKE_KERNEL, FAKE_CALL, 1, 0);
	vm_stop(f, 101, &v);
	fake_disarm(f);
	assert_int_equal(v.r, -EUCLEAN);
	assert_int_equal(v.undo.stuck, 0);
	assert_string_equal(driver_of(f, CARD), "vfio-pci");
	assert_says(&v.complained, CARD " is held by kvm (5001) of VM 101");
	assert_silent(&v.said, "back from VM");
	assert_true(leased(f));
	assert_int_equal(claimed_by(f, CARD), 101);
	fake_holder_gone(f, 5001);
	reconcile(f);
	assert_as_before(f, before);
	assert_string_equal(vm_leftovers(f), "");
}

/* --- the node goes down --- */

static void nothing_moves_while_the_node_stops(void **state)
{
	/* what may change: who is at work, and that the card stays reserved with Proxmox VE */
	static const char *const except[] = { "/run/gpupt/turn", "/run/lock", "/run/qemu-server/pci-id-reservations", NULL };
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 }, e = { 0 };
	_cleanup_free_ char *before = NULL, *after = NULL;

	give_service(f);
	vm_starts(f, 101);
	fake_hide(f, "system-state", "stopping");
	before = fake_tree(f, except);
	fake_arm(f, FAKE_KERNEL, FAKE_COUNT, 0, 0);
	vm_start(f, 102, false, &a);
	assert_int_equal(a.r, -ESHUTDOWN);
	assert_non_null(strstr(a.e.text, "VM 102 does not get its GPUs now: the node shuts down"));
	vm_start(f, 101, false, &b); /* no adoption, either */
	assert_int_equal(b.r, -ESHUTDOWN);
	vm_release(f, 101, &c);
	assert_int_equal(c.r, -ESHUTDOWN);
	assert_non_null(strstr(c.e.text, "VM 101 keeps its GPUs: the node shuts down"));
	vm_reconcile(f, 0, &d);
	assert_int_equal(d.r, 0);
	assert_says(&d.said, "VM 101 keeps its GPUs");
	vm_stop(f, 101, &e);
	assert_int_equal(e.r, 1);
	assert_int_equal(fake_count(f), 0);
	fake_disarm(f);
	after = fake_tree(f, except);
	if (strcmp(before, after) != 0)
		fail_msg("%s", fake_difference(before, after));
	assert_string_equal(service(f), "inactive");
}

/* Nor do services come back. */
static void no_service_is_started_while_the_node_stops(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };

	fake_hide(f, "watcher", "comes");
	give_service(f);
	vm_starts(f, 101);
	vm_gives_back(f, 101);
	fake_hide(f, "system-state", "stopping");
	vm_late(f, 101, &v);
	assert_int_equal(v.r, -EAGAIN);
	assert_string_equal(service(f), "inactive");
	assert_true(leased(f));
}

/* SIGTERM for the process under test, from whatever child of it makes the call; with a ctx because the node goes down. */
static void interrupt(struct fake *f, void *ctx)
{
	if (ctx)
		fake_hide(f, "system-state", "stopping");
	kill(f->shared->victim, SIGTERM);
}

enum { STARTED, INTERRUPTED, LEFT, ODD };

static int start_and_be_interrupted(struct fake *f, void *ctx)
{
	_cleanup_vm_ struct vm_result v = { 0 };

	interrupt_install();
	vm_start(f, 101, false, &v);
	return v.r == 0 ? STARTED : v.r == -EINTR ? INTERRUPTED : v.r == -EUCLEAN ? LEFT : ODD;
}

/* A console, a service, a reset: every kind of step. */
static struct fake *machine_with_everything(void)
{
	struct fake *f = fake_machine();

	give_reset(f, "device_specific");
	give_console(f);
	give_service(f);
	return f;
}

/* Proxmox VE's task is stopped at any call of the hand-over: the step is finished, then all of them are undone. */
static void interrupted_is_undone(void **state)
{
	unsigned int undone = 0, n;

	for (n = 1; n < CALLS_MAX; n++) {
		_cleanup_fake_ struct fake *f = machine_with_everything();
		_cleanup_free_ char *before = fake_snapshot(f);
		bool reached;
		int status;

		f->at = interrupt;
		fake_arm(f, FAKE_KERNEL, FAKE_CALL, n, 0);
		status = fake_run(f, start_and_be_interrupted, NULL);
		reached = fake_count(f) >= n;
		fake_disarm(f);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == INTERRUPTED) {
			undone++;
			assert_false(leased(f));
		} else if (WEXITSTATUS(status) == STARTED) {
			/* it came with the last step */
			vm_gives_back(f, 101);
		} else {
			fail_msg("interrupted at call %u: %d", n, WEXITSTATUS(status));
		}
		assert_as_before(f, before);
		assert_string_equal(vm_leftovers(f), "");
		if (!reached)
			break;
	}
	assert_true(undone > 5 && n < CALLS_MAX);
	fake_tally("faults", undone, "calls of a hand-over at which its task is interrupted");
}

/* The same because the node goes down: nothing is rebound and nothing started. If it does not go down after all, reconcile undoes it. */
static void interrupted_by_a_shutdown_stays(void **state)
{
	unsigned int kept = 0, n;

	for (n = 1; n < CALLS_MAX; n++) {
		_cleanup_fake_ struct fake *f = machine_with_everything();
		_cleanup_free_ char *before = fake_snapshot(f), *then = NULL;
		_cleanup_vm_ struct vm_result v = { 0 };
		bool reached;
		int status;

		f->at = interrupt;
		f->at_ctx = f;
		fake_arm(f, FAKE_KERNEL, FAKE_CALL, n, 0);
		status = fake_run(f, start_and_be_interrupted, NULL);
		reached = fake_count(f) >= n;
		fake_disarm(f);
		assert_true(WIFEXITED(status));
		if (!reached)
			break;
		assert_int_not_equal(WEXITSTATUS(status), ODD);
		kept += WEXITSTATUS(status) != STARTED;
		/* the step that was under way is in force, and on record */
		then = fake_snapshot(f);
		assert_string_not_equal(before, then);
		assert_true(leased(f));
		vm_reconcile(f, 0, &v);
		assert_int_equal(v.r, 0);
		assert_as_before(f, then);
		fake_hide(f, "system-state", "running");
		reconcile(f);
		assert_as_before(f, before);
		assert_false(leased(f));
	}
	assert_true(kept > 5 && n < CALLS_MAX);
	fake_tally("faults", kept, "calls of a hand-over at which a shutdown interrupts it");
}

/* --- a stop that another start follows --- */

/* Proxmox VE drops its reservation before post-stop, and would then give the card of a VM that is being rebooted to another. */
static void a_reboot_keeps_its_card_reserved(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };
	unsigned int holder = 0;

	fake_put(f, "/etc/pve/mapping/pci.cfg",
		 "gpu\n"
		 "\tmap id=1002:5159,iommugroup=15,node=host,path=0000:01:00,subsystem-id=1af4:1100\n"
		 "\tmap id=1002:5159,iommugroup=16,node=host,path=0000:02:00,subsystem-id=1af4:1100\n");
	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\nhostpci0: mapping=gpu,pcie=1\n");
	fake_put(f, "/etc/pve/qemu-server/102.conf", "machine: q35\nhostpci0: mapping=gpu,pcie=1\n");
	vm_starts(f, 101);
	assert_aimed(f, CARD, "vfio-pci", "vfio-pci");
	assert_int_equal(reservation_remove(&f->root, NULL, 0, 101, NULL), 0);
	fake_put(f, "/run/qemu-server/101.reboot", "");
	vm_stop(f, 101, &v);
	assert_int_equal(v.r, 1);
	assert_int_equal(reservation_holder(&f->root, fake_bdf(CARD), 0, &holder, NULL), 1);
	assert_int_equal(holder, 101);
	assert_int_equal(reservation_holder(&f->root, fake_bdf(CARD1), 0, &holder, NULL), 1);
	vm_starts(f, 102);
	assert_aimed(f, TWIN, "vfio-pci", "vfio-pci");
	assert_int_equal(claimed_by(f, TWIN), 102);
	assert_int_equal(claimed_by(f, CARD), 101);
	/* the start that was announced finds its card where it was */
	fake_remove(f, "/run/qemu-server/101.reboot");
	vm_starts(f, 101);
	assert_aimed(f, CARD, "vfio-pci", "vfio-pci");
	vm_gives_back(f, 101);
	assert_aimed(f, CARD, "radeon", "(null)");
	assert_int_equal(reservation_holder(&f->root, fake_bdf(CARD), 0, &holder, NULL), 0);
}

/* --- a gpupt.conf that is wrong by now --- */

/* What the program complains of goes to the hidden file "complained", the rest nowhere. */
static void keep_output(struct fake *f)
{
	char path[PATH_MAX];
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int complaints = open(fake_hidden_path(f, path, "complained"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (dup2(null, STDOUT_FILENO) < 0 || dup2(complaints, STDERR_FILENO) < 0)
		fake_die("cannot keep what is said");
}

static int post_stop_by_hook(struct fake *f, void *ctx)
{
	char name[] = "gpupt-hook", vmid[] = "101", phase[] = "post-stop";

	keep_output(f);
	return hook_main(&f->root, 3, (char *[]){ name, vmid, phase, NULL });
}

static int release_by_helper(struct fake *f, void *ctx)
{
	char name[] = "gpupt-helper", command[] = "release", vmid[] = "101";

	keep_output(f);
	return helper_main(&f->root, 3, (char *[]){ name, command, vmid, NULL });
}

static int settle_by_helper(struct fake *f, void *ctx)
{
	char name[] = "gpupt-helper", command[] = "settle", vmid[] = "101";

	keep_output(f);
	interrupt_install();
	if (ctx)
		raise(SIGTERM);
	return helper_main(&f->root, 3, (char *[]){ name, command, vmid, NULL });
}

static int reconcile_by_helper(struct fake *f, void *ctx)
{
	char name[] = "gpupt-helper", command[] = "reconcile";

	keep_output(f);
	return helper_main(&f->root, 2, (char *[]){ name, command, NULL });
}

static void a_bad_gpupt_conf_keeps_no_card(void **state)
{
	static int (*const ways[])(struct fake *f, void *ctx) = { post_stop_by_hook, release_by_helper, reconcile_by_helper };

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		_cleanup_free_ char *before = fake_snapshot(f);
		int status;

		vm_starts(f, 101);
		fake_put(f, "/etc/gpupt/gpupt.conf", "[defaults]\nafter-stpo = keep\n");
		fflush(NULL);
		status = fake_run(f, ways[i], NULL);
		assert_true(WIFEXITED(status));
		/* told, and by the exit status, too */
		assert_int_equal(WEXITSTATUS(status), EXIT_REFUSED);
		if (!strstr(fake_hidden(f, "complained"), "gpupt.conf line 2: there is no key 'after-stpo'"))
			fail_msg("way %zu complained: %s", i, fake_hidden(f, "complained"));
		assert_as_before(f, before);
		assert_string_equal(vm_leftovers(f), "");
	}
}

/* --- the watcher --- */

/* What a watcher in another process complains of: a line each in the hidden file "watcher-said". */
static void note_complaint(void *ctx, const char *line)
{
	struct fake *f = ctx;
	char path[PATH_MAX];
	FILE *out = fopen(fake_hidden_path(f, path, "watcher-said"), "ae");

	if (!out || fprintf(out, "%s; ", line) < 0 || fclose(out) != 0)
		fake_die("cannot write %s", path);
}

static int watch(struct fake *f, void *ctx)
{
	_cleanup_settings_ struct settings s = { 0 };
	struct report report = { .vmid = 101, .complain = note_complaint, .ctx = f };
	struct release rel = { .root = &f->root, .settings = &s, .vmid = 101, .unattended = true, .report = &report };
	struct err e;

	settings_default(&s);
	return watch_run(&rel, &e) < 0;
}

/* A watcher of VM 101 that has found another, us. */
static pid_t watch_behind(struct fake *f, struct proc_id self)
{
	uint64_t deadline = now_ms() + 5000;
	pid_t pid;

	assert_int_equal(state_write_who(&f->root, "/run/gpupt/watch/101", self, NULL), 0);
	fake_hide(f, "complained", "");
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(settle_by_helper(f, NULL));
	while (!strstr(fake_hidden(f, "complained"), "waiting for its end") && now_ms() < deadline)
		sleep_ms(5);
	return pid;
}

static void one_watcher_is_enough(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	struct proc_id self, who;
	int status;
	pid_t pid;

	vm_starts(f, 101);
	assert_int_equal(proc_self(&f->root, &self), 0);
	pid = watch_behind(f, self);
	/* another process: it waits, and leaves the lease and the sign to us */
	assert_non_null(strstr(fake_hidden(f, "complained"), "watches over VM 101 already: waiting for its end"));
	sleep_ms(500);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_int_equal(state_read_who(&f->root, "/run/gpupt/watch/101", &who), 0);
	assert_int_equal(who.pid, self.pid);
	assert_true(leased(f));
	assert_aimed(f, CARD, "vfio-pci", "vfio-pci");
	/* one that is dead does not count: then it is its turn */
	self.start++;
	assert_int_equal(state_write_who(&f->root, "/run/gpupt/watch/101", self, NULL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_aimed(f, CARD, "radeon", "(null)");
	assert_false(leased(f));
	assert_false(fake_exists(f, "/run/gpupt/watch/101"));
}

/* It says by its status that it was told to go, so that systemd can tell it from one that is done. */
static void an_interrupted_watcher(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	struct proc_id self;
	int status;
	pid_t pid;

	vm_starts(f, 101);
	fflush(NULL);
	status = fake_run(f, settle_by_helper, f);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_INTERRUPTED);
	assert_non_null(strstr(fake_hidden(f, "complained"), "gpupt-helper: interrupted: what is left to do stays on record"));
	assert_true(leased(f));
	/* also while it waits for another */
	assert_int_equal(proc_self(&f->root, &self), 0);
	pid = watch_behind(f, self);
	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_INTERRUPTED);
	assert_true(leased(f));
	assert_aimed(f, CARD, "vfio-pci", "vfio-pci");
}

static void the_watcher_brings_services_back(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_free_ char *before = NULL;

	fake_hide(f, "watcher", "comes");
	give_service(f);
	before = fake_snapshot(f);
	vm_starts(f, 101);
	vm_gives_back(f, 101);
	assert_string_equal(service(f), "inactive");
	fake_remove(f, "/run/gpupt/watch/101");
	assert_int_equal(fake_run(f, watch, NULL), 0);
	assert_as_before(f, before);
	assert_false(leased(f));
}

/* Counts the questions whether the node goes down: a watcher asks when it has read its settings and Proxmox VE is not at work. */
static int count_questions(void *ctx, const char *unit, const char *verb, char *ret_state)
{
	struct fake *f = ctx;

	if (str_eq(verb, "system-state"))
		__atomic_add_fetch(&f->shared->execs, 1, __ATOMIC_SEQ_CST);
	return fake_unit_call(ctx, unit, verb, ret_state);
}

/* A gpupt.conf with an error does not end the watcher: the settings from before count, without any the defaults. */
static void the_watcher_outlives_a_bad_gpupt_conf(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine(), *g = fake_machine();
	int status;
	pid_t pid;

	fake_put(f, "/etc/gpupt/gpupt.conf", "[gpu 01:00]\nafter-stop = keep\n");
	vm_starts(f, 101);
	fake_hide(f, "system-state", "stopping"); /* it waits as long as this lasts */
	f->hooks.unit = count_questions;
	f->shared->execs = 0;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(watch(f, NULL));
	while (f->shared->execs == 0 && waitpid(pid, &status, WNOHANG) == 0)
		sleep_ms(5);
	assert_true(f->shared->execs > 0);
	fake_put(f, "/etc/gpupt/gpupt.conf", "[gpu 01:00]\nafter-stpo = host\n");
	fake_hide(f, "system-state", "running");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_aimed(f, CARD, "vfio-pci", "(null)"); /* kept, as it said before */
	assert_non_null(strstr(fake_hidden(f, "watcher-said"), "gpupt.conf line 2"));
	assert_non_null(strstr(fake_hidden(f, "watcher-said"), "the settings from before"));
	assert_false(leased(f));

	vm_starts(g, 101);
	fake_put(g, "/etc/gpupt/gpupt.conf", "nonsense\n");
	assert_int_equal(fake_run(g, watch, NULL), 0);
	assert_aimed(g, CARD, "radeon", "(null)");
	assert_non_null(strstr(fake_hidden(g, "watcher-said"), "gpupt.conf line 1"));
	assert_false(leased(g));
}

static void say(void *ctx, const char *line)
{
	text_addf(ctx, "%s\n", line);
}

/* Post-stop cannot give the card back, and who watched is gone: another comes, or it is said that none does. */
static void what_is_left_is_watched(void **state)
{
	static const char *const watchers[] = { "comes", "refuses", "" };

	for (size_t i = 0; i < ARRAY_SIZE(watchers); i++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		_cleanup_vm_ struct vm_result v = { 0 };
		bool comes = i == 0;

		fake_put(f, "/etc/gpupt/gpupt.conf", "[defaults]\nstop-timeout = 1\n");
		fake_hide(f, "watcher", "comes");
		vm_starts(f, 101);
		fake_remove(f, "/run/gpupt/watch/101");
		fake_hide(f, "watcher", watchers[i]);
		fake_holder(f, 5001, "kvm", "/qemu.slice/101.scope", "511:15", "/dev/vfio/15");
		vm_stop(f, 101, &v);
		assert_int_equal(v.r, -EUCLEAN);
		assert_int_equal(fake_exists(f, "/run/gpupt/watch/101"), comes);
		assert_int_equal(strstr(text_str(&v.said), "gpupt-settle@101.service goes on in the background") != NULL, comes);
		assert_int_equal(strstr(text_str(&v.complained), "nobody watches over what is left of VM 101, try") != NULL, !comes);
	}
}

/* Proxmox VE has waited for its 10 seconds: nothing more is begun, and the next round does all of it. */
static void no_time_is_left(void **state)
{
	for (int late = 1; late >= 0; late--) {
		_cleanup_fake_ struct fake *f = fake_machine();
		_cleanup_settings_ struct settings s = { 0 };
		_cleanup_record_ struct record rec = { .fd = -1 };
		_cleanup_text_ struct text said = { 0 };
		struct report report = { .complain = say, .ctx = &said };
		struct giveback g = {
			.root = &f->root, .settings = &s, .report = &report, .vmid = 101, .wait = true, .reset = true,
			.since = now_ms() - (late ? 20000 : 5000),
		};
		struct undo_result undo;
		struct err e = { "" };

		settings_default(&s);
		vm_starts(f, 101);
		assert_int_equal(holding_open(&f->root, 101, &rec, &e), 0);
		assert_int_equal(giveback_run(&g, &rec, NULL, &undo, &e), 0);
		assert_int_equal(holding_early(&rec), late);
		assert_int_equal(strstr(text_str(&said), "waited long enough: no more of VM 101's GPUs") != NULL, late);
		assert_aimed(f, CARD, late ? "vfio-pci" : "radeon", late ? "vfio-pci" : "(null)");
		record_close(&rec);
		if (late)
			vm_gives_back(f, 101);
		assert_aimed(f, CARD, "radeon", "(null)");
	}
}

/* systemd takes its time when it is asked whether the node goes down: that is the hook's time, too. */
static int slow_to_tell(void *ctx, const char *unit, const char *verb, char *ret_state)
{
	static bool told;

	if (!told && str_eq(verb, "system-state"))
		sleep_ms(9100);
	told = told || str_eq(verb, "system-state");
	return fake_unit_call(ctx, unit, verb, ret_state);
}

static void time_is_lost_before_anything_is_done(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	int status;

	vm_starts(f, 101);
	f->hooks.unit = slow_to_tell;
	fflush(NULL);
	status = fake_run(f, post_stop_by_hook, NULL);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_LEFT);
	assert_non_null(strstr(fake_hidden(f, "complained"), "waited long enough: no more of VM 101's GPUs"));
	assert_aimed(f, CARD, "vfio-pci", "vfio-pci");
	assert_true(leased(f));
	f->hooks.unit = fake_unit_call;
	vm_gives_back(f, 101);
	assert_aimed(f, CARD, "radeon", "(null)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(put_back_by_hand_is_not_reset),
		cmocka_unit_test(in_use_when_half_way_home),
		cmocka_unit_test(another_device_is_left_alone),
		cmocka_unit_test(virtual_functions_keep_it_there),
		cmocka_unit_test(one_of_two_cards_dies),
		cmocka_unit_test(services_come_back_late),
		cmocka_unit_test(without_a_watcher_at_once),
		cmocka_unit_test(services_wait_for_another_vm),
		cmocka_unit_test(a_service_that_does_not_come_up),
		cmocka_unit_test(opened_in_between),
		cmocka_unit_test(needed_in_between),
		cmocka_unit_test(opened_in_between_on_the_way_back),
		cmocka_unit_test(nothing_moves_while_the_node_stops),
		cmocka_unit_test(no_service_is_started_while_the_node_stops),
		cmocka_unit_test(interrupted_is_undone),
		cmocka_unit_test(interrupted_by_a_shutdown_stays),
		cmocka_unit_test(a_reboot_keeps_its_card_reserved),
		cmocka_unit_test(a_bad_gpupt_conf_keeps_no_card),
		cmocka_unit_test(one_watcher_is_enough),
		cmocka_unit_test(an_interrupted_watcher),
		cmocka_unit_test(the_watcher_brings_services_back),
		cmocka_unit_test(the_watcher_outlives_a_bad_gpupt_conf),
		cmocka_unit_test(what_is_left_is_watched),
		cmocka_unit_test(no_time_is_left),
		cmocka_unit_test(time_is_lost_before_anything_is_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
