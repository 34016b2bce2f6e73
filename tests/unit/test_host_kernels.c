/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernels that are installed, and what belongs to them: initramfs, modules of DKMS and their signatures, what a loader offers. */
#include <errno.h>

#include "base/exec.h"
#include "host/boot_entries.h"
#include "host/dkms.h"
#include "host/grub_menu.h"
#include "host/initramfs.h"
#include "host/modsig.h"
#include "tree.h"

static void releases(void **state)
{
	static const struct {
		const char *path, *release; /* NULL: no kernel's image */
	} cases[] = {
		{ "/boot/vmlinuz-6.8.12-9-pve", "6.8.12-9-pve" },
		{ "/ROOT/pve-1@/boot/vmlinuz-6.8.12-9-pve", "6.8.12-9-pve" },
		{ "vmlinuz-6.12.43+deb13-amd64", "6.12.43+deb13-amd64" },
		{ "vmlinuz-6.1_x~rc1", "6.1_x~rc1" },
		{ "vmlinuz-.old", NULL },
		{ "/boot/vmlinuz-6.8.old", NULL },
		{ "/boot/vmlinuz-6.8.dpkg-tmp", NULL },
		{ "/boot/vmlinuz-", NULL },
		{ "/boot/vmlinuz", NULL },
		{ "/boot/vmlinux-6.8", NULL },
		{ "/boot/vmlinuz-6.8/x", NULL },
		{ "/boot/vmlinuz-6.8 x", NULL },
		{ "/boot/vmlinuz-6.8;x", NULL },
		{ "/boot/vmlinuz-1234567890123456789012345678901234567890123456789012345678901234",
		  "1234567890123456789012345678901234567890123456789012345678901234" },
		{ "/boot/vmlinuz-12345678901234567890123456789012345678901234567890123456789012345", NULL },
		{ "", NULL },
	};
	static const char *const ages[] = { "5.15.0-1-pve", "6.2.16-1-pve", "6.5.13-6-pve", "6.8.12-9-pve", "6.8.12-10-pve", "6.11.0-1-pve" };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char got[KERNEL_RELEASE_LEN] = "untouched";
		bool is = kernel_release(cases[i].path, got);

		if (is != !!cases[i].release || strcmp(got, is ? cases[i].release : "untouched") != 0)
			fail_msg("%s: %s", cases[i].path, got);
	}
	for (size_t i = 0; i < ARRAY_SIZE(ages); i++)
		for (size_t k = 0; k < ARRAY_SIZE(ages); k++)
			assert_true(i < k ? kernel_compare(ages[i], ages[k]) < 0 : (i == k) == !kernel_compare(ages[i], ages[k]));
}

static void menu_is(const char *cfg, const char *env, const char *want)
{
	_cleanup_grub_menu_ struct grub_menu m = { 0 };
	const struct grub_item *next;

	assert_int_equal(grub_menu_parse(cfg, &m), 0);
	assert_int_equal(grub_env_parse(env, &m), 0);
	next = grub_menu_next(&m);
	if (strcmp(next ? next->title : "nobody knows", want) != 0)
		fail_msg("%s with %s: %s and not %s", cfg, env, next ? next->title : "nobody knows", want);
}

#define MENU(default)                                                                                                \
	"set default=" default "\n"                                                                                  \
	"menuentry 'a' --class x --id 'i a' {\n}\n"                                                                  \
	"submenu \"b's\" $menuentry_id_option ib {\n"                                                                \
	"\tmenuentry 'b>0' ${menuentry_id_option} 'i>b0' {\n}\n"                                                     \
	"\tsubmenu 'bb' {\n\t\tmenuentry 'bb0' {\n\t\t}\n\t\tmenuentry 'bb1' --id x {\n\t\t}\n\t}\n"                 \
	"\tmenuentry 'b2' {\n\t}\n"                                                                                  \
	"}\n"                                                                                                        \
	"function f {\n\tif true; then\n\tset x=y\n\tfi\n}\n"                                                        \
	"menuentry '2 c' --id ic {\n\tmenuentry 'no' {\n\t}\n}\n"

