/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `gpupt-helper rom` on a machine that answers: the switch is off afterwards, whatever happens, and a good file stays. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "helper/helper.h"
#include "host/rom_source.h"
#include "plan/claim.h"
#include "tests/fake/helper.h"
#include "tests/fake/option_rom.h"

#define FILE_OF_CARD "/usr/share/kvm/vbios_1002_5159_1af4_1100.bin"
#define SYSFS	     "/sys/bus/pci/devices/" CARD "/rom"

static void assert_file(struct fake *f, const char *path, const void *data, size_t len)
{
	_cleanup_free_ char *text = NULL;
	size_t n;

	assert_int_equal(root_read(&f->root, path, 1 << 20, &text, &n), 0);
	assert_int_equal(n, len);
	assert_memory_equal(text, data, len);
}

static void assert_off(struct fake *f)
{
	assert_string_equal(fake_hidden(f, "rom-on/" CARD), "0");
	assert_false(fake_exists(f, "/run/gpupt/claim/" CARD));
	assert_false(fake_exists(f, "/run/gpupt/claim/" CARD1));
}

/* Runs it, and looks for what it should say. */
static void rom(struct fake *f, const char *words, int code, const char *out_has, const char *err_has)
{
	_cleanup_text_ struct text out = { 0 }, err = { 0 };

	assert_int_equal(fake_helper(f, words, &out, &err), code);
	if (!strstr(text_str(&out), out_has) || !strstr(text_str(&err), err_has))
		fail_msg("%s said:\n%s%s", words, text_str(&out), text_str(&err));
}

static void writes(void **state)
{
	struct option_rom r;
	_cleanup_fake_ struct fake *f = option_rom_machine(&r);

	rom(f, "rom --dry-run " CARD, EXIT_DONE, FILE_OF_CARD ": would be written", "a dry run does not switch it on");
	assert_false(fake_is_hidden(f, "rom-on/" CARD));
	assert_false(fake_exists(f, FILE_OF_CARD));
	rom(f, "rom " CARD, EXIT_DONE, "0000:01:00.0: 1536 bytes from the card: x86, EFI\n" FILE_OF_CARD ": written\n"
	    "romfile=vbios_1002_5159_1af4_1100.bin\n", "");
	assert_file(f, FILE_OF_CARD, r.v, r.len);
	assert_off(f);
	rom(f, "rom " CARD, EXIT_DONE, FILE_OF_CARD ": same\nromfile=", "");
	rom(f, "rom " CARD " /srv.bin", EXIT_DONE, "/srv.bin: written\nProxmox VE reads romfile= from /usr/share/kvm only.\n", "");
	rom(f, "rom " CARD " /usr/share/kvm/a,b", EXIT_DONE, "/usr/share/kvm/a,b: written\nProxmox VE", "");
}

/* A good one is not replaced by a worse one, and what is no ROM of the card not at all. */
static void keeps(void **state)
{
	struct option_rom r, small = { 0 }, bad, foreign = { 0 };
	_cleanup_fake_ struct fake *f = option_rom_machine(&r);

	bad = r;
	bad.v[0x90]++;
	option_rom_add(&small, ROM_X86, OPTION_ROM_ID, 1, true);
	option_rom_add(&foreign, ROM_X86, (struct pci_id){ 0x10de, 0x1234, 0, 0 }, 1, true);

	/* a worse one is replaced, a damaged one where none but ours are */
	fake_put_bytes(f, FILE_OF_CARD, small.v, small.len);
	rom(f, "rom " CARD, EXIT_DONE, "written: in the place of a worse one (1 images, 512 bytes)", "");
	fake_put_bytes(f, FILE_OF_CARD, bad.v, bad.len);
	rom(f, "rom " CARD, EXIT_DONE, "written: in the place of a damaged one (image 1 of the ROM has a wrong checksum)", "");
	assert_file(f, FILE_OF_CARD, r.v, r.len);
	/* the better one stays */
	option_rom_hide(f, CARD, &small);
	rom(f, "rom " CARD, EXIT_DONE, "kept: there is another good ROM of this card in it, and a better one", "");
	assert_file(f, FILE_OF_CARD, r.v, r.len);
	/* one of the same rank, but others' bytes */
	small.v[0x90]++;
	option_rom_sum(&small, 0);
	fake_put_bytes(f, FILE_OF_CARD, small.v, small.len);
	rom(f, "rom " CARD, EXIT_DONE, "kept: there is another good ROM of this card in it, as good as this one", "");
	assert_file(f, FILE_OF_CARD, small.v, small.len);
	/* another card's, and what may be anything */
	fake_put_bytes(f, FILE_OF_CARD, foreign.v, foreign.len);
	rom(f, "rom " CARD, EXIT_REFUSED, "", "the ROM is of another device: 10de:1234");
	assert_file(f, FILE_OF_CARD, foreign.v, foreign.len);
	fake_put(f, "/etc/fstab", "proc\n");
	rom(f, "rom " CARD " /etc/fstab", EXIT_REFUSED, "", "/etc/fstab is there and stays: there is no ROM");
	assert_file(f, "/etc/fstab", "proc\n", 5);
	assert_off(f);
}

