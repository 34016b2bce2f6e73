/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which places in containers a card's nodes have, and what they are like. */
#include <errno.h>
#include <sys/sysmacros.h>

#include "flow/ctnodes_look.h"
#include "flow/sharing.h"
#include "host_hang.h"

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
	_cleanup_container_list_ struct container_list containers = { 0 };
	_cleanup_pci_list_ struct pci_list card = { 0 };
	_cleanup_sharers_ struct sharers s = { 0 };
	_cleanup_text_ struct text have = { 0 };
	struct err e = { "" };
	struct bdf b;

	assert_int_equal(bdf_parse(slot, &b), 0);
	assert_int_equal(pci_slot_outline(&t->root, b, &card, NULL), 0);
	assert_int_equal(container_list_load(&t->root, &containers, &e), 0);
	assert_int_equal(sharing_find(&t->root, &containers, &card, NULL, &s, &e), 0);
	assert_int_equal(ctnodes_look(&t->root, &containers, &card, &s, &l, &e), 0);
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
	nodes_are(&t, "01:00", "201 card 226:0 allow=r node=/dev/dri/card0: works\n"
			       "201 renderD 226:128 allow=rw node=/dev/dri/renderD128: works\n"
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

/* Takes a line off the list of numbers. */
static void unlist(const struct tree *t, const char *line)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_text_ struct text left = { 0 };
	char *p, *one;

	assert_int_equal(root_read(&t->root, NODE_MANIFEST, 65536, &text, NULL), 0);
	for (p = text; (one = str_line(&p));)
		if (strcmp(one, line) != 0)
			text_addf(&left, "%s\n", one);
	tree_put(t, NODE_MANIFEST, text_str(&left));
}

/*
 * The cards have changed numbers, and the nodes in running containers have followed their cards. By their names 201 and 204 would use
 * the other one now: at the places of these names there is none of it.
 */
static void numbers_changed(void **state)
{
	static const struct {
		const char *was, *is;
	} swapped[] = {
		{ "c 226:0 /proc/2010/root/dev/dri/card0", "c 226:1 /proc/2010/root/dev/dri/card0" },
		{ "c 226:128 /proc/2010/root/dev/dri/renderD128", "c 226:129 /proc/2010/root/dev/dri/renderD128" },
		{ "c 226:129 /proc/2040/root/dev/dri/renderD129", "c 226:128 /proc/2040/root/dev/dri/renderD129" },
	};
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "containers");
	tree_put(&t, LXC "204.conf", "lxc.cgroup2.devices.allow: c 226:1 r\n"
				     "lxc.cgroup2.devices.allow: c 226:129 rwm\n"
				     "lxc.cgroup2.devices.allow: c 116:2 rm\n"
				     "lxc.mount.entry: /dev/dri/renderD129 dev/dri/renderD129 none bind,optional,create=file\n"
				     "lxc.mount.entry: /dev/dri/renderD129 opt/gpu none bind,optional,create=file\n");
	for (size_t i = 0; i < ARRAY_SIZE(swapped); i++) {
		unlist(&t, swapped[i].was);
		list(&t, swapped[i].is);
	}
	list(&t, "c 226:128 /proc/2040/root/opt/gpu");
	nodes_are(&t, "01:00", "201 card 226:0 allow=r node=/dev/dri/card0: does not\n"
			       "201 renderD 226:128 allow=rw node=/dev/dri/renderD128: does not\n"
			       "203 card 226:0 allow=- dir=/dev/dri from=/dev/dri: works\n"
			       "203 renderD 226:128 allow=- dir=/dev/dri from=/dev/dri: works\n"
			       "204 renderD 226:128 allow=r+rwm node=/dev/dri/renderD129: works\n"
			       "204 renderD 226:128 allow=r+rwm node=/opt/gpu: works\n");
	nodes_are(&t, "02:00", "201 card 226:1 allow=r node=/dev/dri/card0: works\n"
			       "201 renderD 226:129 allow=rw node=/dev/dri/renderD128: works\n"
			       "203 card 226:1 allow=- dir=/dev/dri from=/dev/dri: works\n"
			       "203 renderD 226:129 allow=- dir=/dev/dri from=/dev/dri: works\n"
			       "204 renderD 226:129 allow=rwm node=/dev/dri/renderD129: does not\n"
			       "204 renderD 226:129 allow=rwm node=/opt/gpu: does not\n");
}

/* A node that is not in the container is none that its card's return would have to renew; nor has one that has ended any. */
static void not_working(void **state)
{
	_cleanup_container_list_ struct container_list containers = { 0 };
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
	nodes_are(&t, "01:00", "201 card 226:0 allow=r node=/dev/dri/card0: does not\n"
			       "201 renderD 226:128 allow=rw node=/dev/dri/renderD128: works\n"
			       "203 card 226:0 allow=- dir=/dev/dri from=/dev/dri: works\n"
			       "203 renderD 226:128 allow=- dir=/dev/dri from=/dev/dri: works\n");
	assert_int_equal(pci_slot_outline(&t.root, (struct bdf){ .bus = 1, .fn = BDF_ANY_FN }, &card, NULL), 0);
	assert_int_equal(container_list_load(&t.root, &containers, &e), 0);
	assert_int_equal(sharing_find(&t.root, &containers, &card, NULL, &s, &e), 0);
	/* behind that look it has a root directory that leads elsewhere */
	snprintf(path, sizeof(path), "%s/proc/2030/root", t.dir);
	assert_int_equal(nftw(path, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	assert_int_equal(symlink("../2010/root", path), 0);
	assert_int_equal(ctnodes_look(&t.root, &containers, &card, &s, &l, &e), 0);
	assert_int_equal(l.n, 4);
	assert_non_null(strstr(l.v[2].problem, "cannot look at /dev/dri in CT 203"));
	assert_true(!ctnode_fact_works(&l.v[2]) && !ctnode_fact_works(&l.v[0]) && ctnode_fact_works(&l.v[1]));
	assert_int_equal(ctnodes_plan(&l, 201, &p), 0);
	assert_int_equal(ctnodes_plan(&l, 203, &p), 0);
	assert_int_equal(p.n, 1);
	assert_string_equal(p.steps[0].target, l.v[1].target);
	assert_string_equal(p.steps[0].before, l.v[1].value);
	assert_null(p.steps[0].after);
}

/* A directory that does not answer keeps nobody from being looked at; places by name need it not. */
static void hangs(void **state)
{
	_cleanup_tree_ struct tree t;
	int fd;

	tree_expand(&t, "containers");
	fd = hang_at_dir(&t, "/proc/2030/root/dev");
	if (fd < 0)
		skip();
	nodes_are(&t, "02:00", "204 renderD 226:129 allow=- node=/dev/dri/renderD129: works\n");
	hang_over(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(places), cmocka_unit_test(lines), cmocka_unit_test(numbers_changed),
					     cmocka_unit_test(not_working), cmocka_unit_test(hangs) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
