/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which functions are gpupt's business, gpupt.conf on disk, and what observation sees. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flow/observe.h"
#include "tests/fake/vm.h"

#define DEV "/sys/bus/pci/devices/"

/* The selection of a configuration as text: "0000:01:00.0 hostpci0, 0000:01:00.1 hostpci0"; roles and absence by a sign. */
static char *selected(struct fake *f, const char *conf, int *ret_k, struct err *e)
{
	_cleanup_vm_devices_ struct vm_devices d = { 0 };
	_cleanup_selection_ struct selection sel = { 0 };
	_cleanup_config_ struct config cfg = { 0 };
	struct text t = { 0 };
	char name[BDF_LEN];

	*ret_k = config_parse(conf, strlen(conf), GUEST_VM, &cfg);
	if (*ret_k == 0)
		*ret_k = vm_devices_load(&f->root, &cfg, &d, e);
	if (*ret_k == 0)
		*ret_k = select_functions(&f->root, &d, NULL, NULL, &sel, e);
	for (size_t i = 0; i < sel.n; i++)
		text_addf(&t, "%s%s%s%s%s", i ? " " : "", bdf_format(sel.v[i].bdf, name), sel.v[i].absent ? "!" : "",
			  sel.v[i].role == ROLE_GROUP ? "+" : "=", sel.v[i].entry);
	strv_foreach(w, &sel.warnings)
		text_addf(&t, " (%s)", w);
	return text_take(&t);
}

static void what_is_ours(void **state)
{
	static const struct {
		const char *conf, *want;
	} cases[] = {
		{ "", "" },
		{ "hostpci0: 0000:01:00\n", CARD "=hostpci0 " CARD1 "=hostpci0" },
		{ "hostpci0: 01:00\n", CARD "=hostpci0 " CARD1 "=hostpci0" },
		/* one function: the other goes along, since Proxmox VE binds the whole group */
		{ "hostpci3: 0000:01:00.0\n", CARD "=hostpci3 " CARD1 "+" },
		{ "hostpci0: 0000:01:00.0\nhostpci1: 0000:01:00.1\n", CARD "=hostpci0 " CARD1 "=hostpci1" },
		{ "hostpci0: 0000:01:00;0000:02:00\n", CARD "=hostpci0 " CARD1 "=hostpci0 " TWIN "=hostpci0 " TWIN1 "=hostpci0" },
		/* audio before its display in the file is still its companion; audio alone is none of ours */
		{ "hostpci0: 0000:01:00.1\nhostpci1: 0000:01:00.0\n", CARD "=hostpci1 " CARD1 "=hostpci0" },
		{ "hostpci0: 0000:01:00.1\n", "" },
		/* nothing with a display in it */
		{ "hostpci0: 0000:03:00.0\n", "" },
		{ "hostpci0: 0000:03:00.0\nhostpci1: 0000:01:00\n", CARD "=hostpci1 " CARD1 "=hostpci1" },
		{ "hostpci0: 0000:01:00,mdev=nvidia-63\n", "" },
		{ "hostpci0: 0000:01:00,driver=keep\n", "" },
		/* absent: it may have been a card */
		{ "hostpci0: 0000:09:00.0\n", "0000:09:00.0!=hostpci0" },
		{ "hostpci0: 0000:01:00.0;0000:01:00.7\n", CARD "=hostpci0 " CARD1 "+ 0000:01:00.7!=hostpci0" },
		/* a newer Proxmox VE's key is a warning */
		{ "hostpci0: 0000:01:00,brand-new=1\n", CARD "=hostpci0 " CARD1 "=hostpci0 (hostpci0 has the key 'brand-new', which this version does not know)" },
		{ "template: 0\n[snap]\nhostpci0: 0000:01:00\n", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		_cleanup_free_ char *have = NULL;
		struct err e = { "" };
		int k;

		have = selected(f, cases[i].conf, &k, &e);
		if (k < 0 || strcmp(have, cases[i].want) != 0)
			fail_msg("'%s': %d %s\n  have %s\n  want %s", cases[i].conf, k, e.text, have, cases[i].want);
	}
}

static void virtual_functions_are_not(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_free_ char *have = NULL;
	struct err e;
	int k;

	fake_link(f, DEV TWIN "/physfn", "../" CARD);
	have = selected(f, "hostpci0: 0000:02:00.0\n", &k, &e);
	assert_int_equal(k, 0);
	assert_string_equal(have, "");
}

static void bridges_of_a_group_stay(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_free_ char *have = NULL;
	struct err e;
	int k;

	fake_link(f, "/sys/kernel/iommu_groups/15/devices/0000:00:01.0", "../../../../bus/pci/devices/0000:00:01.0");
	fake_link(f, "/sys/kernel/iommu_groups/15/devices/" NIC, "../../../../bus/pci/devices/" NIC);
	have = selected(f, "hostpci0: 0000:01:00.0\n", &k, &e);
	assert_int_equal(k, 0);
	assert_string_equal(have, CARD "=hostpci0 " CARD1 "+ " NIC "+");
}

static void what_proxmox_ve_rejects(void **state)
{
	static const char *const bad[] = { "hostpci0: mapping=nowhere\n", "hostpci0: 0000:01:00,pcie=1\n", "hostpci0: pcie=1\n",
					   "hostpci0: 0000:01:00,host=02:00\n" };
	_cleanup_fake_ struct fake *f = fake_machine();

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = { "" };
		int k;
		_cleanup_free_ char *have = selected(f, bad[i], &k, &e);

		if (k != -EINVAL || !e.text[0] || !str_eq(have, ""))
			fail_msg("'%s': %d %s", bad[i], k, e.text);
	}
}