static void default_entry(void **state)
{
	menu_is("", "", "nobody knows");
	menu_is("submenu 'x' {\n}\n", "", "nobody knows");
	menu_is(MENU("0"), "", "a");
	menu_is(MENU("'i a'"), "", "a");
	menu_is(MENU("\"\""), "", "a");
	menu_is(MENU("99"), "", "a");
	menu_is(MENU("none"), "", "a");
	menu_is(MENU("2"), "", "2 c");
	menu_is(MENU("ic"), "", "2 c");
	menu_is(MENU("'2 c'"), "", "2 c");
	menu_is(MENU("1"), "", "b>0");
	menu_is(MENU("ib"), "", "b>0");
	menu_is(MENU("\"ib>2\""), "", "b2");
	menu_is(MENU("\"b's>b2\""), "", "b2");
	menu_is(MENU("'1>1>1'"), "", "bb1");
	menu_is(MENU("'1>bb>x'"), "", "bb1");
	menu_is(MENU("'1>bb'"), "", "bb0");
	menu_is(MENU("'1>bb>'"), "", "bb0");
	menu_is(MENU("'1>b>>0'"), "", "b>0");
	menu_is(MENU("'1>i>>b0'"), "", "b>0");
	menu_is(MENU("'1>i>b0'"), "", "b>0"); /* there is no 'i': the first of the submenu */
	menu_is(MENU("${saved_entry}"), "", "a");
	menu_is(MENU("\"${saved_entry}\""), "saved_entry=ic\n", "2 c");
	menu_is(MENU("\"${saved_entry}\""), "saved_entry=\nnext_entry=\n", "a");
	menu_is(MENU("\"${chosen}\""), "", "nobody knows");
	menu_is(MENU("\"${chosen}\""), "next_entry=2\n", "2 c");
	menu_is(MENU("0"), "saved_entry=ic\nnot_next_entry=2\n", "a");
	menu_is("set default=\"${next_entry}\"\nset default=\"1\"\n" MENU("0"), "", "a");
	menu_is("set default=1\nmenuentry 'in one line' { chainloader +1 }\nmenuentry 'x' {\n}\n", "", "x");
	menu_is("}\n}\nmenuentry \"q\\\"q\\\\\" {\n", "", "q\"q\\");
	menu_is("# menuentry 'no' {\nmenuentry 'no end\n", "", "no end");
}

static void entry_of_kernel(void **state)
{
	_cleanup_grub_menu_ struct grub_menu m = { 0 };

	assert_int_equal(grub_menu_parse("linux /boot/vmlinuz-1 outside\n"
					 "menuentry 'x' {\n\techo linux\n\tlinuxefi  /boot/vmlinuz-6.8-pve  root=UUID=1 ro   x=\"a  b\" \n"
					 "\tlinux /boot/vmlinuz-9 second\n\tif true {\n\tinitrd /boot/a /boot/b\n\t}\n}\n"
					 "menuentry 'y' {\n\tlinux /boot/memtest.bin x\n}\n"
					 "menuentry 'z' {\n\tlinux /vmlinuz-6.5-pve\n}\n",
					 &m),
			 0);
	assert_int_equal(m.n, 3);
	assert_string_equal(m.v[0].release, "6.8-pve");
	assert_string_equal(m.v[0].params, "root=UUID=1 ro   x=\"a  b\"");
	assert_true(m.v[0].initrd);
	assert_string_equal(m.v[1].release, "");
	assert_null(m.v[1].params);
	assert_string_equal(m.v[2].release, "6.5-pve");
	assert_string_equal(m.v[2].params, "");
	assert_false(m.v[2].initrd);
}

static void type1_entry(void **state)
{
	struct boot_entry e;

	assert_int_equal(boot_entry_parse("title  Proxmox Virtual Environment\nversion  6.8.12-9-pve\noptions   root=ZFS=rpool boot=zfs\n"
					  "linux    /EFI/proxmox/6.8.12-9-pve/vmlinuz-6.8.12-9-pve\n"
					  "initrd   /EFI/proxmox/6.8.12-9-pve/initrd.img-6.8.12-9-pve\n",
					  "/f", &e),
			 0);
	assert_string_equal(e.release, "6.8.12-9-pve");
	assert_string_equal(e.params, "root=ZFS=rpool boot=zfs");
	assert_true(e.initrd);
	boot_entry_done(&e);
	assert_int_equal(boot_entry_parse("# linux /vmlinuz-1\nversion 6.1.0\nlinux /id/6.1.0/linux\noptions a\n\toptions\tb c", "/f", &e), 0);
	assert_string_equal(e.release, "6.1.0");
	assert_string_equal(e.params, "a b c");
	assert_false(e.initrd);
	boot_entry_done(&e);
	assert_int_equal(boot_entry_parse("efi /shell.efi\n", "/f", &e), 0);
	assert_string_equal(e.release, "");
	assert_string_equal(e.params, "");
	boot_entry_done(&e);
}

