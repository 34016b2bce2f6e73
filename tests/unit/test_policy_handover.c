/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plans, homes and resets, from facts made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/handover.h"
#include "policy/home.h"
#include "policy/reset_choice.h"
#include "tests/fake/facts.h"
#include "tests/fake/fake.h"

#define VM_VALUE "vfio-pci,override=vfio-pci,power=on,d3cold=0"

/* The plan, a line per step without the reasons: "driver 0000:01:00.1 1002:…: a -> b". */
static char *plan_of(const struct hand *h, handover_held_fn *held, void *ctx)
{
	_cleanup_plan_ struct plan p = { 0 };
	_cleanup_text_ struct text t = { 0 };

	assert_int_equal(handover_plan(&h->f, &h->s, held, ctx, &p), 0);
	for (size_t i = 0; i < p.n; i++) {
		struct step bare = p.steps[i];

		bare.why = NULL;
		step_format(&bare, &t);
		text_add(&t, p.steps[i].optional ? " ?\n" : "\n");
	}
	return text_take(&t);
}

static void assert_plan(const struct hand *h, const char *want)
{
	_cleanup_free_ char *have = plan_of(h, NULL, NULL);

	assert_string_equal(have, want);
}

#define TARGET(bdf) "driver " bdf " 1002:5159/1af4:1100: "

static void companions_first(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, NULL);
	hand_add(&h, "0000:01:00.2", 0x0c0330, "xhci_hcd", 15);
	assert_plan(&h, TARGET("0000:01:00.2") "xhci_hcd,power=auto,d3cold=1 -> " VM_VALUE "\n"
			TARGET(CARD1) "snd_hda_intel,power=auto,d3cold=1 -> " VM_VALUE "\n"
			TARGET(CARD) "radeon,power=auto,d3cold=1 -> " VM_VALUE "\n");
}

/* Processes, then the console, then the drivers, then the choice of the reset and the reset itself. */
static void the_whole_order(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };
	struct holder *x;

	hand_init(&h, "[defaults]\nprocesses = terminate\n");
	hand_console(&h, "(S) dummy device", false);
	hand_console(&h, "(M) frame buffer device", true);
	h.display->console = true;
	h.f.vendor_reset = true;
	hand_holder(&h, HOLDER_UNIT, "jellyfin.service", CARD, "dri/card0");
	hand_holder(&h, HOLDER_UNIT, "jellyfin.service", CARD, "dri/renderD128");
	hand_holder(&h, HOLDER_HOST, "", CARD1, "snd/controlC1");
	x = hand_holder(&h, HOLDER_HOST, "", CARD, "kfd");
	x->shared_only = true;
	assert_plan(&h, "unit jellyfin.service: active -> inactive\n"
			"run process-end 4003 77: SIGTERM, then SIGKILL\n"
			"attr /sys/class/vtconsole/[name=(M) frame buffer device]/bind: 1 -> 0\n"
			TARGET(CARD1) "snd_hda_intel,power=auto,d3cold=1 -> " VM_VALUE "\n"
			TARGET(CARD) "radeon,power=auto,d3cold=1 -> " VM_VALUE "\n"
			"attr /sys/bus/pci/devices/" CARD "/reset_method: bus -> device_specific ?\n"
			"run pci-reset " CARD " " AMD_ID ": device_specific ?\n");
}

/* A batch job's process is ended, by the process; a service of two processes is stopped once. */
static void jobs_and_services(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };
	_cleanup_plan_ struct plan p = { 0 };

	hand_init(&h, "[defaults]\nprocesses = terminate\n");
	hand_holder(&h, HOLDER_UNIT, "transcode.service", CARD, "dri/renderD128");
	hand_holder(&h, HOLDER_UNIT, "encoder.service", CARD1, "snd/controlC1");
	hand_holder(&h, HOLDER_UNIT, "encoder.service", CARD, "dri/card0");
	assert_int_equal(strv_add(&h.f.batch_units, "transcode.service"), 0);
	assert_int_equal(handover_plan(&h.f, &h.s, NULL, NULL, &p), 0);
	assert_int_equal(p.n, 4);
	assert_string_equal(p.steps[0].target, "process-end 4001 77");
	assert_string_equal(p.steps[1].target, "encoder.service");
	/* by its reason it is known with which function it comes back */
	assert_string_equal(p.steps[1].why, "it holds " CARD1);
}

