/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/boot.h"
#include "host/console.h"
#include "base/slow.h"
#include "host_hang.h"

static struct pci_fn load(const struct tree *t, const char *bdf)
{
	struct pci_fn fn;
	struct bdf b;
	struct err e;

	assert_int_equal(bdf_parse_full(bdf, &b), 0);
	assert_int_equal(pci_fn_load(&t->root, b, &fn, &e), 0);
	return fn;
}

static void consoles(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_vtcon_list_ struct vtcon_list l = { 0 };

	tree_expand(&t, "twins");
	assert_int_equal(vtcon_scan(&t.root, &l), 0);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.v[0].name, "vtcon0");
	assert_false(l.v[0].bound || l.v[0].framebuffer);
	assert_string_equal(l.v[1].title, "(M) frame buffer device");
	assert_true(l.v[1].bound && l.v[1].framebuffer);
}

static void no_console(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_vtcon_list_ struct vtcon_list l = { 0 };
	_cleanup_strv_ struct strv fb = { 0 };

	tree_new(&t);
	assert_int_equal(vtcon_scan(&t.root, &l), 0);
	assert_int_equal(l.n, 0);
	assert_int_equal(console_framebuffers(&t.root, (struct bdf){ 0 }, &fb), 0);
	assert_int_equal(console_platform_framebuffers(&t.root, &fb), 0);
	assert_int_equal(fb.n, 0);
}

