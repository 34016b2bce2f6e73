/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `release`, `reconcile` and `reset` list of steps that they really made or put back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper/helper.h"
#include "tests/fake/helper.h"
#include "tests/fake/prepare.h"
#include "tests/fake/vm.h"

static struct fake *machine_with_lease(void)
{
	struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_start(f, 101, false, &v);
	assert_int_equal(v.r, 0);
	return f;
}

/* Runs the command with a table of these columns; want has its rows, a blank between cells. What is on stderr is returned. */
static char *assert_rows(struct fake *f, const char *command, const char *columns, int code, const char *want)
{
	_cleanup_text_ struct text line = { 0 }, out = { 0 }, cells = { 0 };
	struct text err = { 0 };
	int got;

	text_addf(&line, "%s --noheadings -o %s", command, columns);
	got = fake_helper(f, text_str(&line), &out, &err);
	/* the widths of the columns are none of this test's business */
	for (const char *s = text_str(&out); *s; s++)
		if (*s == '\n')
			text_add(&cells, "\n");
		else if (*s != ' ' || (s[1] != ' ' && s[1] != '\n' && cells.len && text_str(&cells)[cells.len - 1] != '\n'))
			text_add_n(&cells, s, 1);
	if (got != code || strcmp(text_str(&cells), want) != 0)
		fail_msg("%s: %d\n%s%s", command, got, text_str(&cells), text_str(&err));
	return text_take(&err);
}

static void put_back(void **state)
{
	_cleanup_fake_ struct fake *f = machine_with_lease();
	_cleanup_text_ struct text out = { 0 }, err = { 0 };

	assert_int_equal(fake_helper(f, "release 101 --json", &out, &err), EXIT_DONE);
	/* one object, with the steps as they were made and nothing else */
	assert_ptr_equal(strstr(text_str(&out), "{\n   \"steps\": [\n"), text_str(&out));
	assert_non_null(strstr(text_str(&out), "\"vmid\": 101,\n         \"bdf\": \"" CARD "\",\n         \"step\": \"driver\",\n"
					       "         \"target\": \"" CARD " " AMD_ID "\",\n         \"before\": \"radeon,"));
	assert_non_null(strstr(text_str(&out), "\"bdf\": \"" CARD1 "\""));
	assert_non_null(strstr(text_str(&out), "\"after\": \"vfio-pci,override=vfio-pci,"));
	assert_non_null(strstr(text_str(&out), "\"result\": \"put back\",\n         \"message\": null\n"));
	assert_null(strstr(text_str(&out), "back from VM"));
	assert_non_null(strstr(text_str(&err), CARD ": back from VM 101, on radeon\n"));
	free(assert_rows(f, "release 101", "result", EXIT_DONE, ""));
}

static void lines_for_people(void **state)
{
	_cleanup_fake_ struct fake *f = machine_with_lease();
	_cleanup_text_ struct text out = { 0 }, err = { 0 };

	assert_int_equal(fake_helper(f, "release 101", &out, &err), EXIT_DONE);
	assert_string_equal(text_str(&out), CARD ": back from VM 101, on radeon\n");
	assert_string_equal(text_str(&err), "");
	assert_int_equal(fake_helper(f, "release 101", &out, &err), EXIT_DONE);
	assert_non_null(strstr(text_str(&out), "\nVM 101 has no GPU of gpupt's\n"));
}

static void with_keep(void **state)
{
	_cleanup_fake_ struct fake *f = machine_with_lease();

	fake_put(f, "/etc/gpupt/gpupt.conf", "[defaults]\nafter-stop = keep\n");
	free(assert_rows(f, "reconcile --dry-run", "vmid,bdf,result", EXIT_DONE,
			 "101 " CARD " would be kept\n101 " CARD1 " would be kept\n"));
	free(assert_rows(f, "reconcile", "vmid,bdf,result", EXIT_DONE, "101 " CARD " kept\n101 " CARD1 " kept\n"));
}

