/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the lines of a container's configuration give it: a table of lines, and what lines do to each other. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "pve/ctdev.h"

static void format(const struct ctdev *d, struct text *t)
{
	text_addf(t, "%s", d->key);
	switch (d->kind) {
	case CTDEV_NODE:
		assert_string_equal(d->path, d->target);
		text_addf(t, " node %s %04o %u:%u%s", d->path, d->mode, d->uid, d->gid, d->deny_write ? " deny-write" : "");
		break;
	case CTDEV_MOUNT:
		text_addf(t, " mount %s on %s%s%s", d->path, d->target, d->optional ? " optional" : "",
			  d->create == 'f' ? " file" : d->create == 'd' ? " dir" : "");
		break;
	case CTDEV_ALLOW:
		assert_null(d->target);
		if (d->path)
			text_addf(t, " allow %s", d->path);
		else
			text_addf(t, " allow %c %s%u:%s%u", d->type, d->any_major ? "*" : "", d->major, d->any_minor ? "*" : "",
				  d->minor);
		text_add(t, d->opens ? "" : " mknod");
		assert_int_equal(ctdev_is_wildcard(d), !d->path && (d->any_major || d->any_minor));
		break;
	}
	text_add(t, "\n");
}

static char *parsed(const char *conf)
{
	_cleanup_config_ struct config cfg = { 0 };
	_cleanup_ctdev_list_ struct ctdev_list l = { 0 };
	struct text t = { 0 };

	assert_int_equal(config_parse(conf, strlen(conf), GUEST_CT, &cfg), 0);
	cfg.vmid = 200;
	assert_int_equal(ctdev_all(&cfg, &l), 0);
	for (size_t i = 0; i < l.n; i++) {
		assert_string_equal(cfg.lines[l.v[i].line].key, l.v[i].key);
		format(&l.v[i], &t);
	}
	return text_take(&t);
}

