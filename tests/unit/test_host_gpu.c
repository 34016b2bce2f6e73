/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/gpu.h"
#include "host/iommu.h"
#include "host_hang.h"

static void displays(void **state)
{
	static const struct {
		const char *tree, *gpus; /* addresses, in order */
	} cases[] = {
		{ "twins", "0000:01:00.0 0000:02:00.0 0000:03:00.0" },
		{ "hybrid", "0000:00:02.0 0000:01:00.0" },
		{ "server", "0000:04:00.0 0001:81:00.0" },
		{ "sriov", "0000:03:00.0" }, /* the virtual functions are in its slot */
		{ "shared-group", "0000:02:00.0" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_tree_ struct tree t;
		_cleanup_pci_list_ struct pci_list all = { 0 };
		_cleanup_bdf_list_ struct bdf_list gpus = { 0 };
		_cleanup_text_ struct text found = { 0 };
		char name[BDF_LEN];
		struct err e;

		tree_expand(&t, cases[i].tree);
		assert_int_equal(pci_scan(&t.root, &all, &e), 0);
		assert_int_equal(gpu_list(&all, &gpus), 0);
		for (size_t j = 0; j < gpus.n; j++)
			text_join(&found, " ", bdf_format(gpus.v[j], name));
		assert_string_equal(text_str(&found), cases[i].gpus);
	}
}

static void tables(void **state)
{
	static const struct {
		uint16_t vendor, device;
		uint32_t class;
		bool display, bmc, amd;
		const char *name;
		enum gpu_companion companion;
	} cases[] = {
		{ 0x1a03, 0x2000, 0x030000, true, true, false, "ASPEED", GPU_COMPANION_NONE },
		{ 0x102b, 0x0534, 0x030000, true, true, false, "Matrox", GPU_COMPANION_NONE },
		{ 0x102b, 0x0521, 0x030000, true, false, false, "Matrox", GPU_COMPANION_NONE },
		{ 0x1002, 0x73bf, 0x030000, true, false, true, "AMD", GPU_COMPANION_NONE },
		{ 0x1002, 0x738c, 0x038000, true, false, true, "AMD", GPU_COMPANION_NONE },
		{ 0x1002, 0x515e, 0x030000, true, true, true, "AMD", GPU_COMPANION_NONE },
		{ 0x10de, 0x20b5, 0x030200, true, false, false, "NVIDIA", GPU_COMPANION_NONE },
		{ 0x1002, 0xab28, 0x040300, false, false, false, "AMD", GPU_COMPANION_AUDIO },
		{ 0x10de, 0x1ad8, 0x0c0330, false, false, false, "NVIDIA", GPU_COMPANION_USB },
		{ 0x10de, 0x1ad9, 0x0c8000, false, false, false, "NVIDIA", GPU_COMPANION_UCSI },
		{ 0x8086, 0x10d3, 0x020000, false, false, false, "Intel", GPU_COMPANION_OTHER },
		{ 0xabcd, 0x0001, 0x030000, true, false, false, NULL, GPU_COMPANION_NONE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pci_fn fn = { .id = { .vendor = cases[i].vendor, .device = cases[i].device },
				     .class = cases[i].class };

		assert_int_equal(gpu_is_display(&fn), cases[i].display);
		assert_int_equal(gpu_is_bmc(&fn), cases[i].bmc);
		assert_int_equal(gpu_is_amd(&fn), cases[i].amd);
		assert_int_equal(gpu_companion(&fn), cases[i].companion);
		assert_true(str_eq(gpu_vendor(fn.id), cases[i].name));
	}
	assert_string_equal(gpu_companion_name(GPU_COMPANION_UCSI), "UCSI");
	assert_string_equal(gpu_companion_name(GPU_COMPANION_NONE), "");
}

static void iommu(void **state)
{
	static const struct {
		const char *tree;
		unsigned int units, groups;
		const char *firmware;
		enum iommu_state state;
	} cases[] = {
		{ "twins", 1, 7, "DMAR", IOMMU_ON },
		{ "amd-four", 1, 8, "IVRS", IOMMU_ON },
		{ "no-iommu", 0, 0, "IVRS", IOMMU_OFF },
	};
	const struct iommu none = { 0 }, idle = { .units = 1, .firmware = "IVRS" };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_tree_ struct tree t;
		struct iommu u;
		struct err e;

		tree_expand(&t, cases[i].tree);
		assert_int_equal(iommu_load(&t.root, &u, &e), 0);
		assert_int_equal(u.units, cases[i].units);
		assert_int_equal(u.groups, cases[i].groups);
		assert_true(u.firmware_known);
		assert_string_equal(u.firmware, cases[i].firmware);
		assert_int_equal(iommu_state(&u), cases[i].state);
	}
	assert_int_equal(iommu_state(&none), IOMMU_ABSENT);
	assert_int_equal(iommu_state(&idle), IOMMU_NO_GROUPS);
}

/* vfio's no-IOMMU mode makes groups, but no isolation. */
static void noiommu_group(void **state)
{
	_cleanup_tree_ struct tree t;
	struct iommu u;
	struct err e;

	tree_expand(&t, "no-iommu");
	tree_put(&t, "/sys/kernel/iommu_groups/0/name", "vfio-noiommu\n");
	assert_int_equal(iommu_load(&t.root, &u, &e), 0);
	assert_int_equal(iommu_state(&u), IOMMU_OFF);
}

static void group(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_pci_list_ struct pci_list l = { 0 };
	struct err e;
	char type[16];

	tree_expand(&t, "hybrid");
	assert_int_equal(iommu_group_functions(&t.root, 2, &l, &e), 0);
	assert_int_equal(l.n, 3);
	assert_true(l.v[0].bridge);
	assert_false(l.v[1].bridge || l.v[2].bridge);
	assert_int_equal(l.v[2].class, 0x040300);
	iommu_group_type(&t.root, 2, type, sizeof(type));
	assert_string_equal(type, "DMA-FQ");
	iommu_group_type(&t.root, 99, type, sizeof(type));
	assert_string_equal(type, "");
	pci_list_done(&l);
	assert_int_equal(iommu_group_functions(&t.root, 99, &l, &e), -ENOENT);
}

/* Somebody hangs with the group's mutex. */
static void group_locked(void **state)
{
	_cleanup_tree_ struct tree t;
	char type[16] = "unset";
	int fd;

	tree_expand(&t, "hybrid");
	fd = hang_at(&t, "/sys/kernel/iommu_groups/2/type");
	if (fd < 0)
		skip();
	iommu_group_type(&t.root, 2, type, sizeof(type));
	hang_over(fd);
	assert_string_equal(type, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(displays),	 cmocka_unit_test(tables), cmocka_unit_test(iommu),
		cmocka_unit_test(noiommu_group), cmocka_unit_test(group),  cmocka_unit_test(group_locked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
