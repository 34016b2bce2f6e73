/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which programs of an initramfs can be taken out as a whole: those that do nothing but bind cards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/text.h"
#include "policy/pin_script.h"

/* As the wikis have them. */
static void all_of_it(void **state)
{
	static const char *const scripts[] = {
		"",
		"#!/bin/sh\nPREREQ=\"\"\nprereqs()\n{\n\techo \"$PREREQ\"\n}\ncase $1 in\nprereqs)\n\tprereqs\n\texit 0\n\t;;\nesac\n"
		"for dev in 0000:01:00.0 0000:01:00.1; do\n\techo \"vfio-pci\" > /sys/bus/pci/devices/$dev/driver_override\ndone\n"
		"modprobe -i vfio-pci\nmodprobe pci-stub\n",
		"#!/bin/sh -e\n[ \"$1\" = prereqs ] && exit 0\n. /scripts/functions\nDEVS=\"0000:01:00.0\"\n"
		"if [ -n \"$(ls -A /sys/class/iommu)\" ] ; then # on\n  for DEV in $DEVS; do\n"
		"    echo 'vfio-pci' > /sys/bus/pci/devices/$DEV/driver_override 2>/dev/null || true\n  done; fi\n",
	};
	char where[96];

	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++)
		if (i != 2)
			assert_true(pin_script_is_all(scripts[i], where, sizeof(where)));
	/* a program's output, which is about something that is not known here */
	assert_false(pin_script_is_all(scripts[2], where, sizeof(where)));
	assert_string_equal(where, "line 5 ('if [ -n \"$(ls -A /sys/class/iommu)\" ] ; then # on')");
}

static void more(void **state)
{
	static const struct {
		const char *script, *where;
	} cases[] = {
		{ "echo vfio-pci >/sys/bus/pci/devices/x/driver_override\nzpool import -N rpool\n", "line 2 ('zpool import -N rpool')" },
		{ "echo x; /bin/unlock-root\n", "line 1 ('echo x; /bin/unlock-root')" },
		{ "modprobe i2c_dev\n", "line 1 ('modprobe i2c_dev')" },
		{ "if true; then\n\tmount /x\nfi\n", "line 2 ('mount /x')" },
		{ "echo 1 >/etc/x\n", "line 1 ('echo 1 >/etc/x')" },
		{ "KEY=$(cat /key)\n", "line 1 ('KEY=$(cat /key)')" },
		{ "A=1 unlock\n", "line 1 ('A=1 unlock')" },
		{ "echo a \\\n&& rm x\n", "line 1" },
		{ "! cryptsetup open x y\n", "line 1 ('! cryptsetup open x y')" },
		{ "case $1 in x) zpool import;; esac\n", "line 1 ('case $1 in x) zpool import;; esac')" },
		{ "echo 1 >/etc/x 2>/dev/null\n", "line 1 ('echo 1 >/etc/x 2>/dev/null')" },
		{ "true && dropbear\n", "line 1 ('true && dropbear')" },
	};
	char where[96];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (pin_script_is_all(cases[i].script, where, sizeof(where)))
			fail_msg("'%s' is nothing else", cases[i].script);
		assert_string_equal(where, cases[i].where);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it),
		cmocka_unit_test(more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
