/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/fake/expect.h"

#define DEV "/sys/bus/pci/devices/"

void vm_dump(const char *what, const struct vm_result *v)
{
	print_error("%s: %d %s\n%s%s", what, v->r, v->e.text, text_str(&v->said), text_str(&v->complained));
	for (size_t i = 0; i < v->findings.n; i++)
		print_error("%s %s: %s\n", severity_name(v->findings.v[i].severity), finding_name(v->findings.v[i].code),
			    v->findings.v[i].message);
}

void vm_starts(struct fake *f, unsigned int vmid)
{
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_start(f, vmid, false, &v);
	if (v.r != 0) {
		vm_dump("pre-start", &v);
		fail_msg("VM %u does not start", vmid);
	}
}

void vm_gives_back(struct fake *f, unsigned int vmid)
{
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_stop(f, vmid, &v);
	if (v.r != 0 || v.undo.foreign || !undo_complete(&v.undo)) {
		vm_dump("post-stop", &v);
		fail_msg("VM %u does not give back", vmid);
	}
}

const char *driver_of(const struct fake *f, const char *bdf)
{
	static char now[2][64];
	static int turn;
	char path[PATH_MAX], *s = now[turn++ % 2];

	if (root_readlink_base(&f->root, path_f(path, DEV "%s/driver", bdf), s, sizeof(now[0])) < 0)
		return "none";
	return s;
}

void assert_driver(const struct fake *f, const char *bdf, const char *driver)
{
	assert_string_equal(driver_of(f, bdf), driver);
}

void assert_aimed(struct fake *f, const char *bdf, const char *driver, const char *override)
{
	char path[PATH_MAX];

	assert_driver(f, bdf, driver);
	assert_string_equal(fake_get(f, path_f(path, DEV "%s/driver_override", bdf)), override);
}

void assert_as_before(struct fake *f, const char *before)
{
	_cleanup_free_ char *after = fake_snapshot(f);

	if (strcmp(before, after) != 0)
		fail_msg("%s", fake_difference(before, after));
}
