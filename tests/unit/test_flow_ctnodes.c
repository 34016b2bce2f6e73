/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which places in containers a card's nodes have, and what they are like. */
#include <errno.h>
#include <sys/sysmacros.h>

#include "flow/ctnodes_look.h"
#include "flow/sharing.h"
#include "tree.h"

#define LXC "/etc/pve/nodes/pve/lxc/"

/* "200 renderD 226:128 allow=rw node=/dev/dri/renderD128: VALUE" */
static void format(const struct ctnode_facts *l, struct text *t)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct ctnode_fact *f = &l->v[i];

		text_addf(t, "%u %s %u:%u %s:%s%s\n", f->node.vmid, f->node.role, major(f->node.dev), minor(f->node.dev),
			  strstr(f->target, "allow="), f->value ? ctnode_fact_works(f) ? " works" : " does not" : "", f->problem ? " unknown" : "");
	}
}

static void nodes_are(const struct tree *t, const char *slot, const char *want)
{
	_cleanup_ctnode_facts_ struct ctnode_facts l = { 0 };
	_cleanup_pci_list_ struct pci_list card = { 0 };
	_cleanup_sharers_ struct sharers s = { 0 };
	_cleanup_text_ struct text have = { 0 };
	struct err e = { "" };
	struct bdf b;

	assert_int_equal(bdf_parse(slot, &b), 0);
	assert_int_equal(pci_slot_outline(&t->root, b, &card, NULL), 0);
	assert_int_equal(sharing_load(&t->root, &card, NULL, &s, &e), 0);
	assert_int_equal(ctnodes_look(&t->root, &card, &s, &l, &e), 0);
	format(&l, &have);
	if (strcmp(text_str(&have), want) != 0)
		fail_msg("%s\n have:\n%s want:\n%s", slot, text_str(&have), want);
	for (size_t i = 0; i < l.n; i++) {
		_cleanup_ctnode_ struct ctnode n = { 0 };

		assert_int_equal(ctnode_parse(l.v[i].target, &n), 0);
		assert_true(n.init.pid == l.v[i].node.init.pid && n.init.start == l.v[i].node.init.start);
	}
}

static void list(const struct tree *t, const char *line)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_text_ struct text all = { 0 };

	assert_int_equal(root_read(&t->root, NODE_MANIFEST, 65536, &text, NULL), 0);
	text_addf(&all, "%s%s\n", text, line);
	tree_put(t, NODE_MANIFEST, text_str(&all));
	tree_put(t, strchr(line, '/'), "");
}

/* Those that run, each place once: 201 by its devN, 203 by its directory. 204 has the other card's alone, 210's are nowhere to be seen. */
static void places(void **state)
{
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "containers");
	nodes_are(&t, "01:00", "201 renderD 226:128 allow=rw node=/dev/dri/renderD128: works\n"
			       "201 card 226:0 allow=r node=/dev/dri/card0: works\n"
			       "203 card 226:0 allow=- dir=/dev/dri from=/dev/dri: works\n"
			       "203 renderD 226:128 allow=- dir=/dev/dri from=/dev/dri: works\n");
	nodes_are(&t, "02:00", "203 card 226:1 allow=- dir=/dev/dri from=/dev/dri: works\n"
			       "203 renderD 226:129 allow=- dir=/dev/dri from=/dev/dri: works\n"
			       "204 renderD 226:129 allow=- node=/dev/dri/renderD129: works\n");
}

/* What else lines can say: rules by number beside a directory and beside a node, one place by two lines, a node of the container's own. */
static void lines(void **state)
{
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "containers");
	tree_put(&t, LXC "201.conf", "lxc.cgroup2.devices.allow: c 226:128 rwm\n"
				     "dev0: /dev/dri/renderD128\n"
				     "lxc.mount.entry: /dev/dri/renderD128 dev/dri/renderD128 none bind,create=file\n"
				     "lxc.mount.entry: /dev/dri/renderD128 opt/my\\040card none bind,create=file\n");
	list(&t, "c 226:128 /proc/2010/root/opt/my card");
	tree_put(&t, LXC "203.conf", "lxc.cgroup2.devices.allow: c 226:0 rwm\n"
				     "lxc.cgroup2.devices.allow: c 226:128 r\n"
				     "lxc.mount.entry: /dev/dri dev/dri none bind,optional,create=dir\n");
	tree_put(&t, LXC "204.conf", "lxc.cgroup2.devices.allow: c 226:* rwm\n");
	list(&t, "c 226:128 /proc/2040/root/dev/mine");
	nodes_are(&t, "01:00", "201 renderD 226:128 allow=rwm+rw node=/dev/dri/renderD128: works\n"
			       "201 renderD 226:128 allow=rwm+rw node=/opt/my%20card: works\n"
			       "203 card 226:0 allow=rwm dir=/dev/dri from=/dev/dri: works\n"
			       "203 renderD 226:128 allow=r dir=/dev/dri from=/dev/dri: works\n"
			       "204 renderD 226:128 allow=- node=/dev/mine: works\n");
}

/* A node that is not in the container is none that its card's return would have to renew; nor has one that has ended any. */
static void not_working(void **state)
{
	_cleanup_ctnode_facts_ struct ctnode_facts l = { 0 };
	_cleanup_plan_ struct plan p = { 0 };
	_cleanup_pci_list_ struct pci_list card = { 0 };
	_cleanup_sharers_ struct sharers s = { 0 };
	_cleanup_tree_ struct tree t;
	char path[PATH_MAX];
	struct err e;

	tree_expand(&t, "containers");
	snprintf(path, sizeof(path), "%s/proc/2010/root/dev/dri/card0", t.dir);
	assert_int_equal(unlink(path), 0);
	nodes_are(&t, "01:00", "201 renderD 226:128 allow=rw node=/dev/dri/renderD128: works\n"
			       "201 card 226:0 allow=r node=/dev/dri/card0: does not\n"
			       "203 card 226:0 allow=- dir=/dev/dri from=/dev/dri: works\n"
			       "203 renderD 226:128 allow=- dir=/dev/dri from=/dev/dri: works\n");
	assert_int_equal(pci_slot_outline(&t.root, (struct bdf){ .bus = 1, .fn = BDF_ANY_FN }, &card, NULL), 0);
	assert_int_equal(sharing_load(&t.root, &card, NULL, &s, &e), 0);
	snprintf(path, sizeof(path), "%s/proc/2030/stat", t.dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(ctnodes_look(&t.root, &card, &s, &l, &e), 0);
	assert_int_equal(l.n, 4);
	assert_true(!l.v[1].problem && !ctnode_fact_works(&l.v[1]));
	assert_non_null(strstr(l.v[2].problem, "CT 203 has ended"));
	assert_int_equal(ctnodes_plan(&l, 201, &p), 0);
	assert_int_equal(ctnodes_plan(&l, 203, &p), 0);
	assert_int_equal(p.n, 1);
	assert_string_equal(p.steps[0].target, l.v[0].target);
	assert_string_equal(p.steps[0].before, l.v[0].value);
	assert_null(p.steps[0].after);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(places), cmocka_unit_test(lines), cmocka_unit_test(not_working) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
