/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NVIDIA cards: persistence mode off and on again, its daemon, the node after the way home. Stand-ins for NVIDIA's programs and
 * driver (tests/fake/nvidia.h): no real one is to be had.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "pve/reservation.h"
#include "tests/fake/cut.h"
#include "tests/fake/expect.h"
#include "tests/fake/nvidia.h"

#define DEV	  "/sys/bus/pci/devices/"
#define DAEMON	  "nvidia-persistenced.service"


/* The steps of the plan: "persistence 0000:06:00.0", a line each. */
static void start(struct fake *f, unsigned int vmid, const char *steps)
{
	_cleanup_vm_ struct vm_result v = { 0 };
	_cleanup_text_ struct text t = { 0 };

	vm_start(f, vmid, false, &v);
	if (v.r != 0) {
		vm_dump("pre-start", &v);
		fail_msg("VM %u does not start", vmid);
	}
	for (size_t i = 0; i < v.plan.n; i++)
		text_addf(&t, "%s %.*s\n", v.plan.steps[i].kind->name, (int)strcspn(v.plan.steps[i].target, " "), v.plan.steps[i].target);
	assert_string_equal(text_str(&t), steps);
}

static void stop(struct fake *f, unsigned int vmid)
{
	_cleanup_vm_ struct vm_result v = { 0 };
	char path[PATH_MAX];

	vm_stop(f, vmid, &v);
	if (v.r != 0 || v.undo.foreign || !undo_complete(&v.undo) || v.complained.len) {
		vm_dump("post-stop", &v);
		fail_msg("VM %u does not give back", vmid);
	}
	reservation_remove(&f->root, NULL, 0, vmid, NULL);
	assert_false(fake_exists(f, path_f(path, "/run/gpupt/lease/%u", vmid)));
}

static void assert_nothing_left(struct fake *f)
{
	assert_string_equal(vm_leftovers(f), "");
}

#define DRIVERS_106 "driver " NV1 "\ndriver " NV "\n"

static void assert_on(struct fake *f, const char *bdf, const char *driver)
{
	char path[PATH_MAX], now[64] = "none";

	root_readlink_base(&f->root, path_f(path, DEV "%s/driver", bdf), now, sizeof(now));
	assert_string_equal(now, driver);
}

static void assert_untouched(struct fake *f, const char *before)
{
	assert_as_before(f, before);
	assert_int_equal(f->shared->hung_unbinds, 0);
}

static void off_and_on_again(void **state)
{
	_cleanup_fake_ struct fake *f = fake_nvidia_machine();
	_cleanup_free_ char *before = NULL;

	fake_persist(f, NV, true);
	fake_persist(f, NV_TWIN, true);
	before = fake_snapshot(f);
	start(f, 106, "persistence " NV "\n" DRIVERS_106);
	assert_on(f, NV, "vfio-pci");
	assert_false(fake_nvidia_node(f, NV));
	/* the other card's is nobody's business */
	assert_true(fake_persists(f, NV_TWIN));
	assert_on(f, NV_TWIN, "nvidia");
	/* started again while the lease lives on: it stands as it was left, and is taken over with nothing to do */
	start(f, 106, "");
	assert_on(f, NV, "vfio-pci");
	stop(f, 106);
	assert_untouched(f, before);
	assert_nothing_left(f);
	assert_true(fake_persists(f, NV) && fake_nvidia_node(f, NV));
}

static void off_stays_off(void **state)
{
	_cleanup_fake_ struct fake *f = fake_nvidia_machine();
	_cleanup_free_ char *before = fake_snapshot(f);

	start(f, 106, DRIVERS_106);
	stop(f, 106);
	assert_untouched(f, before);
	assert_false(fake_persists(f, NV));
}

/* A VM whose cards are not NVIDIA's has no program run for it. */
static void not_asked_of_others(void **state)
{
	_cleanup_fake_ struct fake *f = fake_nvidia_machine();

	fake_smi(f, "fails");
	start(f, 101, "driver " CARD1 "\ndriver " CARD "\n");
	stop(f, 101);
	assert_int_equal(f->shared->execs, 0);
}