#define MAP(rest)  "\tmap node=host," rest "\n"
#define MAP_CARD   MAP("id=1002:5159,iommugroup=15,path=0000:01:00,subsystem-id=1af4:1100")
#define MAP_TWIN   MAP("id=1002:5159,iommugroup=16,path=0000:02:00,subsystem-id=1af4:1100")
#define CHANGED    "hostpci0: PCI device mapping invalid (hardware probably changed): "
#define ENTRY	   "hostpci0: mapping=gpu\n"

/* assert_valid(): all alternatives of the node have to be what the mapping says, also those that would not be taken. */
static void mappings_of_another_machine(void **state)
{
	static const struct {
		const char *maps, *want;
	} cases[] = {
		{ MAP("id=1002:5159,iommugroup=12,path=0000:01:00,subsystem-id=1af4:1100"), "'iommugroup' does not match for 'gpu' (15 != 12)" },
		{ MAP("id=1002:5159,iommugroup=+15,path=0000:01:00,subsystem-id=1af4:1100"), "'iommugroup' does not match for 'gpu' (15 != +15)" },
		{ MAP("id=1002:5159,path=0000:01:00,subsystem-id=1af4:1100"), "missing expected property 'iommugroup' for device '0000:01:00.0'" },
		{ MAP("id=1002:5159,iommugroup=15,path=0000:01:00"), "missing expected property 'subsystem-id' for device '0000:01:00.0'" },
		{ MAP("id=1002:5159,iommugroup=15,path=0000:01:00,subsystem-id=1af4:1101"), "'subsystem-id' does not match for 'gpu' (1af4:1100 != 1af4:1101)" },
		{ MAP("id=1002:73bf,iommugroup=15,path=0000:01:00,subsystem-id=1af4:1100"), "'id' does not match for 'gpu' (1002:5159 != 1002:73bf)" },
		/* the kernel writes small letters, and text is compared */
		{ MAP("id=8086:293E,iommugroup=15,path=0000:01:00.1,subsystem-id=1af4:1100"), "'id' does not match for 'gpu' (8086:293e != 8086:293E)" },
		/* an alternative that would not be taken */
		{ MAP("id=1002:5159,iommugroup=15,path=0000:09:00,subsystem-id=1af4:1100") MAP_TWIN, "pci device '0000:09:00.0' not found" },
		{ MAP_CARD MAP("id=1002:73bf,iommugroup=16,path=0000:02:00,subsystem-id=1af4:1100"), "'id' does not match for 'gpu' (1002:5159 != 1002:73bf)" },
		/* of a list each has to be it */
		{ MAP("id=1002:5159,iommugroup=15,path=0000:01:00.0;0000:01:00.1,subsystem-id=1af4:1100"), "'id' does not match for 'gpu' (8086:293e != 1002:5159)" },
		/* what now sits there is no display */
		{ MAP("id=1002:5159,iommugroup=15,path=0000:03:00,subsystem-id=1af4:1100"), "'id' does not match for 'gpu' (8086:10d3 != 1002:5159)" },
	};
	_cleanup_fake_ struct fake *f = fake_machine();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *have = NULL;
		struct err e = { "" };
		int k;

		fake_putf(f, "/etc/pve/mapping/pci.cfg", "gpu\n%s", cases[i].maps);
		have = selected(f, ENTRY, &k, &e);
		if (k != -EINVAL || !str_starts(e.text, CHANGED) || strcmp(e.text + strlen(CHANGED), cases[i].want) != 0)
			fail_msg("'%s': %d %s (%s)", cases[i].maps, k, e.text, have);
	}
}

