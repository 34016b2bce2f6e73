/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A node in a container, looked at and renewed from outside: with real mounts, namespaces and nodes, as root where that is possible. The
 * containers are processes of the test, with a /dev of their own; one has no privileges, one is hostile.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "base/proc.h"
#include "host/inside_node.h"
#include "tree.h"

#define NULL_DEV makedev(1, 3)
#define ZERO_DEV makedev(1, 5)
#define NODES	 "/mnt/nodes" /* what is the host's /dev here */

struct container {
	struct proc_id init;
	int ask, answer;
};

static struct root root;
static bool possible;

static void step(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "# the container cannot %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* Opens what it is told to, and says with which errno. */
_Noreturn static void serve(int ask, int answer)
{
	char path[256];
	ssize_t n;

	while ((n = read(ask, path, sizeof(path) - 1)) > 0) {
		int fd, said;

		path[n] = '\0';
		fd = open(path, O_RDWR | O_CLOEXEC);
		said = fd < 0 ? errno : 0;
		if (fd >= 0)
			close(fd);
		if (write(answer, &said, sizeof(said)) != sizeof(said))
			break;
	}
	_exit(0);
}

/*
 * Its /dev: a node of its own, a mount of the host's node and of the host's directory, and traps. Mounts of the host's come before the
 * user namespace, as LXC has them.
 */
_Noreturn static void live(bool privileged, int ask, int answer, int mapped)
{
	char go;

	step(unshare(CLONE_NEWNS) == 0 && mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0, "have mounts of its own");
	if (!privileged) {
		step(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0, "have users of its own");
		step(write(answer, "u", 1) == 1 && read(mapped, &go, 1) == 1, "be given users");
		step(setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0, "be its root");
	}
	step(mount("none", "/dev", "tmpfs", 0, "mode=755") == 0, "mount /dev");
	step(mkdir("/dev/gpu", 0755) == 0 && mkdir("/dev/all", 0755) == 0, "make directories");
	step(mknod("/dev/gpu/mounted", S_IFREG | 0644, 0) == 0, "make a file");
	step(mount(NODES "/gpu0", "/dev/gpu/mounted", "none", MS_BIND, NULL) == 0, "mount the node");
	step(mount("none", "/dev/gpu/mounted", "none", MS_REMOUNT | MS_BIND | MS_NOEXEC, NULL) == 0, "change the mount");
	step(mount(NODES, "/dev/all", "none", MS_BIND, NULL) == 0, "mount the directory");
	step(!privileged || mknod("/dev/gpu/own", S_IFCHR | 0640, NULL_DEV) == 0, "make a node");
	step(symlink("/mnt/outside", "/dev/gpu/link") == 0 && symlink("/mnt", "/dev/away") == 0, "make links");
	step(write(answer, "r", 1) == 1, "speak");
	serve(ask, answer);
}

/* Ids of the container are those of the host from 100000 on. */
static void map_ids(pid_t pid)
{
	static const char map[] = "0 100000 65536\n";
	static const char *const files[] = { "uid_map", "gid_map" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[PATH_MAX];
		int fd = root_open(&root, path_f(path, "/proc/%d/%s", (int)pid, files[i]), O_WRONLY, 0);

		assert_true(fd >= 0);
		assert_int_equal(write(fd, map, strlen(map)), strlen(map));
		close(fd);
	}
}

static void container_start(struct container *c, bool privileged)
{
	int ask[2], answer[2], mapped[2];
	char said = 0;

	assert_int_equal(pipe2(ask, O_CLOEXEC) | pipe2(answer, O_CLOEXEC) | pipe2(mapped, O_CLOEXEC), 0);
	c->init.pid = fork();
	if (c->init.pid == 0) {
		close(ask[1]); /* it ends with the test */
		live(privileged, ask[0], answer[1], mapped[0]);
	}
	close(answer[1]);
	if (!privileged) {
		assert_int_equal(read(answer[0], &said, 1), 1);
		map_ids(c->init.pid);
		assert_int_equal(write(mapped[1], "g", 1), 1);
	}
	assert_int_equal(read(answer[0], &said, 1), 1);
	assert_int_equal(said, 'r');
	close(ask[0]);
	close(mapped[0]);
	close(mapped[1]);
	c->ask = ask[1];
	c->answer = answer[0];
	assert_int_equal(proc_start(&root, c->init.pid, &c->init.start), 0);
}

static void container_stop(struct container *c)
{
	close(c->ask);
	close(c->answer);
	kill(c->init.pid, SIGKILL);
	waitpid(c->init.pid, NULL, 0);
}

/* With which errno a process in the container opens path. */
static int opens(const struct container *c, const char *path)
{
	int said = -1;

	assert_int_equal(write(c->ask, path, strlen(path)), strlen(path));
	assert_int_equal(read(c->answer, &said, sizeof(said)), sizeof(said));
	return said;
}

/* "1:3 0:44 0640 host deleted", or what else it is. */
static const char *seen_beside(const struct container *c, const char *path, const char *host)
{
	static const char *const kinds[] = { "nothing", "", "file", "dir", "other" };
	static char text[128];
	struct inside_stat st;
	int k = inside_stat(&root, c->init, path, host, &st);

	if (k < 0)
		snprintf(text, sizeof(text), "%s", strerror(-k));
	else if (st.kind != INSIDE_NODE)
		snprintf(text, sizeof(text), "%s%s%s", kinds[st.kind], st.is_host ? " host" : "", st.deleted ? " deleted" : "");
	else
		snprintf(text, sizeof(text), "%u:%u %u:%u %04o%s%s", major(st.dev), minor(st.dev), st.uid, st.gid, st.mode,
			 st.is_host ? " host" : "", st.deleted ? " deleted" : "");
	return text;
}

static const char *seen(const struct container *c, const char *path)
{
	return seen_beside(c, path, NODES "/gpu0");
}

static int put_own(const struct container *c, const char *path, dev_t dev, uid_t uid, gid_t gid, mode_t mode)
{
	const struct inside_put what = { .init = c->init, .path = path, .dev = dev, .uid = uid, .gid = gid, .mode = mode };
	struct err e = { "" };
	int k = inside_put(&root, &what, &e);

	assert_int_equal(k < 0, e.text[0] != '\0');
	if (k < 0)
		print_message("# %s\n", e.text);
	return k;
}

static int put_host(const struct container *c, const char *path, const char *host)
{
	const struct inside_put what = { .init = c->init, .path = path, .host = host };
	struct err e = { "" };
	int k = inside_put(&root, &what, &e);

	if (k < 0)
		print_message("# %s\n", e.text);
	return k;
}

/* How many mounts a process has at that path (NULL: at all), with those options. */
static unsigned int mounts_with(pid_t pid, const char *at, const char *options)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX], *p, *line;
	unsigned int n = 0;

	assert_int_equal(root_read(&root, path_f(path, "/proc/%d/mounts", (int)pid), 1 << 20, &text, NULL), 0);
	for (p = text; (line = str_line(&p));) {
		const char *where = strchr(line, ' ');

		n += !at || (where && str_starts(where + 1, at) && where[1 + strlen(at)] == ' ' && strstr(where, options));
	}
	return n;
}

