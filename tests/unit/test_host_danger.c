/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sys/sysmacros.h>

#include "host/danger.h"
#include "tree.h"

static char *find(const struct root *r, const char *bdf)
{
	_cleanup_danger_list_ struct danger_list l = { 0 };
	struct text t = { 0 };
	struct bdf b;
	struct err e;

	assert_int_equal(bdf_parse_full(bdf, &b), 0);
	assert_int_equal(danger_find(r, b, &l, &e), 0);
	for (size_t i = 0; i < l.n; i++)
		text_join(&t, "\n", l.v[i].text);
	return text_take(&t);
}

static void reasons(void **state)
{
	static const struct {
		const char *bdf, *text;
	} cases[] = {
		{ "0000:02:00.0", "" },
		{ "0000:02:01.0", "nvme0n1p1 carries the mounted filesystem /boot/efi\n"
				  "nvme0n1p2 carries the mounted filesystem / (through dm-1)\n"
				  "nvme0n1p2 holds swap space that is in use\n"
				  "nvme0n1p2 is part of dm-0 (pve-swap)\n"
				  "nvme0n1p2 is part of dm-1 (pve-root)\n"
				  "nvme0n1p2 is a member of LVM" },
		{ "0000:02:02.0", "sdc carries the mounted filesystem /mnt/the store (through md127)\n"
				  "sdc is part of md127\n"
				  "sda1 is a member of ZFS\n"
				  "sdc is a member of a software RAID" },
		{ "0000:02:03.0", "eno1 is a port of vmbr0" },
		{ "0000:02:04.0", "eno2 carries the default route as eno2.100" },
		{ "0000:02:05.0", "nvme1n1p1 is part of a mounted btrfs" },
		{ "0000:02:06.0", "eno3 carries the default route" },
		/* a bridge: everything behind it */
		{ "0000:7f:00.0", "" },
	};
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "shared-group");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *found = find(&t.root, cases[i].bdf);

		assert_string_equal(found, cases[i].text);
	}
}

static void behind_a_bridge(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_free_ char *found = NULL;

	tree_expand(&t, "shared-group");
	found = find(&t.root, "0000:00:01.3");
	assert_non_null(strstr(found, "nvme0n1p1 carries"));
	assert_non_null(strstr(found, "eno1 is a port"));
}

/* Without the list of mounts nothing can be called harmless. */
static void unknown_mounts(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_danger_list_ struct danger_list l = { 0 };
	struct bdf b;
	struct err e;

	tree_expand(&t, "shared-group");
	assert_int_equal(bdf_parse("02:01.0", &b), 0);
	assert_int_equal(root_unlink(&t.root, "/proc/self/mountinfo"), 0);
	assert_int_equal(danger_find(&t.root, b, &l, &e), -ENOENT);
	assert_int_equal(bdf_parse("02:00.0", &b), 0);
	assert_int_equal(danger_find(&t.root, b, &l, &e), 0);
}

/* Device-mapper devices that hold one another, as no kernel has them, end the walk all the same. */
static void circle(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_free_ char *found = NULL;

	tree_expand(&t, "shared-group");
	tree_link(&t, "/sys/devices/virtual/block/dm-0/holders/dm-0", "../../dm-0");
	found = find(&t.root, "0000:02:01.0");
	assert_non_null(strstr(found, "nvme0n1p2 is part of dm-0"));
}

static void mountinfo(void **state)
{
	static const struct {
		const char *line, *where;
		unsigned int major, minor;
	} cases[] = {
		{ "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue", "/mnt2",
		  98, 0 },
		{ "99 27 9:127 / /mnt/a\\040b\\134c rw - xfs x rw", "/mnt/a b\\c", 9, 127 },
		{ "99 27 9:127 / /x\\04 rw", "/x\\04", 9, 127 },
		{ "99 27 9:127 / /x\\400 rw", "/x\\400", 9, 127 },
		{ "99 27 9:127 / /a-very-long-mount-point rw", "/a-very-lon", 9, 127 },
		{ "99 27 9 / /x rw", NULL, 0, 0 },
		{ "99 27 9:1 /", NULL, 0, 0 },
		{ "", NULL, 0, 0 },
		{ "    ", NULL, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *line = strdup(cases[i].line);
		char where[12] = "untouched";
		dev_t d = 0;
		int k = danger_mountinfo_line(line, &d, where, sizeof(where));

		assert_int_equal(k, cases[i].where ? 0 : -EINVAL);
		assert_string_equal(where, cases[i].where ? cases[i].where : "untouched");
		assert_true(d == makedev(cases[i].major, cases[i].minor));
	}
}

/* This machine: whatever PCI function has the disk of the root filesystem is told to stay. */
static void this_machine(void **state)
{
	struct root root;
	struct stat st;
	struct err e;
	char path[64], target[PATH_MAX], *pci = NULL;
	bool said = false;
	struct bdf b;

	assert_int_equal(root_open_dir(&root, "/", &e), 0);
	assert_int_equal(stat("/", &st), 0);
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(st.st_dev), minor(st.st_dev));
	if (!realpath(path, target) || !(pci = strstr(target, "/pci"))) {
		root_close(&root);
		skip();
	}
	/* the last address in the path is the disk's controller */
	for (char *save = NULL, *p = strtok_r(pci, "/", &save); p; p = strtok_r(NULL, "/", &save)) {
		_cleanup_free_ char *found = NULL;

		if (bdf_parse_full(p, &b) < 0)
			continue;
		found = find(&root, p);
		said = strstr(found, "carries the mounted filesystem");
	}
	assert_true(said);
	root_close(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reasons),	  cmocka_unit_test(behind_a_bridge),
		cmocka_unit_test(unknown_mounts), cmocka_unit_test(circle),
		cmocka_unit_test(mountinfo),	  cmocka_unit_test(this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
