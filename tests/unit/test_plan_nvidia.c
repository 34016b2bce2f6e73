/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The persistence step and NVIDIA's programs, by themselves. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan/nvidia.h"
#include "tests/fake/nvidia.h"
#include "tests/fake/steps.h"

#define TARGET NV " " NV_ID

static void answers(void **state)
{
	static const struct {
		const char *text;
		int r;
		bool on;
	} cases[] = {
		{ "Enabled\n", 0, true },
		{ "Disabled\n", 0, false },
		{ "Enabled", 0, true },
		{ "", -EBADMSG, false },
		{ "\n", -EBADMSG, false },
		{ "enabled\n", -EBADMSG, false },
		{ "Enabled \n", -EBADMSG, false },
		{ " Disabled\n", -EBADMSG, false },
		{ "Enabled\r\n", -EBADMSG, false },
		{ "EnabledX\n", -EBADMSG, false },
		{ "Enable\n", -EBADMSG, false },
		{ "[N/A]\n", -EBADMSG, false },
		{ "[Not Supported]\n", -EBADMSG, false },
		{ "No devices were found\n", -EBADMSG, false },
		/* two cards, or something that is said besides */
		{ "Enabled\nDisabled\n", -EBADMSG, false },
		{ "Disabled\nWARNING: infoROM is corrupted at gpu 0000:06:00.0\n", -EBADMSG, false },
		{ "\nEnabled\n", -EBADMSG, false },
		{ "Enabled\n\n", -EBADMSG, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool on = !cases[i].on;

		if (nvidia_persistence_parse(cases[i].text, &on) != cases[i].r)
			fail_msg("'%s'", cases[i].text);
		assert_int_equal(on, cases[i].r == 0 ? cases[i].on : !cases[i].on);
	}
}

/* What a program's failure is to the caller: never -ETIMEDOUT, which would say that the card is stuck. */
static void failures(void **state)
{
	static const struct {
		const char *how;
		int asks, sets;
	} cases[] = {
		{ "works", 0, 0 },	{ "absent", -ENOENT, -ENOENT },	 { "fails", -EIO, -EIO },
		{ "hangs", -ETIME, -ETIME }, { "mumbles", -EBADMSG, 0 }, { "cannot set", 0, -EIO },
	};
	_cleanup_fake_ struct fake *f = fake_nvidia_machine();
	struct engine en;

	steps_engine(f, 5000, NULL, &en);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = { "" };
		bool on = false;

		fake_smi(f, cases[i].how);
		assert_int_equal(nvidia_persistence_get(&en, fake_bdf(NV), &on, &e), cases[i].asks);
		assert_int_equal(nvidia_persistence_set(&en, fake_bdf(NV), true, &e), cases[i].sets);
		assert_int_equal(e.text[0] != '\0', cases[i].asks < 0 || cases[i].sets < 0);
	}
}

static int get(struct fake *f, const char *target, char *buf, size_t size, struct err *e)
{
	_cleanup_step_ struct step s = { 0 };
	_cleanup_free_ char *value = NULL;
	struct engine en;
	int k;

	steps_engine(f, 5000, NULL, &en);
	assert_int_equal(step_init(&s, &step_persistence, target, "Enabled", "Disabled", ""), 0);
	k = s.kind->get(&en, &s, &value, e);
	snprintf(buf, size, "%s", value ? value : "");
	return k;
}

static int set(struct fake *f, const char *target, const char *after, struct err *e)
{
	_cleanup_step_ struct step s = { 0 };
	struct engine en;

	steps_engine(f, 5000, NULL, &en);
	assert_int_equal(step_init(&s, &step_persistence, target, NULL, after, ""), 0);
	return step_make(&en, &s, e);
}

