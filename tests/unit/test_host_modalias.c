/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/modalias.h"
#include "tree.h"

static void assert_list(const struct strv *l, const char *expected)
{
	_cleanup_text_ struct text t = { 0 };

	strv_foreach (s, l)
		text_join(&t, " ", s);
	assert_string_equal(text_str(&t), expected);
}

static void of_trees(void **state)
{
	static const struct {
		const char *tree, *bdf, *modules;
	} cases[] = {
		{ "twins", "0000:01:00.0", "radeon amdgpu" }, /* in the order of the file */
		{ "twins", "0000:01:00.1", "snd_hda_intel" },
		{ "twins", "0000:03:00.0", "bochs" },
		{ "amd-four", "0000:0b:00.0",
		  "amdgpu" }, /* each once; not the vfio-pci that has an alias here */
		{ "amd-four", "0000:0b:00.2", "xhci_pci" },
		{ "hybrid", "0000:01:00.0", "nouveau" }, /* nvidiafb is blacklisted */
		{ "hybrid", "0000:00:1f.0", "" },
		{ "sriov", "0000:03:00.0", "i915 xe" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_tree_ struct tree t;
		_cleanup_strv_ struct strv l = { 0 };
		struct pci_fn fn;
		struct bdf b;
		struct err e;

		tree_expand(&t, cases[i].tree);
		assert_int_equal(bdf_parse(cases[i].bdf, &b), 0);
		assert_int_equal(pci_fn_load(&t.root, b, &fn, &e), 0);
		assert_int_equal(modalias_modules(&t.root, &fn, &l, &e), 0);
		assert_list(&l, cases[i].modules);
	}
}

/* What we format is what the kernel has in the file modalias. */
static void format(void **state)
{
	const struct pci_fn fn = {
		.id = { .vendor = 0x1002, .device = 0x73bf, .subvendor = 0x1da2, .subdevice = 0xe438 },
		.class = 0x030001,
	};
	_cleanup_pci_list_ struct pci_list l = { 0 };
	char text[MODALIAS_LEN];
	struct root root;
	struct err e;

	assert_string_equal(modalias_format(&fn, text),
			    "pci:v00001002d000073BFsv00001DA2sd0000E438bc03sc00i01");
	assert_int_equal(root_open_dir(&root, "/", &e), 0);
	if (pci_scan(&root, &l, &e) == 0) {
		for (size_t i = 0; i < l.n; i++) {
			char path[PATH_MAX], line[128];

			assert_int_equal(root_read_line(&root, pci_path(path, l.v[i].bdf, "modalias"), line,
							sizeof(line)),
					 0);
			assert_string_equal(modalias_format(&l.v[i], text), line);
		}
	}
	root_close(&root);
}

static void match(void **state)
{
	static const char me[] = "pci:v00001002d000073BFsv00001DA2sd0000E438bc03sc00i00";
	static const struct {
		const char *text, *modules;
	} cases[] = {
		{ "", "" },
		{ "alias pci:v00001002d000073BFsv*sd*bc*sc*i* amdgpu\nalias "
		  "pci:v00001002d000073BEsv*sd*bc*sc*i* other\n",
		  "amdgpu" },
		{ "alias pci:v*d*sv*sd*bc03sc*i* one-two\nalias pci:v*d*sv*sd*bc03sc*i* one_two\n",
		  "one_two" },
		{ "alias pci:v0000100[23]d*sv*sd*bc03sc*i* x", "x" },
		{ "alias usb:v00001002d000073BFsv*sd*bc*sc*i* usb\n# alias pci:v*d*sv*sd*bc*sc*i* no\n", "" },
		{ "alias pci:v\nalias pci:v \nalias pci:v*\nalias pci:v* \nalias pci:v*  x \n", "x" },
		{ "alias vfio_pci:v00001002d*sv*sd*bc*sc*i* nvgrace_gpu_vfio_pci\n", "" },
		{ "alias pci:v00001002d000073BF amdgpu\n", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = strdup(cases[i].text);
		_cleanup_strv_ struct strv l = { 0 };

		assert_int_equal(modalias_match_text(text, me, &l), 0);
		assert_list(&l, cases[i].modules);
	}
}

static void native(void **state)
{
	const struct pci_fn fns[] = {
		{ .id = { 0x1002, 0x5159, 0, 0 }, .class = 0x030000 },
		{ .id = { 0x1002, 0x744c, 0, 0 }, .class = 0x030000 },
		{ .id = { 0x10de, 0x2484, 0, 0 }, .class = 0x030000 },
		{ .id = { 0x1af4, 0x1050, 0, 0 }, .class = 0x030000 },
		{ .id = { 0x5333, 0x8a22, 0, 0 }, .class = 0x030000 },
	};
	/* the very device before its class, whatever the order; frame buffer drivers only where there is nothing else */
	static const char aliases[] = "alias pci:v00001002d*sv*sd*bc03sc00i00* amdgpu\n"
				      "alias pci:v00001002d00005159sv*sd*bc*sc*i* radeonfb\n"
				      "alias pci:v00001002d00005159sv*sd*bc*sc*i* radeon\n"
				      "alias pci:v000010DEd*sv*sd*bc03sc*i* nvidiafb\n"
				      "alias pci:v000010DEd*sv*sd*bc03sc*i* nouveau\n"
				      "alias pci:v000010DEd*sv*sd*bc03sc00i00* nvidia-current\n"
				      "alias pci:v00005333d00008A22sv*sd*bc*sc*i* savagefb\n"
				      "alias pci:v*d*sv*sd*bc*sc*i* vfio-pci\n";
	static const char *const expected[] = { "radeon", "amdgpu", "nouveau nvidia_current", "", "savagefb" };
	struct strv l[ARRAY_SIZE(fns)] = { 0 };
	char *text = strdup(aliases);

	assert_int_equal(modalias_native_text(text, fns, ARRAY_SIZE(fns), l), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fns); i++) {
		assert_list(&l[i], expected[i]);
		strv_done(&l[i]);
	}
	free(text);
}

/* Blacklisted or not. */
static void native_of_tree(void **state)
{
	_cleanup_tree_ struct tree t;
	const struct pci_fn fn = { .id = { .vendor = 0x1002, .device = 0x5159 }, .class = 0x030000 };
	struct strv l = { 0 };
	struct err e;

	tree_expand(&t, "twins");
	tree_put(&t, "/etc/modprobe.d/a.conf", "blacklist radeon\n");
	assert_int_equal(modalias_native(&t.root, &fn, 1, &l, &e), 0);
	assert_list(&l, "radeon");
	strv_done(&l);
}

/* A file in /etc hides the one of the same name in /usr/lib. */
static void hidden_blacklist(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_strv_ struct strv l = { 0 };
	const struct pci_fn fn = { .id = { .vendor = 0x1002, .device = 0x5159 }, .class = 0x030000 };
	struct err e;

	tree_expand(&t, "twins");
	tree_put(&t, "/usr/lib/modprobe.d/a.conf", "blacklist radeon\n");
	tree_put(&t, "/lib/modprobe.d/b.conf", "blacklist amdgpu\n");
	tree_put(&t, "/etc/modprobe.d/c.conf.dpkg-old", "blacklist amdgpu\n");
	assert_int_equal(modalias_modules(&t.root, &fn, &l, &e), 0);
	assert_list(&l, "");
	tree_put(&t, "/etc/modprobe.d/a.conf", "");
	tree_link(&t, "/etc/modprobe.d/b.conf", "/dev/null");
	assert_int_equal(modalias_modules(&t.root, &fn, &l, &e), 0);
	assert_list(&l, "radeon amdgpu");
}

static void drivers(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_strv_ struct strv l = { 0 };
	const struct pci_fn fn = { 0 };
	struct err e;

	tree_expand(&t, "twins");
	assert_int_equal(module_pci_drivers(&t.root, "bochs", &l), 0);
	assert_list(&l, "bochs-drm");
	assert_int_equal(module_pci_drivers(&t.root, "vfio-pci", &l), 0);
	assert_list(&l, "bochs-drm vfio-pci");
	assert_int_equal(module_pci_drivers(&t.root, "not-loaded", &l), 0);
	assert_int_equal(module_pci_drivers(&t.root, "../../etc", &l), -EINVAL);
	assert_int_equal(root_unlink(&t.root, "/lib/modules/6.8.12-9-pve/modules.alias"), 0);
	assert_int_equal(modalias_modules(&t.root, &fn, &l, &e), -ENOENT);
	assert_non_null(strstr(e.text, "/lib/modules/6.8.12-9-pve/modules.alias"));
	tree_put(&t, "/proc/sys/kernel/osrelease", "../..\n");
	assert_int_equal(modalias_modules(&t.root, &fn, &l, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_trees),  cmocka_unit_test(format),		 cmocka_unit_test(match),
		cmocka_unit_test(native),    cmocka_unit_test(native_of_tree),	 cmocka_unit_test(hidden_blacklist),
		cmocka_unit_test(drivers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
