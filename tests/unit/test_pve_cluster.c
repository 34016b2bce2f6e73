/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "pve/cluster.h"
#include "pve_tree.h"

static void test_guests(void **state)
{
	static const struct {
		const char *node;
		enum guest_kind kind;
		unsigned int vmid;
	} want[] = { { "a", GUEST_CT, 100 }, { "b-2", GUEST_VM, 101 }, { "a", GUEST_VM, 102 }, { "b-2", GUEST_CT, 1000 } };
	_cleanup_cluster_ struct cluster c = { 0 };
	_cleanup_tree_ struct tree t;
	struct err e;

	tree_new(&t);
	assert_int_equal(cluster_load(&t.root, &c, &e), 0); /* no Proxmox VE */
	assert_int_equal(c.n, 0);
	tree_put(&t, "/etc/pve/nodes/a/qemu-server/102.conf", "name: x\n");
	tree_put(&t, "/etc/pve/nodes/a/qemu-server/102.conf.tmp", "");
	tree_put(&t, "/etc/pve/nodes/a/qemu-server/99.conf", "");
	tree_put(&t, "/etc/pve/nodes/a/lxc/100.conf", "");
	tree_put(&t, "/etc/pve/nodes/b-2/qemu-server/101.conf", "cores: 1\n");
	tree_put(&t, "/etc/pve/nodes/b-2/lxc/1000.conf", "");
	tree_put(&t, "/etc/pve/nodes/-c/lxc/103.conf", "");
	tree_put(&t, "/etc/pve/nodes/d_/lxc/104.conf", "");
	tree_put(&t, "/etc/pve/nodes/e/other/105.conf", "");
	tree_put(&t, "/etc/pve/lxc/106.conf", ""); /* a link to this node's directory otherwise */
	assert_int_equal(cluster_load(&t.root, &c, &e), 0);
	assert_int_equal(c.n, ARRAY_SIZE(want));
	for (size_t i = 0; i < c.n; i++) {
		assert_string_equal(c.v[i].node, want[i].node);
		assert_int_equal(c.v[i].kind, want[i].kind);
		assert_int_equal(c.v[i].vmid, want[i].vmid);
	}
}

static void test_configs(void **state)
{
	struct cluster_guest g = { .node = "a", .kind = GUEST_VM, .vmid = 102 };
	_cleanup_config_ struct config cfg = { 0 };
	_cleanup_tree_ struct tree t;
	struct err e;

	tree_new(&t);
	assert_int_equal(cluster_config(&t.root, &g, &cfg, &e), -ENOENT);
	assert_string_equal(e.text, "Configuration file '/etc/pve/nodes/a/qemu-server/102.conf' does not exist");
	tree_put(&t, "/etc/pve/nodes/a/qemu-server/102.conf", "name: x\n");
	assert_int_equal(cluster_config(&t.root, &g, &cfg, &e), 0);
	assert_string_equal(config_get(&cfg, "name"), "x");
	assert_int_equal(cfg.vmid, 102);
	assert_int_equal(cfg.kind, GUEST_VM);
	tree_put_bytes(&t, "/etc/pve/nodes/a/lxc/102.conf", "a\0b", 3);
	g.kind = GUEST_CT;
	assert_int_equal(cluster_config(&t.root, &g, &cfg, &e), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_guests), cmocka_unit_test(test_configs) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
