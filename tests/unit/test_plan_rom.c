/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rom step: a card's ROM gets into its file, or nothing does; what is somebody's stays; ours goes again. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "flow/roms.h"
#include "plan/step_rom.h"
#include "tests/fake/option_rom.h"
#include "tests/fake/steps.h"

#define ID     "1002:5159/1af4:1100"
#define FILE_OF_CARD ROM_DIR "/vbios_1002_5159_1af4_1100.bin"
#define TARGET CARD " " ID " " FILE_OF_CARD

static char *read_value(struct fake *f)
{
	char *value = NULL;
	struct err e = { "" };

	if (rom_file_read(&f->root, FILE_OF_CARD, OPTION_ROM_ID, &value, &e) < 0)
		fail_msg("%s", e.text);
	return value;
}

static void assert_value(struct fake *f, const char *starts)
{
	_cleanup_free_ char *value = read_value(f);

	if (starts ? !value || !str_starts(value, starts) : value != NULL)
		fail_msg("'%s' and not '%s'", value ? value : "(absent)", starts ? starts : "(absent)");
}

/* What a file is to the card. */
static void values(void **state)
{
	struct option_rom r, other = { 0 }, longer = { 0 };
	_cleanup_fake_ struct fake *f = option_rom_machine(&r);
	char good[ROM_VALUE_LEN], why[64];
	_cleanup_free_ char *value = NULL;

	assert_value(f, NULL);
	fake_put_bytes(f, FILE_OF_CARD, r.v, r.len);
	assert_value(f, rom_file_value(r.v, r.len, good));
	assert_true(rom_value_is_good(good));
	/* the same ROM with something behind it is good, and another file */
	longer = r;
	longer.v[longer.len++] = 0xff;
	fake_put_bytes(f, FILE_OF_CARD, longer.v, longer.len);
	assert_value(f, "size=1537,fnv1a=");
	r.v[0x90]++;
	fake_put_bytes(f, FILE_OF_CARD, r.v, r.len);
	assert_value(f, "other (image 1 of the ROM has a wrong checksum)");
	value = read_value(f);
	assert_false(rom_value_is_good(value));
	assert_string_equal(rom_value_why(value, why, sizeof(why)), "image 1 of the ROM has a wrong checksum");
	option_rom_add(&other, ROM_X86, (struct pci_id){ 0x10de, 0x1234, 0, 0 }, 1, true);
	fake_put_bytes(f, FILE_OF_CARD, other.v, other.len);
	assert_value(f, "other (the ROM is of another device");
	fake_put(f, FILE_OF_CARD, "");
	assert_value(f, "other (there is no ROM");
	fake_remove(f, FILE_OF_CARD);
	fake_mkdir(f, FILE_OF_CARD);
	assert_value(f, "other (no file)");
	fake_remove(f, FILE_OF_CARD);
	fake_link(f, FILE_OF_CARD, "nowhere");
	assert_value(f, "other (no file)");
	fake_remove(f, ROM_DIR);
	assert_value(f, NULL);
	/* known answers: of nothing, and of a byte (Fowler, Noll and Vo's test vectors) */
	assert_string_equal(rom_file_value("", 0, good), "size=0,fnv1a=cbf29ce484222325");
	assert_string_equal(rom_file_value("a", 1, good), "size=1,fnv1a=af63dc4c8601ec8c");
}

static void targets(void **state)
{
	static const char *const wrong[] = {
		"", CARD, CARD " " ID, CARD " " ID " ", CARD " " ID " rom.bin", "0000:01:00 " ID " /x", CARD " 1002-5159 /x", CARD "  " ID " /x",
		"/x " CARD " " ID,
	};
	_cleanup_text_ struct text text = { 0 };
	const struct pci_fn fn = { .bdf = fake_bdf(CARD), .id = OPTION_ROM_ID };
	struct rom_target t;
	char path[PATH_MAX];

	rom_target_format(&fn, rom_file_path(path, fn.id), &text);
	assert_string_equal(text_str(&text), TARGET);
	assert_int_equal(rom_target_parse(TARGET " x", &t, NULL), 0);
	assert_true(bdf_eq(t.bdf, fn.bdf));
	assert_true(pci_id_match(fn.id, t.id));
	assert_string_equal(t.path, FILE_OF_CARD " x");
	assert_string_equal(rom_file_path(path, (struct pci_id){ 0x1002, 0x164e, 0, 0 }), ROM_DIR "/vbios_1002_164e.bin");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (rom_target_parse(wrong[i], &t, NULL) != -EINVAL)
			fail_msg("'%s' is taken for a target", wrong[i]);
}