/* NVIDIA's persistence mode goes first, as long as its daemon is there to be told, and where it is on. */
static void persistence_mode(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, NULL);
	hand_driver(h.display, "nvidia", "");
	hand_holder(&h, HOLDER_UNIT, "nvidia-persistenced.service", CARD, "nvidia0");
	h.display->persistence = PERSISTENCE_ON;
	assert_plan(&h, "persistence " CARD " 1002:5159/1af4:1100: Enabled -> Disabled\n"
			"unit nvidia-persistenced.service: active -> inactive\n"
			TARGET(CARD1) "snd_hda_intel,power=auto,d3cold=1 -> " VM_VALUE "\n"
			TARGET(CARD) "nvidia,power=auto,d3cold=1 -> " VM_VALUE "\n");
	h.f.holders.v[0].shared_only = true;
	h.display->persistence = PERSISTENCE_OFF;
	assert_plan(&h, TARGET(CARD1) "snd_hda_intel,power=auto,d3cold=1 -> " VM_VALUE "\n"
			TARGET(CARD) "nvidia,power=auto,d3cold=1 -> " VM_VALUE "\n");
}

static void consoles(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };
	_cleanup_free_ char *plan = NULL;

	/* the console is on another card: it stays */
	hand_init(&h, NULL);
	hand_console(&h, "(M) frame buffer device", true);
	plan = plan_of(&h, NULL, NULL);
	assert_null(strstr(plan, "vtconsole"));
	free(TAKE_PTR(plan));
	/* on this card, but not bound: nothing to take off */
	h.display->console = true;
	h.f.consoles.v[0].bound = false;
	plan = plan_of(&h, NULL, NULL);
	assert_null(strstr(plan, "vtconsole"));
}

static void the_rest_of_the_group(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };
	_cleanup_plan_ struct plan p = { 0 };
	struct fn_facts *bridge;

	hand_init(&h, NULL);
	hand_add(&h, NIC, 0x020000, "e1000e", 15)->role = ROLE_GROUP;
	bridge = hand_add(&h, "0000:00:01.0", 0x060400, "pcieport", 15);
	bridge->fn.bridge = true;
	bridge->role = ROLE_GROUP;
	assert_int_equal(handover_plan(&h.f, &h.s, NULL, NULL, &p), 0);
	assert_int_equal(p.n, 3);
	assert_true(str_starts(p.steps[0].target, NIC));
	assert_non_null(strstr(p.steps[0].why, "group"));
	assert_true(str_starts(p.steps[2].target, CARD));
}

static bool holds(void *ctx, struct bdf b)
{
	return bdf_eq(b, fake_bdf(ctx));
}

static void what_is_held_is_left_out(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };
	_cleanup_free_ char *plan = NULL;
	char card1[] = CARD1;

	hand_init(&h, NULL);
	plan = plan_of(&h, holds, card1);
	assert_string_equal(plan, TARGET(CARD) "radeon,power=auto,d3cold=1 -> " VM_VALUE "\n");
}

/* A card that is on vfio-pci already by somebody's wish is not touched: nothing changes hands. */
static void ready_as_it_is(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, NULL);
	hand_driver(h.display, "vfio-pci", "vfio-pci");
	hand_driver(h.audio, "vfio-pci", "vfio-pci");
	assert_plan(&h, "");
}

static void found_astray(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, NULL);
	hand_driver(h.display, "vfio-pci", "");
	snprintf(h.display->guess, sizeof(h.display->guess), "amdgpu");
	hand_driver(h.audio, "", "");
	h.audio->has_home = true;
	snprintf(h.audio->home.identity, sizeof(h.audio->home.identity), AMD_ID);
	snprintf(h.audio->home.driver, sizeof(h.audio->home.driver), "snd_hda_intel");
	/* d3cold_allowed is nobody's but the administrator's: as it is found it comes back */
	assert_plan(&h, TARGET(CARD1) "snd_hda_intel,d3cold=1 -> " VM_VALUE "\n" TARGET(CARD) "amdgpu,d3cold=1 -> " VM_VALUE "\n");
}