/* Which card has the console: of these, only this. */
static void where(void **state)
{
	static const struct {
		const char *tree, *on, *off[3];
	} cases[] = {
		{ "twins", "0000:03:00.0", { "0000:01:00.0", "0000:02:00.0" } },    /* fbcon on its fb0 */
		{ "amd-four", "0000:0b:00.0", { "0000:0b:00.1", "0000:00:00.0" } }, /* efifb in its BAR */
		{ "hybrid", "0000:00:02.0", { "0000:01:00.0" } },
		{ "server", "0000:04:00.0", { "0001:81:00.0" } },
		{ "sriov", NULL, { "0000:03:00.0" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_tree_ struct tree t;
		_cleanup_vtcon_list_ struct vtcon_list v = { 0 };
		_cleanup_bootfb_list_ struct bootfb_list b = { 0 };
		struct pci_fn fn;

		tree_expand(&t, cases[i].tree);
		assert_int_equal(vtcon_scan(&t.root, &v), 0);
		assert_int_equal(bootfb_load(&t.root, &b), 0);
		assert_false(b.blind);
		if (cases[i].on) {
			fn = load(&t, cases[i].on);
			assert_true(console_on_function(&t.root, &fn, &b, &v));
		}
		for (size_t j = 0; j < 3 && cases[i].off[j]; j++) {
			fn = load(&t, cases[i].off[j]);
			assert_false(console_on_function(&t.root, &fn, &b, &v));
		}
	}
}

/* Three frame buffers: fbcon draws on the first one. */
static void several_framebuffers(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_vtcon_list_ struct vtcon_list v = { 0 };
	const struct bootfb_list none = { 0 };
	struct pci_fn console, other;

	tree_expand(&t, "twins");
	tree_put(&t, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/graphics/fb1/dev", "29:1\n");
	tree_put(&t, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/graphics/fb10/dev", "29:10\n");
	tree_link(&t, "/sys/class/graphics/fb1",
		  "../../devices/pci0000:00/0000:00:01.0/0000:01:00.0/graphics/fb1");
	tree_link(&t, "/sys/class/graphics/fb10",
		  "../../devices/pci0000:00/0000:00:01.0/0000:01:00.0/graphics/fb10");
	console = load(&t, "0000:03:00.0");
	other = load(&t, "0000:01:00.0");
	assert_int_equal(vtcon_scan(&t.root, &v), 0);
	assert_true(console_on_function(&t.root, &console, &none, &v));
	assert_false(console_on_function(&t.root, &other, &none, &v));
}

/* fbcon has been unbound: nothing draws there any more. */
static void console_off(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_vtcon_list_ struct vtcon_list v = { 0 };
	const struct bootfb_list none = { 0 };
	struct pci_fn fn;

	tree_expand(&t, "twins");
	tree_put(&t, "/sys/devices/virtual/vtconsole/vtcon1/bind", "0\n");
	fn = load(&t, "0000:03:00.0");
	assert_int_equal(vtcon_scan(&t.root, &v), 0);
	assert_false(console_on_function(&t.root, &fn, &none, &v));
}

/*
 * Somebody hangs with the console lock. Nothing is known about fbcon but that the console may be on the card;
 * and nobody asks about the dummy console, which is no card's.
 */
static void console_locked(void **state)
{
	static const char *const bind[] = { "/sys/devices/virtual/vtconsole/vtcon0/bind",
					    "/sys/devices/virtual/vtconsole/vtcon1/bind" };
	_cleanup_tree_ struct tree t;
	_cleanup_vtcon_list_ struct vtcon_list v = { 0 };
	const struct bootfb_list none = { 0 };
	struct pci_fn console, other;
	uint64_t before;
	int fd[2];

	tree_expand(&t, "twins");
	console = load(&t, "0000:03:00.0");
	other = load(&t, "0000:01:00.0");
	fd[0] = hang_at(&t, bind[0]);
	if (fd[0] < 0)
		skip();
	fd[1] = hang_at(&t, bind[1]);
	assert_true(fd[1] >= 0);
	before = now_ms();
	assert_int_equal(vtcon_scan(&t.root, &v), 0);
	assert_in_range(now_ms() - before, SLOW_MS, SLOW_MS + 20000);
	hang_over(fd[0]);
	hang_over(fd[1]);
	assert_int_equal(v.n, 2);
	assert_false(v.v[0].bound || v.v[0].unsure);
	assert_string_equal(v.v[1].title, "(M) frame buffer device");
	assert_true(v.v[1].framebuffer && v.v[1].unsure);
	assert_false(v.v[1].bound);
	assert_true(console_on_function(&t.root, &console, &none, &v));
	assert_false(console_on_function(&t.root, &other, &none, &v));
}

static void boot_framebuffer(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_bootfb_list_ struct bootfb_list b = { 0 };
	_cleanup_strv_ struct strv platform = { 0 };
	const struct bootfb *f;
	struct pci_fn fn;
	char name[16];

	tree_expand(&t, "amd-four");
	fn = load(&t, "0000:0b:00.0");
	assert_int_equal(bootfb_load(&t.root, &b), 0);
	f = bootfb_of(&t.root, &b, fn.bdf);
	assert_non_null(f);
	assert_string_equal(f->name, "BOOTFB");
	assert_true(f->start == 0x7800000000 && f->end == 0x78007e8fff);
	tree_put(&t, "/sys/class/graphics/fb0/name", "EFI \033VGA\n");
	console_fb_name(&t.root, 0, name, sizeof(name));
	assert_string_equal(name, "EFI ?VGA");
	console_fb_name(&t.root, 1, name, sizeof(name));
	assert_string_equal(name, "");
	assert_int_equal(console_platform_framebuffers(&t.root, &platform), 0);
	assert_int_equal(platform.n, 1);
	assert_string_equal(platform.v[0], "efi-framebuffer.0");
}

static void iomem(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		bool blind;
	} cases[] = {
		{ "", 0, true },
		{ "00000000-00000000 : BOOTFB\n  00000000-00000000 : System RAM\n", 0, true }, /* not root */
		{ "00001000-0009ffff : System RAM\n", 0, false },
		{ "e0000000-e0ffffff : PCI Bus 0000:00\n  e0000000-e07fffff : efifb\n", 1, false },
		{ "e0000000-e07fffff : efifb \ne0000000-e07fffff : my efifb\n", 0, false },
		{ "  e0000000-e07fffff : simpledrm\nf0000000-f0000fff : vesafb", 2, false },
		{ "e0000000-d0000000 : BOOTFB\n", 0, true },
		{ "e0000000 : BOOTFB\n-e0000000 : BOOTFB\ng-h : BOOTFB\n: \n-\n1- : BOOTFB\n", 0, true },
		{ "ffffffffffffffffffffffff-ffffffffffffffffffffffff : BOOTFB\n", 1, false }, /* saturates */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = strdup(cases[i].text);
		_cleanup_bootfb_list_ struct bootfb_list l = { 0 };

		assert_int_equal(bootfb_parse(text, &l), 0);
		assert_int_equal(l.n, cases[i].n);
		assert_int_equal(l.blind, cases[i].blind);
	}
}

static void overlaps(void **state)
{
	_cleanup_tree_ struct tree t;
	struct bdf b;
	struct {
		uint64_t start, end;
		bool hit;
	} cases[] = {
		{ 0xf7ffffff, 0xf8000000, true },  { 0xf8ffffff, 0xf9000000, true },
		{ 0xf0000000, 0xffffffff, true },  { 0xf8001000, 0xf8001fff, true },
		{ 0xf0000000, 0xf7ffffff, false }, { 0xf9000000, 0xf9000fff, false },
	};

	tree_expand(&t, "twins");
	assert_int_equal(bdf_parse("01:00.0", &b), 0); /* f8000000-f8ffffff */
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bootfb fb = { .start = cases[i].start, .end = cases[i].end };
		const struct bootfb_list l = { .v = &fb, .n = 1 };

		assert_int_equal(bootfb_of(&t.root, &l, b) != NULL, cases[i].hit);
	}
	/* a port range that happens to have the same numbers is no memory */
	tree_put(&t, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/resource", "0xe000 0xe0ff 0x40101\n");
	assert_null(bootfb_of(&t.root,
			      &(struct bootfb_list){ .v = &(struct bootfb){ .end = 0xffff }, .n = 1 }, b));
	tree_put(&t, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/resource", "nonsense\n0x1 0x2\n\n\n");
	assert_null(bootfb_of(&t.root, &(struct bootfb_list){ .v = &(struct bootfb){ .end = -1ULL }, .n = 1 },
			      b));
}

static void boot(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_boot_ struct boot b = { 0 };

	tree_expand(&t, "twins");
	assert_int_equal(boot_load(&t.root, &b), 0);
	assert_string_equal(b.release, "6.8.12-9-pve");
	assert_string_equal(b.id, "2f2d7a0e-8c5b-4e0a-9a6e-5d5b0c7f4c11");
	assert_string_equal(boot_param(&b, "intel_iommu"), "on");
	assert_string_equal(boot_param(&b, "intel-iommu"), "on");
	assert_string_equal(boot_param(&b, "quiet"), "");
	assert_null(boot_param(&b, "intel"));
	assert_null(boot_param(&b, "amd_iommu"));
	assert_false(b.efi);
	assert_int_equal(b.secure_boot, TRI_NO);
	assert_true(boot_release_at_least(&b, 6, 8) && boot_release_at_least(&b, 5, 15));
	assert_false(boot_release_at_least(&b, 6, 9) || boot_release_at_least(&b, 7, 0));
}

static void secure_boot(void **state)
{
	static const char var[] = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
	static const struct {
		const char *data;
		size_t len;
		enum tri secure;
	} cases[] = {
		{ "\6\0\0\0\1", 5, TRI_YES },
		{ "\6\0\0\0\0", 5, TRI_NO },
		{ "\6\0\0\0", 4, TRI_UNKNOWN },
	};
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "hybrid");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_boot_ struct boot b = { 0 };

		assert_int_equal(root_write_file(&t.root, var, cases[i].data, cases[i].len, 0644), 0);
		assert_int_equal(boot_load(&t.root, &b), 0);
		assert_true(b.efi);
		assert_int_equal(b.secure_boot, cases[i].secure);
	}
}

static void firmware_hangs(void **state)
{
	static const char var[] = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
	_cleanup_tree_ struct tree t;
	_cleanup_boot_ struct boot b = { 0 };
	int fd;

	tree_expand(&t, "hybrid");
	assert_int_equal(root_write_file(&t.root, var, "\6\0\0\0\1", 5, 0644), 0);
	fd = hang_at(&t, var);
	if (fd < 0)
		skip();
	assert_int_equal(boot_load(&t.root, &b), 0);
	hang_over(fd);
	assert_true(b.efi);
	assert_int_equal(b.secure_boot, TRI_UNKNOWN);
	assert_string_equal(b.release, "6.8.12-9-pve");
}

static void cmdline(void **state)
{
	_cleanup_boot_ struct boot b = { 0 };

	assert_int_equal(
		boot_cmdline_parse(
			" root=/dev/sda1  x=\"a b\" \"y=c d\" vfio-pci.ids=1:2 vfio_pci.ids=3:4 z=\n",
			&b.cmdline),
		0);
	assert_int_equal(b.cmdline.n, 6);
	assert_string_equal(boot_param(&b, "x"), "a b");
	assert_string_equal(boot_param(&b, "y"), "c d");
	assert_string_equal(boot_param(&b, "vfio-pci.ids"), "3:4");
	assert_string_equal(boot_param(&b, "z"), "");
	assert_false(boot_release_at_least(&b, 1, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(consoles),	  cmocka_unit_test(several_framebuffers),
		cmocka_unit_test(no_console),	  cmocka_unit_test(where),
		cmocka_unit_test(console_off),	  cmocka_unit_test(boot_framebuffer),
		cmocka_unit_test(iomem),	  cmocka_unit_test(overlaps),
		cmocka_unit_test(boot),		  cmocka_unit_test(secure_boot),
		cmocka_unit_test(cmdline),	  cmocka_unit_test(console_locked),
		cmocka_unit_test(firmware_hangs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
