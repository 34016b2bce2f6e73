/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pve_tree.h"

#include <errno.h>

#include "pve/hostpci.h"
#include "pve/property.h"

static struct hostpci parse(const char *value)
{
	struct hostpci h;
	struct err e = { "" };

	if (hostpci_parse(3, value, &h, &e) != 0)
		fail_msg("'%s' refused: %s", value, e.text);
	return h;
}

/* The devices as text, "0000:01:00 0000:02:00.1". */
static void devices_are(const struct hostpci *h, const char *want)
{
	_cleanup_text_ struct text t = { 0 };
	char bdf[BDF_LEN];

	for (size_t i = 0; i < h->n_devices; i++)
		text_join(&t, " ", bdf_format(h->devices[i], bdf));
	assert_string_equal(text_str(&t), want);
}

static void test_accepted(void **state)
{
	static const struct {
		const char *value, *devices;
	} rows[] = {
		{ "01:00", "0000:01:00" },
		{ "01:00.0", "0000:01:00.0" },
		{ "0000:01:00.1", "0000:01:00.1" },
		{ "10000:e1:00.0", "10000:e1:00.0" },
		{ "host=01:00.0;01:00.1", "0000:01:00.0 0000:01:00.1" },
		{ "pcie=1,0000:01:00", "0000:01:00" },
		{ "pcie=1,host=af:1f.7", "0000:af:1f.7" },
		{ ",,01:00, \t ,pcie=0,", "0000:01:00" },
		{ "01:00,romfile=a b=c.bin", "0000:01:00" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_hostpci_ struct hostpci h = parse(rows[i].value);

		assert_int_equal(h.index, 3);
		assert_null(h.mapping);
		assert_int_equal(h.unknown.n, 0);
		devices_are(&h, rows[i].devices);
	}
}

static void test_all_keys(void **state)
{
	_cleanup_hostpci_ struct hostpci h = parse(
		"mapping=my-GPU_1,pcie=ON,x-vga=Yes,rombar=off,romfile=vbios.bin,legacy-igd=TRUE,mdev=nvidia-"
		"63,"
		"vendor-id=0x10de,device-id=0x2204,sub-vendor-id=0xFFFF,sub-device-id=0x0000,driver=keep");
	_cleanup_hostpci_ struct hostpci d = parse("01:00");

	assert_string_equal(h.mapping, "my-GPU_1");
	assert_null(h.devices);
	assert_true(h.pcie && h.x_vga && h.legacy_igd && !h.rombar);
	assert_string_equal(h.romfile, "vbios.bin");
	assert_string_equal(h.mdev, "nvidia-63");
	assert_int_equal(h.vendor_id, 0x10de);
	assert_int_equal(h.device_id, 0x2204);
	assert_int_equal(h.sub_vendor_id, 0xffff);
	assert_int_equal(h.sub_device_id, 0);
	assert_int_equal(h.driver, HOSTPCI_KEEP);
	/* and what holds without them */
	assert_true(d.rombar && !d.pcie && !d.x_vga && !d.legacy_igd && !d.mdev && !d.romfile);
	assert_int_equal(d.driver, HOSTPCI_VFIO);
	assert_int_equal(d.vendor_id, -1);
	assert_int_equal(d.sub_device_id, -1);
}

static void test_newer_keys(void **state)
{
	_cleanup_hostpci_ struct hostpci h = parse("01:00,iommufd=1,x-new-thing=a,pcie=1");

	assert_int_equal(h.unknown.n, 2);
	assert_string_equal(h.unknown.v[0], "iommufd");
	assert_string_equal(h.unknown.v[1], "x-new-thing");
	assert_true(h.pcie);
}

static void test_refused(void **state)
{
	static const struct {
		const char *value, *sentence;
	} rows[] = {
		{ "", "hostpci3: Either 'host' or 'mapping' must be set." },
		{ " ", "hostpci3: Either 'host' or 'mapping' must be set." },
		{ "pcie=1", "hostpci3: Either 'host' or 'mapping' must be set." },
		{ "01:00,mapping=gpu", "hostpci3: Cannot set both 'host' and 'mapping'." },
		{ "01:00,02:00", "hostpci3: duplicate key in comma-separated list property: host" },
		{ "01:00,host=02:00", "hostpci3: duplicate key in comma-separated list property: host" },
		{ "01:00,pcie=1,pcie=1", "hostpci3: duplicate key in comma-separated list property: pcie" },
		{ "01:00,new=1,new=1", "hostpci3: duplicate key in comma-separated list property: new" },
		{ "01:00,pcie=", "hostpci3: missing key in comma-separated list property" },
		{ "01:00,=1", "hostpci3: missing key in comma-separated list property" },
		{ "01:00, pcie=1", "hostpci3: invalid key in comma-separated list property: ' pcie'" },
		{ "01:00,PCIE=1", "hostpci3: invalid key in comma-separated list property: 'PCIE'" },
		{ "01:00,pcie=2", "hostpci3: pcie: type check ('boolean') failed - got '2'" },
		{ "01:00,pcie=1 ", "hostpci3: pcie: type check ('boolean') failed - got '1 '" },
		{ "01:00,driver=vfio-pci", "hostpci3: driver: value 'vfio-pci' does not have a value in the "
					   "enumeration 'vfio, keep'" },
		{ "mapping=1gpu", "hostpci3: mapping: invalid format - invalid configuration ID '1gpu'" },
		{ "mapping=g", "hostpci3: mapping: invalid format - invalid configuration ID 'g'" },
		{ "mapping=g u", "hostpci3: mapping: invalid format - invalid configuration ID 'g u'" },
		{ "01:00;02:00,mdev=i915-4",
		  "hostpci3: cannot use mediated device with multifunction device" },
		/* of the right form, but no device can be called so */
		{ "01:20", "hostpci3: no PCI device found for '01:20'" },
		{ "01:00.8", "hostpci3: no PCI device found for '01:00.8'" },
		{ "00000:01:00", "hostpci3: no PCI device found for '00000:01:00'" },
		{ "123456789abc:01:00", "hostpci3: no PCI device found for '123456789abc:01:00'" },
	};
	static const char *const no_match[] = {
		"0000:01:00.0 ", " 01:00",	 "01:0",  "1:00",   "01:00.", "01:00.00",
		"000:01:00",	 "0000:0G:00",	 "0A:00", "01:00;", ";01:00", "01:00;;02:00",
		"01:00; 02:00",	 "0000:01:00:0", "01-00", "none",   "0",
	};
	static const char *const others[] = {
		"01:00,vendor-id=10de",
		"01:00,vendor-id=0x10d",
		"01:00,device-id=0x10def",
		"01:00,vendor-id=0X10de",
		"01:00,sub-vendor-id=0x10dg",
		"01:00,romfile=a;b",
		"01:00,mdev=a/b",
		"01:00,mdev=a:b",
		"01:00,mdev=a.b",
	};
	struct hostpci h;
	struct err e;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(hostpci_parse(3, rows[i].value, &h, &e), -EINVAL);
		assert_string_equal(e.text, rows[i].sentence);
	}
	for (size_t i = 0; i < ARRAY_SIZE(no_match); i++) {
		assert_int_equal(hostpci_parse(0, no_match[i], &h, &e), -EINVAL);
		assert_non_null(strstr(e.text, "hostpci0: host: '"));
		assert_non_null(strstr(e.text, "does not match the regex pattern"));
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_int_equal(hostpci_parse(0, others[i], &h, &e), -EINVAL);
		assert_non_null(strstr(e.text, "does not match the regex pattern"));
	}
}