static void somebody_elses(void **state)
{
	_cleanup_fake_ struct fake *f = machine_with_lease();
	_cleanup_free_ char *said = NULL;

	fake_override(f, CARD1, "somebodys");
	fake_vanish(f, CARD);
	said = assert_rows(f, "release 101", "bdf,result", EXIT_DONE, CARD " gone\n" CARD1 " left\n");
	assert_non_null(strstr(said, CARD1));
}

static void fails_and_is_tried_again(void **state)
{
	_cleanup_fake_ struct fake *f = machine_with_lease();
	char path[PATH_MAX];

	fake_refuse_bind(f, CARD, "radeon");
	free(assert_rows(f, "reconcile", "bdf,result", EXIT_LEFT, CARD " not put back\n" CARD1 " put back\n"));
	assert_int_equal(unlink(fake_hidden_path(f, path, "refuse/" CARD "/radeon")), 0);
	free(assert_rows(f, "reconcile", "bdf,result", EXIT_DONE, CARD " put back\n"));
}

static void hangs(void **state)
{
	_cleanup_fake_ struct fake *f = machine_with_lease();

	fake_put(f, "/etc/gpupt/gpupt.conf", "[defaults]\ndriver-timeout = 1\n");
	fake_arm(f, FAKE_KERNEL, FAKE_HANG, 1, 0);
	free(assert_rows(f, "release 101", "bdf,result", EXIT_LEFT, CARD " stuck\n" CARD1 " put back\n"));
	fake_release(f);
	fake_disarm(f);
	free(assert_rows(f, "reconcile", "bdf,result", EXIT_DONE, CARD " put back\n"));
}

static void reset_there_and_back(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();

	/* the console comes back with its driver, by itself */
	free(assert_rows(f, "reset " BOOT, "step,after,result", EXIT_DONE,
			 "attr 0 made\ndriver none made\nrun pm made\ndriver none put back\n"));
	assert_int_equal(f->shared->resets, 1);
}

/* Nothing is done before the columns are known to be right. */
static void unknown_column(void **state)
{
	_cleanup_fake_ struct fake *f = machine_with_lease();
	_cleanup_free_ char *before = fake_tree(f, NULL), *after = NULL;

	assert_int_equal(fake_helper(f, "release 101 -o nosuch", NULL, NULL), EXIT_USAGE);
	assert_int_equal(fake_helper(f, "reconcile -o nosuch", NULL, NULL), EXIT_USAGE);
	assert_int_equal(fake_helper(f, "reset -o nosuch " BOOT, NULL, NULL), EXIT_USAGE);
	after = fake_tree(f, NULL);
	assert_string_equal(fake_difference(before, after), "");
}

/* What proxmox-boot-tool passes over is shown, and nothing else that it says; with -v all, once. */
static void passed_over(void **state)
{
	static const char *const commands[] = { "prepare --adopt --yes", "prepare --adopt --yes --verbose" };

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		_cleanup_fake_ struct fake *f = prepare_host();
		_cleanup_text_ struct text err = { 0 };
		const char *at;

		fake_put(f, "/etc/kernel/proxmox-boot-uuids", "7DF2-8A0C\n");
		fake_put(f, "/usr/sbin/proxmox-boot-tool", "");
		fake_put(f, "/proc/cmdline", "BOOT_IMAGE=/vmlinuz-6.8.12-4-pve root=/dev/sda1 ro quiet\n");
		fake_hide(f, "build-skips/proxmox-boot-tool", "1");
		fake_helper(f, commands[i], NULL, &err);
		at = strstr(text_str(&err), "    WARN: /dev/disk/by-uuid/7DF2-8A0C does not exist - skipping\n");
		if (!at || strstr(at + strlen("    WARN"), "WARN") || !strstr(text_str(&err), "Copying") != !i)
			fail_msg("%s: %s", commands[i], text_str(&err));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(put_back),
		cmocka_unit_test(lines_for_people),
		cmocka_unit_test(with_keep),
		cmocka_unit_test(somebody_elses),
		cmocka_unit_test(fails_and_is_tried_again),
		cmocka_unit_test(hangs),
		cmocka_unit_test(reset_there_and_back),
		cmocka_unit_test(passed_over),
		cmocka_unit_test(unknown_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
