/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Placeholders of cards that are away, while another card comes home and takes names and numbers for its own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "tests/fake/ct.h"
#include "tests/fake/inside.h"
#include "tests/fake/vm.h"

#define RENDER	   "/dev/dri/renderD129" /* card A's, at 01:00 */
#define TWIN	   "0000:02:00.0"
#define TWIN_AUDIO "0000:02:00.1"
#define DEV0	   "dev0: " RENDER ",gid=104\n"

static struct fake *machine(const char *conf)
{
	struct fake *f = fake_machine();

	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\nhostpci0: 0000:01:00,pcie=1\n");
	fake_put(f, "/etc/pve/qemu-server/102.conf", "machine: q35\nhostpci0: 0000:02:00,pcie=1\n");
	fake_put(f, "/etc/gpupt/gpupt.conf", conf);
	return f;
}

static void start(struct fake *f, unsigned int vmid)
{
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_start(f, vmid, false, &v);
	if (v.r != 0)
		fail_msg("VM %u does not start: %s\n%s", vmid, v.e.text, text_str(&v.complained));
}

static void stop(struct fake *f, unsigned int vmid)
{
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_stop(f, vmid, &v);
	if (v.r != 0 || !undo_complete(&v.undo) || v.undo.foreign || v.complained.len)
		fail_msg("VM %u does not give back: %s\n%s", vmid, v.e.text, text_str(&v.complained));
}

static bool placeholder(struct fake *f, const char *path)
{
	char full[PATH_MAX];
	struct stat st;

	return lstat(fake_path(f, full, path), &st) == 0 && S_ISCHR(st.st_mode);
}

/* The node of card A's sound, as devtmpfs has it: "/dev/snd/controlC3", number 116:96. */
static void sound_node(struct fake *f, const char *bdf, bool there, char path[static PATH_MAX], char number[static 24])
{
	unsigned int minor;

	snprintf(number, 24, "%s", fake_dev(f, bdf, "sound"));
	assert_int_equal(sscanf(number, "116:%u", &minor), 1);
	path_f(path, "/dev/snd/controlC%u", minor / 32);
	fake_node_set(f, number, path, there);
}

/* Was A's placeholder there when a driver of the host's was asked to take a function of the other card? */
static struct watched {
	char path[PATH_MAX];
	unsigned int probes, in_the_way;
} *watched; /* shared: a child makes the write */

static int watch_probe(void *ctx, const char *path, const char *value)
{
	struct fake *f = ctx;
	char override[PATH_MAX];

	if (str_eq(path, "/sys/bus/pci/drivers_probe") && str_starts(value, "0000:02:00.") &&
	    strcmp(fake_get(f, path_f(override, "/sys/bus/pci/devices/%.12s/driver_override", value)), "vfio-pci") != 0) {
		watched->probes++;
		watched->in_the_way += placeholder(f, watched->path);
	}
	return fake_write(ctx, path, value);
}

static void names_are_free_for_a_driver(void **state)
{
	/* the second: the way back of a start that fails */
	for (int fails = 0; fails < 2; fails++) {
		_cleanup_fake_ struct fake *f = machine("");
		char line[PATH_MAX], number[24];

		sound_node(f, "0000:01:00.1", true, watched->path, number);
		fake_ct(f, 200, path_f(line, "dev0: %s\n", watched->path), false);
		start(f, 101);
		fake_node_set(f, number, watched->path, false);
		assert_true(placeholder(f, watched->path));
		watched->probes = watched->in_the_way = 0;
		if (fails) {
			_cleanup_vm_ struct vm_result v = { 0 };

			fake_refuse_bind(f, TWIN_AUDIO, "vfio-pci");
			f->hooks.write = watch_probe;
			vm_start(f, 102, false, &v);
			assert_true(v.r < 0);
		} else {
			start(f, 102);
			f->hooks.write = watch_probe;
			stop(f, 102);
		}
		f->hooks.write = fake_write;
		assert_true(watched->probes > 0);
		assert_int_equal(watched->in_the_way, 0);
		/* nobody has taken its place */
		assert_true(placeholder(f, watched->path));
		stop(f, 101);
		assert_false(placeholder(f, watched->path));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_free_for_a_driver),
	};

	watched = mmap(NULL, sizeof(*watched), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (watched == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
