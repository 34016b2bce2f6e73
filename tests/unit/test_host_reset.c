/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/reset.h"
#include "tree.h"

static void names(void **state)
{
	/* the kernel's order */
	static const char *const order[] = { "device_specific", "acpi", "flr", "af_flr", "pm", "bus",
					     "cxl_bus" };
	enum reset_method m;

	assert_int_equal(RESET_METHOD_COUNT, ARRAY_SIZE(order));
	for (unsigned int i = 0; i < ARRAY_SIZE(order); i++) {
		assert_string_equal(reset_method_name(i), order[i]);
		assert_int_equal(reset_method_parse(order[i], &m), 0);
		assert_int_equal(m, i);
	}
	assert_int_equal(reset_method_parse("fl", &m), -EINVAL);
	assert_int_equal(reset_method_parse("", &m), -EINVAL);
	assert_int_equal(reset_method_parse("flr ", &m), -EINVAL);
}

static void methods(void **state)
{
	struct reset_methods m;

	reset_methods_parse("bus  flr\tflr warp pm\n", &m);
	assert_int_equal(m.n, 3);
	assert_int_equal(m.v[0], RESET_BUS);
	assert_int_equal(m.v[1], RESET_FLR);
	assert_int_equal(m.v[2], RESET_PM);
	assert_int_equal(m.unknown, 1);
	assert_true(reset_methods_has(&m, RESET_PM));
	assert_false(reset_methods_has(&m, RESET_ACPI));
	reset_methods_parse("", &m);
	assert_int_equal(m.n + m.unknown, 0);
}

