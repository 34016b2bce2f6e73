/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The look into a container, and the look at many paths: by number, through no link, with an end. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "base/slow.h"
#include "host/inside.h"
#include "host/rdev.h"
#include "host_hang.h"

static struct node wanted[] = { { .name = "dri/card0" }, { .name = "dri/renderD128" } };
static const struct node_list nodes = { .v = wanted, .n = 2 };

/* What is seen, as "PLACE MAJ:MIN PATH" and "PLACE unsure". */
static char *seen(const struct root *r, const struct inside_place *places, size_t n, const struct node_list *what)
{
	_cleanup_manifest_ struct manifest m = { 0 };
	_cleanup_inside_ struct inside l = { 0 };
	struct text t = { 0 };

	assert_int_equal(manifest_load(r, &m), 0);
	assert_int_equal(inside_find(r, &m, places, n, what, &l), 0);
	for (size_t i = 0; i < l.n; i++)
		text_addf(&t, "%zu %u:%u %s\n", l.v[i].place, major(l.v[i].dev), minor(l.v[i].dev), l.v[i].path);
	for (size_t i = 0; i < n; i++)
		if (l.unsure[i])
			text_addf(&t, "%zu unsure\n", i);
	return text_take(&t);
}

static void put_node(const struct tree *t, const char *number, const char *path, struct text *manifest)
{
	tree_put(t, path, "");
	text_addf(manifest, "c %s %s\n", number, path);
}

static char *dev_dir[] = { (char[]){ "/dev" }, NULL };
static char *two_dirs[] = { (char[]){ "/dev" }, (char[]){ "/mnt/gpu" }, NULL };
static const struct strv dev = { .v = dev_dir, .n = 1 }, two = { .v = two_dirs, .n = 2 };

static void a_tree(void **state)
{
	const struct inside_place places[] = {
		{ { 10, 0 }, &dev }, { { 11, 0 }, &two }, { { 12, 0 }, &dev }, { { 99, 0 }, &dev }, { { 13, 0 }, &dev },
	};
	_cleanup_tree_ struct tree t;
	_cleanup_text_ struct text manifest = { 0 };
	_cleanup_free_ char *have = NULL;

	tree_new(&t);
	put_node(&t, "226:0", "/proc/10/root/dev/dri/card0", &manifest);
	put_node(&t, "226:1", "/proc/10/root/dev/dri/card1", &manifest); /* another card's */
	put_node(&t, "226:128", "/proc/11/root/mnt/gpu/anything", &manifest);
	put_node(&t, "226:0", "/proc/11/root/srv/card0", &manifest); /* not asked for */
	/* through links: a file, a directory, /dev itself, the root itself */
	put_node(&t, "226:0", "/proc/12/root/hidden/card0", &manifest);
	tree_link(&t, "/proc/12/root/dev/card0", "../hidden/card0");
	tree_link(&t, "/proc/12/root/dev/dri", "../hidden");
	tree_link(&t, "/proc/13/root", "../10/root");
	tree_put(&t, NODE_MANIFEST, text_str(&manifest));
	have = seen(&t.root, places, 5, &nodes);
	/* of a root that is a link, which no process has, nothing can be said; of one that has ended there is nothing to say */
	assert_string_equal(have, "0 226:0 /dev/dri/card0\n1 226:128 /mnt/gpu/anything\n4 unsure\n");
}

