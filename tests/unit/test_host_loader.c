/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GRUB's defaults as far as they are assignments; which loader it is, and which file it reads. */
#include <errno.h>

#include "host/grub.h"
#include "host/loader.h"
#include "tree.h"

#define RE "GRUB_CMDLINE_LINUX_DEFAULT"

static void value_text(const struct grub *g, const char *name, struct text *t)
{
	const struct grub_var *var = grub_var(g, name);

	for (size_t i = 0; var && i < var->n; i++)
		text_add(t, var->v[i].text);
	if (var && var->unknown)
		text_add(t, "(unknown)");
	if (!var)
		text_add(t, "(unset)");
}

static void grub_values(void **state)
{
	static const struct {
		const char *text, *a, *why; /* the value of A; a piece of what ended the understanding */
	} cases[] = {
		{ "", "(unset)", NULL },
		{ "A=quiet", "quiet", NULL },
		{ "# A=x\n  A=\"a b\" # c\n", "a b", NULL },
		{ "A='a \"b\" $c'\n", "a \"b\" $c", NULL },
		{ "A=a\"b c\"'d e'f\\ g\n", "ab cd ef g", NULL },
		{ "A=\"a\\\"b\\$c\\d\\\\\"\n", "a\"b$c\\d\\", NULL },
		{ "A=\"a \\\nb\"\n", "a b", NULL },
		{ "A=\"a\nb\"\n", "a\nb", NULL },
		{ "A=one; A=two\n", "two", NULL },
		{ "A=1 B=2\n", "1", NULL },
		{ "export A=x\nexport B\n", "x", NULL },
		{ "B=b\nA=\"a $B ${B}c $C\"\n", "a b bc ", NULL },
		{ "A=a\nA=\"$A b\"\n", "a b", NULL },
		{ "A=\n", "", NULL },
		{ "A=a#b\n", "a#b", NULL },
		{ "A=\"$ x\"\n", "$ x", NULL },
		{ "A=`lsb_release -i -s 2> /dev/null || echo Debian`\nB=1\n", "(unknown)", NULL },
		{ "A=\"x $(echo \")\" ')' y) z\"\n", "x  z(unknown)", NULL },
		{ "A=${B:-x}\n", "(unknown)", NULL },
		{ "A=$1\n", "(unknown)", NULL },
		{ "A=~/x\n", "~/x(unknown)", NULL },
		{ "B=$(x)\nA=\"$B y\"\n", " y(unknown)", NULL },
		{ "A=a\nA=b cmd\n", NULL, "f line 2 is shell code" },
		{ "if true; then\nA=b\nfi\n", NULL, "f line 1 is shell code" },
		{ "\n\n. /etc/x\n", NULL, "f line 3 is shell code" },
		{ "A=a && B=b\n", NULL, "shell code" },
		{ "A=\"x\n", NULL, "not closed" },
		{ "A='x\n", NULL, "not closed" },
		{ "A=`x\n", NULL, "not closed" },
		{ "A=x\\", NULL, "not closed" },
		{ "A=a\nA+=\" b\"\n", NULL, "f line 2 has '+='" },
		{ "exported=1\nA=$exported\n", "1", NULL },
		{ "A[0]=x\n", NULL, "shell code" },
		{ "f() { A=x; }\n", NULL, "shell code" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_grub_ struct grub g = { 0 };
		_cleanup_text_ struct text t = { 0 };

		assert_int_equal(grub_parse(cases[i].text, "f", &g), 0);
		value_text(&g, "A", &t);
		if (cases[i].why ? !strstr(g.why, cases[i].why) : g.why[0] || (cases[i].a && strcmp(text_str(&t), cases[i].a) != 0))
			fail_msg("%s: A is '%s', why '%s'", cases[i].text, text_str(&t), g.why);
	}
}

/* bash's += appends; each piece knows its line. Doubling comes to an end. */
static void grub_parts(void **state)
{
	_cleanup_grub_ struct grub g = { .bash = true };
	_cleanup_text_ struct text t = { 0 }, bomb = { 0 };
	const struct grub_var *var;

	assert_int_equal(grub_parse("A=\"quiet\"\n\nA+=\" iommu=pt\"\n", "f", &g), 0);
	assert_int_equal(grub_parse("A=\"$A x\"\n", "g", &g), 0);
	value_text(&g, "A", &t);
	assert_string_equal(text_str(&t), "quiet iommu=pt x");
	var = grub_var(&g, "A");
	assert_int_equal(var->n, 3);
	assert_string_equal(var->v[1].file, "f");
	assert_int_equal(var->v[1].line, 3);
	assert_string_equal(var->v[2].file, "g");
	assert_int_equal(var->v[2].line, 1);
	text_add(&bomb, "B=0123456789\n");
	for (int i = 0; i < 40; i++)
		text_add(&bomb, "B=$B$B\n");
	assert_int_equal(grub_parse(text_str(&bomb), "h", &g), 0);
	assert_non_null(strstr(g.why, "is too long"));
}

static void params_text(const struct loader_params *l, struct text *t)
{
	text_done(t);
	*t = (struct text){ 0 };
	for (size_t i = 0; i < l->n; i++)
		text_addf(t, "%s %s:%u\n", l->v[i].text, l->v[i].file, l->v[i].line);
	if (l->why[0])
		text_addf(t, "(%s)", l->why);
}

static void load(struct tree *t, struct boot *b, struct loader *l)
{
	boot_done(b);
	loader_done(l);
	assert_int_equal(boot_load(&t->root, b), 0);
	assert_int_equal(loader_load(&t->root, b, l), 0);
}

static void grub_machine(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_boot_ struct boot b = { 0 };
	_cleanup_loader_ struct loader l = { 0 };
	_cleanup_text_ struct text s = { 0 };

	tree_new(&t);
	tree_put(&t, "/proc/cmdline", "BOOT_IMAGE=/boot/vmlinuz root=/dev/x ro quiet\n");
	tree_put(&t, "/etc/default/grub", "GRUB_DEFAULT=0\n" RE "=\"quiet\"\nGRUB_CMDLINE_LINUX=\"console=tty0 x=\\\"a b\\\"\"\n");
	tree_put(&t, "/etc/default/grub.d/b.cfg", RE "=\"$" RE " iommu=pt\"\n");
	tree_put(&t, "/etc/default/grub.d/a.cfg", RE "=\"$" RE " intel_iommu=on\"\n");
	tree_put(&t, "/etc/default/grub.d/c.cfg.dpkg-old", RE "=no\n");
	tree_put(&t, "/etc/kernel/cmdline", "root=/dev/x left=over\n");
	load(&t, &b, &l);
	assert_int_equal(l.kind, LOADER_GRUB);
	assert_string_equal(l.file, "/etc/default/grub");
	assert_string_equal(l.refresh, "update-grub");
	params_text(&l.next, &s);
	assert_string_equal(text_str(&s), "console=tty0 /etc/default/grub:3\nx=\"a b\" /etc/default/grub:3\nquiet /etc/default/grub:2\n"
					  "intel_iommu=on /etc/default/grub.d/a.cfg:1\niommu=pt /etc/default/grub.d/b.cfg:1\n");
	params_text(&l.unread, &s);
	assert_string_equal(text_str(&s), "root=/dev/x /etc/kernel/cmdline:1\nleft=over /etc/kernel/cmdline:1\n");
	/* proxmox-boot-tool has partitions, and the kernel is from one: the same file, another command */
	tree_put(&t, "/proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/x ro quiet\n");
	tree_put(&t, "/etc/kernel/proxmox-boot-uuids", "\n");
	load(&t, &b, &l);
	assert_int_equal(l.kind, LOADER_GRUB);
	tree_put(&t, "/etc/kernel/proxmox-boot-uuids", "ABCD-1234\n");
	load(&t, &b, &l);
	assert_int_equal(l.kind, LOADER_PROXMOX_GRUB);
	assert_string_equal(l.refresh, "proxmox-boot-tool refresh");
	/* shell code; a shell without += */
	tree_put(&t, "/etc/default/grub.d/d.cfg", "if true; then " RE "=x; fi\n");
	load(&t, &b, &l);
	assert_string_equal(l.next.why, "/etc/default/grub.d/d.cfg line 1 is shell code");
	tree_put(&t, "/etc/default/grub.d/d.cfg", RE "+=\" more\"\n");
	tree_link(&t, "/bin/sh", "dash");
	load(&t, &b, &l);
	assert_non_null(strstr(l.next.why, "'+='"));
	tree_link(&t, "/bin/sh", "bash");
	load(&t, &b, &l);
	assert_string_equal(l.next.why, "");
	assert_string_equal(l.next.v[l.next.n - 1].text, "more");
	tree_put(&t, "/etc/default/grub.d/d.cfg", "GRUB_CMDLINE_LINUX=`cat /x`\n");
	load(&t, &b, &l);
	assert_non_null(strstr(l.next.why, "GRUB_CMDLINE_LINUX comes from a command"));
	/* nothing of GRUB's */
	tree_done(&t);
	tree_new(&t);
	tree_put(&t, "/proc/cmdline", "BOOT_IMAGE=/boot/vmlinuz root=/dev/x ro quiet\n");
	load(&t, &b, &l);
	assert_non_null(strstr(l.next.why, "there is no /etc/default/grub"));
}

static void systemd_machine(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_boot_ struct boot b = { 0 };
	_cleanup_loader_ struct loader l = { 0 };
	_cleanup_text_ struct text s = { 0 };

	tree_new(&t);
	tree_put(&t, "/proc/cmdline", "initrd=\\EFI\\proxmox\\6.8\\initrd.img root=ZFS=rpool boot=zfs\n");
	tree_put(&t, "/etc/default/grub", RE "=\"quiet intel_iommu=on\"\n");
	assert_int_equal(root_mkdir_p(&t.root, "/sys/firmware/efi/efivars", 0755), 0);
	tree_put(&t, "/etc/kernel/proxmox-boot-uuids", "ABCD-1234\nABCD-1235\n");
	tree_put(&t, "/etc/kernel/cmdline", "root=ZFS=rpool  boot=zfs quiet\nsecond=line\n");
	load(&t, &b, &l);
	assert_int_equal(l.kind, LOADER_PROXMOX_SYSTEMD);
	assert_string_equal(l.refresh, "proxmox-boot-tool refresh");
	params_text(&l.next, &s);
	assert_string_equal(text_str(&s), "root=ZFS=rpool /etc/kernel/cmdline:1\nboot=zfs /etc/kernel/cmdline:1\nquiet /etc/kernel/cmdline:1\n");
	params_text(&l.unread, &s);
	assert_string_equal(text_str(&s), "quiet /etc/default/grub:1\nintel_iommu=on /etc/default/grub:1\n");
	/* without the file it takes what there is */
	assert_int_equal(root_unlink(&t.root, "/etc/kernel/cmdline"), 0);
	load(&t, &b, &l);
	params_text(&l.next, &s);
	assert_string_equal(text_str(&s), "root=ZFS=rpool /proc/cmdline:1\nboot=zfs /proc/cmdline:1\n");
	assert_int_equal(root_unlink(&t.root, "/etc/kernel/proxmox-boot-uuids"), 0);
	load(&t, &b, &l);
	assert_int_equal(l.kind, LOADER_SYSTEMD);
	assert_null(l.refresh);
}

static void kinds(void **state)
{
	static const struct {
		const char *info, *cmdline;
		bool efi, esps;
		enum loader_kind kind;
	} cases[] = {
		{ "", "BOOT_IMAGE=/vmlinuz", false, false, LOADER_GRUB },
		{ "", "BOOT_IMAGE=/vmlinuz", true, true, LOADER_PROXMOX_GRUB },
		{ "", "initrd=\\EFI\\x", true, true, LOADER_PROXMOX_SYSTEMD },
		{ "", "initrd=\\EFI\\x", false, false, LOADER_UNKNOWN },
		{ "", "initrd=/x", true, false, LOADER_UNKNOWN },
		{ "systemd-boot 257.7-1", "quiet", true, false, LOADER_SYSTEMD },
		{ "systemd-boot 257.7-1", "BOOT_IMAGE=/x", true, true, LOADER_PROXMOX_SYSTEMD },
		{ "GRUB 2.12", "quiet", true, true, LOADER_PROXMOX_GRUB },
		{ "rEFInd", "quiet", true, true, LOADER_UNKNOWN },
		{ "", "quiet", false, true, LOADER_PROXMOX_GRUB },
		{ "", "BOOT_IMAGE=/boot/vmlinuz-6.8.12-9-pve", true, true, LOADER_GRUB },
		{ "GRUB 2.12", "BOOT_IMAGE=/ROOT/pve-1@/boot/vmlinuz", true, true, LOADER_GRUB },
		{ "", "quiet", true, true, LOADER_UNKNOWN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_boot_ struct boot b = { .efi = cases[i].efi };

		assert_int_equal(boot_cmdline_parse(cases[i].cmdline, &b.cmdline), 0);
		assert_int_equal(loader_kind_of(cases[i].info, &b, cases[i].esps), cases[i].kind);
		assert_non_null(loader_name(cases[i].kind));
	}
}

static void info(void **state)
{
	static const char good[] = "\6\0\0\0s\0y\0s\0\0\0", odd[] = "\6\0\0\0s\0y", wide[] = "\6\0\0\0\1\2";
	char buf[64] = "kept", tiny[3];

	assert_int_equal(loader_info_parse(good, 12, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "sys");
	assert_int_equal(loader_info_parse(good, 10, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "sys");
	assert_int_equal(loader_info_parse(good, 12, tiny, sizeof(tiny)), 0);
	assert_string_equal(tiny, "sy");
	assert_int_equal(loader_info_parse(odd, 7, buf, sizeof(buf)), -EINVAL);
	assert_int_equal(loader_info_parse(wide, 6, buf, sizeof(buf)), -EINVAL);
	assert_int_equal(loader_info_parse(good, 4, buf, sizeof(buf)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grub_values),	   cmocka_unit_test(grub_parts), cmocka_unit_test(grub_machine),
		cmocka_unit_test(systemd_machine), cmocka_unit_test(kinds),	 cmocka_unit_test(info),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
