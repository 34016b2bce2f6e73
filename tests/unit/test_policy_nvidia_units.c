/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NVIDIA's services and rules: kept from the driver where no card is left for it, and only there. */
#include "flow/setup.h"
#include "policy/nvidia_units.h"
#include "policy/pins.h"
#include "tree.h"

#define RESERVED "[gpu 01:00]\nmode = reserved\n"
#define UNIT	 "[Unit]\n"

static const char *below(const char *path, const char *dir)
{
	return str_starts(path, dir) ? path + strlen(dir) : path;
}

/* The paths of the plan for a machine with these settings, without the two directories. */
static void plan_text(const struct tree *t, const char *conf, struct text *ret)
{
	_cleanup_settings_ struct settings set = { 0 };
	_cleanup_setup_ struct setup s = { 0 };
	struct nvidia_plan p;
	struct err e = { "" };

	if (settings_parse(conf, "gpupt.conf", &set, &e) < 0 || setup_load(&t->root, &s, &e) < 0)
		fail_msg("%s", e.text);
	nvidia_plan(&s, &set, &p);
	for (size_t i = 0; i < p.n; i++)
		text_join(ret, " ", below(below(p.v[i].path, "/etc/systemd/system/"), "/etc/udev/rules.d/"));
}

static void assert_plan(const struct tree *t, const char *conf, const char *expected)
{
	_cleanup_text_ struct text is = { 0 };

	plan_text(t, conf, &is);
	assert_string_equal(text_str(&is), expected);
}

/* A machine whose one NVIDIA card is at 01:00.0, and one with two of them. */
static void which(void **state)
{
	static const char *const one[] = { "/usr/lib/systemd/system/nvidia-persistenced.service", "/lib/udev/rules.d/71-nvidia.rules" };
	_cleanup_tree_ struct tree t, u, v;

	tree_expand(&t, "hybrid");
	assert_plan(&t, RESERVED, "");
	for (size_t i = 0; i < ARRAY_SIZE(one); i++)
		tree_put(&t, one[i], UNIT);
	assert_plan(&t, "", "");
	assert_plan(&t, "[gpu 00:02.0]\nmode = reserved\n", "");
	assert_plan(&t, RESERVED, "nvidia-persistenced.service.d/gpupt.conf 71-nvidia.rules");
	assert_plan(&t, "[defaults]\nmode = reserved\n", "nvidia-persistenced.service.d/gpupt.conf 71-nvidia.rules");

	tree_expand(&u, "foreign");
	tree_put(&u, "/etc/systemd/system/nvidia-powerd.service", UNIT);
	tree_put(&u, "/usr/local/lib/systemd/system/nvidia-fabricmanager.service", UNIT);
	assert_plan(&u, RESERVED, "");
	assert_plan(&u, RESERVED "[gpu 02:00]\nmode = reserved\n",
		    "nvidia-powerd.service.d/gpupt.conf nvidia-fabricmanager.service.d/gpupt.conf");

	/* without a card of NVIDIA's there is nothing to be done for one */
	tree_expand(&v, "twins");
	tree_put(&v, one[0], UNIT);
	assert_plan(&v, "[defaults]\nmode = reserved\n", "");
}