static unsigned int mounts(pid_t pid, const char *at)
{
	return mounts_with(pid, at, "");
}

static void node_is_new(const char *name, dev_t dev)
{
	char path[PATH_MAX];

	unlink(path_f(path, NODES "/%s", name));
	assert_int_equal(mknod(path, S_IFCHR | 0600, dev), 0);
	assert_int_equal(chmod(path, 0660), 0);
	assert_int_equal(chown(path, 0, 44), 0);
}

/* A mount namespace for the test, with a filesystem in the place of the host's /dev that can hold nodes and forget directories. */
static int set_up(void **state)
{
	possible = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 && mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
		   mount("none", "/mnt", "tmpfs", 0, NULL) == 0 && mkdir(NODES, 0755) == 0 && mknod("/mnt/try", S_IFCHR | 0600, NULL_DEV) == 0;
	if (!possible)
		print_message("# not root, or no mounts and nodes to be made here\n");
	return root_open_dir(&root, "/", NULL); /* of the new namespace */
}

static int tear_down(void **state)
{
	root_close(&root);
	return 0;
}

static void fresh(void)
{
	if (!possible)
		skip();
	umount2(NODES, MNT_DETACH);
	mkdir(NODES, 0755);
	assert_int_equal(mount("none", NODES, "tmpfs", 0, "mode=755"), 0);
	node_is_new("gpu0", NULL_DEV);
}