/* What keeps it from the card is said, and the firmware's copy taken. */
static void falls_back(void **state)
{
	static const char *const from_vfct = "0000:01:00.0: 512 bytes from the firmware's table VFCT: x86\n";
	struct option_rom r, bad;
	_cleanup_fake_ struct fake *f = option_rom_machine(&r);
	struct claim none;

	fake_put(f, "/sys/bus/pci/devices/" CARD "/power_state", "D3hot\n");
	rom(f, "rom " CARD " /a", EXIT_DONE, from_vfct, "not from the card: the card sleeps (D3hot): write 'on'");
	assert_false(fake_is_hidden(f, "rom-on/" CARD));
	fake_put(f, "/sys/bus/pci/devices/" CARD "/power_state", "D0\n");

	bad = r;
	bad.v[0x90]++;
	option_rom_hide(f, CARD, &bad);
	rom(f, "rom " CARD " /b", EXIT_DONE, from_vfct, "not from the card: image 1 of the ROM has a wrong checksum");
	assert_off(f);

	/* a VM's: by its reservation, its claim, or its QEMU alone */
	fake_put(f, "/run/qemu-server/pci-id-reservations", CARD " 103 time:9999999999\n");
	fake_put(f, "/usr/share/kvm/x", "");
	fake_remove(f, "/usr/share/kvm/x");
	fake_hide(f, "rom-on/" CARD, "untouched");
	rom(f, "rom " CARD " /c", EXIT_DONE, from_vfct, "not from the card: VM 103 has it; shut the VM down first");
	fake_remove(f, "/run/qemu-server/pci-id-reservations");
	fake_bind(f, CARD, "vfio-pci");
	fake_bind(f, CARD1, "vfio-pci");
	fake_holder(f, 4711, "kvm", "0::/qemu.slice/101.scope", fake_get(f, "/sys/class/vfio/15/dev"), "/dev/vfio/15");
	rom(f, "rom " CARD " /d", EXIT_DONE, from_vfct, "not from the card: kvm (4711) of VM 101 has it");
	assert_string_equal(fake_hidden(f, "rom-on/" CARD), "untouched");
	assert_int_equal(claim_find(&f->root, fake_bdf(CARD), &none), 0);

	/* nor there */
	fake_remove(f, "/sys/firmware/acpi/tables/VFCT");
	rom(f, "rom " CARD, EXIT_REFUSED, "", "the ROM of 0000:01:00.0 cannot be had: from the card: kvm (4711) of VM 101 has it; end that "
					      "first; from the firmware: there is no ACPI table VFCT");
	assert_false(fake_exists(f, FILE_OF_CARD));
}

static int rom_of_card(struct fake *f, void *ctx)
{
	return fake_helper(f, "rom " CARD, NULL, NULL);
}

/* Every call fails in its turn, before or behind its effect: the ROM is off, or that it is not is said. */
static void switches_off(void **state)
{
	struct option_rom r;
	unsigned int n, faults = 0;

	for (enum fake_fault fault = FAKE_ERROR_BEFORE; fault <= FAKE_ERROR_AFTER; fault++) {
		for (n = 1; n < 100; n++) {
			_cleanup_fake_ struct fake *f = option_rom_machine(&r);
			bool on;
			int code;

			fake_arm(f, FAKE_KERNEL | FAKE_STORAGE, fault, n, EIO);
			code = rom_of_card(f, NULL);
			if (fake_count(f) < n)
				break;
			fake_disarm(f);
			on = str_eq(fake_hidden(f, "rom-on/" CARD), "1");
			if (on && code != EXIT_LEFT)
				fail_msg("call %u: the ROM is on, and the exit code %d", n, code);
			assert_int_equal(rom_of_card(f, NULL), EXIT_DONE);
			assert_off(f);
			assert_file(f, FILE_OF_CARD, r.v, r.len);
			faults++;
		}
		assert_in_range(n, 3, 99);
	}
	fake_tally("faults", faults, "rom with every call failing");
}

static void kill_parent(struct fake *f, void *ctx)
{
	kill(f->shared->victim, SIGKILL);
}

/* Who is killed leaves the card to the child, which finishes. */
static void killed(void **state)
{
	struct option_rom r;
	_cleanup_fake_ struct fake *f = option_rom_machine(&r);

	f->at = kill_parent;
	fake_arm(f, FAKE_KERNEL, FAKE_CALL, 1, 0);
	assert_true(WIFSIGNALED(fake_run(f, rom_of_card, NULL)));
	for (unsigned int i = 0; i < 500 && !str_eq(fake_hidden(f, "rom-on/" CARD), "0"); i++)
		sleep_ms(10);
	fake_disarm(f);
	assert_string_equal(fake_hidden(f, "rom-on/" CARD), "0");
}

static void end_child(struct fake *f, void *ctx)
{
	_exit(1);
}

/* A child that ends before it has switched the ROM off: the parent does it. */
static void child_ends(void **state)
{
	struct option_rom r;
	_cleanup_fake_ struct fake *f = option_rom_machine(&r);

	f->at = end_child;
	fake_arm(f, FAKE_KERNEL, FAKE_CALL, 2, 0);
	rom(f, "rom " CARD, EXIT_DONE, "from the firmware's table VFCT", "not from the card: cannot read " SYSFS);
	fake_disarm(f);
	assert_off(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes), cmocka_unit_test(keeps), cmocka_unit_test(falls_back),
		cmocka_unit_test(switches_off), cmocka_unit_test(killed), cmocka_unit_test(child_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
