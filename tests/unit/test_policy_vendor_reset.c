/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which cards the module vendor-reset is wanted for, the rules that select it, and what is said while it is not loaded. */
#include "flow/setup.h"
#include "policy/vendor_reset.h"
#include "tree.h"

#define DEP  "/lib/modules/6.8.12-9-pve/modules.dep"
#define HAS  "updates/dkms/vendor-reset.ko.zst: kernel/x.ko.zst\n"

static struct settings set;

/* The twins: 0000:01:00.0 and 0000:02:00.0 are 1002:5159/1af4:1100, which the module does not know but by this line. */
static void load(struct tree *t, const char *known, const char *dep, struct setup *ret)
{
	struct err e = { "" };

	settings_default(&set);
	tree_expand(t, "twins");
	tree_put(t, KNOWN_OWN, known);
	if (dep)
		tree_put(t, DEP, dep);
	if (setup_load(&t->root, ret, &e) < 0)
		fail_msg("%s", e.text);
}

static void wanted(void **state)
{
	static const struct {
		const char *known, *dep;
		bool wanted;
	} cases[] = {
		{ "1002:5159 vendor-reset R100\n", HAS, true },
		{ "1002:5159:1af4:1100 vendor-reset R100\n", HAS, true },
		{ "1002:5159 vendor-reset R100\n", "kernel/x.ko.zst:\n", false },
		{ "1002:5159 vendor-reset R100\n", NULL, false },
		{ "1002:5159 vendor-reset none\n", HAS, false },
		{ "", HAS, false },
		/* functions that are no card's */
		{ "1234:1111 vendor-reset Bochs\n8086:10d3 vendor-reset network\n", "", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_setup_ struct setup s = { 0 };
		_cleanup_text_ struct text rules = { 0 };
		_cleanup_tree_ struct tree t;

		load(&t, cases[i].known, cases[i].dep, &s);
		assert_int_equal(vendor_reset_wanted(&s, &set), cases[i].wanted);
		assert_int_equal(vendor_reset_rules(&s, &set, &rules), 0);
		assert_int_equal(rules.len > 0, cases[i].wanted);
	}
}

/* Who does not want it for the card does not get it by the back door. */
static void another_reset(void **state)
{
	static const struct {
		const char *text;
		size_t rules;
	} cases[] = {
		{ "[gpu 01:00]\nreset = none\n", 1 },
		{ "[gpu 01:00]\nreset = device_specific\n[gpu 02:00]\nreset = bus\n", 1 },
		{ "[defaults]\nreset = flr\n", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_settings_ struct settings some = { 0 };
		_cleanup_setup_ struct setup s = { 0 };
		_cleanup_text_ struct text rules = { 0 };
		_cleanup_tree_ struct tree t;
		struct err e = { "" };
		size_t n = 0;

		load(&t, "1002:5159 vendor-reset R100\n", HAS, &s);
		assert_int_equal(settings_parse(cases[i].text, "gpupt.conf", &some, &e), 0);
		assert_int_equal(vendor_reset_wanted(&s, &some), cases[i].rules > 0);
		assert_int_equal(vendor_reset_rules(&s, &some, &rules), 0);
		for (const char *p = text_str(&rules); (p = strchr(p, '\n')); p++)
			n++;
		assert_int_equal(n, cases[i].rules);
	}
}

/* Each rule is about its own card, by our own reader of udev's rules; what it does comes after what loads the module. */
static void rules(void **state)
{
	static const char one[] =
		"ACTION==\"add\", SUBSYSTEM==\"pci\", KERNEL==\"0000:01:00.0\", ATTR{vendor}==\"0x1002\", ATTR{device}==\"0x5159\", "
		"ATTR{subsystem_vendor}==\"0x1af4\", ATTR{subsystem_device}==\"0x1100\", TEST==\"reset_method\", "
		"IMPORT{builtin}=\"kmod load vendor_reset\", ATTR{reset_method}=\"device_specific\"";
	_cleanup_setup_ struct setup s = { 0 };
	_cleanup_text_ struct text text = { 0 };
	_cleanup_tree_ struct tree t;
	char *next, *line;
	unsigned int n = 0;

	load(&t, "1002:5159 vendor-reset R100\n", HAS, &s);
	assert_int_equal(vendor_reset_rules(&s, &set, &text), 0);
	assert_memory_equal(text_str(&text), one, strlen(one));
	next = text.s;
	for (; (line = str_line(&next)); n++) {
		struct udev_rule rule = { 0 };
		unsigned int about = 0;

		assert_int_equal(udev_rule_parse(line, &rule), 0);
		for (size_t i = 0; i < s.n; i++)
			about += udev_rule_applies(&rule, &s.v[i].fn) != TRI_NO;
		assert_int_equal(about, 1);
		/* what sets the attribute is no condition, and all before it is */
		for (size_t i = 0; i < rule.n; i++)
			assert_int_equal(udev_token_is_match(&rule.v[i]), i + 1 < rule.n);
		assert_null(udev_rule_command(&rule));
		udev_rule_done(&rule);
	}
	assert_int_equal(n, 2);
}

static void judge_text(const struct setup *s, const struct bdf *slot, struct text *t)
{
	_cleanup_findings_ struct findings f = { 0 };

	vendor_reset_judge(s, &set, slot, &f);
	for (size_t i = 0; i < f.n; i++)
		text_addf(t, "%s %s %s: %s\n", severity_name(f.v[i].severity), finding_name(f.v[i].code), f.v[i].subject, f.v[i].message);
}

static void findings(void **state)
{
	const struct bdf slot = { .bus = 2 };
	_cleanup_setup_ struct setup a = { 0 }, b = { 0 }, c = { 0 };
	_cleanup_text_ struct text idle = { 0 }, missing = { 0 }, unknown = { 0 }, loaded = { 0 };
	_cleanup_tree_ struct tree t, u, v;

	load(&t, "1002:5159 vendor-reset R100\n", HAS, &a);
	judge_text(&a, NULL, &idle);
	assert_string_equal(text_str(&idle),
			    "warn vendor-reset 0000:01:00.0: the module vendor-reset can reset 0000:01:00.0 (R100) and is installed, but not loaded\n"
			    "warn vendor-reset 0000:02:00.0: the module vendor-reset can reset 0000:02:00.0 (R100) and is installed, but not loaded\n");
	a.vendor_reset_loaded = true;
	judge_text(&a, NULL, &loaded);
	assert_string_equal(text_str(&loaded), "");

	load(&u, "1002:5159 vendor-reset R100\n", "", &b);
	judge_text(&b, &slot, &missing);
	assert_string_equal(text_str(&missing), "info vendor-reset 0000:02:00.0: the module vendor-reset can reset 0000:02:00.0 (R100); "
						"it is not installed for this kernel\n");

	load(&v, "1002:5159 vendor-reset R100\n", NULL, &c);
	judge_text(&c, NULL, &unknown);
	assert_string_equal(text_str(&unknown), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wanted),
		cmocka_unit_test(another_reset),
		cmocka_unit_test(rules),
		cmocka_unit_test(findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