static void looked_at(void **state)
{
	struct container c, gone;

	fresh();
	container_start(&c, true);
	assert_string_equal(seen(&c, "/dev/gpu/own"), "1:3 0:0 0640");
	assert_string_equal(seen(&c, "/dev/gpu/mounted"), "1:3 0:44 0660 host");
	assert_string_equal(seen(&c, "/dev/all/gpu0"), "1:3 0:44 0660 host");
	assert_string_equal(seen(&c, "/dev/gpu/none"), "nothing");
	assert_string_equal(seen(&c, "/dev/gpu/own/none"), "nothing");
	assert_string_equal(seen(&c, "/dev/gpu"), "dir");
	assert_string_equal(seen_beside(&c, "/dev/all", NODES), "dir host");
	/* through no link of its, and not out of it */
	assert_string_equal(seen(&c, "/dev/gpu/link"), strerror(ELOOP));
	assert_string_equal(seen(&c, "/dev/away/try"), strerror(ELOOP));
	assert_string_equal(seen(&c, "/dev/../../../dev/gpu/own"), "1:3 0:0 0640");
	/* the host's node goes, and comes back with another number */
	unlink(NODES "/gpu0");
	assert_string_equal(seen(&c, "/dev/gpu/mounted"), "1:3 0:44 0660 deleted");
	node_is_new("gpu0", ZERO_DEV);
	assert_string_equal(seen(&c, "/dev/gpu/mounted"), "1:3 0:44 0660 deleted");
	assert_string_equal(seen(&c, "/dev/all/gpu0"), "1:5 0:44 0660 host");
	gone = c;
	gone.init.start++; /* whoever had that pid before */
	assert_string_equal(seen(&gone, "/dev/gpu/own"), strerror(ESRCH));
	assert_int_equal(put_own(&gone, "/dev/gpu/own", ZERO_DEV, 0, 0, 0600), -ESRCH);
	assert_int_equal(inside_is_privileged(&root, c.init), 1);
	container_stop(&c);
	assert_string_equal(seen(&c, "/dev/gpu/own"), strerror(ESRCH));
	assert_int_equal(inside_is_privileged(&root, c.init), -ESRCH);
	assert_int_equal(put_own(&c, "/dev/gpu/own", ZERO_DEV, 0, 0, 0600), -ESRCH);
}

static void renewed(bool privileged)
{
	unsigned int here = mounts(getpid(), NULL), there;
	uid_t base = privileged ? 0 : 100000;
	struct container c;
	char want[64];

	fresh();
	container_start(&c, privileged);
	assert_int_equal(inside_is_privileged(&root, c.init), privileged);
	here = mounts(getpid(), NULL);
	there = mounts(c.init.pid, NULL);

	/* a node of its own, first where there is nothing at all: in directories that have to be made */
	assert_int_equal(opens(&c, "/dev/new/dir/gpu"), ENOENT);
	assert_int_equal(put_own(&c, "/dev/new/dir/gpu", NULL_DEV, base + 7, base + 44, 0660), 0);
	snprintf(want, sizeof(want), "1:3 %u:%u 0660", base + 7, base + 44);
	assert_string_equal(seen(&c, "/dev/new/dir/gpu"), want);
	assert_int_equal(opens(&c, "/dev/new/dir/gpu"), 0);
	assert_int_equal(mounts(c.init.pid, "/dev/new/dir/gpu"), 1);
	/* then in the place of that one: no mount is left below it */
	assert_int_equal(put_own(&c, "/dev/new/dir/gpu", ZERO_DEV, base, base + 44, 0620), 0);
	snprintf(want, sizeof(want), "1:5 %u:%u 0620", base, base + 44);
	assert_string_equal(seen(&c, "/dev/new/dir/gpu"), want);
	assert_int_equal(opens(&c, "/dev/new/dir/gpu"), 0);
	assert_int_equal(mounts(c.init.pid, "/dev/new/dir/gpu"), 1);
	assert_int_equal(mounts(c.init.pid, NULL), there + 1);
	/* what nobody may: its owner is none of the container's */
	assert_int_equal(put_own(&c, "/dev/new/dir/gpu", ZERO_DEV, 1, 1, 0600), 0);
	assert_int_equal(opens(&c, "/dev/new/dir/gpu"), privileged ? 0 : EACCES);

	/* a mount of the host's node, which is another node by now */
	node_is_new("gpu0", ZERO_DEV);
	assert_string_equal(seen(&c, "/dev/gpu/mounted"), "1:3 0:44 0660 deleted");
	assert_int_equal(put_host(&c, "/dev/gpu/mounted", NODES "/gpu0"), 0);
	assert_string_equal(seen(&c, "/dev/gpu/mounted"), "1:5 0:44 0660 host");
	assert_int_equal(mounts_with(c.init.pid, "/dev/gpu/mounted", ",noexec"), 1); /* as it was */
	/* what udev does to the host's is the container's, too */
	assert_int_equal(chown(NODES "/gpu0", 0, 104), 0);
	assert_string_equal(seen(&c, "/dev/gpu/mounted"), "1:5 0:104 0660 host");
	assert_int_equal(mounts(c.init.pid, NULL), there + 1);

	/* nothing of ours is left */
	assert_int_equal(mounts(getpid(), NULL), here);
	container_stop(&c);
}

static void privileged(void **state)
{
	struct container c;

	renewed(true);
	/* a node in the container's own filesystem is covered */
	container_start(&c, true);
	assert_int_equal(put_own(&c, "/dev/gpu/own", ZERO_DEV, 0, 44, 0660), 0);
	assert_string_equal(seen(&c, "/dev/gpu/own"), "1:5 0:44 0660");
	assert_int_equal(opens(&c, "/dev/gpu/own"), 0);
	container_stop(&c);
}

