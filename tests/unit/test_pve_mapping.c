/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pve_tree.h"

#include <errno.h>

#include "pve/mapping.h"

static const char two_cards[] =
	"# written by the web interface\n"
	"gpu\n"
	"\tdescription two cards\n"
	"\tmap id=1002:73bf,iommugroup=14,node=pve1,path=0000:03:00,subsystem-id=1002:0e3a\n"
	"\tmap id=1002:73bf,node=pve2,path=0000:0b:00\n"
	"  # a comment ends nothing\n"
	"\tmap id=1002:73BF,iommugroup=15,node=pve1,path=0000:0c:00.0;0000:0c:00.1\n"
	"\tmdev 0\n"
	"\n"
	"nic\n"
	"\tmap id=8086:1521,node=pve2,path=0000:05:00.0\n"
	"\tlive-migration-capable 1\n"
	"\n";

static struct mappings parse(const char *text, const char *node)
{
	struct mappings m;

	assert_int_equal(mapping_parse(text, strlen(text), node, &m), 0);
	return m;
}

static void test_node(void **state)
{
	_cleanup_mapping_ struct mappings m = parse(two_cards, "pve1");
	const struct mapping *gpu = mapping_find(&m, "gpu", NULL);
	struct err e;

	assert_non_null(gpu);
	assert_int_equal(gpu->n_choices, 2);
	assert_int_equal(gpu->warnings.n, 0);
	assert_int_equal(gpu->choices[0].n_devices, 1);
	assert_int_equal(gpu->choices[0].devices[0].fn, BDF_ANY_FN);
	assert_string_equal(gpu->choices[0].id, "1002:73bf");
	assert_string_equal(gpu->choices[0].subsystem_id, "1002:0e3a");
	assert_string_equal(gpu->choices[0].iommu_group, "14");
	assert_int_equal(gpu->choices[1].n_devices, 2);
	assert_int_equal(gpu->choices[1].devices[1].fn, 1);
	/* as it is written: Proxmox VE compares text */
	assert_string_equal(gpu->choices[1].id, "1002:73BF");
	assert_string_equal(gpu->choices[1].subsystem_id, "");
	/* a mapping that is there, but for another node */
	assert_null(mapping_find(&m, "nic", &e));
	assert_string_equal(e.text, "PCI device mapping not found for 'nic'");
	assert_null(mapping_find(&m, "Gpu", &e));
}

static void test_other_node(void **state)
{
	_cleanup_mapping_ struct mappings m = parse(two_cards, "pve2");

	assert_int_equal(mapping_find(&m, "gpu", NULL)->n_choices, 1);
	assert_string_equal(mapping_find(&m, "gpu", NULL)->choices[0].iommu_group, "");
	assert_true(mapping_find(&m, "nic", NULL)->live_migration_capable);
}

static void test_flags(void **state)
{
	_cleanup_mapping_ struct mappings m = parse("ma\n mdev 1\n map node=n,id=1002:73bf,path=0000:01:00\n\n"
						    "mb\n mdev\n map node=n,id=1002:73bf,path=0000:01:00\n\n"
						    "mc\n mdev on\n map node=n,id=1002:73bf,path=0000:01:00\n\n"
						    "md\n mdev 0\n map node=n,id=1002:73bf,path=0000:01:00\n", "n");

	assert_true(mapping_find(&m, "ma", NULL)->mdev);
	assert_true(mapping_find(&m, "mb", NULL)->mdev);
	assert_false(mapping_find(&m, "mc", NULL)->mdev);
	assert_false(mapping_find(&m, "md", NULL)->mdev);
}

