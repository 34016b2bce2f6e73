/* SPDX-License-Identifier: GPL-2.0-or-later */
/* udev's rules that write driver_override: how they are read, and which function they apply to. */
#include <errno.h>

#include "host/udev_rule.h"
#include "tree.h"

static const struct pci_fn card = { .bdf = { 0, 1, 0, 0 }, .id = { 0x10de, 0x2484, 0x1458, 0x403b }, .class = 0x030000, .revision = 0xa1,
				    .boot_vga = true };

static void parse(void **state)
{
	static const struct {
		const char *line, *tokens; /* NULL: udev does not take it either */
	} cases[] = {
		{ "", "" },
		{ "A==\"b\"", "A==b\n" },
		{ " A == \"b\" , B{c d}+=\"x\\\"y\\n\" ,, ", "A==b\nB{c d}+=x\"y\\n\n" },
		{ "A=\"1\",B:=\"2\",C-=\"3\",D!=\"4\"", "A=1\nB:=2\nC-=3\nD!=4\n" },
		{ "A==i\"b\" B=e\"c\"", "A==b\nB=c\n" },
		{ "A", NULL },
		{ "A=b", NULL },
		{ "A==\"b", NULL },
		{ "A{b==\"c\"", NULL },
		{ "==\"b\"", NULL },
		{ "A!\"b\"", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct udev_rule rule = { 0 };
		_cleanup_text_ struct text t = { 0 };

		assert_int_equal(udev_rule_parse(cases[i].line, &rule), cases[i].tokens ? 0 : -EINVAL);
		for (size_t k = 0; k < rule.n; k++)
			text_addf(&t, rule.v[k].attr ? "%s{%s}%s%s\n" : "%s%s%s%s\n", rule.v[k].key, rule.v[k].attr ? rule.v[k].attr : "",
				  rule.v[k].op, rule.v[k].value);
		assert_string_equal(text_str(&t), cases[i].tokens ? cases[i].tokens : "");
		udev_rule_done(&rule);
	}
}

static void applies(void **state)
{
	static const struct {
		const char *rule;
		enum tri applies;
	} cases[] = {
		{ "ATTR{driver_override}=\"vfio-pci\"", TRI_YES },
		{ "ACTION==\"add\", SUBSYSTEM==\"pci\", KERNEL==\"0000:01:00.0\"", TRI_YES },
		{ "KERNEL==\"0000:01:00.1\"", TRI_NO },
		{ "KERNEL==\"0000:02:00.*|0000:01:00.?\"", TRI_YES },
		{ "KERNEL!=\"0000:01:00.0\"", TRI_NO },
		{ "KERNELS==\"0000:01:00.0\", SUBSYSTEMS==\"pci\"", TRI_YES },
		{ "KERNELS==\"0000:02:00.0\"", TRI_NO },
		{ "SUBSYSTEM==\"usb\"", TRI_NO },
		{ "SUBSYSTEM!=\"usb\"", TRI_YES },
		{ "ATTR{vendor}==\"0x10de\", ATTR{device}==\"0x2484\"", TRI_YES },
		{ "ATTR{vendor}==\"0x10de\", ATTR{device}==\"0x2204\"", TRI_NO },
		{ "ATTR{vendor}==\"0x10DE\"", TRI_NO },
		{ "ATTR{vendor}==i\"0x10DE\"", TRI_YES },
		{ "ATTR{class}==\"0x03*\", ATTR{boot_vga}==\"1\"", TRI_YES },
		{ "ATTRS{vendor}!=\"0x8086\"", TRI_UNKNOWN },
		{ "ATTR{subsystem_vendor}==\"0x1458\", ATTR{subsystem_device}==\"0x403b\", ATTR{revision}==\"0xa1\"", TRI_YES },
		{ "ENV{PCI_ID}==\"10DE:2484\", ENV{PCI_SLOT_NAME}==\"0000:01:00.0\", ENV{PCI_CLASS}==\"30000\"", TRI_YES },
		{ "ENV{PCI_SUBSYS_ID}==\"1458:403B\", ENV{MODALIAS}==\"pci:v000010DEd*\"", TRI_YES },
		{ "ENV{MINE}==\"1\"", TRI_UNKNOWN },
		{ "ENV{MINE}==\"1\", KERNEL==\"x\"", TRI_NO },
		{ "PROGRAM=\"/bin/x\", RUN+=\"/bin/y\"", TRI_UNKNOWN },
		{ "TEST==\"power\"", TRI_UNKNOWN },
		{ "DRIVER==\"nouveau\"", TRI_YES },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct udev_rule rule = { 0 };

		assert_int_equal(udev_rule_parse(cases[i].rule, &rule), 0);
		if (udev_rule_applies(&rule, &card) != cases[i].applies)
			fail_msg("%s: %d", cases[i].rule, udev_rule_applies(&rule, &card));
		udev_rule_done(&rule);
	}
}

/* Comments in the middle are none of the rule; what is continued beyond the end is no rule; only what is about drivers is kept. */
static void files(void **state)
{
	static const char text[] = "# driver_override\n"
				   "ACTION==\"add\", \\\n"
				   "   # a word: vfio-pci\n"
				   "  KERNEL==\"0000:01:00.0\", \\\n"
				   "\tATTR{driver_override}=\"vfio-pci\"\n"
				   "KERNEL==\"x\", RUN+=\"/sbin/modprobe vfio-pci\"\n"
				   "KERNEL==\"vfio-pci\", MODE=\"0600\"\n"
				   "ATTR{driver_override}==\"vfio-pci\", MODE=\"0600\"\n"
				   "ATTR{driver_override}=vfio-pci\n"
				   "KERNEL==\"y\", RUN-=\"/sbin/modprobe vfio-pci\"\n"
				   "KERNEL==\"z\", ATTR{driver_override}=\"vfio-pci\" \\\n";
	_cleanup_tree_ struct tree t;
	_cleanup_udev_rules_ struct udev_rules l = { 0 };

	tree_new(&t);
	tree_put(&t, "/etc/udev/rules.d/90-b.rules", text);
	tree_put(&t, "/usr/lib/udev/rules.d/10-a.rules", "ATTR{driver_override}=\"first\", ATTR{driver_override}=\"last\"");
	tree_put(&t, "/run/udev/rules.d/20-c.rules", "ATTR{driver_override}=\"masked\"");
	tree_put(&t, "/etc/udev/rules.d/20-c.rules", "");
	tree_put(&t, "/etc/udev/rules.d/30-d.rules.disabled", "ATTR{driver_override}=\"no\"");
	assert_int_equal(udev_rules_load(&t.root, &l), 0);
	assert_int_equal(l.n, 3);
	assert_string_equal(l.v[0].at.file, "/usr/lib/udev/rules.d/10-a.rules");
	assert_string_equal(udev_rule_override(&l.v[0]), "last");
	assert_null(udev_rule_command(&l.v[0]));
	assert_string_equal(l.v[1].at.file, "/etc/udev/rules.d/90-b.rules");
	assert_int_equal(l.v[1].at.line, 2);
	assert_int_equal(l.v[1].at.last, 5);
	assert_string_equal(l.v[1].at.text, "ACTION==\"add\", KERNEL==\"0000:01:00.0\", ATTR{driver_override}=\"vfio-pci\"");
	assert_int_equal(udev_rule_applies(&l.v[1], &card), TRI_YES);
	assert_int_equal(l.v[2].at.line, 6);
	assert_null(udev_rule_override(&l.v[2]));
	assert_string_equal(udev_rule_command(&l.v[2]), "/sbin/modprobe vfio-pci");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(parse), cmocka_unit_test(applies), cmocka_unit_test(files) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