/* choose_hostpci_devices(): a function goes to one entry, and an alternative that an earlier entry has is passed over. */
static void one_function_one_entry(void **state)
{
	static const struct {
		const char *conf, *want; /* the selection, or the reason why there is none */
	} cases[] = {
		{ ENTRY, CARD "=hostpci0, mapping gpu " CARD1 "=hostpci0, mapping gpu" },
		{ "hostpci0: mapping=two\nhostpci1: mapping=two\n",
		  CARD "=hostpci0, mapping two " CARD1 "=hostpci0, mapping two " TWIN "=hostpci1, mapping two " TWIN1 "=hostpci1, mapping two" },
		{ "hostpci0: 01:00\nhostpci1: mapping=two\n",
		  CARD "=hostpci0 " CARD1 "=hostpci0 " TWIN "=hostpci1, mapping two " TWIN1 "=hostpci1, mapping two" },
		/* also one that only has a part of it, and one that is none of ours */
		{ "hostpci0: 01:00.1\nhostpci1: mapping=two\n",
		  CARD "+ " CARD1 "=hostpci0 " TWIN "=hostpci1, mapping two " TWIN1 "=hostpci1, mapping two" },
		{ "hostpci0: 01:00,driver=keep\nhostpci1: mapping=two\n", TWIN "=hostpci1, mapping two " TWIN1 "=hostpci1, mapping two" },
		/* mediated devices are shared */
		{ "hostpci0: mapping=gpu,mdev=x\nhostpci1: 01:00\n", CARD "=hostpci1 " CARD1 "=hostpci1" },
		/* in the entries' order, without going back */
		{ "hostpci0: mapping=two\nhostpci1: 01:00\n", "hostpci1: device '0000:01:00.0' assigned more than once" },
		{ "hostpci0: 01:00\nhostpci1: mapping=gpu\n", "hostpci1: device '0000:01:00.0' assigned more than once" },
		{ "hostpci0: mapping=gpu\nhostpci1: mapping=gpu\n", "hostpci1: device '0000:01:00.0' assigned more than once" },
		{ "hostpci0: mapping=nic\nhostpci1: 03:00.0\nhostpci2: 01:00\n", "hostpci1: device '0000:03:00.0' assigned more than once" },
		{ "hostpci0: mapping=two\nhostpci1: mapping=two\nhostpci2: mapping=two\n", "could not find a free device for 'hostpci2'" },
	};
	_cleanup_fake_ struct fake *f = fake_machine();

	fake_put(f, "/etc/pve/mapping/pci.cfg",
		 "gpu\n" MAP_CARD "\ntwo\n" MAP_CARD MAP_TWIN "\nnic\n"
		 MAP("id=8086:10d3,iommugroup=17,path=0000:03:00.0,subsystem-id=8086:0000"));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = { "" };
		int k;
		_cleanup_free_ char *have = selected(f, cases[i].conf, &k, &e);

		if ((k != 0 && k != -EINVAL) || strcmp(k == 0 ? have : e.text, cases[i].want) != 0)
			fail_msg("'%s': %d\n  have %s%s\n  want %s", cases[i].conf, k, have, e.text, cases[i].want);
	}
}

/*
 * mdev of a mapping says what its devices can do; what the VM gets the entry says. Proxmox VE compares it with the machine as it is
 * behind pre-start, when a card that is passed is on vfio-pci and can do nothing of the kind.
 */