/* A sentence is fit for a terminal, and no sentence is needed at all. */
static void test_hostile(void **state)
{
	_cleanup_text_ struct text keys = { 0 }, list = { 0 };
	struct hostpci h;
	struct err e;

	assert_int_equal(hostpci_parse(0, "\x1b[2J\xff", &h, &e), -EINVAL);
	assert_null(strchr(e.text, '\x1b'));
	assert_int_equal(hostpci_parse(0, "01:0", &h, NULL), -EINVAL);
	/* very many keys, all of them different; a list without end */
	for (int i = 0; i < 20000; i++) {
		text_addf(&keys, "a%d=1,", i);
		text_add(&list, ";01:00");
	}
	assert_int_equal(hostpci_parse(0, text_str(&keys), &h, &e), -EINVAL);
	assert_string_equal(e.text, "hostpci0: too many keys in comma-separated list property");
	assert_int_equal(hostpci_parse(0, text_str(&list), &h, &e), -EINVAL);
	assert_int_equal(hostpci_parse(0, text_str(&list) + 1, &h, &e), 0);
	assert_int_equal(h.n_devices, 20000);
	hostpci_done(&h);
}

static void test_index(void **state)
{
	assert_int_equal(hostpci_index("hostpci0"), 0);
	assert_int_equal(hostpci_index("hostpci15"), 15);
	assert_int_equal(hostpci_index("hostpci16"), -1);
	assert_int_equal(hostpci_index("hostpci01"), -1);
	assert_int_equal(hostpci_index("hostpci"), -1);
	assert_int_equal(hostpci_index("net0"), -1);
}

static void test_all(void **state)
{
	static const char text[] = "hostpci15: 05:00\nhostpci2: 02:00\nhostpci2: 03:00,pcie=1\nhostpci16: x\n"
				   "machine: pc-q35-8.1,viommu=intel\n[PENDING]\nhostpci0: 01:00\n";
	_cleanup_config_ struct config cfg = { 0 };
	_cleanup_hostpci_list_ struct hostpci_list list = { 0 };

	assert_int_equal(config_parse(text, strlen(text), GUEST_VM, &cfg), 0);
	assert_int_equal(hostpci_all(&cfg, &list, NULL), 0);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.v[0].index, 2);
	devices_are(&list.v[0], "0000:03:00");
	assert_int_equal(list.v[1].index, 15);
}