/* How many choices of "gpu" are left, and of how many things a warning speaks. */
static void test_ignored(void **state)
{
	static const struct {
		const char *text;
		size_t choices, warnings;
	} rows[] = {
		{ "gpu\n map node=n,id=1002:73bf,path=0000:01:00\n", 1, 0 },
		{ "gpu  \r\n\tmap node=n,id=1002:73bf,path=0000:01:00\r\n", 1, 0 },
		/* keys of a newer version: kept, with a warning */
		{ "gpu\n map node=n,id=1002:73bf,path=0000:01:00,new-key=1\n colour red\n", 1, 2 },
		/* only 0 and 1 are booleans here */
		{ "gpu\n mdev yes\n map node=n,id=1002:73bf,path=0000:01:00\n", 1, 1 },
		/* lines that Proxmox VE leaves out */
		{ "gpu\n map node=n,id=1002:73bf\n", 0, 1 },
		{ "gpu\n map node=n,path=0000:01:00\n", 0, 1 },
		{ "gpu\n map node=n,id=1002,path=0000:01:00\n", 0, 1 },
		{ "gpu\n map node=n,id=1002:73bf0,path=0000:01:00\n", 0, 1 },
		{ "gpu\n map node=n,id=1002:73bg,path=0000:01:00\n", 0, 1 },
		{ "gpu\n map node=n,id=1002:73bf,path=01:00\n", 0, 1 },
		{ "gpu\n map node=n,id=1002:73bf,path=0000:01:0A\n", 0, 1 },
		{ "gpu\n map node=n,id=1002:73bf,path=0000:01:00,iommugroup=x\n", 0, 1 },
		{ "gpu\n map node=n,id=1002:73bf,path=0000:01:00,subsystem-id=1:2\n", 0, 1 },
		{ "gpu\n map node=n,id=1002:73bf,id=1002:73bf,path=0000:01:00\n", 0, 1 },
		{ "gpu\n map 0000:01:00\n", 0, 1 },
		{ "gpu\n map\n", 0, 0 },
		/* one bad line does not spoil the next */
		{ "gpu\n map node=n,id=1,path=0000:01:00\n map node=n,id=1002:73bf,path=0000:02:00\n", 1, 1 },
		/* the last section of a name counts */
		{ "gpu\n map node=n,id=1002:73bf,path=0000:01:00\n\ngpu\n map "
		  "node=m,id=1002:73bf,path=0000:01:00\n",
		  0, 0 },
		/* only a line that is false to Perl ends a section: what looks like a header is inside the
		   first */
		{ "nic\ngpu\n map node=n,id=1002:73bf,path=0000:01:00\n", 0, 0 },
		{ "nic\n \ngpu\n map node=n,id=1002:73bf,path=0000:01:00\n", 0, 0 },
		{ "nic\n\ngpu\n map node=n,id=1002:73bf,path=0000:01:00\n", 1, 0 },
		{ "nic\n0\ngpu\n map node=n,id=1002:73bf,path=0000:01:00\n", 1, 0 },
		/* headers that are none, and a section that is skipped */
		{ "gpu x\n map node=n,id=1002:73bf,path=0000:01:00\n", 0, 0 },
		{ " gpu\n map node=n,id=1002:73bf,path=0000:01:00\n", 0, 0 },
		{ "gpu x\ngpu\n map node=n,id=1002:73bf,path=0000:01:00\n", 1, 0 },
		{ "1gpu\n map node=n,id=1002:73bf,path=0000:01:00\n", 0, 0 },
		{ "gpu\nmap node=n,id=1002:73bf,path=0000:01:00\n", 0, 0 },
		{ "gpu\n map node=n,id=1002:73bf,path=0000:01:00,iommugroup=+7", 1, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_mapping_ struct mappings m = parse(rows[i].text, "n");
		const struct mapping *gpu = mapping_find(&m, "gpu", NULL);
		size_t warnings = 0;

		for (size_t j = 0; j < m.n; j++)
			warnings += m.v[j].warnings.n;
		if ((gpu ? gpu->n_choices : 0) != rows[i].choices || warnings != rows[i].warnings)
			fail_msg("%s: %zu warnings", rows[i].text, warnings);
	}
}

static void test_load(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_mapping_ struct mappings m = { 0 };
	struct mappings untouched;
	struct err e;

	tree_new(&t);
	assert_int_equal(mapping_load(&t.root, &untouched, &e),
			 0); /* no file, no mappings; a node needs no name then */
	assert_int_equal(untouched.n, 0);
	tree_put(&t, "/etc/pve/mapping/pci.cfg", two_cards);
	assert_int_equal(mapping_load(&t.root, &untouched, &e), -ENOENT);
	assert_string_equal(e.text, "unable to read node name");
	tree_link(&t, "/etc/pve/local", "nodes/pve1");
	assert_int_equal(mapping_load(&t.root, &m, &e), 0);
	assert_non_null(mapping_find(&m, "gpu", &e));
	tree_put_bytes(&t, "/etc/pve/mapping/pci.cfg", "gpu\n\0", 5);
	assert_int_equal(mapping_load(&t.root, &untouched, &e), -EBADMSG);
}

static void test_node_name(void **state)
{
	_cleanup_tree_ struct tree t;
	char name[NODE_NAME_MAX];

	tree_new(&t);
	assert_int_equal(node_name(&t.root, name, NULL), -ENOENT);
	tree_put(&t, "/etc/hostname", "from-file.example.org\n");
	assert_int_equal(node_name(&t.root, name, NULL), 0);
	assert_string_equal(name, "from-file");
	tree_put(&t, "/proc/sys/kernel/hostname", "from-kernel.example.org\n");
	assert_int_equal(node_name(&t.root, name, NULL), 0);
	assert_string_equal(name, "from-kernel");
	tree_link(&t, "/etc/pve/local", "nodes/from-pve");
	assert_int_equal(node_name(&t.root, name, NULL), 0);
	assert_string_equal(name, "from-pve");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_node),	  cmocka_unit_test(test_other_node),
		cmocka_unit_test(test_ignored),	  cmocka_unit_test(test_load),
		cmocka_unit_test(test_node_name), cmocka_unit_test(test_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