static void homes(void **state)
{
	static const struct {
		const char *driver, *override, *conf, *remembered, *identity, *guess, *home; /* home NULL: unknown */
	} cases[] = {
		{ "radeon", "", "", "amdgpu", AMD_ID, "amdgpu", "radeon" },	/* a native driver that has it now */
		{ "radeon", "pci-stub", "", NULL, NULL, "", "radeon,override=pci-stub" },
		{ "vfio-pci", "vfio-pci", "", "radeon", AMD_ID, "radeon", "vfio-pci,override=vfio-pci" }, /* reserved */
		{ "", "pci-stub", "", "radeon", AMD_ID, "radeon", "pci-stub,override=pci-stub" },
		{ "vfio-pci", "", "driver = amdgpu\n", "radeon", AMD_ID, "radeon", "amdgpu" }, /* the file counts most */
		{ "vfio-pci", "", "", "radeon", AMD_ID, "amdgpu", "radeon" },
		{ "", "", "", "radeon", AMD_ID, "amdgpu", "radeon" },
		{ "vfio-pci", "", "", "nvidia", "10de:2204/0000:0000", "amdgpu", "amdgpu" }, /* remembered of another card */
		{ "vfio-pci", "", "", NULL, NULL, "amdgpu", "amdgpu" },
		{ "vfio-pci", "", "", NULL, NULL, "", NULL },
		{ "", "", "", "nvidia", "10de:2204/0000:0000", "", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_hand_ struct hand h = { 0 };
		_cleanup_text_ struct text t = { 0 };
		struct driver_value v = { .driver = "as it was" };
		char conf[64];

		snprintf(conf, sizeof(conf), "[gpu 01:00]\n%s", cases[i].conf);
		hand_init(&h, conf);
		hand_driver(h.display, cases[i].driver, cases[i].override);
		h.display->driver.power[0] = h.display->driver.d3cold[0] = '\0';
		h.display->has_home = cases[i].remembered;
		if (cases[i].remembered) {
			snprintf(h.display->home.driver, sizeof(h.display->home.driver), "%s", cases[i].remembered);
			snprintf(h.display->home.identity, sizeof(h.display->home.identity), "%s", cases[i].identity);
		}
		snprintf(h.display->guess, sizeof(h.display->guess), "%s", cases[i].guess);
		if (home_value(h.display, &h.s, &v) != (cases[i].home != NULL))
			fail_msg("case %zu: home is %s", i, cases[i].home ? "unknown" : "known");
		if (!cases[i].home) {
			assert_string_equal(v.driver, "as it was");
			continue;
		}
		driver_format(&v, &t);
		assert_string_equal(text_str(&t), cases[i].home);
	}
}

static void values(void **state)
{
	static const char *const bad[] = { "", ",", "a,", "a,override", "a,override=", "a,nosuch=1", "a,power=longer-than-it-may-be", "a,d3cold=10",
					   "a,,power=on" };
	const struct driver_value no_knobs = { .driver = "radeon" };
	struct driver_value v;
	_cleanup_text_ struct text t = { 0 };

	handover_value(&no_knobs, &v);
	driver_format(&v, &t);
	assert_string_equal(text_str(&t), "vfio-pci,override=vfio-pci"); /* knobs that are not there are not turned */
	assert_int_equal(driver_parse("none,power=auto", &v), 0);
	assert_string_equal(v.driver, "");
	assert_string_equal(v.power, "auto");
	assert_int_equal(driver_parse(VM_VALUE, &v), 0);
	assert_string_equal(v.override, "vfio-pci");
	assert_string_equal(v.d3cold, "0");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (driver_parse(bad[i], &v) == 0)
			fail_msg("'%s' is taken for a driver", bad[i]);
}

/* --- resets --- */

struct reset_case {
	const char *setting;	/* reset = … */
	unsigned int vendor;
	const char *listed;	/* reset_method */
	unsigned int on_bus;	/* functions on its bus */
	bool vendor_reset;	/* the module is loaded */
	/* expected */
	const char *method;	/* to be selected */
	const char *how;	/* NULL: no reset by us */
	bool works_in_guest;
	const char *why;
};

static void resets(void **state)
{
	static const struct reset_case cases[] = {
		/* AMD with audio: bus alone cannot work, QEMU's hot reset of both can */
		{ "auto", 0x1002, "bus", 2, false, "", NULL, true, "another function shares its bus" },
		/* the same with vendor-reset: chosen before the first reset */
		{ "auto", 0x1002, "bus", 2, true, "device_specific", "device_specific", true, "device_specific" },
		{ "auto", 0x1002, "device_specific bus", 2, true, "device_specific", "device_specific", true, "device_specific" },
		{ "auto", 0x1002, "device_specific", 2, false, "", "device_specific", true, "device_specific" }, /* chosen already */
		/* a card of one function: its bus is its own */
		{ "auto", 0x1002, "bus", 1, false, "", "bus", true, "bus" },
		{ "auto", 0x1002, "flr bus", 2, false, "", "flr", true, "flr" },
		{ "auto", 0x1002, "", 2, false, "", NULL, true, NULL },
		/* others keep no state: QEMU does it */
		{ "auto", 0x10de, "flr bus", 2, false, "", NULL, true, NULL },
		{ "auto", 0x10de, "bus", 2, true, "", NULL, true, NULL },
		/* by name, for any vendor */
		{ "flr", 0x10de, "flr bus", 2, false, "flr", "flr", true, "flr" },
		{ "flr", 0x10de, "flr", 2, false, "", "flr", true, "flr" },
		{ "pm", 0x1002, "flr bus", 2, false, "", NULL, true, "the kernel does not list pm" },
		{ "bus", 0x1002, "flr bus", 2, false, "bus", NULL, true, "another function shares its bus" },
		{ "bus", 0x1002, "flr bus", 1, false, "bus", "bus", true, "bus" },
		{ "device_specific", 0x1002, "bus", 2, true, "device_specific", "device_specific", true, "device_specific" },
		{ "device_specific", 0x10de, "bus", 2, true, "", NULL, true, "does not list device_specific" }, /* vendor-reset knows AMD's alone */
		{ "none", 0x1002, "device_specific bus", 2, true, "", NULL, true, NULL },
		/* a third function that stays behind: nothing works */
		{ "auto", 0x1002, "bus", 3, false, "", NULL, false, "another function shares its bus" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct reset_case *c = &cases[i];
		_cleanup_hand_ struct hand h = { 0 };
		struct reset_choice choice;
		char conf[64];

		snprintf(conf, sizeof(conf), "[defaults]\nreset = %s\n", c->setting);
		hand_init(&h, conf);
		if (c->on_bus == 1)
			h.f.n = 1;
		h.display->fn.on_bus = h.audio->fn.on_bus = c->on_bus;
		h.display->fn.id.vendor = (uint16_t)c->vendor;
		h.f.vendor_reset = c->vendor_reset;
		snprintf(h.display->fn.reset_method, sizeof(h.display->fn.reset_method), "%s", c->listed);
		reset_choose(&h.f, h.display, settings_gpu(&h.s, h.display->fn.bdf), &choice);
		if (strcmp(choice.method, c->method) != 0 || choice.reset != (c->how != NULL) || (c->how && strcmp(choice.how, c->how) != 0) ||
		    choice.works_in_guest != c->works_in_guest || (c->why && !strstr(choice.why, c->why)))
			fail_msg("case %zu (%s, %s): method '%s', reset %d how '%s', works in guest %d, why '%s'", i, c->setting, c->listed,
				 choice.method, choice.reset, choice.how, choice.works_in_guest, choice.why);
		/* audio functions are not reset by themselves */
		reset_choose(&h.f, h.audio, settings_gpu(&h.s, h.audio->fn.bdf), &choice);
		assert_false(choice.reset);
		assert_string_equal(choice.method, "");
	}
}

static bool out(void *ctx, struct bdf b)
{
	return !*(bool *)ctx;
}

static void when_to_reset(void **state)
{
	static const struct {
		const char *at;
		bool start, stop;
	} cases[] = { { "start", true, false }, { "stop", false, true }, { "start,stop", true, true } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_plan_ struct plan back = { 0 };
		_cleanup_hand_ struct hand h = { 0 };
		_cleanup_free_ char *plan = NULL;
		char conf[64];

		snprintf(conf, sizeof(conf), "[defaults]\nreset-at = %s\n", cases[i].at);
		hand_init(&h, conf);
		snprintf(h.display->fn.reset_method, sizeof(h.display->fn.reset_method), "device_specific bus");
		plan = plan_of(&h, NULL, NULL);
		/* the method is chosen in any case: QEMU's reset is the first one otherwise */
		assert_non_null(strstr(plan, "reset_method: device_specific bus -> device_specific"));
		assert_int_equal(strstr(plan, "pci-reset") != NULL, cases[i].start);
		assert_int_equal(release_reset_plan(&h.f, &h.s, out, &h.display->absent, &back), 0);
		assert_int_equal(back.n, cases[i].stop);
		if (back.n) {
			assert_string_equal(back.steps[0].target, "pci-reset " CARD " " AMD_ID);
			assert_true(back.steps[0].optional);
		}
		plan_done(&back);
		h.display->absent = true; /* or home already */
		assert_int_equal(release_reset_plan(&h.f, &h.s, out, &h.display->absent, &back), 0);
		assert_int_equal(back.n, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(companions_first),
		cmocka_unit_test(the_whole_order),
		cmocka_unit_test(jobs_and_services),
		cmocka_unit_test(persistence_mode),
		cmocka_unit_test(consoles),
		cmocka_unit_test(the_rest_of_the_group),
		cmocka_unit_test(what_is_held_is_left_out),
		cmocka_unit_test(ready_as_it_is),
		cmocka_unit_test(found_astray),
		cmocka_unit_test(homes),
		cmocka_unit_test(values),
		cmocka_unit_test(resets),
		cmocka_unit_test(when_to_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