/* One line each; what it gives, or nothing. */
static void one_line(void **state)
{
	static const struct {
		const char *line, *want;
	} cases[] = {
		/* every way to write a node */
		{ "dev0: /dev/dri/card0", "dev0 node /dev/dri/card0 0660 0:0" },
		{ "dev255: path=/dev/kfd", "dev255 node /dev/kfd 0660 0:0" },
		{ "dev1: /dev/a,mode=0666,uid=1000,gid=44,deny-write=1", "dev1 node /dev/a 0666 1000:44 deny-write" },
		{ "dev1: gid=104,mode=0000,path=/dev/a", "dev1 node /dev/a 0000 0:104" },
		{ "dev1: mode=0600,/dev/a,deny-write=off", "dev1 node /dev/a 0600 0:0" },
		{ "dev1: /dev/a,,uid=+007,deny-write=Yes", "dev1 node /dev/a 0660 7:0 deny-write" },
		{ "dev1:/dev/dri/by-path/pci-0000:01:00.0-render", "dev1 node /dev/dri/by-path/pci-0000:01:00.0-render 0660 0:0" },
		{ "dev1: /dev/..a/b.", "dev1 node /dev/..a/b. 0660 0:0" },
		{ "dev1: /dev/a b", "dev1 node /dev/a b 0660 0:0" },
		/* what Proxmox VE does not take */
		{ "dev256: /dev/a", "" },
		{ "dev01: /dev/a", "" },
		{ "dev: /dev/a", "" },
		{ "device0: /dev/a", "" },
		{ "dev0: dev/a", "" },
		{ "dev0: /devil/a", "" },
		{ "dev0: /dev/../etc/shadow", "" },
		{ "dev0: /dev/a/..", "" },
		{ "dev0: /dev/./a", "" },
		{ "dev0: /dev/a,mode=666", "" },
		{ "dev0: /dev/a,mode=0888", "" },
		{ "dev0: /dev/a,mode=00666", "" },
		{ "dev0: /dev/a,uid=-1", "" },
		{ "dev0: /dev/a,uid=4294967296", "" },
		{ "dev0: /dev/a,gid=x", "" },
		{ "dev0: /dev/a,gid=", "" },
		{ "dev0: /dev/a,deny-write=maybe", "" },
		{ "dev0: /dev/a,path=/dev/b", "" },
		{ "dev0: /dev/a,/dev/b", "" },
		{ "dev0: /dev/a,foo=1", "" },
		{ "dev0: mode=0666", "" },
		/* mounts: a node, a directory, all of it */
		{ "lxc.mount.entry: /dev/dri/card0 dev/dri/card0 none bind,optional,create=file",
		  "lxc.mount.entry mount /dev/dri/card0 on /dev/dri/card0 optional file" },
		{ "lxc.mount.entry = /dev/dri/ dev/dri/ none rbind,create=dir 0 0", "lxc.mount.entry mount /dev/dri on /dev/dri dir" },
		{ "lxc.mount.entry:   /dev/kfd\t./dev//kfd  none  rw,bind", "lxc.mount.entry mount /dev/kfd on /dev/kfd" },
		{ "lxc.mount.entry: /dev/my\\040card opt/a\\011b\\134\\\\c none bind",
		  "lxc.mount.entry mount /dev/my card on /opt/a\tb\\\\c" },
		{ "lxc.mount.entry: /dev/a\\1x\\04 opt/\\ none bind", "lxc.mount.entry mount /dev/a\\1x\\04 on /opt/\\" },
		{ "lxc.mount.entry: /dev/kfd /var/lib/lxc/200/rootfs/dev/kfd none bind", "lxc.mount.entry mount /dev/kfd on /dev/kfd" },
		{ "lxc.mount.entry: / host none rbind,ro", "lxc.mount.entry mount / on /host" },
		{ "lxc.mount.entry: udev dev devtmpfs defaults", "lxc.mount.entry mount /dev on /dev" },
		/* what is none of the host's, or is nothing to LXC */
		{ "lxc.mount.entry: /dev/kfd /dev/kfd none bind", "" },
		{ "lxc.mount.entry: /dev/kfd /var/lib/lxc/201/rootfs/dev/kfd none bind", "" },
		{ "lxc.mount.entry: /dev/kfd /var/lib/lxc/200/rootfsx/dev/kfd none bind", "" },
		{ "lxc.mount.entry: /dev/kfd ../dev/kfd none bind", "" },
		{ "lxc.mount.entry: /dev/kfd . none bind", "" },
		{ "lxc.mount.entry: /dev/kfd dev/kfd none nobind", "" },
		{ "lxc.mount.entry: /dev/kfd dev/kfd none optional", "" },
		{ "lxc.mount.entry: /dev/kfd dev/kfd none bind,relative", "" },
		{ "lxc.mount.entry: dev/kfd dev/kfd none bind", "" },
		{ "lxc.mount.entry: tmpfs run tmpfs defaults", "" },
		{ "lxc.mount.entry: /dev/kfd dev/kfd", "" },
		{ "lxc.mount.entry: /dev/kfd", "" },
		{ "lxc.mount.entry: # /dev/kfd dev/kfd none bind", "" },
		{ "lxc.mount.entryx: /dev/kfd dev/kfd none bind", "" },
		/* numbers */
		{ "lxc.cgroup2.devices.allow: c 226:128 rwm", "lxc.cgroup2.devices.allow allow c 226:128" },
		{ "lxc.cgroup.devices.allow = c 226:* rw", "lxc.cgroup.devices.allow allow c 226:*0" },
		{ "lxc.cgroup2.devices.allow: c *:* rwm", "lxc.cgroup2.devices.allow allow c *0:*0" },
		{ "lxc.cgroup2.devices.allow: b 8:0 r", "lxc.cgroup2.devices.allow allow b 8:0" },
		{ "lxc.cgroup2.devices.allow: a", "lxc.cgroup2.devices.allow allow a *0:*0" },
		{ "lxc.cgroup2.devices.allow: a *:128 w", "lxc.cgroup2.devices.allow allow a *0:128" },
		{ "lxc.cgroup2.devices.allow: c\t1:3\trwm # null", "lxc.cgroup2.devices.allow allow c 1:3" },
		{ "lxc.cgroup2.devices.allow: c 226:128 m", "lxc.cgroup2.devices.allow allow c 226:128 mknod" },
		{ "lxc.cgroup2.devices.allow: /dev/kfd rw", "lxc.cgroup2.devices.allow allow /dev/kfd" },
		{ "lxc.cgroup2.devices.allow: /dev/kfd  rwm   # it", "lxc.cgroup2.devices.allow allow /dev/kfd" },
		{ "lxc.cgroup2.devices.allow: c 226:128", "" },
		{ "lxc.cgroup2.devices.allow: c 226:128 rx", "" },
		{ "lxc.cgroup2.devices.allow: c 226:128 rw # x", "" },
		{ "lxc.cgroup2.devices.allow: c  226:128 rw", "" },
		{ "lxc.cgroup2.devices.allow: c 226 rw", "" },
		{ "lxc.cgroup2.devices.allow: c 226:12* rw", "" },
		{ "lxc.cgroup2.devices.allow: c -1:0 rw", "" },
		{ "lxc.cgroup2.devices.allow: c 99999999999:0 rw", "" },
		{ "lxc.cgroup2.devices.allow: c 999999999999999999999:0 rw", "" },
		{ "lxc.cgroup2.devices.allow: x 226:128 rw", "" },
		{ "lxc.cgroup2.devices.allow: c226:128 rw", "" },
		{ "lxc.cgroup2.devices.allow: /dev/kfd", "" },
		{ "lxc.cgroup2.devices.allow: /dev/kfd x", "" },
		{ "lxc.cgroup.devices.allow: /dev/kfd rw", "" },
		{ "lxc.cgroup2.devices.deny: c 226:128 rwm", "" },
		{ "lxc.cgroup2.memory.max: 1", "" },
		{ "#dev0: /dev/dri/card0", "" },
		{ " dev0: /dev/dri/card0", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *conf = NULL, *want = NULL, *have = NULL;

		assert_true(asprintf(&conf, "arch: amd64\n%s\n", cases[i].line) > 0);
		assert_true(asprintf(&want, "%s%s", cases[i].want, *cases[i].want ? "\n" : "") >= 0);
		have = parsed(conf);
		if (strcmp(have, want) != 0)
			fail_msg("'%s'\n have: %s want: %s", cases[i].line, have, want);
	}
}

static void many_lines(void **state)
{
	static const struct {
		const char *conf, *want;
	} cases[] = {
		{ "", "" },
		/* the last of a key counts, even if it is no good; the first line of a file is a line */
		{ "dev0: /dev/a\ndev1: /dev/b\ndev0: /dev/c", "dev1 node /dev/b 0660 0:0\ndev0 node /dev/c 0660 0:0\n" },
		{ "dev0: /dev/a\n", "dev0 node /dev/a 0660 0:0\n" },
		{ "dev0: /dev/a\ndev0: nonsense\n", "" },
		/* raw lines add up */
		{ "lxc.cgroup2.devices.allow: a\nlxc.cgroup2.devices.allow: c 1:3 r\n",
		  "lxc.cgroup2.devices.allow allow a *0:*0\nlxc.cgroup2.devices.allow allow c 1:3\n" },
		/* an empty one takes back those of its key, and no others */
		{ "lxc.mount.entry: /dev/a a none bind\nlxc.cgroup2.devices.allow: a\nlxc.cgroup.devices.allow: c 1:5 r\n"
		  "lxc.cgroup2.devices.allow:\nlxc.cgroup2.devices.allow: c 1:3 r\n",
		  "lxc.mount.entry mount /dev/a on /a\nlxc.cgroup.devices.allow allow c 1:5\nlxc.cgroup2.devices.allow allow c 1:3\n" },
		{ "lxc.mount.entry: /dev/a a none bind\ndev0: /dev/b\nlxc.mount.entry =\n", "dev0 node /dev/b 0660 0:0\n" },
		/* the current section alone */
		{ "dev0: /dev/a\n[pve:pending]\ndev0: /dev/b\ndev1: /dev/c\n[snap]\ndev2: /dev/d\n", "dev0 node /dev/a 0660 0:0\n" },
		{ "[snap]\nlxc.mount.entry: /dev/a a none bind\n", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *have = parsed(cases[i].conf);

		if (strcmp(have, cases[i].want) != 0)
			fail_msg("'%s'\n have: %s want: %s", cases[i].conf, have, cases[i].want);
	}
}

static void numbers_allowed(void **state)
{
	static const struct {
		const char *value;
		bool card, render, kfd;
	} cases[] = {
		{ "c 226:0 rwm", true, false, false }, { "c 226:* rwm", true, true, false }, { "c *:128 rwm", false, true, false },
		{ "c *:* rwm", true, true, true },     { "a", true, true, true },	     { "b 226:* rwm", false, false, false },
		{ "/dev/kfd rw", false, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_config_ struct config cfg = { 0 };
		_cleanup_ctdev_list_ struct ctdev_list l = { 0 };
		char conf[80];

		snprintf(conf, sizeof(conf), "lxc.cgroup2.devices.allow: %s", cases[i].value);
		assert_int_equal(config_parse(conf, strlen(conf), GUEST_CT, &cfg), 0);
		assert_int_equal(ctdev_all(&cfg, &l), 0);
		assert_int_equal(l.n, 1);
		assert_int_equal(ctdev_allows(&l.v[0], makedev(226, 0)), cases[i].card);
		assert_int_equal(ctdev_allows(&l.v[0], makedev(226, 128)), cases[i].render);
		assert_int_equal(ctdev_allows(&l.v[0], makedev(235, 0)), cases[i].kfd);
	}
}

static void a_copy_is_its_own(void **state)
{
	static const char conf[] = "dev3: /dev/kfd,gid=7\n";
	_cleanup_config_ struct config cfg = { 0 };
	struct ctdev_list l = { 0 };
	struct ctdev copy;

	assert_int_equal(config_parse(conf, strlen(conf), GUEST_CT, &cfg), 0);
	assert_int_equal(ctdev_all(&cfg, &l), 0);
	assert_int_equal(ctdev_copy(&l.v[0], &copy), 0);
	ctdev_list_done(&l);
	assert_string_equal(copy.path, "/dev/kfd");
	assert_string_equal(copy.target, "/dev/kfd");
	assert_string_equal(copy.key, "dev3");
	assert_int_equal(copy.gid, 7);
	ctdev_done(&copy);
	assert_null(copy.path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line),
		cmocka_unit_test(many_lines),
		cmocka_unit_test(numbers_allowed),
		cmocka_unit_test(a_copy_is_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
