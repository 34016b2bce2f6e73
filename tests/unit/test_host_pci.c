/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/proc.h"
#include "host/pci.h"
#include "tree.h"

static struct bdf at(const char *s)
{
	struct bdf b;

	assert_int_equal(bdf_parse(s, &b), 0);
	return b;
}

static void assert_bdf(struct bdf b, const char *expected)
{
	char s[BDF_LEN];

	assert_string_equal(bdf_format(b, s), expected);
}

static void id_text(void **state)
{
	static const char *const bad[] = { "",
					   "1002",
					   "1002:",
					   "1002:73b",
					   "1002:73bf/",
					   "1002:73bf/1da2",
					   "1002:73bfx",
					   "1002-73bf",
					   "10g2:73bf",
					   "1002:73bf/1da2:e4380",
					   "1002:73bf 1da2:e438",
					   " 1002:73bf",
					   "100:273bf" };
	struct pci_id id, wanted;
	char s[PCI_ID_LEN];

	assert_int_equal(pci_id_parse("1002:73bf/1da2:e438", &id), 0);
	assert_string_equal(pci_id_format(id, s), "1002:73bf/1da2:e438");
	assert_int_equal(pci_id_parse("1002:73BF", &wanted), 0);
	assert_true(pci_id_match(wanted, id));
	assert_false(pci_id_match(id, wanted));
	assert_int_equal(pci_id_parse("1002:73bf/1da2:e439", &wanted), 0);
	assert_false(pci_id_match(wanted, id));
	assert_int_equal(pci_id_parse("1002:73be", &wanted), 0);
	assert_false(pci_id_match(wanted, id));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(pci_id_parse(bad[i], &id), -EINVAL);
		assert_int_equal(id.device, 0x73bf); /* untouched */
	}
}

static void one_function(void **state)
{
	_cleanup_tree_ struct tree t;
	struct pci_fn fn;
	struct err e;
	char s[PCI_ID_LEN];

	tree_expand(&t, "amd-four");
	assert_int_equal(pci_fn_load(&t.root, at("0000:0b:00.0"), &fn, &e), 0);
	assert_string_equal(pci_id_format(fn.id, s), "1002:73bf/1da2:e438");
	assert_int_equal(fn.class, 0x030000);
	assert_int_equal(fn.revision, 0xc1);
	assert_string_equal(fn.driver, "amdgpu");
	assert_int_equal(fn.group, 15);
	assert_false(fn.bridge);
	assert_true(fn.boot_vga);
	assert_true(fn.has_upstream);
	assert_bdf(fn.upstream, "0000:0a:00.0");
	assert_int_equal(fn.on_bus, 4);
	assert_false(fn.is_vf);
	assert_int_equal(fn.active_vfs, 0);
	assert_int_equal(fn.config, PCI_CONFIG_OK);
	assert_int_equal(fn.no_soft_reset, TRI_NO);
	assert_true(fn.has_reset && fn.has_reset_method);
	assert_string_equal(fn.reset_method, "device_specific pm bus");
	assert_string_equal(fn.power_state, "D0");
	assert_string_equal(fn.power_control, "auto");
	assert_int_equal(fn.d3cold_allowed, TRI_YES);

	assert_int_equal(pci_fn_load(&t.root, at("0000:0b:00.1"), &fn, &e), 0);
	assert_int_equal(fn.no_soft_reset, TRI_YES);
	assert_false(fn.has_reset || fn.has_reset_method);
	assert_int_equal(pci_fn_load(&t.root, at("0000:09:00.0"), &fn, &e), 0);
	assert_true(fn.bridge);
	assert_int_equal(fn.on_bus, 1);
	assert_int_equal(pci_fn_load(&t.root, at("0000:00:00.0"), &fn, &e), 0);
	assert_false(fn.bridge || fn.has_upstream);
	assert_int_equal(fn.no_soft_reset, TRI_UNKNOWN);
}

static void absent(void **state)
{
	_cleanup_tree_ struct tree t;
	struct pci_list l = { 0 };
	struct pci_fn fn = { .group = 77 };
	struct err e;

	tree_expand(&t, "twins");
	assert_int_equal(pci_fn_load(&t.root, at("0000:77:00.0"), &fn, &e), -ENODEV);
	assert_string_equal(e.text, "there is no PCI device 0000:77:00.0");
	assert_int_equal(pci_fn_load(&t.root, at("0000:01:00"), &fn, &e), -EINVAL);
	assert_int_equal(pci_slot_functions(&t.root, at("77:00"), &l, &e), -ENODEV);
	assert_string_equal(e.text, "there is no PCI device 0000:77:00");
	assert_int_equal(fn.group, 77);
	assert_null(l.v);
}