static const struct finding *found(const struct vm_result *v, enum finding_code code)
{
	for (size_t i = 0; i < v->findings.n; i++)
		if (v->findings.v[i].code == code)
			return &v->findings.v[i];
	return NULL;
}

/* No answer is no leave: refused, with what was heard and what helps, and nothing is touched. */
static void unknown_is_held(void **state)
{
	static const struct {
		const char *how, *says;
	} cases[] = {
		{ "absent", "cannot run nvidia-smi" },
		{ "fails", "status 9: NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver." },
		{ "hangs", "cannot run nvidia-smi" },
		{ "mumbles", "nvidia-smi says '[N/A]'" },
	};
	static const char *const except[] = { "/run/gpupt", "/run/qemu-server/pci-id-reservations", NULL };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_fake_ struct fake *f = fake_nvidia_machine();
		_cleanup_vm_ struct vm_result v = { 0 };
		_cleanup_free_ char *before = NULL, *after = NULL;
		const struct finding *x;

		fake_smi(f, cases[i].how);
		before = fake_tree(f, except);
		vm_start(f, 106, false, &v);
		assert_int_equal(v.r, HANDOVER_REFUSED);
		x = found(&v, FINDING_PERSISTENCE_UNKNOWN);
		assert_non_null(x);
		assert_int_equal(x->severity, SEVERITY_BLOCK);
		assert_string_equal(x->subject, NV);
		if (!strstr(x->message, cases[i].says))
			fail_msg("%s: '%s'", cases[i].how, x->message);
		assert_non_null(strstr(x->remedy, "nvidia-smi -i " NV " -pm 0"));
		assert_non_null(strstr(x->remedy, "nvidia-persistenced"));
		after = fake_tree(f, except);
		assert_string_equal(fake_difference(before, after), "");
		assert_nothing_left(f);
	}
}

/* It answers and does not do it: the card is not taken off a driver that would not let go. */
static void cannot_be_turned_off(void **state)
{
	static const char *const ways[] = { "cannot set", "sets nothing" };

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		_cleanup_fake_ struct fake *f = fake_nvidia_machine();
		_cleanup_vm_ struct vm_result v = { 0 };
		_cleanup_free_ char *before = NULL;

		fake_persist(f, NV, true);
		fake_smi(f, ways[i]);
		before = fake_snapshot(f);
		vm_start(f, 106, false, &v);
		assert_int_equal(v.r, -EIO);
		assert_non_null(strstr(v.e.text, i == 0 ? "Insufficient Permissions" : "reads 'Enabled' after 'Disabled' was set"));
		assert_on(f, NV, "nvidia");
		assert_untouched(f, before);
		reservation_remove(&f->root, NULL, 0, 106, NULL);
		assert_nothing_left(f);
	}
}

/* nvidia-persistenced has the card open: stopped although processes = refuse, behind the mode, and started again. */
static void the_daemon(void **state)
{
	_cleanup_fake_ struct fake *f = fake_nvidia_machine();
	_cleanup_vm_ struct vm_result v = { 0 };
	_cleanup_free_ char *before = NULL;

	fake_persistenced(f, 800, NV);
	fake_persist(f, NV, true);
	fake_persist(f, NV_TWIN, true);
	before = fake_snapshot(f);
	vm_start(f, 106, true, &v);
	assert_int_equal(v.r, 0);
	assert_true(vm_found(&v, FINDING_PERSISTENCED));
	assert_int_equal(found(&v, FINDING_PERSISTENCED)->severity, SEVERITY_INFO);
	start(f, 106, "persistence " NV "\nunit " DAEMON "\n" DRIVERS_106);
	assert_string_equal(fake_hidden(f, "units/" DAEMON), "inactive");
	/* as the documents say, the other cards' mode goes with it, and comes with it */
	assert_false(fake_persists(f, NV_TWIN));
	stop(f, 106);
	assert_untouched(f, before);
	/* by the daemon, as before: one that the driver keeps by itself the daemon could not turn off the next time */
	assert_string_equal(fake_persistence(f, NV), "daemon");
}