/* A program in the place of lsinitramfs or modinfo. */
struct stand_in {
	const char *says;
	int status, r;
	char asked[256];
};

static int exec_stand_in(void *ctx, char *const argv[], struct exec_result *ret)
{
	struct stand_in *s = ctx;

	snprintf(s->asked, sizeof(s->asked), "%s %s %s", argv[0], argv[1], argv[2] ? argv[2] : "");
	if (s->r == 0)
		*ret = (struct exec_result){ .status = s->status, .output = strdup(s->says) };
	return s->r;
}

static void initramfs_by_program(void **state)
{
	struct stand_in s = { .says = "kernel\nkernel/x86/microcode/GenuineIntel.bin\n.\n./scripts/init-top/gpupt\nconf/conf.d/secret\n"
				      "usr/lib/modules/6.8/kernel/drivers/vfio/vfio.ko.zst\nusr/lib/modules/6.8/x/vfio_pci.ko" };
	struct root_hooks hooks = { .exec = exec_stand_in, .ctx = &s };
	_cleanup_initramfs_ struct initramfs i = { 0 };
	_cleanup_tree_ struct tree t;

	tree_new(&t);
	/* the copy of a host, with and without a list */
	assert_int_equal(initramfs_load(&t.root, "6.8", &i), 0);
	assert_non_null(strstr(i.why, "no program is run"));
	initramfs_done(&i);
	tree_put(&t, INITRAMFS_LISTS "/6.8", "");
	assert_int_equal(initramfs_load(&t.root, "6.8", &i), 0);
	assert_string_equal(i.why, "");
	assert_false(initramfs_has_module(&i, "vfio-pci"));
	initramfs_done(&i);
	t.root.hooks = &hooks;
	assert_int_equal(initramfs_load(&t.root, "6.8", &i), 0);
	assert_string_equal(i.why, "");
	assert_string_equal(s.asked, "lsinitramfs /boot/initrd.img-6.8 ");
	assert_int_equal(i.names.n, 3);
	assert_true(initramfs_has_file(&i, "/scripts/init-top/gpupt"));
	assert_false(initramfs_has_file(&i, "/init-top/gpup"));
	assert_false(initramfs_has_file(&i, "/conf/conf.d/secret"));
	assert_true(initramfs_has_module(&i, "vfio-pci"));
	assert_true(initramfs_has_module(&i, "vfio"));
	assert_false(initramfs_has_module(&i, "vfio-p"));
	assert_false(initramfs_has_module(&i, "vfio-pci-core"));
	initramfs_done(&i);
	/* it fails half-way; says nothing; says that there is nothing; is not there */
	s.status = 1;
	assert_int_equal(initramfs_load(&t.root, "6.8", &i), 0);
	assert_string_equal(i.why, "lsinitramfs ended with status 1: usr/lib/modules/6.8/x/vfio_pci.ko");
	initramfs_done(&i);
	s = (struct stand_in){ .says = "" };
	assert_int_equal(initramfs_load(&t.root, "6.8", &i), 0);
	assert_string_equal(i.why, "lsinitramfs names no files in it");
	initramfs_done(&i);
	s = (struct stand_in){ .r = -ENOENT };
	assert_int_equal(initramfs_load(&t.root, "6.8", &i), 0);
	assert_non_null(strstr(i.why, "cannot run lsinitramfs"));
}