/* The plan of one ROM, read: what a walk applies. */
static int rom_steps(struct fake *f, struct plan *p, struct text *diary)
{
	struct step *s = plan_add(p, &step_rom, TARGET, NULL, ROM_UNREAD, "for a VM");
	struct engine en;
	struct err e;

	s->optional = true;
	steps_engine(f, 5000, diary, &en);
	return roms_read(&en, p, &e);
}

static int apply_to(struct fake *f, const struct plan *p, struct text *diary)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	struct engine en;
	struct err e;

	steps_engine(f, 5000, diary, &en);
	if (record_create(&f->root, STEPS_RECORD, &rec, &e) < 0)
		return -EIO;
	return plan_apply(&en, p, &rec, NULL, &e);
}

static int apply(struct fake *f, void *ctx)
{
	_cleanup_plan_ struct plan p = { 0 };
	int k = rom_steps(f, &p, ctx);

	return k < 0 ? k : apply_to(f, &p, ctx);
}

static void assert_off(struct fake *f)
{
	assert_string_not_equal(fake_hidden(f, "rom-on/" CARD), "1");
}

static void there_and_back(void **state)
{
	_cleanup_text_ struct text diary = { 0 }, shown = { 0 };
	_cleanup_plan_ struct plan p = { 0 };
	struct option_rom r;
	_cleanup_fake_ struct fake *f = option_rom_machine(&r);
	char value[ROM_VALUE_LEN], expected[256];
	struct undo_result u;

	assert_int_equal(rom_steps(f, &p, &diary), 0);
	plan_format(&p, &shown);
	snprintf(expected, sizeof(expected), "rom " TARGET ": (absent) -> %s (for a VM)\n", rom_file_value(r.v, r.len, value));
	assert_string_equal(text_str(&shown), expected);
	assert_value(f, NULL);
	assert_off(f);
	assert_int_equal(apply_to(f, &p, &diary), 0);
	assert_value(f, value);
	assert_off(f);
	/* the way back needs no card */
	fake_remove(f, "/sys/bus/pci/devices/" CARD);
	assert_int_equal(steps_recover(f, &u, &diary), 0);
	assert_int_equal(u.undone, 1);
	assert_value(f, NULL);
	assert_string_equal(text_str(&diary), "made rom " TARGET ": \nundone rom " TARGET ": \n");
}

/* Somebody has put another good ROM in the place of ours: it is his. */
static void replaced(void **state)
{
	struct option_rom r;
	_cleanup_fake_ struct fake *f = option_rom_machine(&r);
	struct undo_result u;

	assert_int_equal(apply(f, NULL), 0);
	r.v[0x90]++;
	option_rom_sum(&r, 0);
	fake_put_bytes(f, FILE_OF_CARD, r.v, r.len);
	assert_int_equal(steps_recover(f, &u, NULL), 0);
	assert_int_equal(u.foreign, 1);
	assert_value(f, "size=1536,");
}

/* What is there when the step's turn comes stays, good or bad; the rest of the plan is made. */
static void in_the_way(void **state)
{
	_cleanup_plan_ struct plan p = { 0 };
	_cleanup_text_ struct text diary = { 0 };
	struct option_rom r;
	_cleanup_fake_ struct fake *f = option_rom_machine(&r);
	struct step s = { .kind = &step_rom, .target = (char[]){ TARGET } };
	char value[ROM_VALUE_LEN];
	struct engine en;
	struct err e = { "" };

	assert_int_equal(rom_steps(f, &p, &diary), 0);
	plan_add(&p, &step_file, "/etc/x", NULL, "text\n", "");
	fake_put(f, FILE_OF_CARD, "mine");
	fake_mkdir(f, "/etc");
	assert_int_equal(apply_to(f, &p, &diary), 0);
	assert_value(f, "other (there is no ROM");
	assert_string_equal(fake_get(f, "/etc/x"), "text");
	assert_non_null(strstr(text_str(&diary), "skipped rom " TARGET ": rom " TARGET " has changed to 'other ("));

	/* between the look and the write, too */
	steps_engine(f, 5000, NULL, &en);
	s.after = rom_file_value(r.v, r.len, value);
	assert_int_equal(step_rom.set(&en, &s, &e), -EEXIST);
	assert_string_equal(e.text, FILE_OF_CARD " is there and stays");
	fake_remove(f, FILE_OF_CARD);
	s.after = (char[]){ ROM_UNREAD };
	assert_int_equal(step_rom.set(&en, &s, &e), -EINVAL);
	assert_value(f, NULL);
	assert_off(f);
}