/* What it has of another card, or of all of them, is no reason to stop it. */
static void the_daemon_of_another_card(void **state)
{
	static const char *const cards[] = { NV_TWIN, NULL };

	for (size_t i = 0; i < ARRAY_SIZE(cards); i++) {
		_cleanup_fake_ struct fake *f = fake_nvidia_machine();
		_cleanup_free_ char *before = NULL;

		fake_persistenced(f, 800, cards[i]);
		before = fake_snapshot(f);
		start(f, 106, DRIVERS_106);
		assert_string_equal(fake_hidden(f, "units/" DAEMON), "active");
		stop(f, 106);
		assert_untouched(f, before);
	}
}

/* Any other service is somebody's work: refused, or, with processes = terminate, a step. */
static void an_exporter(void **state)
{
	_cleanup_fake_ struct fake *f = fake_nvidia_machine();
	_cleanup_vm_ struct vm_result v = { 0 };
	_cleanup_free_ char *before = NULL;

	fake_unit(f, "dcgm-exporter.service", "active");
	fake_holder(f, 801, "dcgm-exporter", "/system.slice/dcgm-exporter.service", "195:0", "/dev/nvidia0");
	fake_persist(f, NV, true);
	before = fake_snapshot(f);
	vm_start(f, 106, false, &v);
	assert_int_equal(v.r, HANDOVER_REFUSED);
	assert_true(vm_found(&v, FINDING_HELD));
	assert_untouched(f, before);
	fake_put(f, "/etc/gpupt/gpupt.conf", "[defaults]\nprocesses = terminate\n");
	start(f, 106, "persistence " NV "\nunit dcgm-exporter.service\n" DRIVERS_106);
	assert_string_equal(fake_hidden(f, "units/dcgm-exporter.service"), "inactive");
	stop(f, 106);
	assert_untouched(f, before);
}

/* Kept on vfio-pci it has no persistence mode to get back. */
static void kept(void **state)
{
	_cleanup_fake_ struct fake *f = fake_nvidia_machine();

	fake_put(f, "/etc/gpupt/gpupt.conf", "[gpu 06:00]\nafter-stop = keep\n");
	fake_persist(f, NV, true);
	start(f, 106, "persistence " NV "\n" DRIVERS_106);
	stop(f, 106);
	assert_on(f, NV, "vfio-pci");
}

/* The driver does not take the card back: the mode waits for it, as long as that takes. */
static void not_home_yet(void **state)
{
	_cleanup_fake_ struct fake *f = fake_nvidia_machine();
	_cleanup_vm_ struct vm_result v = { 0 };
	_cleanup_free_ char *before = NULL;
	char path[PATH_MAX];

	fake_persist(f, NV, true);
	before = fake_snapshot(f);
	start(f, 106, "persistence " NV "\n" DRIVERS_106);
	fake_refuse_bind(f, NV, "nvidia");
	vm_stop(f, 106, &v);
	assert_int_equal(v.r, -EUCLEAN);
	assert_null(strstr(text_str(&v.complained), "persistence"));
	assert_true(fake_exists(f, "/run/gpupt/lease/106"));
	assert_int_equal(unlink(fake_hidden_path(f, path, "refuse/" NV "/nvidia")), 0);
	stop(f, 106);
	assert_untouched(f, before);
}