static void mappings_of_mediated_devices(void **state)
{
	static const struct {
		bool card, twin; /* offer mediated devices */
		const char *maps, *conf, *want;
	} cases[] = {
		{ true, false, MAP_CARD, ENTRY, CARD "=hostpci0, mapping gpu " CARD1 "=hostpci0, mapping gpu" },
		{ true, false, "\tmdev 0\n" MAP_CARD MAP_TWIN, ENTRY, CARD "=hostpci0, mapping gpu " CARD1 "=hostpci0, mapping gpu" },
		{ false, false, "\tmdev 1\n" MAP_CARD, ENTRY, CHANGED "'mdev' does not match for 'gpu' (0 != 1): on vfio-pci " CARD },
		{ true, false, "\tmdev 1\n" MAP_CARD, ENTRY, CHANGED "'mdev' does not match for 'gpu' (0 != 1): on vfio-pci " CARD },
		{ true, true, MAP_CARD MAP_TWIN, ENTRY, CHANGED "'mdev' does not match for 'gpu' (1 != 0)" },
		/* a mediated device of it: none of ours, unless a card goes to the same VM */
		{ true, false, "\tmdev 1\n" MAP_CARD, "hostpci0: mapping=gpu,mdev=x\n", "" },
		{ false, false, "\tmdev 1\n" MAP_CARD, "hostpci0: mapping=gpu,mdev=x\n", "" },
		{ true, false, "\tmdev 1\n" MAP_CARD, "hostpci0: mapping=gpu,mdev=x\nhostpci1: 02:00\n", TWIN "=hostpci1 " TWIN1 "=hostpci1" },
		{ false, false, "\tmdev 1\n" MAP_CARD, "hostpci0: mapping=gpu,mdev=x\nhostpci1: 02:00\n",
		  CHANGED "'mdev' does not match for 'gpu' (0 != 1)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		_cleanup_free_ char *have = NULL;
		struct err e = { "" };
		int k;

		if (cases[i].card)
			fake_mkdir(f, DEV CARD "/mdev_supported_types");
		if (cases[i].twin)
			fake_mkdir(f, DEV TWIN "/nvidia");
		fake_putf(f, "/etc/pve/mapping/pci.cfg", "gpu\n%s", cases[i].maps);
		have = selected(f, cases[i].conf, &k, &e);
		if (k != (str_starts(cases[i].want, CHANGED) ? -EINVAL : 0) ||
		    (k == 0 ? strcmp(have, cases[i].want) != 0 : !str_starts(e.text, cases[i].want)))
			fail_msg("%zu: %d\n  have %s%s\n  want %s", i, k, have, e.text, cases[i].want);
	}
}

/* Without an IOMMU that is what is said, and not that the mapping has a group. */
static void a_mapping_without_an_iommu(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };

	fake_put(f, "/etc/pve/mapping/pci.cfg", "gpu\n" MAP_CARD);
	fake_put(f, "/etc/pve/qemu-server/101.conf", ENTRY);
	fake_no_iommu(f);
	vm_start(f, 101, false, &v);
	assert_int_equal(v.r, HANDOVER_REFUSED);
	assert_true(vm_found(&v, FINDING_IOMMU_OFF));
	assert_false(vm_found(&v, FINDING_CONFIG_BAD));
}

/* Looked for in time: the first write of a hand-over would be to a file that is not there, with some of it made. */
static void a_driver_that_never_lets_go(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 };
	_cleanup_free_ char *before = NULL, *after = NULL;

	fake_link(f, "/sys/kernel/iommu_groups/15/devices/" NIC, "../../../../bus/pci/devices/" NIC);
	fake_remove(f, "/sys/bus/pci/drivers/e1000e/unbind");
	before = fake_snapshot(f);
	fake_arm(f, FAKE_KERNEL, FAKE_COUNT, 0, 0);
	vm_start(f, 101, false, &v);
	assert_int_equal(v.r, HANDOVER_REFUSED);
	assert_true(vm_found(&v, FINDING_UNBINDABLE));
	assert_int_equal(fake_count(f), 0);
	fake_disarm(f);
	after = fake_snapshot(f);
	assert_string_equal(before, after);
	assert_string_equal(vm_leftovers(f), "");
	/* without a driver there is nothing to take it off */
	fake_bind(f, NIC, "");
	vm_start(f, 101, false, &w);
	if (w.r != 0)
		fail_msg("%d %s", w.r, w.e.text);
}

static void a_card_by_its_address(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_selection_ struct selection sel = { 0 }, none = { 0 };
	_cleanup_bdf_list_ struct bdf_list named = { 0 }, all = { 0 };
	struct err e;

	assert_int_equal(select_card(&f->root, fake_bdf(CARD1), &sel, &e), 0);
	assert_int_equal(sel.n, 2);
	assert_int_equal(selection_named(&sel, &named), 0);
	assert_int_equal(selection_all(&sel, &all), 0);
	assert_int_equal(named.n, 2);
	assert_int_equal(all.n, 2);
	assert_int_equal(select_card(&f->root, fake_bdf("0000:09:00.0"), &none, &e), -ENODEV);
}