static void unprivileged(void **state)
{
	renewed(false);
}

/* As devtmpfs does with /dev/dri when its last node goes: the container's mount shows a directory that is nowhere. */
static void directory(bool is_privileged)
{
	struct container c;
	unsigned int there;

	fresh();
	assert_int_equal(mkdir(NODES "/dri", 0755), 0);
	node_is_new("dri/gpu1", NULL_DEV);
	container_start(&c, is_privileged);
	assert_int_equal(put_host(&c, "/dev/shown", NODES "/dri"), 0); /* which makes the place */
	there = mounts(c.init.pid, NULL);
	assert_string_equal(seen_beside(&c, "/dev/shown", NODES "/dri"), "dir host");
	assert_string_equal(seen_beside(&c, "/dev/shown/gpu1", NODES "/dri/gpu1"), "1:3 0:44 0660 host");
	assert_int_equal(unlink(NODES "/dri/gpu1") | rmdir(NODES "/dri"), 0);
	assert_int_equal(mkdir(NODES "/dri", 0755), 0);
	node_is_new("dri/gpu1", ZERO_DEV);
	assert_string_equal(seen_beside(&c, "/dev/shown", NODES "/dri"), "dir deleted");
	assert_string_equal(seen(&c, "/dev/shown/gpu1"), "nothing");
	assert_int_equal(put_host(&c, "/dev/shown", NODES "/dri"), 0);
	assert_string_equal(seen_beside(&c, "/dev/shown", NODES "/dri"), "dir host");
	assert_string_equal(seen_beside(&c, "/dev/shown/gpu1", NODES "/dri/gpu1"), "1:5 0:44 0660 host");
	assert_int_equal(mounts(c.init.pid, NULL), there);
	/* neither in the place of the other */
	assert_int_equal(put_own(&c, "/dev/shown", ZERO_DEV, 0, 0, 0600), -EEXIST);
	assert_int_equal(put_host(&c, "/dev/gpu/mounted", NODES "/dri"), -EEXIST);
	assert_string_equal(seen_beside(&c, "/dev/shown", NODES "/dri"), "dir host");
	assert_int_equal(put_host(&c, "/dev/shown", NODES "/none"), -ENOENT);
	container_stop(&c);
}

static void directories(void **state)
{
	directory(true);
	directory(false);
}

/* What it puts in the way: nothing outside is touched, and nothing by its links. */
static void hostile(void **state)
{
	struct container c;

	for (int is_privileged = 0; is_privileged <= 1; is_privileged++) {
		fresh();
		mkdir("/mnt/outside", 0755);
		container_start(&c, is_privileged);
		assert_int_equal(put_own(&c, "/dev/gpu/link", ZERO_DEV, 0, 0, 0666), -ELOOP);
		assert_int_equal(put_own(&c, "/dev/away/outside/new", ZERO_DEV, 0, 0, 0666), -ELOOP);
		assert_int_equal(put_host(&c, "/dev/away/outside", NODES), -ELOOP);
		assert_int_equal(put_own(&c, "/dev/gpu", ZERO_DEV, 0, 0, 0666), -EEXIST);
		assert_int_equal(put_own(&c, "/", ZERO_DEV, 0, 0, 0666), -EINVAL);
		assert_string_equal(seen(&c, "/dev/gpu/link"), strerror(ELOOP));
		/* ".." ends at its root */
		assert_int_equal(put_own(&c, "/../../dev/up", ZERO_DEV, is_privileged ? 0 : 100000, 0, 0600), 0);
		assert_int_equal(opens(&c, "/dev/up"), 0);
		assert_int_equal(access("/dev/up", F_OK), -1);
		assert_int_equal(rmdir("/mnt/outside"), 0); /* it is empty */
		container_stop(&c);
	}
}

static void groups(void **state)
{
	static const struct {
		const char *text, *group;
	} cases[] = {
		{ "0::/lxc/200/ns/init.scope\n", "/lxc/200/ns/init.scope" },
		{ "12:devices:/lxc/200\n0::/lxc/200/ns\n", "/lxc/200/ns" },
		{ "0::/\n", "/" },
		{ "0::/../outside\n", NULL },
		{ "0::/a/../../b\n", NULL },
		{ "12:devices:/lxc/200\n1:name=systemd:/lxc/200\n", NULL },
		{ "0::lxc\n", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = strdup(cases[i].text);
		const char *have = inside_group_parse(text);

		assert_true(str_eq(have, cases[i].group));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looked_at),   cmocka_unit_test(privileged), cmocka_unit_test(unprivileged),
		cmocka_unit_test(directories), cmocka_unit_test(hostile),    cmocka_unit_test(groups),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