static void slot(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_pci_list_ struct pci_list l = { 0 };
	struct err e;

	tree_expand(&t, "amd-four");
	assert_int_equal(pci_slot_functions(&t.root, at("0b:00"), &l, &e), 0);
	assert_int_equal(l.n, 4);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(l.v[i].bdf.fn, i);
	assert_ptr_equal(pci_list_find(&l, at("0000:0b:00.2")), &l.v[2]);
	assert_null(pci_list_find(&l, at("0000:0c:00.2")));
}

static void other_domain(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_pci_list_ struct pci_list l = { 0 };
	struct err e;

	tree_expand(&t, "server");
	assert_int_equal(pci_scan(&t.root, &l, &e), 0);
	assert_int_equal(l.n, 5);
	assert_bdf(l.v[0].bdf, "0000:00:1c.0");
	assert_bdf(l.v[4].bdf, "0001:81:00.0");
	assert_bdf(l.v[4].upstream, "0001:80:02.0");
	assert_int_equal(l.v[4].on_bus, 1);
	assert_int_equal(l.v[4].config, PCI_CONFIG_OK);
}

static void virtual_functions(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_pci_list_ struct pci_list l = { 0 };
	const struct pci_fn *pf, *vf;
	struct err e;

	tree_expand(&t, "sriov");
	assert_int_equal(pci_scan(&t.root, &l, &e), 0);
	pf = pci_list_find(&l, at("0000:03:00.0"));
	vf = pci_list_find(&l, at("0000:03:00.2"));
	assert_int_equal(pf->active_vfs, 2);
	assert_false(pf->is_vf);
	assert_true(vf->is_vf);
	assert_bdf(vf->pf, "0000:03:00.0");
	/* its ids read ffff, which is not death */
	assert_int_equal(vf->config, PCI_CONFIG_OK);
	assert_int_equal(vf->id.device, 0x56c0);
}

static void dead_or_asleep(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_pci_list_ struct pci_list l = { 0 };
	struct err e;

	tree_expand(&t, "dead");
	assert_int_equal(pci_slot_functions(&t.root, at("0a:00"), &l, &e), 0);
	assert_int_equal(l.v[0].config, PCI_CONFIG_DEAD);
	assert_int_equal(l.v[0].id.device, 0x687f);
	assert_int_equal(l.v[0].no_soft_reset, TRI_UNKNOWN);
	assert_int_equal(l.v[1].config, PCI_CONFIG_ASLEEP);
}

/* A user who is not root sees 64 bytes. */
static void short_config(void **state)
{
	_cleanup_tree_ struct tree t;
	char config[64] = { 0x02, 0x10, [0x06] = 0x10, [0x34] = 0x50 }, path[128];
	struct pci_fn fn;
	struct err e;
	FILE *f;

	tree_expand(&t, "amd-four");
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/0000:0b:00.0/config", t.dir);
	f = fopen(path, "w");
	fwrite(config, 1, sizeof(config), f);
	fclose(f);
	assert_int_equal(pci_fn_load(&t.root, at("0000:0b:00.0"), &fn, &e), 0);
	assert_int_equal(fn.config, PCI_CONFIG_OK);
	assert_int_equal(fn.no_soft_reset, TRI_UNKNOWN);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(pci_fn_load(&t.root, at("0000:0b:00.0"), &fn, &e), 0);
	assert_int_equal(fn.config, PCI_CONFIG_UNREAD);
}

/* One function whose config space never answers, one that vanishes: the others are seen, soon. */
static void one_bad_function(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_pci_list_ struct pci_list l = { 0 };
	char path[128];
	uint64_t start;
	struct err e;

	tree_expand(&t, "amd-four");
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/0000:0b:00.1/config", t.dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/0000:0b:00.2/vendor", t.dir);
	assert_int_equal(unlink(path), 0);
	tree_link(&t, "/sys/bus/pci/devices/0000:0e:00.0", "../../../devices/pci0000:00/0000:0e:00.0");
	tree_link(&t, "/sys/bus/pci/devices/nonsense", "/");
	start = now_ms();
	assert_int_equal(pci_scan(&t.root, &l, &e), 0);
	assert_true(now_ms() - start < 10000);
	assert_int_equal(l.n, 8);
	assert_int_equal(pci_list_find(&l, at("0000:0b:00.0"))->config, PCI_CONFIG_OK);
	assert_int_equal(pci_list_find(&l, at("0000:0b:00.1"))->config, PCI_CONFIG_HANGS);
	assert_int_equal(pci_list_find(&l, at("0000:0b:00.2"))->config, PCI_CONFIG_OK);
	assert_int_equal(pci_list_find(&l, at("0000:0b:00.2"))->id.vendor, 0);
	assert_int_equal(pci_list_find(&l, at("0000:0b:00.2"))->group, 17);
	assert_int_equal(pci_list_find(&l, at("0000:0b:00.3"))->config, PCI_CONFIG_OK);
	assert_null(pci_list_find(&l, at("0000:0e:00.0")));
}