static void gets_and_sets(void **state)
{
	_cleanup_fake_ struct fake *f = fake_nvidia_machine();
	struct err e = { "" };
	char value[32];

	assert_ptr_equal(step_kind_find("persistence"), &step_persistence);
	assert_false(step_persistence.survives_reboot);
	assert_int_equal(get(f, TARGET, value, sizeof(value), &e), 0);
	assert_string_equal(value, "Disabled");
	assert_int_equal(set(f, TARGET, "Enabled", &e), 0);
	assert_true(fake_persists(f, NV));
	assert_false(fake_persists(f, NV_TWIN));
	assert_int_equal(get(f, TARGET, value, sizeof(value), &e), 0);
	assert_string_equal(value, "Enabled");
	assert_int_equal(set(f, TARGET, "Disabled", &e), 0);
	assert_false(fake_persists(f, NV));
	/* only what reads back counts */
	fake_smi(f, "sets nothing");
	assert_int_equal(set(f, TARGET, "Enabled", &e), -EIO);
	/* what a record cannot have */
	assert_int_equal(set(f, TARGET, "on", &e), -EINVAL);
	assert_int_equal(set(f, TARGET, NULL, &e), -EINVAL);
	assert_int_equal(get(f, "somewhere", value, sizeof(value), &e), -EINVAL);
	/* another device, or none */
	assert_int_equal(get(f, NV " 10de:2684/1458:403b", value, sizeof(value), &e), -ENODEV);
	assert_int_equal(set(f, NV " 10de:2684/1458:403b", "Enabled", &e), -ENODEV);
	fake_vanish(f, NV);
	assert_int_equal(get(f, TARGET, value, sizeof(value), &e), -ENODEV);
	assert_non_null(strstr(e.text, "not there any more"));
}

/* Elsewhere than on NVIDIA's driver: no program is run, and what becomes of the step depends on whether the card is on its way. */
static void on_other_drivers(void **state)
{
	static const struct {
		const char *driver, *override;
		int r;
	} cases[] = {
		{ "vfio-pci", "vfio-pci", -EBUSY }, /* the VM has it, or its undo failed */
		{ "vfio-pci", "nvidia", -EBUSY },   /* aimed at home, and not there */
		{ "", "nvidia", -EBUSY },
		{ "", "", -EBUSY },
		{ "vfio-pci", "", 1 }, /* after-stop = keep, or somebody's wish */
		{ "nouveau", "", 1 },
		{ "nouveau", "nouveau", 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_fake_ struct fake *f = fake_nvidia_machine();
		struct err e = { "" };
		char value[32];

		fake_load_module(f, "nouveau");
		fake_smi(f, "fails");
		fake_override(f, NV, cases[i].override);
		fake_bind(f, NV, cases[i].driver);
		assert_int_equal(get(f, TARGET, value, sizeof(value), &e), 0);
		assert_string_equal(value, "Disabled");
		assert_int_equal(set(f, TARGET, "Enabled", &e), cases[i].r);
		assert_true(strlen(e.text) > 0);
		assert_int_equal(f->shared->execs, 0);
	}
}

static void node(void **state)
{
	_cleanup_fake_ struct fake *f = fake_nvidia_machine();
	struct engine en;
	struct err e = { "" };

	steps_engine(f, 5000, NULL, &en);
	fake_nvidia_node_lost(f, NV_TWIN);
	assert_int_equal(nvidia_node_make(&en, fake_bdf(NV_TWIN), &e), 0);
	assert_true(fake_nvidia_node(f, NV_TWIN));
	assert_string_equal(e.text, "");
	/* there already: nobody misses the program, and its deadline is no failure */
	fake_nvidia_modprobe(f, "absent");
	assert_int_equal(nvidia_node_make(&en, fake_bdf(NV_TWIN), &e), 0);
	fake_nvidia_modprobe(f, "hangs");
	assert_int_equal(nvidia_node_make(&en, fake_bdf(NV_TWIN), &e), 0);
	assert_string_equal(e.text, "");
	/* a node of that name with another number is not it */
	fake_nvidia_node_lost(f, NV_TWIN);
	fake_put(f, "/gpupt-nodes", "c 195:7 /dev/nvidia1\n");
	fake_nvidia_modprobe(f, "fails");
	assert_int_equal(nvidia_node_make(&en, fake_bdf(NV_TWIN), &e), 1);
	assert_non_null(strstr(e.text, "/dev/nvidia1"));
	/* a driver that does not know the card */
	assert_int_equal(nvidia_node_make(&en, fake_bdf(CARD), &e), 1);
	assert_non_null(strstr(e.text, "does not say what its node is"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(failures),
		cmocka_unit_test(gets_and_sets),
		cmocka_unit_test(on_other_drivers),
		cmocka_unit_test(node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