static void test_checks_between(void **state)
{
	static const struct {
		const char *text, *sentence;
	} rows[] = {
		{ "", NULL },
		{ "hostpci0: 01:00,pcie=1\nmachine: q35\n", NULL },
		{ "hostpci0: 01:00,pcie=1\nmachine: viommu=virtio,type=pc-q35-9.0+pve1\n", NULL },
		{ "hostpci0: 01:00,pcie=1\n", "hostpci0: q35 machine model is not enabled" },
		{ "hostpci0: 01:00,pcie=1\nmachine: pc-i440fx-8.1\n",
		  "hostpci0: q35 machine model is not enabled" },
		{ "hostpci0: 01:00\nhostpci1: 01:00.1\n",
		  "hostpci1: device '0000:01:00.1' assigned more than once" },
		{ "hostpci0: 01:00.0;01:00\n", "hostpci0: device '0000:01:00' assigned more than once" },
		{ "hostpci0: 01:00.0\nhostpci1: 01:00.1\nhostpci2: 0001:01:00.0\n", NULL },
		/* mediated devices share their parent */
		{ "hostpci0: 01:00.0,mdev=a\nhostpci1: 01:00.0,mdev=b\n", NULL },
		{ "hostpci0: 00:02,legacy-igd=1\nvga: none\n", NULL },
		{ "hostpci0: 00:02,legacy-igd=1\n",
		  "hostpci0: legacy IGD assignment requires VGA mode to be 'none'" },
		{ "hostpci0: 00:02,legacy-igd=1,rombar=0\nvga: none\n",
		  "hostpci0: legacy IGD assignment requires rombar to be enabled" },
		{ "hostpci0: 00:02,legacy-igd=1,x-vga=1\nvga: none\n",
		  "hostpci0: legacy IGD assignment is not compatible with x-vga" },
		{ "hostpci0: 00:02.0,legacy-igd=1,mdev=a\nvga: none\n",
		  "hostpci0: legacy IGD assignment is not compatible with mdev" },
		{ "hostpci0: 00:02,legacy-igd=1\nvga: none\nmachine: q35\n",
		  "hostpci0: legacy IGD assignment is not compatible with q35" },
		{ "hostpci0: 00:02.0;00:02.1,legacy-igd=1\nvga: none\n",
		  "hostpci0: legacy IGD assignment is not compatible with multifunction devices" },
		{ "hostpci0: 01:00,legacy-igd=1\nvga: none\n",
		  "hostpci0: legacy IGD assignment only works for devices on host bus 00:02.0" },
		{ "hostpci0: 00:02.1,legacy-igd=1\nvga: none\n",
		  "hostpci0: legacy IGD assignment only works for devices on host bus 00:02.0" },
		{ "hostpci0: 00:02,legacy-igd=1\nhostpci7: 01:02.0,legacy-igd=1\nvga: none\n",
		  "hostpci7: only one device can be assigned in legacy-igd mode" },
		{ "hostpci0: 01:00\nhostpci4: foo\n",
		  "hostpci4: host: 'foo' does not match the regex pattern (HOSTPCIID[;HOSTPCIID2...], "
		  "lower-case hexadecimal, as in 01:00.0 or 0000:01:00)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_config_ struct config cfg = { 0 };
		_cleanup_hostpci_list_ struct hostpci_list list = { 0 };
		struct err e = { "" };

		assert_int_equal(config_parse(rows[i].text, strlen(rows[i].text), GUEST_VM, &cfg), 0);
		assert_int_equal(hostpci_all(&cfg, &list, &e), rows[i].sentence ? -EINVAL : 0);
		assert_string_equal(e.text, rows[i].sentence ? rows[i].sentence : "");
	}
}

static void test_property(void **state)
{
	_cleanup_property_ struct properties p = { 0 };
	struct properties untouched;
	struct err e;

	assert_int_equal(property_parse("a=1,b=2=3", NULL, &p, &e), 0);
	assert_int_equal(p.n, 2);
	assert_string_equal(property_get(&p, "b"), "2=3");
	assert_null(property_get(&p, "c"));
	assert_int_equal(property_parse("x", NULL, &untouched, &e), -EINVAL);
	assert_string_equal(e.text, "value without key, but schema does not define a default key");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),   cmocka_unit_test(test_all_keys),
		cmocka_unit_test(test_newer_keys), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_hostile),	   cmocka_unit_test(test_index),
		cmocka_unit_test(test_all),	   cmocka_unit_test(test_checks_between),
		cmocka_unit_test(test_property),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