static void alone(void **state)
{
	static const struct {
		const char *text; /* NULL: no file reset_method */
		bool reset, upstream;
		unsigned int on_bus;
		enum tri nsr;
		enum pci_config config;
		enum reset_how how;
		enum reset_method method;
		const char *why;
	} cases[] = {
		{ "flr pm bus", true, true, 2, TRI_YES, PCI_CONFIG_OK, RESET_HOW_FUNCTION, RESET_FLR, "flr" },
		{ "bus flr", true, true, 2, TRI_YES, PCI_CONFIG_OK, RESET_HOW_FUNCTION, RESET_FLR, "flr" },
		{ "bus", true, true, 1, TRI_YES, PCI_CONFIG_OK, RESET_HOW_FUNCTION, RESET_BUS, "bus" },
		{ "bus", true, true, 2, TRI_YES, PCI_CONFIG_OK, RESET_HOW_NONE, RESET_METHOD_COUNT,
		  "bus is listed but cannot work: another function shares its bus" },
		{ "bus", true, false, 0, TRI_YES, PCI_CONFIG_OK, RESET_HOW_NONE, RESET_METHOD_COUNT,
		  "bus is listed but cannot work: no bridge above it could reset its bus" },
		{ "pm bus", true, true, 2, TRI_NO, PCI_CONFIG_OK, RESET_HOW_FUNCTION, RESET_PM, "pm" },
		{ "pm", true, true, 2, TRI_UNKNOWN, PCI_CONFIG_OK, RESET_HOW_FUNCTION, RESET_PM, "pm" },
		{ "pm", true, true, 2, TRI_YES, PCI_CONFIG_OK, RESET_HOW_NONE, RESET_METHOD_COUNT,
		  "pm is listed but cannot work: the function keeps its state across D3hot (NoSoftRst)" },
		{ "device_specific bus", true, true, 2, TRI_YES, PCI_CONFIG_OK, RESET_HOW_FUNCTION,
		  RESET_DEVICE_SPECIFIC, "device_specific" },
		{ "flr", true, true, 1, TRI_YES, PCI_CONFIG_DEAD, RESET_HOW_NONE, RESET_METHOD_COUNT,
		  "the card does not answer: its config space reads ff" },
		{ "flr", true, true, 1, TRI_YES, PCI_CONFIG_HANGS, RESET_HOW_NONE, RESET_METHOD_COUNT,
		  "the kernel blocks its config space: a reset is under way, or stuck" },
		{ "", true, true, 1, TRI_YES, PCI_CONFIG_OK, RESET_HOW_NONE, RESET_METHOD_COUNT,
		  "all of its reset methods are disabled" },
		{ "warp", true, true, 1, TRI_YES, PCI_CONFIG_OK, RESET_HOW_UNKNOWN, RESET_METHOD_COUNT,
		  "the kernel lists only methods unknown to this program" },
		{ NULL, true, true, 1, TRI_YES, PCI_CONFIG_OK, RESET_HOW_UNKNOWN, RESET_METHOD_COUNT,
		  "the kernel does not say which reset it would use" },
		{ NULL, false, true, 1, TRI_YES, PCI_CONFIG_OK, RESET_HOW_NONE, RESET_METHOD_COUNT,
		  "the kernel knows no way to reset it" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pci_fn fn = {
			.has_reset = cases[i].reset,
			.has_reset_method = cases[i].text,
			.has_upstream = cases[i].upstream,
			.on_bus = cases[i].on_bus,
			.no_soft_reset = cases[i].nsr,
			.config = cases[i].config,
		};
		struct reset_prediction p;

		snprintf(fn.reset_method, sizeof(fn.reset_method), "%s", cases[i].text ? cases[i].text : "");
		reset_predict(&fn, &p);
		assert_string_equal(p.why, cases[i].why);
		assert_int_equal(p.how, cases[i].how);
		assert_int_equal(p.method, cases[i].method);
	}
}

static void load(struct tree *t, const char *tree, const char *slot, struct pci_list *ret)
{
	struct bdf b;
	struct err e;

	tree_expand(t, tree);
	assert_int_equal(bdf_parse(slot, &b), 0);
	assert_int_equal(pci_slot_functions(&t->root, b, ret, &e), 0);
}

static void together(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_pci_list_ struct pci_list l = { 0 };
	struct pci_list part;
	struct reset_prediction p;

	/* display lists bus, audio nothing; neither works alone, both do together */
	load(&t, "twins", "01:00", &l);
	reset_predict(&l.v[0], &p);
	assert_int_equal(p.how, RESET_HOW_NONE);
	for (size_t i = 0; i < l.n; i++) {
		reset_predict_in_set(&l.v[i], &l, &p);
		assert_int_equal(p.how, RESET_HOW_HOT);
		assert_string_equal(p.why, "vfio resets its whole bus");
	}
	/* the display goes alone: no hot reset */
	part = (struct pci_list){ .v = l.v, .n = 1 };
	assert_non_null(reset_hot_obstacle(&l.v[0], &part));
	reset_predict_in_set(&l.v[0], &part, &p);
	assert_int_equal(p.how, RESET_HOW_NONE);
	assert_string_equal(
		p.why,
		"bus is listed but cannot work: another function shares its bus; no hot reset: not every "
		"function of its bus goes along");
}

static void hot_before_pm(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_pci_list_ struct pci_list l = { 0 };
	struct pci_list part;
	struct reset_prediction p;

	load(&t, "amd-four", "0b:00", &l);
	reset_predict_in_set(&l.v[0], &l, &p);
	assert_int_equal(p.how, RESET_HOW_FUNCTION);
	assert_int_equal(p.method, RESET_DEVICE_SPECIFIC);
	snprintf(l.v[0].reset_method, sizeof(l.v[0].reset_method), "pm bus");
	reset_predict_in_set(&l.v[0], &l, &p);
	assert_int_equal(p.how, RESET_HOW_HOT);
	/* three of four: pm it is */
	part = (struct pci_list){ .v = l.v, .n = 3 };
	reset_predict_in_set(&l.v[0], &part, &p);
	assert_int_equal(p.how, RESET_HOW_FUNCTION);
	assert_int_equal(p.method, RESET_PM);
}

static void hopeless(void **state)
{
	_cleanup_tree_ struct tree dead, hybrid;
	_cleanup_pci_list_ struct pci_list l = { 0 }, igpu = { 0 };
	struct reset_prediction p;

	load(&dead, "dead", "0a:00", &l);
	reset_predict_in_set(&l.v[0], &l, &p);
	assert_int_equal(p.how, RESET_HOW_NONE);
	load(&hybrid, "hybrid", "00:02", &igpu);
	assert_non_null(reset_hot_obstacle(&igpu.v[0], &igpu));
	reset_predict_in_set(&igpu.v[0], &igpu, &p);
	assert_int_equal(p.method, RESET_FLR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),    cmocka_unit_test(methods),	     cmocka_unit_test(alone),
		cmocka_unit_test(together), cmocka_unit_test(hot_before_pm), cmocka_unit_test(hopeless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