static void no_end(void **state)
{
	const struct inside_place place = { { 10, 0 }, &dev };
	char path[PATH_MAX], deep[PATH_MAX] = "/proc/10/root/dev";
	_cleanup_tree_ struct tree t;
	_cleanup_text_ struct text manifest = { 0 };
	unsigned int places = 0;
	char *have;

	tree_new(&t);
	/* six directories deep, and seven */
	for (int i = 0; i < 6; i++) {
		path_f(path, "%s/d", deep);
		memcpy(deep, path, sizeof(deep));
		if (i >= 4)
			put_node(&t, i == 4 ? "226:0" : "226:128", path_f(path, "%s/x", deep), &manifest);
	}
	tree_put(&t, NODE_MANIFEST, text_str(&manifest));
	have = seen(&t.root, &place, 1, &nodes);
	assert_string_equal(have, "0 226:0 /dev/d/d/d/d/d/x\n");
	free(have);
	/* the same number many times: some places are enough */
	for (int i = 0; i < 20; i++)
		put_node(&t, "226:128", path_f(path, "/proc/10/root/dev/again%02d", i), &manifest);
	tree_put(&t, NODE_MANIFEST, text_str(&manifest));
	have = seen(&t.root, &place, 1, &nodes);
	for (const char *s = have; (s = strstr(s, "226:128")); s++)
		places++;
	assert_int_equal(places, INSIDE_EACH);
	free(have);
	/* what users of the container may fill is not looked at, and keeps nothing from being seen */
	tree_put(&t, "/proc/10/root/dev/shm/x/y", "");
	for (int i = 0; i < 33000; i++)
		assert_int_equal(mkdirat(t.root.fd, path_f(path, "proc/10/root/dev/shm/x/f%d", i), 0700), 0);
	have = seen(&t.root, &place, 1, &nodes);
	assert_null(strstr(have, "unsure"));
	assert_non_null(strstr(have, "226:128"));
	free(have);
	/* more than a container has */
	for (int i = 0; i < 33000; i++) {
		_cleanup_close_ int fd = root_open(&t.root, path_f(path, "/proc/10/root/dev/f%d", i), O_WRONLY | O_CREAT, 0644);

		assert_true(fd >= 0);
	}
	have = seen(&t.root, &place, 1, &nodes);
	assert_non_null(strstr(have, "0 unsure"));
	free(have);
}

/* One container that does not answer keeps nobody from being looked at. */
static void hangs(void **state)
{
	const struct inside_place places[] = { { { 10, 0 }, &dev }, { { 11, 0 }, &dev }, { { 12, 0 }, &dev } };
	_cleanup_tree_ struct tree t;
	_cleanup_text_ struct text manifest = { 0 };
	_cleanup_free_ char *have = NULL;
	int fd;

	tree_new(&t);
	for (int pid = 10; pid <= 12; pid++) {
		char path[PATH_MAX];

		put_node(&t, "226:0", path_f(path, "/proc/%d/root/dev/dri/card0", pid), &manifest);
	}
	tree_put(&t, NODE_MANIFEST, text_str(&manifest));
	fd = hang_at_dir(&t, "/proc/11/root/dev");
	if (fd < 0)
		skip();
	have = seen(&t.root, places, 3, &nodes);
	hang_over(fd);
	assert_string_equal(have, "0 226:0 /dev/dri/card0\n2 226:0 /dev/dri/card0\n1 unsure\n");
}

/* The real thing: the root directory of a process, and nodes that are nodes. */
static void this_machine(void **state)
{
	struct node null = { .dev = makedev(1, 3), .name = "null" };
	const struct node_list real = { .v = &null, .n = 1 };
	struct inside_place places[2] = { { .in = &dev }, { .in = &dev } };
	_cleanup_free_ char *have = NULL;
	struct root root;

	assert_int_equal(root_open_dir(&root, "/", NULL), 0);
	assert_int_equal(proc_self(&root, &places[0].init), 0);
	places[1].init = places[0].init;
	places[1].init.start++; /* whoever had this pid before */
	have = seen(&root, places, 2, &real);
	root_close(&root);
	assert_non_null(strstr(have, "0 1:3 /dev/null\n"));
	assert_null(strstr(have, "\n1 "));
	assert_null(strstr(have, "unsure"));
}

/* What a container's /dev is: a filesystem of its own, with a node mounted on a file, and one that is its own. */
static bool own_dev(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", "/mnt", "tmpfs", 0, NULL) == 0 && mknod("/mnt/null", S_IFCHR | 0600, makedev(1, 3)) == 0 &&
	       mount("none", "/dev", "tmpfs", 0, NULL) == 0 && mkdir("/dev/dri", 0755) == 0 &&
	       mknod("/dev/dri/mounted", S_IFREG | 0644, 0) == 0 && mount("/mnt/null", "/dev/dri/mounted", "none", MS_BIND, NULL) == 0 &&
	       mknod("/dev/own", S_IFCHR | 0600, makedev(1, 3)) == 0 && mknod("/dev/other", S_IFCHR | 0600, makedev(1, 5)) == 0 &&
	       symlink("/mnt", "/dev/link") == 0;
}