static void odd_attributes(void **state)
{
	_cleanup_tree_ struct tree t;
	struct pci_fn fn;
	struct err e;

	tree_expand(&t, "twins");
	tree_put(&t, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/vendor", "0x123456\n");
	assert_int_equal(pci_fn_load(&t.root, at("0000:01:00.0"), &fn, &e), -ERANGE);
	tree_put(&t, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/vendor", "amd\n");
	assert_int_equal(pci_fn_load(&t.root, at("0000:01:00.0"), &fn, &e), -EINVAL);
	tree_put(&t, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/vendor", "0x1002\n");
	tree_link(&t, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/driver",
		  "../../../../bus/pci/drivers/a-name-that-is-longer-than-any-driver-has");
	tree_link(&t, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/iommu_group", "../../groups/-3");
	tree_put(&t, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/reset_method", "\n");
	assert_int_equal(pci_fn_load(&t.root, at("0000:01:00.0"), &fn, &e), 0);
	assert_string_equal(fn.driver, "");
	assert_int_equal(fn.group, -1);
	assert_true(fn.has_reset_method);
	assert_string_equal(fn.reset_method, "");
}

static void names(void **state)
{
	_cleanup_pci_names_ struct pci_names *n = pci_names_open();
	char name[64], tiny[4];
	const struct pci_id unknown = { .vendor = 0xfffe, .device = 0x73bf };

	assert_string_equal(pci_name(n, unknown, name, sizeof(name)), "Device 73bf");
	assert_string_equal(pci_name(NULL, unknown, name, sizeof(name)), "Device 73bf");
	assert_string_equal(pci_name(n, unknown, tiny, sizeof(tiny)), "Dev");
	if (access("/usr/share/misc/pci.ids", R_OK) == 0)
		assert_string_equal(pci_name(n, (struct pci_id){ 0x10de, 0x2204, 0, 0 }, name, sizeof(name)),
				    "GA102 [GeForce RTX 3090]");
}

/* This machine, whatever it is: what the scan says is what a look at each function says. */
static void this_machine(void **state)
{
	_cleanup_pci_list_ struct pci_list l = { 0 };
	_cleanup_closedir_ DIR *d = opendir("/sys/bus/pci/devices");
	struct root root;
	struct err e;
	size_t n = 0;

	if (!d)
		skip();
	assert_int_equal(root_open_dir(&root, "/", &e), 0);
	assert_int_equal(pci_scan(&root, &l, &e), 0);
	while (readdir(d))
		n++;
	assert_int_equal(l.n + 2, n);
	for (size_t i = 0; i < l.n; i++) {
		struct pci_fn fn;

		assert_int_equal(pci_fn_load(&root, l.v[i].bdf, &fn, &e), 0);
		assert_memory_equal(&fn.id, &l.v[i].id, sizeof(fn.id));
		assert_int_equal(fn.class, l.v[i].class);
		assert_string_equal(fn.driver, l.v[i].driver);
		assert_int_not_equal(fn.config, PCI_CONFIG_HANGS);
		if (fn.has_upstream)
			assert_non_null(pci_list_find(&l, fn.upstream));
		if (i)
			assert_true(bdf_cmp(l.v[i - 1].bdf, l.v[i].bdf) < 0);
	}
	root_close(&root);
}

static void no_pci(void **state)
{
	_cleanup_tree_ struct tree t;
	struct pci_list l = { 0 };
	struct err e;

	tree_new(&t);
	assert_int_equal(pci_scan(&t.root, &l, &e), -ENOENT);
	assert_non_null(strstr(e.text, "/sys/bus/pci/devices"));
	assert_int_equal(root_mkdir_p(&t.root, "/sys/bus/pci/devices", 0755), 0);
	assert_int_equal(pci_scan(&t.root, &l, &e), 0);
	assert_int_equal(l.n, 0);
	pci_list_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(id_text),
		cmocka_unit_test(one_function),
		cmocka_unit_test(absent),
		cmocka_unit_test(slot),
		cmocka_unit_test(other_domain),
		cmocka_unit_test(virtual_functions),
		cmocka_unit_test(dead_or_asleep),
		cmocka_unit_test(short_config),
		cmocka_unit_test(one_bad_function),
		cmocka_unit_test(odd_attributes),
		cmocka_unit_test(names),
		cmocka_unit_test(this_machine),
		cmocka_unit_test(no_pci),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