static void signatures(void **state)
{
	struct stand_in s = { .says = "PKCS#7\n" };
	struct root_hooks hooks = { .exec = exec_stand_in, .ctx = &s };
	_cleanup_tree_ struct tree t;

	tree_new(&t);
	tree_put(&t, "/yes.ko", "code" MODSIG_MARK);
	tree_put(&t, "/only.ko", MODSIG_MARK);
	tree_put(&t, "/no.ko", "code" MODSIG_MARK "\n");
	tree_put(&t, "/empty.ko", "");
	tree_put(&t, "/x.ko.xz", "");
	assert_int_equal(root_mkdir_p(&t.root, "/dir.ko", 0755), 0);
	assert_int_equal(modsig_look(&t.root, "/yes.ko"), TRI_YES);
	assert_int_equal(modsig_look(&t.root, "/only.ko"), TRI_YES);
	assert_int_equal(modsig_look(&t.root, "/no.ko"), TRI_NO);
	assert_int_equal(modsig_look(&t.root, "/empty.ko"), TRI_NO);
	assert_int_equal(modsig_look(&t.root, "/none.ko"), TRI_UNKNOWN);
	assert_int_equal(modsig_look(&t.root, "/dir.ko"), TRI_UNKNOWN);
	assert_int_equal(modsig_look(&t.root, "/x.ko.xz"), TRI_UNKNOWN);
	t.root.hooks = &hooks;
	assert_int_equal(modsig_look(&t.root, "/x.ko.xz"), TRI_YES);
	assert_string_equal(s.asked, "modinfo -F sig_id");
	s.says = "\n";
	assert_int_equal(modsig_look(&t.root, "/x.ko.xz"), TRI_NO);
	s.status = 1;
	assert_int_equal(modsig_look(&t.root, "/x.ko.xz"), TRI_UNKNOWN);
}

static void dkms_tree(void **state)
{
	_cleanup_kernels_ struct kernels k = { 0 };
	_cleanup_dkms_ struct dkms d = { 0 };
	const struct dkms_build *b;
	_cleanup_tree_ struct tree t;

	tree_new(&t);
	tree_put(&t, "/boot/vmlinuz-6.8-pve", "");
	tree_put(&t, "/boot/vmlinuz-6.8-pve-rt", "");
	assert_int_equal(kernels_load(&t.root, &k), 0);
	assert_int_equal(k.n, 2);
	assert_string_equal(k.v[0].release, "6.8-pve-rt");
	tree_put(&t, DKMS_TREE "/mok.key", "");
	tree_put(&t, DKMS_TREE "/gone/1.0/6.8-pve/x86_64/module/gone.ko", ""); /* built, and the source was removed */
	tree_link(&t, DKMS_TREE "/added/1.9/source", "/usr/src/added-1.9");
	tree_link(&t, DKMS_TREE "/added/1.10/source", "/usr/src/added-1.10");
	tree_link(&t, DKMS_TREE "/nvidia/550/source", "/usr/src/nvidia-550");
	tree_put(&t, DKMS_TREE "/nvidia/550/6.8-pve-rt/x86_64/module/nvidia.ko.zst", "");
	tree_put(&t, DKMS_TREE "/nvidia/550/6.8-pve-rt/x86_64/log/make.log", "");
	tree_link(&t, DKMS_TREE "/nvidia/kernel-6.8-pve-rt-x86_64", "550/6.8-pve-rt/x86_64");
	tree_put(&t, "/lib/modules/6.8-pve-rt/updates/dkms/nvidia.ko.zst", "");
	assert_int_equal(dkms_load(&t.root, &k, &d), 0);
	assert_int_equal(d.n, 2);
	assert_string_equal(d.v[0].name, "added");
	assert_string_equal(d.v[0].version, "1.10");
	assert_int_equal(d.v[0].n, 0);
	assert_string_equal(d.v[1].name, "nvidia");
	assert_null(dkms_build_of(&d.v[1], "6.8-pve"));
	b = dkms_build_of(&d.v[1], "6.8-pve-rt");
	assert_non_null(b);
	assert_int_equal(b->n, 1);
	assert_true(b->v[0].there);
	assert_string_equal(b->v[0].path, "/lib/modules/6.8-pve-rt/updates/dkms/nvidia.ko.zst");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(releases),	 cmocka_unit_test(default_entry), cmocka_unit_test(entry_of_kernel),
		cmocka_unit_test(type1_entry),	 cmocka_unit_test(initramfs_by_program), cmocka_unit_test(signatures),
		cmocka_unit_test(dkms_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
