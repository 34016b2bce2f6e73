/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which cards' ROMs a host that is made ready gets files for, and what is said of files that are none. */
#include "flow/setup.h"
#include "plan/step_rom.h"
#include "policy/rom_plan.h"
#include "tests/fake/option_rom.h"
#include "tree.h"

#define FILE_OF_TWINS ROM_DIR "/vbios_1002_5159_1af4_1100.bin"

static void load(const struct tree *t, struct setup *ret)
{
	struct err e = { "" };

	if (setup_load(&t->root, ret, &e) < 0)
		fail_msg("%s", e.text);
}

static void assert_steps(const struct tree *t, const struct bdf_list *which, const char *expected)
{
	_cleanup_setup_ struct setup s = { 0 };
	_cleanup_plan_ struct plan p = { 0 };
	_cleanup_text_ struct text text = { 0 };

	load(t, &s);
	assert_int_equal(rom_plan(&s, which, &p), 0);
	for (size_t i = 0; i < p.n; i++) {
		assert_ptr_equal(p.steps[i].kind, &step_rom);
		assert_true(p.steps[i].optional);
		assert_null(p.steps[i].before);
		assert_string_equal(p.steps[i].after, ROM_UNREAD);
		assert_true(*p.steps[i].why != '\0');
		text_addf(&text, "%s\n", p.steps[i].target);
	}
	assert_string_equal(text_str(&text), expected);
}

static void which(void **state)
{
	_cleanup_bdf_list_ struct bdf_list second = { 0 }, sound = { 0 };
	_cleanup_tree_ struct tree t, u, v;

	/* twins share a file */
	tree_expand(&t, "twins");
	assert_steps(&t, NULL, "");
	assert_int_equal(root_mkdir_p(&t.root, ROM_DIR, 0755), 0);
	assert_steps(&t, NULL, "0000:01:00.0 1002:5159/1af4:1100 " FILE_OF_TWINS "\n");
	assert_int_equal(bdf_list_add(&second, (struct bdf){ .bus = 2 }), 0);
	assert_steps(&t, &second, "0000:02:00.0 1002:5159/1af4:1100 " FILE_OF_TWINS "\n");
	assert_int_equal(bdf_list_add(&sound, (struct bdf){ .bus = 2, .fn = 1 }), 0);
	assert_steps(&t, &sound, "");
	/* one that a VM has is left alone; its twin is free */
	tree_put(&t, "/run/qemu-server/pci-id-reservations", "0000:01:00.0 105 time:9999999999\n");
	assert_steps(&t, NULL, "0000:02:00.0 1002:5159/1af4:1100 " FILE_OF_TWINS "\n");

	tree_expand(&u, "amd-four");
	assert_int_equal(root_mkdir_p(&u.root, ROM_DIR, 0755), 0);
	assert_steps(&u, NULL, "0000:0b:00.0 1002:73bf/1da2:e438 " ROM_DIR "/vbios_1002_73bf_1da2_e438.bin\n");

	/* neither Intel's nor NVIDIA's */
	tree_expand(&v, "hybrid");
	assert_int_equal(root_mkdir_p(&v.root, ROM_DIR, 0755), 0);
	assert_steps(&v, NULL, "");
}

static void judge_text(const struct tree *t, const struct bdf *slot, struct text *ret)
{
	_cleanup_setup_ struct setup s = { 0 };
	_cleanup_findings_ struct findings f = { 0 };

	load(t, &s);
	rom_judge(&s, slot, &f);
	for (size_t i = 0; i < f.n; i++)
		text_addf(ret, "%s %s %s: %s\n", severity_name(f.v[i].severity), finding_name(f.v[i].code), f.v[i].subject, f.v[i].message);
}

/* What is there stays, whatever it is. */
static void there(void **state)
{
	_cleanup_text_ struct text bad = { 0 }, good = { 0 }, stand_in = { 0 };
	const struct bdf slot = { .bus = 2 };
	struct option_rom rom = { 0 };
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "twins");
	tree_put(&t, FILE_OF_TWINS, "mine");
	assert_steps(&t, NULL, "");
	judge_text(&t, &slot, &bad);
	assert_string_equal(text_str(&bad), "warn rom-file 0000:02:00.0: " FILE_OF_TWINS " has the name of the ROM of 0000:02:00.0 and is none: "
					    "there is no ROM: it does not begin with 55 aa\n");
	option_rom_add(&rom, ROM_X86, OPTION_ROM_ID, 1, true);
	assert_int_equal(root_write_file(&t.root, FILE_OF_TWINS, (const char *)rom.v, rom.len, 0644), 0);
	assert_steps(&t, NULL, "");
	judge_text(&t, NULL, &good);
	assert_string_equal(text_str(&good), "");
	/* in a captured tree nothing is known of it */
	tree_put(&t, FILE_OF_TWINS, "");
	assert_steps(&t, NULL, "");
	judge_text(&t, NULL, &stand_in);
	assert_string_equal(text_str(&stand_in), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which),
		cmocka_unit_test(there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