static void settings_on_disk(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	struct settings s = { 0 };
	struct err e;

	assert_int_equal(settings_load(&f->root, &s, &e), 0);
	assert_string_equal(s.defaults.reset, "auto");
	settings_done(&s);
	fake_put(f, "/etc/gpupt/gpupt.conf", "[defaults]\nreset = none\n");
	assert_int_equal(settings_load(&f->root, &s, &e), 0);
	assert_string_equal(s.defaults.reset, "none");
	settings_done(&s);
	fake_put_bytes(f, "/etc/gpupt/gpupt.conf", "[defaults]\n\0reset = none\n", 24);
	assert_int_equal(settings_load(&f->root, &s, &e), -EINVAL);
	assert_non_null(strstr(e.text, "NUL"));
	{
		_cleanup_free_ char *big = malloc(SETTINGS_MAX + 1);

		assert_non_null(big);
		memset(big, '\n', SETTINGS_MAX + 1);
		fake_put_bytes(f, "/etc/gpupt/gpupt.conf", big, SETTINGS_MAX + 1);
	}
	assert_int_equal(settings_load(&f->root, &s, &e), -EFBIG);
	fake_remove(f, "/etc/gpupt/gpupt.conf");
	fake_mkdir(f, "/etc/gpupt/gpupt.conf");
	assert_int_equal(settings_load(&f->root, &s, &e), -EISDIR);
	assert_null(s.gpus);
}

static void deadlines(void **state)
{
	_cleanup_settings_ struct settings s = { 0 };
	struct picked picked[] = { { .bdf = { 0, 1, 0, 0 } }, { .bdf = { 0, 2, 0, 0 } } };
	struct selection sel = { .v = picked, .n = 2 };
	_cleanup_fake_ struct fake *f = fake_new();
	struct engine en;
	struct err e;

	assert_int_equal(settings_parse("[defaults]\ndriver-timeout = 3\n[gpu 02:00]\ndriver-timeout = 9\n", "x", &s, &e), 0);
	engine_init(&en, &f->root, &s, &sel);
	assert_int_equal(en.driver_timeout_ms, 9000); /* the longest that any of them asks for */
	sel.n = 1;
	engine_init(&en, &f->root, &s, &sel);
	assert_int_equal(en.driver_timeout_ms, 3000);
	engine_init(&en, &f->root, &s, NULL);
	assert_int_equal(en.driver_timeout_ms, 3000);
}

/* Observation writes nothing, and sees who holds the card, by number. */
static void facts_of_a_machine(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_selection_ struct selection sel = { 0 };
	_cleanup_settings_ struct settings s = { 0 };
	_cleanup_facts_ struct facts facts = { 0 };
	_cleanup_free_ char *before = NULL, *after = NULL;
	const struct fn_facts *fn;
	struct engine en;
	struct err e;

	settings_default(&s);
	fake_holder(f, 4001, "player", "/lxc/200/ns", fake_dev(f, CARD, "drm"), "/dev/dri/card7");
	fake_bind(f, CARD1, "vfio-pci");
	assert_int_equal(select_card(&f->root, fake_bdf(CARD), &sel, &e), 0);
	engine_init(&en, &f->root, &s, &sel);
	before = fake_tree(f, NULL);
	if (facts_load(&en, &sel, 0, false, &facts, &e) < 0)
		fail_msg("%s", e.text);
	after = fake_tree(f, NULL);
	assert_string_equal(before, after);
	assert_int_equal(facts.n, 2);
	assert_int_equal(facts.displays, 2); /* the twin and the boot display */
	assert_int_equal(facts.slots.n, 2);
	assert_int_equal(facts.holders.n, 1);
	assert_int_equal(facts.holders.v[0].kind, HOLDER_CONTAINER);
	fn = facts_find(&facts, fake_bdf(CARD));
	assert_non_null(fn);
	assert_true(fn->driver_known && !fn->stuck && !fn->claimed && !fn->has_home);
	assert_string_equal(fn->driver.driver, "radeon");
	assert_int_equal(fn->fn.config, PCI_CONFIG_OK);
	/* found on vfio-pci: its modalias says where it belongs */
	fn = facts_find(&facts, fake_bdf(CARD1));
	assert_string_equal(fn->guess, "snd_hda_intel");
	assert_null(facts_find(&facts, fake_bdf(NIC)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_ours),
		cmocka_unit_test(virtual_functions_are_not),
		cmocka_unit_test(bridges_of_a_group_stay),
		cmocka_unit_test(what_proxmox_ve_rejects),
		cmocka_unit_test(mappings_of_another_machine),
		cmocka_unit_test(one_function_one_entry),
		cmocka_unit_test(mappings_of_mediated_devices),
		cmocka_unit_test(a_mapping_without_an_iommu),
		cmocka_unit_test(a_driver_that_never_lets_go),
		cmocka_unit_test(a_card_by_its_address),
		cmocka_unit_test(settings_on_disk),
		cmocka_unit_test(deadlines),
		cmocka_unit_test(facts_of_a_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
