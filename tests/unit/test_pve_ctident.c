/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which changes make another container of one, and which do not. */
#include <errno.h>

#include "pve/ctident.h"
#include "pve_tree.h"

#define NET0 "net0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=dhcp,type=veth\n"
#define NET1 "net1: name=eth1,bridge=vmbr0,hwaddr=BC:24:11:00:00:02,ip=dhcp,type=veth\n"
#define DISK "rootfs: local-lvm:vm-200-disk-0,size=8G\n"

static void parse(const char *text, struct config *cfg)
{
	assert_int_equal(config_parse(text, strlen(text), GUEST_CT, cfg), 0);
	cfg->vmid = 200;
}

static void changes(void **state)
{
	static const struct {
		const char *was, *is;
		bool same;
	} cases[] = {
		{ "hostname: media\n" NET0 DISK, "hostname: media\n" NET0 DISK, true },
		/* one change at a time, and some at once */
		{ "hostname: media\n" NET0 DISK, "hostname: tv\n" NET0 DISK, true },
		{ "hostname: media\n" NET0 DISK, "hostname: media\nnet0: name=eth0,hwaddr=BC:24:11:00:00:03\n" DISK, true },
		{ "hostname: media\n" NET0 DISK, "hostname: media\n" NET0 "rootfs: zfs:subvol-200-disk-1,size=8G\n", true },
		{ "hostname: media\n" NET0 DISK, "hostname: media\n" DISK, true },
		{ "hostname: media\n" NET0 DISK, "hostname: tv\nnet3: name=a,hwaddr=bc:24:11:00:00:01\n", true },
		{ "hostname: media\n" NET0 NET1, "hostname: tv\n" NET1, true },
		/* made anew: on the same storage its volume has the same name */
		{ "hostname: media\n" NET0 DISK, "hostname: tv\nnet0: name=eth0,hwaddr=BC:24:11:00:00:03\n" DISK, false },
		{ "hostname: media\n" NET0 NET1, "hostname: tv\n" DISK, false },
		{ "hostname: media\n" NET0, "hostname: tv\n", false },
		/* what says nothing of it is no other */
		{ "hostname: media\n" NET0, "arch: amd64\n" DISK, true },
		/* without a network its volume has to help; that alone is not told apart */
		{ "hostname: media\n" DISK, "hostname: tv\n" DISK, true },
		{ "hostname: media\n" DISK, "hostname: media\nrootfs: zfs:subvol-200-disk-0\n", true },
		{ "hostname: media\n" DISK, "hostname: tv\nrootfs: zfs:subvol-200-disk-0\n", false },
		/* one part alone is none */
		{ "hostname: media\n", "hostname: tv\n", true },
		{ NET0, "hostname: tv\n", true },
		{ "net0: name=eth0,hwaddr=\nhostname: media\n", "hostname: tv\n", true },
		/* a name is not an address, and a snapshot's are its own */
		{ "hostname: media\n" NET0, "hostname: bc:24:11:00:00:01\n\n[old]\nhostname: media\n" NET0, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_config_ struct config was = { 0 }, is = { 0 };
		char ident[CTIDENT_LEN];
		struct err e = { "" };
		int k;

		parse(cases[i].was, &was);
		parse(cases[i].is, &is);
		ctident_format(&was, ident);
		assert_int_equal(ctident_check(ident, &was, NULL), 0);
		k = ctident_check(ident, &is, &e);
		if (k != (cases[i].same ? 0 : -ENODEV) || (k < 0 && !strstr(e.text, "CT 200 is another container by now")))
			fail_msg("case %zu (%s): %d %s", i, ident, k, e.text);
	}
}

static void texts(void **state)
{
	static const char *const bad[] = { "", "1f2e3d4c", "1f2e3d4c+", "1f2e3d4c+99aabbc", "1F2E3D4C+99aabbcc", "1f2e3d4c,99aabbcc",
					   "1f2e3d4c+99aabbccd", "+1f2e3d4c+99aabbcc",
					   "1f2e3d4c+99aabbcc+1f2e3d4c+99aabbcc+1f2e3d4c+99aabbcc+1f2e3d4c+99aabbcc+1f2e3d4c" };
	_cleanup_text_ struct text many = { 0 };
	_cleanup_config_ struct config cfg = { 0 };
	char ident[CTIDENT_LEN];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(ctident_valid(bad[i]));
	text_add(&many, "hostname: media\n");
	for (unsigned int i = 0; i < 32; i++)
		text_addf(&many, "net%u: name=e%u,hwaddr=BC:24:11:00:00:%02X\n", i, i, i);
	parse(text_str(&many), &cfg);
	ctident_format(&cfg, ident);
	assert_int_equal(strlen(ident), CTIDENT_LEN - 1);
	assert_true(ctident_valid(ident));
}

static void on_this_node(void **state)
{
	static const struct {
		const char *conf;
		int k;
	} cases[] = {
		{ "hostname: media\n", 0 },
		{ "hostname: tv\n", -ENODEV },
		{ NULL, -ENODEV },
	};
	_cleanup_config_ struct config was = { 0 };
	char ident[CTIDENT_LEN];

	parse("hostname: media\n" NET0, &was);
	ctident_format(&was, ident);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_tree_ struct tree t;

		tree_new(&t);
		assert_int_equal(root_mkdir_p(&t.root, "/etc/pve/lxc", 0755), 0);
		if (cases[i].conf)
			tree_put(&t, "/etc/pve/lxc/200.conf", cases[i].conf);
		assert_int_equal(ctident_find(&t.root, 200, ident, NULL), cases[i].k);
		assert_int_equal(ctident_find(&t.root, 200, "", NULL), cases[i].conf ? 0 : -ENODEV);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes),
		cmocka_unit_test(texts),
		cmocka_unit_test(on_this_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