static void another_mount_namespace(void **state)
{
	struct node null = { .dev = makedev(1, 3), .name = "null" };
	const struct node_list real = { .v = &null, .n = 1 };
	struct inside_place place = { .in = &dev };
	_cleanup_free_ char *have = NULL;
	struct root root;
	int ready[2];
	char yes = 0;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	place.init.pid = fork();
	if (place.init.pid == 0) {
		yes = own_dev() ? 'y' : 'n';
		if (write(ready[1], &yes, 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &yes, 1), 1);
	assert_int_equal(root_open_dir(&root, "/", NULL), 0);
	assert_int_equal(proc_start(&root, place.init.pid, &place.init.start), 0);
	if (yes == 'y')
		have = seen(&root, &place, 1, &real);
	kill(place.init.pid, SIGKILL);
	waitpid(place.init.pid, NULL, 0);
	close(ready[0]);
	close(ready[1]);
	if (yes != 'y') {
		root_close(&root);
		skip(); /* not root, or no mounts to be made here */
	}
	assert_true(strcmp(have, "0 1:3 /dev/own\n0 1:3 /dev/dri/mounted\n") == 0 ||
		    strcmp(have, "0 1:3 /dev/dri/mounted\n0 1:3 /dev/own\n") == 0);
	/* it has ended: nothing is there, and nothing is unsure */
	free(have);
	have = seen(&root, &place, 1, &real);
	assert_string_equal(have, "");
	root_close(&root);
}

static void paths(void **state)
{
	static const char *const names[] = { "/dev/dri/renderD128", "/dev/gpu/media", "/dev/dri/by-path/pci-0000:02:00.0-card",
					     "/dev/dri", "/dev/none", "/etc/hostname", "/srv/link", "/dev/loop", "/etc" };
	_cleanup_manifest_ struct manifest m = { 0 };
	_cleanup_free_ struct rdev *v = NULL;
	_cleanup_tree_ struct tree t;

	tree_expand(&t, "containers");
	tree_link(&t, "/srv/link", "../dev/gpu/media");
	tree_link(&t, "/dev/loop", "loop");
	assert_int_equal(manifest_load(&t.root, &m), 0);
	assert_int_equal(rdev_load(&t.root, &m, names, ARRAY_SIZE(names), &v), 0);
	for (size_t i = 0; i < 7; i++)
		if (i < 2 || i == 6)
			assert_true(v[i].r == 0 && v[i].dev == makedev(226, 128) && !v[i].is_dir);
	assert_true(v[2].r == 0 && v[2].dev == makedev(226, 1));
	assert_true(v[3].r == -ENOTTY && v[3].is_dir && v[3].on_dev);
	assert_true(v[4].r == -ENOENT && !v[4].is_dir);
	assert_true(v[5].r < 0 && !v[5].is_dir);
	assert_true(v[7].r < 0);
	assert_true(v[8].r == -ENOTTY && v[8].is_dir && !v[8].on_dev);
}

static void paths_of_this_machine(void **state)
{
	static const char *const names[] = { "/dev/null", "/proc/self/root/dev/zero", "/tmp", "/proc/version", "/dev", "/no/such" };
	_cleanup_free_ struct rdev *v = NULL;
	struct root root;

	assert_int_equal(root_open_dir(&root, "/", NULL), 0);
	assert_int_equal(rdev_load(&root, NULL, names, ARRAY_SIZE(names), &v), 0);
	root_close(&root);
	assert_true(v[0].r == 0 && v[0].dev == makedev(1, 3));
	assert_true(v[1].r < 0); /* a link that only the kernel could follow: none that a path of ours may lead through */
	assert_true(v[2].r == -ENOTTY && v[2].is_dir && !v[2].on_dev);
	assert_true(v[3].r == -ENOTTY && !v[3].is_dir);
	assert_true(v[4].r == -ENOTTY && v[4].is_dir && v[4].on_dev);
	assert_int_equal(v[5].r, -ENOENT);
}

static int numbers(void **state)
{
	wanted[0].dev = makedev(226, 0);
	wanted[1].dev = makedev(226, 128);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree), cmocka_unit_test(no_end),
		cmocka_unit_test(hangs),  cmocka_unit_test(this_machine),
		cmocka_unit_test(another_mount_namespace), cmocka_unit_test(paths),
		cmocka_unit_test(paths_of_this_machine),
	};

	return cmocka_run_group_tests(tests, numbers, NULL);
}