/* What hides a rule is ours, or somebody else's, who will have had his reasons; a service that is masked does not start anyway. */
static void others(void **state)
{
	_cleanup_settings_ struct settings set = { 0 };
	_cleanup_setup_ struct setup s = { 0 };
	_cleanup_pins_ struct pins pins = { 0 };
	struct nvidia_plan p;
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "hybrid");
	tree_put(&t, "/usr/lib/udev/rules.d/60-nvidia.rules", "KERNEL==\"nvidia\", RUN+=\"/usr/bin/nvidia-modprobe\"\n");
	tree_put(&t, "/usr/lib/udev/rules.d/60-nvidia-kernel-common.rules", "");
	tree_put(&t, "/usr/lib/systemd/system/nvidia-persistenced.service", UNIT);
	tree_put(&t, "/run/udev/rules.d/71-nvidia.rules", "");
	assert_plan(&t, RESERVED, "nvidia-persistenced.service.d/gpupt.conf 60-nvidia.rules 60-nvidia-kernel-common.rules 71-nvidia.rules");
	tree_link(&t, "/etc/systemd/system/nvidia-persistenced.service", "/dev/null");
	tree_put(&t, "/etc/udev/rules.d/60-nvidia.rules", "# mine\n");
	tree_link(&t, "/etc/udev/rules.d/60-nvidia-kernel-common.rules", "/dev/null");
	tree_link(&t, "/run/udev/rules.d/71-nvidia.rules", "/dev/null");
	assert_plan(&t, RESERVED, "");

	/* ours stays wanted, and is no line that decides about a card, whatever it hides */
	assert_int_equal(root_unlink(&t.root, "/etc/udev/rules.d/60-nvidia.rules"), 0);
	tree_put(&t, "/usr/lib/udev/rules.d/60-nvidia.rules", "SUBSYSTEM==\"pci\", KERNEL==\"0000:01:00.0\", ATTR{driver_override}=\"x\"\n");
	assert_int_equal(settings_parse(RESERVED, "gpupt.conf", &set, NULL), 0);
	assert_int_equal(setup_load(&t.root, &s, NULL), 0);
	nvidia_plan(&s, &set, &p);
	assert_int_equal(p.n, 1);
	tree_put(&t, p.v[0].path, p.v[0].text);
	assert_plan(&t, RESERVED, "60-nvidia.rules");
	setup_done(&s);
	assert_int_equal(setup_load(&t.root, &s, NULL), 0);
	assert_int_equal(s.nvidia.mask[0], NVIDIA_MASK_OURS);
	assert_int_equal(pins_find(&s, &pins), 0);
	assert_int_equal(pins.n, 0);
}

static void texts(void **state)
{
	_cleanup_settings_ struct settings set = { 0 };
	_cleanup_setup_ struct setup s = { 0 };
	struct nvidia_plan p;
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "hybrid");
	for (size_t i = 0; i < NVIDIA_UNITS; i++) {
		char path[PATH_MAX];

		tree_put(&t, path_f(path, "/lib/systemd/system/%s", nvidia_units[i]), UNIT);
		tree_put(&t, path_f(path, "/lib/udev/rules.d/%s", nvidia_rules[i]), "");
	}
	assert_int_equal(settings_parse(RESERVED, "gpupt.conf", &set, NULL), 0);
	assert_int_equal(setup_load(&t.root, &s, NULL), 0);
	nvidia_plan(&s, &set, &p);
	assert_int_equal(p.n, NVIDIA_UNITS + NVIDIA_RULES);
	assert_non_null(strstr(p.v[0].text, "\n[Unit]\nConditionPathExistsGlob=/sys/bus/pci/drivers/nvidia/*:*:*.*\n"));
	assert_string_equal(p.v[1].text, p.v[0].text);
	assert_string_equal(p.v[2].path, "/etc/systemd/system/nvidia-fabricmanager.service.d/gpupt.conf");
	assert_non_null(strstr(p.v[2].text, "\n[Unit]\nConditionPathExistsGlob=|/sys/bus/pci/drivers/nvidia/*:*:*.*\n"
					    "ConditionPathExistsGlob=|/sys/bus/pci/drivers/nvidia-nvswitch/*:*:*.*\n"));
	for (size_t i = 0; i < p.n; i++) {
		bool unit = i < NVIDIA_UNITS;

		assert_true(own_mark_is_in(p.v[i].text));
		assert_non_null(p.v[i].why);
		/* a text's last line is a whole one; a mask has no rule */
		assert_int_equal(p.v[i].text[strlen(p.v[i].text) - 1], '\n');
		assert_int_equal(strstr(p.v[i].text, "\n[Unit]\nConditionPathExistsGlob=") != NULL, unit);
		assert_int_equal(strchr(p.v[i].text, '\n')[1] != '\0', unit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which),
		cmocka_unit_test(others),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
