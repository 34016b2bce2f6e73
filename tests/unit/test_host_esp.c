/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The partitions of proxmox-boot-tool: what is read of them, and the way there, as far as it goes without a disk. */
#include <errno.h>

#include "base/exec.h"
#include "host/esp.h"
#include "tree.h"

#define LIST  LOADER_ESP_LIST
#define ENTRY "linux /EFI/proxmox/6.8-pve/vmlinuz-6.8-pve\ninitrd /EFI/proxmox/6.8-pve/initrd.img-6.8-pve\noptions root=x quiet\n"
#define MENU  "menuentry 'x' {\n\tlinux /vmlinuz-6.8-pve root=x\n\tinitrd /initrd.img-6.8-pve\n}\n"

static const struct loader systemd = { .kind = LOADER_PROXMOX_SYSTEMD }, grub = { .kind = LOADER_PROXMOX_GRUB };

/* "UUID why" or "UUID", then "RELEASE|FILE|PARAMS|INITRD SIZE;" of each entry. */
static void shows(const struct root *r, const struct loader *loader, const char *want)
{
	_cleanup_esps_ struct esps l = { 0 };
	_cleanup_text_ struct text t = { 0 };

	assert_int_equal(esps_load(r, loader, &l), 0);
	for (size_t i = 0; i < l.n; i++) {
		const struct boot_entries *e = &l.v[i].entries;

		text_addf(&t, "%s %s", l.v[i].uuid, e->why);
		for (size_t k = 0; k < e->n; k++)
			text_addf(&t, "%s|%s|%s|%d %ld;", e->v[k].release, e->v[k].file, e->v[k].params, e->v[k].initrd,
				  (long)e->v[k].initrd_size);
		text_add(&t, "\n");
	}
	if (strcmp(text_str(&t), want) != 0)
		fail_msg("got\n%sand not\n%s", text_str(&t), want);
}

static void list(void **state)
{
	static const struct loader other = { .kind = LOADER_SYSTEMD };
	_cleanup_tree_ struct tree t;

	tree_new(&t);
	tree_put(&t, LIST, "7DF2-8A0C\n");
	/* a capture has none of it */
	shows(&t.root, &systemd, "");
	assert_int_equal(root_mkdir_p(&t.root, ESP_TREE, 0755), 0);
	shows(&t.root, &other, "");
	shows(&t.root, &systemd, "7DF2-8A0C it is not there\n");
	/* what proxmox-boot-tool passes over itself, and what must not get into a path */
	tree_put(&t, LIST, "\n  7DF2-8A0C \r\n../etc\n7DF2-8A0CX\n7DF2-8A0\n7DF2_8A0C\n7DF2-8A0G\n0123-abcd");
	shows(&t.root, &systemd, "7DF2-8A0C it is not there\n0123-abcd it is not there\n");
	tree_put(&t, LIST, "");
	shows(&t.root, &systemd, "");
	assert_int_equal(root_unlink(&t.root, LIST), 0);
	shows(&t.root, &systemd, "");
}

static void contents(void **state)
{
	_cleanup_tree_ struct tree t;

	tree_new(&t);
	tree_put(&t, LIST, "AAAA-0001\nAAAA-0002\nAAAA-0003\n");
	tree_put(&t, ESP_TREE "/AAAA-0001/loader/entries/proxmox-6.8-pve.conf", ENTRY);
	tree_put(&t, ESP_TREE "/AAAA-0001/EFI/proxmox/6.8-pve/initrd.img-6.8-pve", "12345");
	tree_put(&t, ESP_TREE "/AAAA-0001/loader/entries/shell.conf", "efi /shell.efi\n");
	/* there was no room for it; where others put it nobody knows */
	tree_put(&t, ESP_TREE "/AAAA-0001/loader/entries/proxmox-6.9-pve.conf", "linux /vmlinuz-6.9-pve\ninitrd /x\n");
	tree_put(&t, ESP_TREE "/AAAA-0001/loader/entries/mine.conf", "linux /vmlinuz-6.9-pve\ninitrd /x\n");
	tree_put(&t, ESP_TREE "/AAAA-0002/grub/grub.cfg", MENU);
	tree_put(&t, ESP_TREE "/AAAA-0002/initrd.img-6.8-pve", "123");
	tree_put(&t, ESP_TREE "/AAAA-0003/loader/entries/x.txt", ENTRY);
	tree_put(&t, ESP_TREE "/AAAA-0003/grub/grub.cfg", "# empty\n");
	shows(&t.root, &systemd,
	      "AAAA-0001 6.9-pve|/loader/entries/mine.conf||1 -1;6.8-pve|/loader/entries/proxmox-6.8-pve.conf|root=x quiet|1 5;"
	      "6.9-pve|/loader/entries/proxmox-6.9-pve.conf||1 0;|/loader/entries/shell.conf||0 -1;\n"
	      "AAAA-0002 it has no entries of this boot loader\nAAAA-0003 it has no entries of this boot loader\n");
	shows(&t.root, &grub,
	      "AAAA-0001 it has no entries of this boot loader\nAAAA-0002 6.8-pve|/grub/grub.cfg|root=x|1 3;\n"
	      "AAAA-0003 it has no entries of this boot loader\n");
}

static void lend(void **state)
{
	_cleanup_boot_entries_ struct boot_entries host = { .why = "not mounted" };
	_cleanup_esps_ struct esps l = { 0 };
	_cleanup_tree_ struct tree t;

	tree_new(&t);
	tree_put(&t, LIST, "AAAA-0001\nAAAA-0002\n");
	assert_int_equal(root_mkdir_p(&t.root, ESP_TREE, 0755), 0);
	assert_int_equal(esps_load(&t.root, &systemd, &l), 0);
	assert_null(esps_first(&l));
	assert_int_equal(esps_lend(&l, &host), 0);
	assert_string_equal(host.why, "not mounted");
	assert_int_equal(host.n, 0);
	esps_done(&l);
	tree_put(&t, ESP_TREE "/AAAA-0002/loader/entries/proxmox-6.8-pve.conf", ENTRY);
	assert_int_equal(esps_load(&t.root, &systemd, &l), 0);
	assert_int_equal(esps_lend(&l, &host), 0);
	assert_string_equal(host.why, "");
	assert_int_equal(host.n, 1);
	assert_string_equal(host.v[0].file, "/loader/entries/proxmox-6.8-pve.conf of AAAA-0002");
	assert_string_equal(host.v[0].params, "root=x quiet");
	assert_true(host.v[0].initrd);
}

/* The machine itself: what is below ESP_TREE is nobody's there, and a device that is none is not mounted. */
static void live(void **state)
{
	struct root_hooks hooks = { 0 };
	_cleanup_tree_ struct tree t;

	tree_new(&t);
	t.root.hooks = &hooks;
	tree_put(&t, LIST, "AAAA-0001\nAAAA-0002\n");
	tree_put(&t, ESP_TREE "/AAAA-0001/loader/entries/proxmox-6.8-pve.conf", ENTRY);
	tree_put(&t, "/dev/disk/by-uuid/AAAA-0002", "");
	shows(&t.root, &systemd,
	      "AAAA-0001 it is not there: there is no /dev/disk/by-uuid/AAAA-0001\n"
	      "AAAA-0002 cannot use the device: Block device required\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list),
		cmocka_unit_test(contents),
		cmocka_unit_test(lend),
		cmocka_unit_test(live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