static void other_rom(struct fake *f, void *ctx)
{
	struct option_rom r = *(struct option_rom *)ctx;

	r.v[0x90]++;
	option_rom_sum(&r, 0);
	option_rom_hide(f, CARD, &r);
}

/* A card that is another one by then, or has another ROM, and one that has none: nothing is written, and it is said. */
static void not_to_be_had(void **state)
{
	_cleanup_plan_ struct plan p = { 0 }, none = { 0 }, gone = { 0 };
	_cleanup_text_ struct text diary = { 0 }, said = { 0 }, last = { 0 };
	struct option_rom r;
	_cleanup_fake_ struct fake *f = option_rom_machine(&r);

	assert_int_equal(rom_steps(f, &p, &diary), 0);
	other_rom(f, &r);
	assert_int_equal(apply_to(f, &p, &diary), 0);
	assert_non_null(strstr(text_str(&diary), "skipped rom " TARGET ": the ROM of " CARD " is size=1536,fnv1a="));
	assert_value(f, NULL);

	fake_remove(f, "/sys/bus/pci/devices/" CARD "/rom");
	fake_remove(f, "/sys/firmware/acpi/tables/VFCT");
	plan_add(&none, &step_file, "/etc/x", NULL, "text\n", "");
	assert_int_equal(rom_steps(f, &none, &said), 0);
	plan_add(&none, &step_file, "/etc/y", NULL, "text\n", "");
	assert_int_equal(none.n, 2);
	assert_string_equal(none.steps[0].target, "/etc/x");
	assert_string_equal(none.steps[1].target, "/etc/y");
	assert_non_null(strstr(text_str(&said), "skipped rom " TARGET ": the ROM of " CARD " cannot be had: from the card: the card shows no ROM"));

	fake_put(f, "/sys/bus/pci/devices/" CARD "/device", "0x5158\n");
	assert_int_equal(rom_steps(f, &gone, &last), 0);
	assert_int_equal(gone.n, 0);
	assert_non_null(strstr(text_str(&last), "another device sits at " CARD " now"));
	assert_off(f);
}

/*
 * Every call fails, or the process and its child are killed at it: the way back leaves no file, and none that is half written. That a ROM
 * does not stay on is shown by test_helper_rom.c.
 */
static void cut_short(void **state)
{
	unsigned int n, faults = 0;

	for (enum fake_fault fault = FAKE_ERROR_BEFORE; fault <= FAKE_KILL_AFTER; fault++) {
		for (n = 1; n < 200; n++) {
			struct option_rom r;
			_cleanup_fake_ struct fake *f = option_rom_machine(&r);
			struct undo_result u = { 0 };
			unsigned int count;
			char path[PATH_MAX];

			fake_arm(f, FAKE_KERNEL | FAKE_STORAGE, fault, n, EIO);
			fake_run(f, apply, NULL);
			count = fake_count(f);
			fake_disarm(f);
			if (count < n)
				break;
			faults++;
			if (steps_recover(f, &u, NULL) == 0 && (u.foreign || !undo_complete(&u)))
				fail_msg("fault %d at call %u: foreign %u, failed %u", fault, n, u.foreign, u.failed);
			assert_value(f, NULL);
			/* nothing at all is left in the directory */
			if (rmdir(fake_path(f, path, ROM_DIR)) < 0)
				fail_msg("fault %d at call %u leaves something: %s", fault, n, strerror(errno));
		}
		assert_in_range(n, 5, 199);
	}
	fake_tally("faults", faults, "a rom step with every call failing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values), cmocka_unit_test(targets), cmocka_unit_test(there_and_back), cmocka_unit_test(replaced),
		cmocka_unit_test(in_the_way), cmocka_unit_test(not_to_be_had), cmocka_unit_test(cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