/* Home with its driver, but not with its mode: whoever uses it by then does so rightly, and is no reason to wait. */
static void only_the_mode_is_left(void **state)
{
	_cleanup_fake_ struct fake *f = fake_nvidia_machine();
	_cleanup_vm_ struct vm_result v = { 0 };
	_cleanup_free_ char *before = NULL;

	fake_put(f, "/etc/gpupt/gpupt.conf", "[gpu 06:00]\nreset = flr\n");
	fake_persist(f, NV, true);
	before = fake_snapshot(f);
	start(f, 106, "persistence " NV "\n" DRIVERS_106 "run pci-reset\n");
	fake_smi(f, "fails");
	vm_stop(f, 106, &v);
	assert_int_equal(v.r, 0);
	assert_non_null(strstr(text_str(&v.complained), "not everything that made room for VM 106 could be put back"));
	assert_true(fake_exists(f, "/run/gpupt/lease/106"));
	assert_on(f, NV, "nvidia");
	assert_true(fake_nvidia_node(f, NV));
	fake_smi(f, "works");
	fake_holder(f, 802, "python3", "/user.slice", "195:0", "/dev/nvidia0");
	f->shared->resets = 0;
	stop(f, 106);
	assert_int_equal(f->shared->resets, 0);
	assert_untouched(f, before);
}

/* Somebody gave it another driver, or took nvidia-smi away: told, and no reason to keep the lease for ever. */
static void cannot_be_turned_on(void **state)
{
	for (int uninstalled = 0; uninstalled < 2; uninstalled++) {
		_cleanup_fake_ struct fake *f = fake_nvidia_machine();
		_cleanup_vm_ struct vm_result v = { 0 };

		fake_load_module(f, "nouveau");
		fake_persist(f, NV, true);
		start(f, 106, "persistence " NV "\n" DRIVERS_106);
		if (uninstalled) {
			fake_smi(f, "absent");
		} else {
			fake_override(f, NV, "");
			fake_bind(f, NV, "nouveau");
		}
		vm_stop(f, 106, &v);
		assert_int_equal(v.r, 0);
		assert_non_null(strstr(text_str(&v.complained), uninstalled ? "nvidia-smi is not there any more: the persistence mode of " NV :
									      NV " is on nouveau, where it has no persistence mode"));
		assert_false(fake_exists(f, "/run/gpupt/lease/106"));
		assert_on(f, NV, uninstalled ? "nvidia" : "nouveau");
	}
}

/* Another device at the address gets no mode of the one that was there. */
static void exchanged(void **state)
{
	_cleanup_fake_ struct fake *f = fake_nvidia_machine();
	_cleanup_vm_ struct vm_result v = { 0 };

	fake_persist(f, NV, true);
	start(f, 106, "persistence " NV "\n" DRIVERS_106);
	fake_override(f, NV, "");
	fake_bind(f, NV, "nvidia");
	fake_identity(f, NV, "10de:2684/1458:403b");
	vm_stop(f, 106, &v);
	assert_non_null(strstr(text_str(&v.complained), "another device sits at " NV));
	assert_false(fake_persists(f, NV));
}

/* The node that went with the driver: made again; told if it cannot be made; no word where it never went. */
static void the_node(void **state)
{
	static const struct {
		const char *modprobe;
		bool stays;
		const char *says; /* NULL: it is there */
	} cases[] = {
		{ "works", false, NULL },
		{ "works", true, NULL },
		{ "absent", true, NULL },
		{ "fails", true, NULL },
		{ "absent", false, "/dev/nvidia0, the node of " NV ", is not there: cannot run nvidia-modprobe" },
		{ "fails", false, "is not there: nvidia-modprobe ended with status 1: ERROR: modprobe failed" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_fake_ struct fake *f = fake_nvidia_machine();
		_cleanup_vm_ struct vm_result v = { 0 };

		fake_persist(f, NV, true);
		fake_nvidia_modprobe(f, cases[i].modprobe);
		if (cases[i].stays)
			fake_nvidia_nodes_stay(f);
		start(f, 106, "persistence " NV "\n" DRIVERS_106);
		vm_stop(f, 106, &v);
		assert_int_equal(v.r, 0);
		assert_true(undo_complete(&v.undo));
		if (cases[i].says ? !strstr(text_str(&v.complained), cases[i].says) : v.complained.len > 0)
			fail_msg("case %zu: '%s'", i, text_str(&v.complained));
		assert_int_equal(fake_nvidia_node(f, NV), !cases[i].says);
		/* in either case it is home */
		assert_on(f, NV, "nvidia");
		assert_string_equal(fake_get(f, DEV NV "/driver_override"), "(null)");
		assert_true(fake_persists(f, NV));
		assert_false(fake_exists(f, "/run/gpupt/lease/106"));
	}
}

/* Renumbered: the driver gives the lowest number that is free, and the node of that number is made. */
static void another_number(void **state)
{
	_cleanup_fake_ struct fake *f = fake_nvidia_machine();

	start(f, 106, DRIVERS_106);
	start(f, 107, "driver " NV_TWIN1 "\ndriver " NV_TWIN "\n");
	stop(f, 107);
	assert_string_equal(fake_hidden(f, "nvidia/minor-0"), NV_TWIN);
	assert_true(fake_nvidia_node(f, NV_TWIN));
	stop(f, 106);
	assert_string_equal(fake_hidden(f, "nvidia/minor-1"), NV);
	assert_true(fake_nvidia_node(f, NV));
}

/* --- cut off at every call --- */

static struct fake *persistent(void)
{
	struct fake *f = fake_nvidia_machine();

	fake_persistenced(f, 800, NV);
	fake_persist(f, NV, true);
	fake_persist(f, NV_TWIN, true);
	return f;
}

static struct cut cut_of(bool returning, const char *what)
{
	return (struct cut){ .make = persistent, .vmid = 106, .returning = returning, .what = what };
}

static void killed_on_the_way(void **state)
{
	struct cut c = cut_of(false, "NVIDIA hand-over killed");
	unsigned int before = cut_killed(&c, FAKE_KILL_BEFORE), after = cut_killed(&c, FAKE_KILL_AFTER);

	assert_true(before > 40 && after > 40);
	fake_tally("crash-points", before + after, "crash points of an NVIDIA card's hand-over");
}

static void killed_on_the_way_back(void **state)
{
	struct cut c = cut_of(true, "NVIDIA return killed");
	unsigned int before = cut_killed(&c, FAKE_KILL_BEFORE), after = cut_killed(&c, FAKE_KILL_AFTER);

	assert_true(before > 20 && after > 20);
	fake_tally("crash-points", before + after, "crash points of an NVIDIA card's return");
}

/* A node that nvidia-modprobe once did not make is told, and nobody's to make later: see the_node(). */
static struct fake *persistent_with_nodes(void)
{
	struct fake *f = persistent();

	fake_nvidia_nodes_stay(f);
	return f;
}

/* Every write and program fails once: the start is refused and everything put back, or it is as if nothing had been. */
static void calls_fail(void **state)
{
	static const enum fake_fault faults[] = { FAKE_ERROR_BEFORE, FAKE_ERROR_AFTER };
	unsigned int failed = 0, calls = 0;

	for (size_t i = 0; i < 2 * ARRAY_SIZE(faults); i++) {
		bool returning = i % 2;
		struct cut c = cut_of(returning, returning ? "a call fails on the way back" : "a call fails");

		c.make = persistent_with_nodes;
		calls += cut_failing(&c, faults[i / 2], !returning, &failed);
	}
	assert_true(failed > 5 / FAKE_EVERY);
	fake_tally("faults", calls, "calls for an NVIDIA card that fail (%u of them fail it)", failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_and_on_again),
		cmocka_unit_test(off_stays_off),
		cmocka_unit_test(not_asked_of_others),
		cmocka_unit_test(unknown_is_held),
		cmocka_unit_test(cannot_be_turned_off),
		cmocka_unit_test(the_daemon),
		cmocka_unit_test(the_daemon_of_another_card),
		cmocka_unit_test(an_exporter),
		cmocka_unit_test(kept),
		cmocka_unit_test(not_home_yet),
		cmocka_unit_test(only_the_mode_is_left),
		cmocka_unit_test(cannot_be_turned_on),
		cmocka_unit_test(exchanged),
		cmocka_unit_test(the_node),
		cmocka_unit_test(another_number),
		cmocka_unit_test(killed_on_the_way),
		cmocka_unit_test(killed_on_the_way_back),
		cmocka_unit_test(calls_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
