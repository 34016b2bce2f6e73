/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Containers that have the card which a VM wants: what becomes of each, by policy, and that they have it again. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "flow/homecoming.h"
#include "flow/observe.h"
#include "plan/lease.h"
#include "tests/fake/ct.h"
#include "tests/fake/cut.h"
#include "tests/fake/expect.h"

#define RENDER	  "/dev/dri/renderD129"
#define DEV0_TEXT "dev0: " RENDER ",gid=104"
#define DEV0	  DEV0_TEXT "\n"
#define TWIN_DEV0 "dev0: /dev/dri/renderD130\n"

static struct fake *machine(const char *conf)
{
	struct fake *f = fake_machine();

	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\nhostpci0: 0000:01:00,pcie=1\n");
	fake_put(f, "/etc/gpupt/gpupt.conf", conf);
	return f;
}

/* It does not start, and why has these words. */
static void refused(struct fake *f, const char *words)
{
	_cleanup_vm_ struct vm_result v = { 0 };
	bool said;

	vm_start(f, 101, false, &v);
	said = v.r < 0 && strstr(v.e.text, words);
	for (size_t i = 0; i < v.findings.n; i++)
		said |= strstr(v.findings.v[i].message, words) != NULL;
	if (v.r == 0 || !said) {
		vm_dump("pre-start", &v);
		fail_msg("VM 101 is not refused by '%s'", words);
	}
}

static void stop(struct fake *f)
{
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_stop(f, 101, &v);
	if (v.r != 0 || !undo_complete(&v.undo)) {
		vm_dump("post-stop", &v);
		fail_msg("VM 101 does not give back");
	}
	/* without systemd nobody watches: the hook has done it by itself */
	if (v.complained.len) {
		vm_dump("post-stop", &v);
		fail_msg("there are complaints");
	}
}

static void assert_same(struct fake *f, const char *before, const char *what)
{
	_cleanup_free_ char *after = fake_snapshot(f);

	if (strcmp(before, after) != 0)
		fail_msg("%s:\n%s", what, fake_difference(before, after));
	if (fake_exists(f, "/run/gpupt/lease/101") || fake_exists(f, "/var/lib/gpupt/lease/101"))
		fail_msg("%s: the lease is still there", what);
}

static bool placeholder(struct fake *f)
{
	char full[PATH_MAX];
	struct stat st;

	return lstat(fake_path(f, full, RENDER), &st) == 0 && S_ISCHR(st.st_mode);
}

static int pct(struct fake *f, const char *verb, unsigned int vmid)
{
	_cleanup_exec_ struct exec_result res = { 0 };
	char id[16], *argv[] = { (char[]){ "pct" }, (char *)(uintptr_t)verb, id, NULL };

	snprintf(id, sizeof(id), "%u", vmid);
	assert_int_equal(fake_pct(f, argv, &res), 0);
	return res.status;
}

/* --- policies --- */

static void hot(void **state)
{
	_cleanup_fake_ struct fake *f = machine("");
	_cleanup_free_ char *before = NULL;

	fake_ct(f, 200, DEV0, true);
	fake_ct(f, 201, TWIN_DEV0, true);
	before = fake_snapshot(f);
	vm_starts(f, 101);
	assert_true(fake_ct_runs(f, 200));
	assert_true(placeholder(f));
	stop(f);
	assert_false(placeholder(f));
	assert_same(f, before, "hot");
	assert_string_equal(fake_pct_calls(f), "");
}

static void hot_and_busy(void **state)
{
	_cleanup_fake_ struct fake *f = machine("");
	_cleanup_free_ char *before = NULL;

	fake_ct(f, 200, DEV0, true);
	fake_ct_holder(f, 200, 4001, "player", "226:129", RENDER);
	before = fake_snapshot(f);
	refused(f, "is held by player (4001) in container 200");
	assert_same(f, before, "refused");
	assert_string_equal(fake_pct_calls(f), "");
}

/* The line that would permit it is told where it would. */
static void what_would_permit_it(void **state)
{
	static const struct {
		const char *conf, *vm, *ct, *remedy;
	} rows[] = {
		{ "", "", DEV0, "end it in container 200; or containers = shutdown under [ct 200] in /etc/gpupt/gpupt.conf" },
		{ "[defaults]\nprocesses = terminate\n", "", DEV0,
		  "end it in container 200; or containers = shutdown under [ct 200] in /etc/gpupt/gpupt.conf" },
		{ "[defaults]\nprocesses = wait 1\n", "", DEV0,
		  "end it in container 200; or containers = shutdown under [ct 200] in /etc/gpupt/gpupt.conf" },
		{ "[ct 200]\ncontainers = refuse\n", "", DEV0, "end it in container 200" },
		/* a backup stops nobody */
		{ "[defaults]\ncontainers = shutdown\n", "lock: backup\n", DEV0, "end it in container 200" },
		{ "", "lock: backup\n", DEV0, "end it in container 200" },
		/* it has the device by a mount point, or by its own hook */
		{ "[defaults]\ncontainers = shutdown\n", "", "mp0: /dev/dri,mp=/dev/dri\n", "end it in container 200" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_fake_ struct fake *f = machine(rows[i].conf);
		_cleanup_vm_ struct vm_result v = { 0 };
		const char *remedy = NULL;

		fake_putf(f, "/etc/pve/qemu-server/101.conf", "%smachine: q35\nhostpci0: 0000:01:00,pcie=1\n", rows[i].vm);
		fake_ct(f, 200, rows[i].ct, true);
		fake_ct_holder(f, 200, 4001, "player", "226:129", RENDER);
		vm_start(f, 101, false, &v);
		for (size_t j = 0; j < v.findings.n; j++)
			if (v.findings.v[j].code == FINDING_HELD)
				remedy = v.findings.v[j].remedy;
		if (!str_eq(remedy, rows[i].remedy))
			fail_msg("%zu: '%s'", i, remedy ? remedy : "(none)");
	}
}

static void shut_down(void **state)
{
	_cleanup_fake_ struct fake *f = machine("[defaults]\ncontainers = shutdown\n");
	_cleanup_free_ char *before = NULL;

	fake_ct(f, 200, DEV0, true);
	fake_ct(f, 201, DEV0, true);
	fake_ct(f, 202, DEV0, false);
	fake_ct(f, 203, TWIN_DEV0, true);
	fake_ct_holder(f, 200, 4001, "player", "226:129", RENDER);
	before = fake_snapshot(f);
	vm_starts(f, 101);
	assert_false(fake_ct_runs(f, 200) || fake_ct_runs(f, 201));
	assert_true(fake_ct_runs(f, 203));
	assert_string_equal(fake_pct_calls(f), "shutdown 200; shutdown 201");
	stop(f);
	assert_string_equal(fake_pct_calls(f), "shutdown 200; shutdown 201; start 201; start 200");
	assert_same(f, before, "shut down and started again");
}

/* When the last is asked, is the first still waited for? By the lease, which says what is begun and what is done. */
static bool waited_for;

static int look_at_the_lease(void *ctx, char *const argv[], struct exec_result *ret)
{
	_cleanup_free_ char *lease = NULL;
	struct fake *f = ctx;

	if (str_eq(argv[0], "pct") && str_eq(argv[1], "shutdown") && str_eq(argv[2], "202") &&
	    root_read(&f->root, "/run/gpupt/lease/101", 1 << 20, &lease, NULL) == 0)
		waited_for = strstr(lease, "begin 1 guest lxc/200") && strstr(lease, "begin 2 guest lxc/201") && !strstr(lease, "done 1");
	return fake_exec(ctx, argv, ret);
}

static void side_by_side(void **state)
{
	_cleanup_fake_ struct fake *f = machine("[defaults]\ncontainers = shutdown\n");

	for (unsigned int id = 200; id <= 202; id++)
		fake_ct(f, id, DEV0, true);
	f->hooks.exec = look_at_the_lease;
	waited_for = false;
	vm_starts(f, 101);
	assert_true(waited_for);
	assert_false(fake_ct_runs(f, 200) || fake_ct_runs(f, 201) || fake_ct_runs(f, 202));
}

/* When the last is started, is the first still waited for? */
static int look_at_the_way_back(void *ctx, char *const argv[], struct exec_result *ret)
{
	_cleanup_free_ char *lease = NULL;
	struct fake *f = ctx;

	if (str_eq(argv[0], "pct") && str_eq(argv[1], "start") && str_eq(argv[2], "200") &&
	    root_read(&f->root, "/run/gpupt/lease/101", 1 << 20, &lease, NULL) == 0)
		waited_for = strstr(lease, "undo 3") && strstr(lease, "undo 1") && !strstr(lease, "undone 3");
	return fake_exec(ctx, argv, ret);
}

static void back_side_by_side(void **state)
{
	_cleanup_fake_ struct fake *f = machine("[defaults]\ncontainers = shutdown\n");
	_cleanup_free_ char *before = NULL;

	for (unsigned int id = 200; id <= 202; id++)
		fake_ct(f, id, DEV0, true);
	before = fake_snapshot(f);
	vm_starts(f, 101);
	f->hooks.exec = look_at_the_way_back;
	waited_for = false;
	stop(f);
	assert_true(waited_for);
	assert_same(f, before, "started side by side");
}

static void does_not_shut_down(void **state)
{
	_cleanup_fake_ struct fake *f = machine("[defaults]\ncontainers = shutdown\nshutdown-timeout = 1\n");
	_cleanup_free_ char *before = NULL;

	fake_ct(f, 200, DEV0, true);
	fake_ct(f, 201, DEV0, true);
	fake_ct_how(f, 200, "deaf");
	before = fake_snapshot(f);
	refused(f, "lxc-stop");
	/* both were asked; the one that did is started again */
	assert_string_equal(fake_pct_calls(f), "shutdown 200; shutdown 201; start 201");
	assert_same(f, before, "one does not hear");
}

static void stopped_by_force(void **state)
{
	_cleanup_fake_ struct fake *f = machine("[defaults]\ncontainers = shutdown\n[ct 200]\nforce-stop = 1\n");
	_cleanup_free_ char *before = NULL;

	fake_ct(f, 200, DEV0, true);
	fake_ct_how(f, 200, "deaf");
	before = fake_snapshot(f);
	vm_starts(f, 101);
	assert_string_equal(fake_pct_calls(f), "shutdown 200; stop 200");
	stop(f);
	assert_same(f, before, "stopped by force");
}

#define DETACH "hostname: a\n" DEV0 "memory: 512\n" "lxc.mount.entry: " RENDER " dev/dri/x none bind\n" "lxc.apparmor.profile: unconfined\n"

static void detached(void **state)
{
	_cleanup_fake_ struct fake *f = machine("[ct 200]\ncontainers = detach\n");
	_cleanup_free_ char *before = NULL, *conf = NULL;

	fake_ct(f, 200, DETACH, true);
	fake_ct_holder(f, 200, 4001, "player", "226:129", RENDER);
	before = fake_snapshot(f);
	vm_starts(f, 101);
	assert_true(fake_ct_runs(f, 200));
	assert_string_equal(fake_pct_calls(f), "shutdown 200; start 200");
	assert_int_equal(root_read(&f->root, "/etc/pve/lxc/200.conf", 4096, &conf, NULL), 0);
	assert_string_equal(conf, "arch: amd64\nhostname: a\nmemory: 512\nlxc.apparmor.profile: unconfined\nostype: debian\n");
	/* the lines are to be put back even after a power cut */
	assert_true(fake_exists(f, "/var/lib/gpupt/lease/101"));
	stop(f);
	assert_string_equal(fake_pct_calls(f), "shutdown 200; start 200; shutdown 200; start 200");
	assert_same(f, before, "detached");
}

/* `pct set 200 --delete dev0` while it runs: its next start, which is ours, does it. */
static void deleted_by_somebody(void **state)
{
	static const char *const lists[] = { "dev0", "memory, !dev0" };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		_cleanup_fake_ struct fake *f = machine("[ct 200]\ncontainers = detach\n");
		_cleanup_free_ char *meanwhile = NULL, *afterwards = NULL;

		fake_ct(f, 200, "", true);
		fake_putf(f, "/etc/pve/lxc/200.conf", "arch: amd64\n" DEV0 "dev1: /dev/dri/card1\n\n[pve:pending]\ndelete: %s\n", lists[i]);
		vm_starts(f, 101);
		assert_string_equal(fake_pct_calls(f), "shutdown 200; start 200");
		assert_int_equal(root_read(&f->root, "/etc/pve/lxc/200.conf", 4096, &meanwhile, NULL), 0);
		assert_true(strstr(meanwhile, DEV0) && !strstr(meanwhile, "dev1"));
		/* vmconfig_apply_pending() in PVE/LXC/Config.pm */
		fake_put(f, "/etc/pve/lxc/200.conf", "arch: amd64\n");
		stop(f);
		assert_int_equal(root_read(&f->root, "/etc/pve/lxc/200.conf", 4096, &afterwards, NULL), 0);
		assert_string_equal(afterwards, "arch: amd64\ndev1: /dev/dri/card1\n");
	}
}

/* Its lines, in its configuration or not. */
static bool has_lines(struct fake *f)
{
	_cleanup_free_ char *conf = NULL;

	assert_int_equal(root_read(&f->root, "/etc/pve/lxc/200.conf", 4096, &conf, NULL), 0);
	return strstr(conf, DEV0) && strstr(conf, "lxc.mount.entry: " RENDER);
}

/* The VM stops, and CT 200 stays as somebody wants it, with its lines. */
static void stays_stopped(struct fake *f)
{
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_stop(f, 101, &v);
	assert_int_equal(v.r, 0);
	assert_non_null(strstr(text_str(&v.complained), "CT 200 is 'stopped' by somebody else's doing, and is left so"));
	assert_true(has_lines(f));
	assert_false(fake_ct_runs(f, 200));
	assert_false(fake_exists(f, "/var/lib/gpupt/lease/101"));
}

/* Whoever stops it while it runs without the card wants it stopped; also if the VM is rebooted in between. */
static void detached_and_stopped_meanwhile(void **state)
{
	for (int reboot = 0; reboot < 2; reboot++) {
		_cleanup_fake_ struct fake *f = machine("[ct 200]\ncontainers = detach\n");

		fake_ct(f, 200, DETACH, true);
		vm_starts(f, 101);
		assert_int_equal(pct(f, "stop", 200), 0);
		if (reboot)
			vm_starts(f, 101);
		stays_stopped(f);
		assert_string_equal(fake_pct_calls(f), "shutdown 200; start 200; stop 200");
	}
}

static void detached_and_stopped_under_ha(void **state)
{
	_cleanup_fake_ struct fake *f = machine("[ct 200]\ncontainers = detach\n");

	fake_ct(f, 200, DETACH, true);
	fake_put(f, "/etc/pve/ha/resources.cfg", "ct: 200\n\tstate started\n\n");
	vm_starts(f, 101);
	assert_true(fake_ct_runs(f, 200));
	fake_put(f, "/etc/pve/ha/resources.cfg", "ct: 200\n\tstate stopped\n\n");
	fake_ct_set(f, 200, false);
	stays_stopped(f);
	assert_string_equal(fake_pct_calls(f), "stopped 200; started 200");
}

/* One that is being restarted is only on its way: whoever does that is waited for. */
static void detached_and_restarted(void **state)
{
	_cleanup_fake_ struct fake *f = machine("[ct 200]\ncontainers = detach\n");
	_cleanup_free_ char *before = NULL;
	pid_t pid;

	fake_ct(f, 200, DETACH, true);
	before = fake_snapshot(f);
	vm_starts(f, 101);
	fake_ct_set(f, 200, false);
	fake_put(f, "/var/lib/lxc/200/reboot", "");
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		sleep_ms(1000);
		fake_ct_set(f, 200, true);
		fake_remove(f, "/var/lib/lxc");
		_exit(0);
	}
	stop(f);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_string_equal(fake_pct_calls(f), "shutdown 200; start 200; shutdown 200; start 200");
	assert_same(f, before, "restarted meanwhile");
}

/* It could not be started without the card: that it does not run is nobody's wish. */
static int no_start_at_first(void *ctx, char *const argv[], struct exec_result *ret)
{
	struct fake *f = ctx;

	if (!str_eq(argv[0], "pct") || !str_eq(argv[1], "start") || fake_is_hidden(f, "tried"))
		return fake_exec(ctx, argv, ret);
	fake_hide(f, "tried", "1");
	*ret = (struct exec_result){ .status = 1 };
	return 0;
}

static void detached_and_not_started(void **state)
{
	_cleanup_fake_ struct fake *f = machine("[ct 200]\ncontainers = detach\n");
	_cleanup_free_ char *before = NULL;

	fake_ct(f, 200, DETACH, true);
	before = fake_snapshot(f);
	f->hooks.exec = no_start_at_first;
	vm_starts(f, 101);
	assert_false(fake_ct_runs(f, 200));
	stop(f);
	assert_same(f, before, "it needs its card to start");
}

/* A reboot of the VM keeps its lease, which was made where it ends with the boot; then there is a line on it. */
static void detached_at_a_reboot(void **state)
{
	_cleanup_fake_ struct fake *f = machine("");
	_cleanup_free_ char *before = NULL;

	fake_ct(f, 200, DETACH, false);
	fake_ct(f, 201, DETACH "dev1: /dev/dri/renderD130\n", true);
	before = fake_snapshot(f);
	vm_starts(f, 101);
	assert_true(fake_exists(f, "/run/gpupt/lease/101"));
	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\nhostpci0: 0000:01:00,pcie=1\nhostpci1: 0000:02:00,pcie=1\n");
	fake_put(f, "/etc/gpupt/gpupt.conf", "[ct 201]\ncontainers = detach\n");
	vm_starts(f, 101);
	assert_false(fake_exists(f, "/run/gpupt/lease/101"));
	assert_true(fake_exists(f, "/var/lib/gpupt/lease/101"));
	stop(f);
	assert_same(f, before, "a line on a lease that was made before");
}

/* A container that was restarted while the VM has the card is no reason to move the card. */
static void restarted_meanwhile(void **state)
{
	_cleanup_fake_ struct fake *f = machine("");
	_cleanup_vm_ struct vm_result v = { 0 };

	fake_ct(f, 200, DEV0, true);
	vm_starts(f, 101);
	fake_remove(f, "/dev/dri/renderD129");
	vm_start(f, 101, false, &v);
	assert_int_equal(v.r, 0);
	assert_null(strstr(text_str(&v.said), "back from"));
}

static void detached_without_quorum(void **state)
{
	_cleanup_fake_ struct fake *f = machine("[ct 200]\ncontainers = detach\n");
	_cleanup_free_ char *before = NULL;

	fake_ct(f, 200, DETACH, true);
	before = fake_snapshot(f);
	fake_quorum(f, false);
	refused(f, "configuration cannot be changed for it now");
	fake_quorum(f, true);
	assert_same(f, before, "no quorum");
}

static void managed_by_ha(void **state)
{
	_cleanup_fake_ struct fake *f = machine("[defaults]\ncontainers = shutdown\n");
	_cleanup_free_ char *before = NULL;

	fake_ct(f, 200, DEV0, true);
	fake_put(f, "/etc/pve/ha/resources.cfg", "ct: 200\n\tstate started\n\n");
	before = fake_snapshot(f);
	vm_starts(f, 101);
	assert_false(fake_ct_runs(f, 200));
	/* the request is in /etc/pve and outlives a power cut, so the record must, too */
	assert_true(fake_exists(f, "/var/lib/gpupt/lease/101"));
	stop(f);
	assert_string_equal(fake_pct_calls(f), "stopped 200; started 200");
	assert_same(f, before, "managed by HA");
}

/* The HA manager has recovered it on another node, which has no such card: what is requested of it is not ours to say any more. */
static void recovered_elsewhere(void **state)
{
	_cleanup_fake_ struct fake *f = machine("[defaults]\ncontainers = shutdown\n");
	_cleanup_vm_ struct vm_result v = { 0 };
	_cleanup_free_ char *ha = NULL;

	fake_ct(f, 200, DEV0, true);
	fake_put(f, "/etc/pve/ha/resources.cfg", "ct: 200\n\tstate started\n\n");
	vm_starts(f, 101);
	fake_remove(f, "/etc/pve/lxc/200.conf");
	fake_put(f, "/etc/pve/nodes/other/lxc/200.conf", "arch: amd64\n" DEV0 "ostype: debian\n");
	vm_stop(f, 101, &v);
	assert_int_equal(v.r, 0);
	assert_non_null(strstr(text_str(&v.complained), "CT 200 is on node other by now"));
	assert_non_null(strstr(text_str(&v.complained), "asks for 'stopped'"));
	assert_string_equal(fake_pct_calls(f), "stopped 200");
	assert_int_equal(root_read(&f->root, "/etc/pve/ha/resources.cfg", 4096, &ha, NULL), 0);
	assert_non_null(strstr(ha, "state stopped"));
	assert_false(fake_exists(f, "/var/lib/gpupt/lease/101"));
}

/* Somebody has taken it out of HA's hands: then it is pct that starts what we stopped. */
static void unmanaged_meanwhile(void **state)
{
	static const char *const resources[] = { "", "ct: 200\n\tstate ignored\n\n" };
	static const char *const confs[] = { "[defaults]\ncontainers = shutdown\n", "[defaults]\ncontainers = detach\n" };
	static const char *const calls[] = { "stopped 200; start 200", "stopped 200; started 200; shutdown 200; start 200" };

	for (size_t i = 0; i < 4; i++) {
		_cleanup_fake_ struct fake *f = machine(confs[i / 2]);
		_cleanup_free_ char *conf = NULL;

		fake_ct(f, 200, DEV0, true);
		fake_put(f, "/etc/pve/ha/resources.cfg", "ct: 200\n\tstate started\n\n");
		vm_starts(f, 101);
		fake_put(f, "/etc/pve/ha/resources.cfg", resources[i % 2]);
		stop(f);
		assert_string_equal(fake_pct_calls(f), calls[i / 2]);
		assert_true(fake_ct_runs(f, 200));
		assert_int_equal(root_read(&f->root, "/etc/pve/lxc/200.conf", 4096, &conf, NULL), 0);
		assert_non_null(strstr(conf, DEV0));
	}
}

/* --- meanwhile --- */

static void started_meanwhile(void **state)
{
	_cleanup_fake_ struct fake *f = machine("[defaults]\ncontainers = shutdown\n");

	fake_ct(f, 200, DEV0, true);
	fake_ct(f, 201, DEV0, false);
	vm_starts(f, 101);
	/* both find a node to start with; whoever started 200 wants it to run */
	assert_int_equal(pct(f, "start", 200), 0);
	assert_int_equal(pct(f, "start", 201), 0);
	stop(f);
	assert_true(fake_ct_runs(f, 200) && fake_ct_runs(f, 201));
	assert_string_equal(fake_pct_calls(f), "shutdown 200; start 200; start 201");
}

static void destroyed_meanwhile(void **state)
{
	_cleanup_fake_ struct fake *f = machine("[defaults]\ncontainers = shutdown\n");
	_cleanup_vm_ struct vm_result v = { 0 };

	fake_ct(f, 200, DEV0, true);
	vm_starts(f, 101);
	fake_remove(f, "/etc/pve/lxc/200.conf");
	vm_stop(f, 101, &v);
	assert_int_equal(v.r, 0);
	assert_non_null(strstr(text_str(&v.complained), "CT 200 does not exist any more"));
	assert_false(fake_exists(f, "/run/gpupt/lease/101"));
}

#define WHO	"hostname: media\nnet0: name=eth0,hwaddr=BC:24:11:00:00:01\nrootfs: local-lvm:vm-200-disk-0\n"
#define RENAMED "hostname: tv\nnet0: name=eth0,hwaddr=BC:24:11:00:00:01\nrootfs: local-lvm:vm-200-disk-0\n"
#define STRANGER "hostname: tv\nnet0: name=eth0,hwaddr=BC:24:11:00:00:07\nrootfs: local-lvm:vm-200-disk-0\n"

/* The VM stops; CT 200, which was stopped for it or lost its line, has this configuration by then. */
static void stop_with(struct fake *f, const char *lines, struct vm_result *v)
{
	fake_putf(f, "/etc/pve/lxc/200.conf", "arch: amd64\n%sostype: debian\n", lines);
	vm_stop(f, 101, v);
	assert_int_equal(v->r, 0);
	assert_false(fake_exists(f, "/run/gpupt/lease/101") || fake_exists(f, "/var/lib/gpupt/lease/101"));
}

/* Its id is another container's: nothing of that one is changed, nor is it started. */
static void made_anew_meanwhile(void **state)
{
	static const char *const confs[] = { "[defaults]\ncontainers = shutdown\n", "[defaults]\ncontainers = detach\n" };

	for (size_t i = 0; i < ARRAY_SIZE(confs); i++) {
		_cleanup_fake_ struct fake *f = machine(confs[i]);
		_cleanup_vm_ struct vm_result v = { 0 };
		_cleanup_free_ char *conf = NULL;

		fake_ct(f, 200, DEV0 WHO, true);
		vm_starts(f, 101);
		if (fake_ct_runs(f, 200))
			assert_int_equal(pct(f, "stop", 200), 0);
		fake_hide(f, "pct-calls", "");
		stop_with(f, STRANGER, &v);
		assert_non_null(strstr(text_str(&v.complained), "CT 200 is another container by now"));
		assert_string_equal(fake_pct_calls(f), "");
		assert_int_equal(root_read(&f->root, "/etc/pve/lxc/200.conf", 4096, &conf, NULL), 0);
		assert_string_equal(conf, "arch: amd64\n" STRANGER "ostype: debian\n");
		assert_true(i == 0 || strstr(text_str(&v.complained), "this line had been taken out of a configuration: '" DEV0_TEXT "'"));
	}
}

/* The same for the state that the HA manager is asked for. */
static void made_anew_under_ha(void **state)
{
	_cleanup_fake_ struct fake *f = machine("[defaults]\ncontainers = shutdown\n");
	_cleanup_vm_ struct vm_result v = { 0 };

	fake_ct(f, 200, DEV0 WHO, true);
	fake_put(f, "/etc/pve/ha/resources.cfg", "ct: 200\n\tstate started\n\n");
	vm_starts(f, 101);
	stop_with(f, STRANGER, &v);
	assert_non_null(strstr(text_str(&v.complained), "CT 200 is another container by now"));
	assert_string_equal(fake_pct_calls(f), "stopped 200");
}

/* Each field from these words on. */
static void cut_out(char *text, const char *words)
{
	assert_non_null(strstr(text, words));
	for (char *p = text; (p = strstr(p, words));)
		memmove(p, p + strcspn(p, " "), strlen(p + strcspn(p, " ")) + 1);
}

/* One that was renamed is no stranger; and of a record from before nobody knows. */
static void still_the_same(void **state)
{
	for (int old = 0; old < 2; old++) {
		_cleanup_fake_ struct fake *f = machine("[defaults]\ncontainers = detach\n");
		_cleanup_vm_ struct vm_result v = { 0 };
		_cleanup_free_ char *conf = NULL, *lease = NULL;

		fake_ct(f, 200, DEV0 WHO, true);
		vm_starts(f, 101);
		assert_int_equal(root_read(&f->root, "/var/lib/gpupt/lease/101", 1 << 20, &lease, NULL), 0);
		if (old) {
			cut_out(lease, "%20id=");
			cut_out(lease, ",id=");
		}
		fake_put(f, "/var/lib/gpupt/lease/101", lease);
		stop_with(f, old ? STRANGER : RENAMED, &v);
		assert_string_equal(text_str(&v.complained), "");
		assert_true(fake_ct_runs(f, 200));
		assert_int_equal(root_read(&f->root, "/etc/pve/lxc/200.conf", 4096, &conf, NULL), 0);
		assert_non_null(strstr(conf, DEV0_TEXT));
	}
}

static void locked_meanwhile(void **state)
{
	_cleanup_fake_ struct fake *f = machine("[defaults]\ncontainers = shutdown\n");
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 };
	_cleanup_free_ char *before = NULL;

	fake_ct(f, 200, DEV0, true);
	before = fake_snapshot(f);
	vm_starts(f, 101);
	fake_put(f, "/etc/pve/lxc/200.conf", "lock: backup\narch: amd64\n" DEV0 "ostype: debian\n");
	vm_stop(f, 101, &v);
	assert_int_equal(v.r, 0);
	assert_non_null(strstr(text_str(&v.complained), "CT is locked (backup)"));
	/* on record until it is not */
	assert_true(fake_exists(f, "/run/gpupt/lease/101"));
	fake_put(f, "/etc/pve/lxc/200.conf", "arch: amd64\n" DEV0 "ostype: debian\n");
	vm_late(f, 101, &w);
	assert_int_equal(w.r, 0);
	assert_same(f, before, "locked for a while");
}

/* Of containers that should run: their start failed because the card was away. */
static void failed_at_boot(void **state)
{
	_cleanup_fake_ struct fake *f = machine("");

	fake_put(f, "/proc/stat", "cpu 1 2 3\nbtime 1700000000\n");
	fake_ct(f, 200, DEV0 "onboot: 1\n", false);
	fake_ct(f, 201, DEV0, false);
	fake_ct(f, 202, DEV0 "onboot: 1\n", false);
	fake_ct(f, 203, DEV0 "onboot: 1\n", false);
	fake_put(f, "/var/log/pve/tasks/active",
		 "UPID:host:00001000:00002000:6553F200:vzstart:200:root@pam: 1 6553F201 Device " RENDER " does not exist\n"
		 "UPID:host:00001001:00002001:6553F201:vzstart:201:root@pam: 1 6553F202 Device " RENDER " does not exist\n"
		 "UPID:host:00001002:00002002:6553F202:vzstart:202:root@pam: 1 6553F203 Device /dev/kvm does not exist\n"
		 "UPID:host:00001003:00002003:6553F0FF:vzstart:203:root@pam: 1 6553F0FF Device " RENDER " does not exist\n");
	vm_starts(f, 101);
	stop(f);
	assert_string_equal(fake_pct_calls(f), "start 200");
	assert_true(fake_ct_runs(f, 200));
}

/* The HA manager gives up after a few tries: what takes the container out of that state is told, and is nobody's but a person's. */
static void failed_at_boot_under_ha(void **state)
{
	static const char *const states[] = { "started", "stopped" };

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		_cleanup_fake_ struct fake *f = machine("");
		_cleanup_vm_ struct vm_result v = { 0 };

		fake_put(f, "/proc/stat", "cpu 1 2 3\nbtime 1700000000\n");
		fake_ct(f, 200, DEV0, false);
		fake_putf(f, "/etc/pve/ha/resources.cfg", "ct: 200\n\tstate %s\n\n", states[i]);
		fake_put(f, "/var/log/pve/tasks/active",
			 "UPID:host:00001000:00002000:6553F200:vzstart:200:root@pam: 1 6553F201 Device " RENDER " does not exist\n");
		vm_starts(f, 101);
		vm_stop(f, 101, &v);
		assert_int_equal(v.r, 0);
		assert_string_equal(fake_pct_calls(f), "");
		if (i == 0)
			assert_non_null(strstr(text_str(&v.complained), "ha-manager set ct:200 --state disabled; then ha-manager set ct:200 --state started"));
		else
			assert_string_equal(text_str(&v.complained), "");
	}
}

#define MOUNT "lxc.mount.entry: " RENDER " dev/dri/renderD129 none bind,create=file"

/* For want of what a raw line mounts LXC fails, and Proxmox VE says no more than that. */
static void failed_at_boot_by_a_raw_line(void **state)
{
	_cleanup_fake_ struct fake *f = machine("");

	fake_put(f, "/proc/stat", "cpu 1 2 3\nbtime 1700000000\n");
	fake_ct(f, 200, MOUNT "\nonboot: 1\n", false);
	fake_ct(f, 201, MOUNT ",optional\nonboot: 1\n", false);
	fake_ct(f, 202, DEV0 "onboot: 1\n", false);
	fake_ct(f, 203, MOUNT "\nonboot: 1\n", false);
	fake_put(f, "/var/log/pve/tasks/active",
		 "UPID:host:00001000:00002000:6553F200:vzstart:200:root@pam: 1 6553F201 startup for container '200' failed\n"
		 "UPID:host:00001001:00002001:6553F201:vzstart:201:root@pam: 1 6553F202 startup for container '201' failed\n"
		 "UPID:host:00001002:00002002:6553F202:vzstart:202:root@pam: 1 6553F203 startup for container '202' failed\n"
		 "UPID:host:00001003:00002003:6553F203:vzstart:203:root@pam: 1 6553F204 volume 'x' does not exist\n");
	vm_starts(f, 101);
	stop(f);
	assert_string_equal(fake_pct_calls(f), "start 200");
}

/* --- after-stop = keep --- */

static int home(struct fake *f, unsigned int vmid, struct text *said)
{
	_cleanup_settings_ struct settings s = { 0 };
	_cleanup_config_ struct config cfg = { 0 };
	struct err e = { "" };
	struct report report;
	struct homecoming h;

	assert_int_equal(settings_load(&f->root, &s, &e), 0);
	assert_int_equal(config_load(&f->root, GUEST_CT, vmid, &cfg, &e), 0);
	report = fake_report(said);
	h = (struct homecoming){ .root = &f->root, .settings = &s, .report = &report, .ct = &cfg };
	return homecoming_run(&h, &e);
}

#define KEEP "[gpu 01:00]\nafter-stop = keep\n"

/* Containers come back although the card does not: placeholders let them start without it, as often as anybody likes. */
static void kept_away(void **state)
{
	static const char *const confs[] = { KEEP "containers = shutdown\n", KEEP "containers = detach\n", KEEP };

	for (size_t i = 0; i < ARRAY_SIZE(confs); i++) {
		_cleanup_fake_ struct fake *f = machine(confs[i]);
		_cleanup_vm_ struct vm_result v = { 0 };

		fake_ct(f, 200, DETACH, true);
		vm_starts(f, 101);
		vm_stop(f, 101, &v);
		assert_int_equal(v.r, 0);
		assert_string_equal(fake_get(f, "/sys/bus/pci/devices/" CARD "/driver_override"), "(null)");
		assert_true(fake_ct_runs(f, 200) && has_lines(f));
		assert_true(placeholder(f));
		assert_string_equal(vm_leftovers(f), "");
		assert_int_equal(pct(f, "stop", 200), 0);
		assert_int_equal(pct(f, "start", 200), 0);
		fake_hide(f, "pct-calls", "");
		vm_starts(f, 101);
		stop(f);
		assert_string_equal(fake_pct_calls(f), "");
		assert_true(placeholder(f));
	}
}

/* When it comes home after all, its drivers' nodes have their places: by a VM's stop, or for a container. */
static void kept_and_home_again(void **state)
{
	for (int hook = 0; hook < 2; hook++) {
		_cleanup_fake_ struct fake *f = machine(KEEP "containers = shutdown\n");
		_cleanup_text_ struct text said = { 0 };
		char driver[64] = "";

		fake_ct(f, 200, DEV0, true);
		vm_starts(f, 101);
		stop(f);
		assert_true(placeholder(f));
		fake_put(f, "/etc/gpupt/gpupt.conf", "");
		if (hook) {
			assert_int_equal(home(f, 200, &said), 0);
			assert_non_null(strstr(text_str(&said), "it is home for CT 200"));
		} else {
			vm_starts(f, 101);
			assert_true(placeholder(f));
			stop(f);
		}
		assert_false(placeholder(f));
		root_readlink_base(&f->root, "/sys/bus/pci/devices/" CARD "/driver", driver, sizeof(driver));
		assert_string_equal(driver, "radeon");
		assert_string_equal(vm_leftovers(f), "");
	}
}

/* What is in a placeholder's place by then is none: another's node, or a link. */
static void kept_and_replaced(void **state)
{
	_cleanup_fake_ struct fake *f = machine(KEEP);
	char full[PATH_MAX];
	struct stat st;

	fake_ct(f, 200, DEV0, true);
	vm_starts(f, 101);
	stop(f);
	fake_remove(f, RENDER);
	fake_link(f, RENDER, "null");
	fake_put(f, "/etc/gpupt/gpupt.conf", "");
	vm_starts(f, 101);
	stop(f);
	assert_int_equal(lstat(fake_path(f, full, RENDER), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

/* --- cut off and refused at every call --- */

static struct fake *shared_machine(void)
{
	struct fake *f = machine("[defaults]\ncontainers = shutdown\nshutdown-timeout = 1\n[ct 201]\ncontainers = hot\n"
				 "[ct 204]\ncontainers = detach\n");

	fake_ct(f, 204, DETACH, true);
	fake_ct(f, 200, DEV0, true);
	fake_ct(f, 201, "dev0: /dev/dri/card1\n" TWIN_DEV0, true);
	fake_ct(f, 202, "dev0: /dev/dri/card1\n", true);
	fake_ct(f, 203, DEV0, false);
	return f;
}

/* The calls of a walk that is killed before or after each; there are more than so many. */
static unsigned int killed(bool returning, unsigned int more_than, const char *what)
{
	struct cut c = { .make = shared_machine, .vmid = 101, .returning = returning, .what = what };
	unsigned int before = cut_killed(&c, FAKE_KILL_BEFORE), after = cut_killed(&c, FAKE_KILL_AFTER);

	assert_true(before > more_than && after > more_than);
	return before + after;
}

static void killed_on_the_way(void **state)
{
	fake_tally("crash-points", killed(false, 40, "hand-over with containers killed"), "crash points of a hand-over with containers");
}

static void killed_on_the_way_back(void **state)
{
	fake_tally("crash-points", killed(true, 20, "return with containers killed"), "crash points of a return with containers");
}

static void calls_fail(void **state)
{
	static const enum fake_fault faults[] = { FAKE_ERROR_BEFORE, FAKE_ERROR_AFTER };
	struct cut c = { .make = shared_machine, .vmid = 101, .what = "a call fails, with containers" };
	unsigned int failed = 0, calls = 0;

	for (size_t i = 0; i < 2 * ARRAY_SIZE(faults); i++) {
		c.returning = i % 2;
		/* containers come back a little later, so nothing is expected at once */
		calls += cut_failing(&c, faults[i / 2], false, &failed);
	}
	assert_true(failed > 5 / FAKE_EVERY);
	fake_tally("faults", calls, "calls of a hand-over with containers that fail (%u of them fail it)", failed);
}

/* --- a container's own hook --- */

static void comes_home_for_a_container(void **state)
{
	_cleanup_fake_ struct fake *f = machine("");
	_cleanup_text_ struct text running = { 0 }, dead = { 0 }, again = { 0 };
	_cleanup_free_ char *before = NULL;

	fake_ct(f, 200, DEV0, false);
	fake_ct(f, 201, TWIN_DEV0, false);
	before = fake_snapshot(f);
	vm_starts(f, 101);
	fake_vm_runs(f, 101, 7001);
	assert_int_equal(home(f, 200, &running), 0);
	assert_non_null(strstr(text_str(&running), "CT 200 starts without 0000:01:00.0: VM 101 has it"));
	fake_vm_ends(f, 101);
	/* the twin's container has nothing to do with it */
	assert_int_equal(home(f, 201, &again), 0);
	assert_string_equal(text_str(&again), "");
	assert_int_equal(home(f, 200, &dead), 0);
	assert_non_null(strstr(text_str(&dead), "0000:01:00.0: back from VM 101"));
	assert_same(f, before, "a dead lease");
}

static void strays_come_home(void **state)
{
	_cleanup_fake_ struct fake *f = machine("");
	_cleanup_text_ struct text kept = { 0 }, home_again = { 0 };
	_cleanup_free_ char *before = NULL;

	fake_ct(f, 200, DEV0, false);
	before = fake_snapshot(f);
	/* a hand-over teaches whose the node is; then somebody moves the card by hand */
	vm_starts(f, 101);
	stop(f);
	fake_detach(f, CARD);
	fake_attach(f, CARD, "vfio-pci");
	fake_put(f, "/etc/gpupt/gpupt.conf", "[gpu 01:00]\nafter-stop = keep\n");
	assert_int_equal(home(f, 200, &kept), 0);
	assert_non_null(strstr(text_str(&kept), "after-stop = keep"));
	fake_put(f, "/etc/gpupt/gpupt.conf", "");
	assert_int_equal(home(f, 200, &home_again), 0);
	assert_non_null(strstr(text_str(&home_again), "it is home for CT 200"));
	assert_same(f, before, "a stray");
	assert_string_equal(vm_leftovers(f), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hot),
		cmocka_unit_test(hot_and_busy),
		cmocka_unit_test(what_would_permit_it),
		cmocka_unit_test(shut_down),
		cmocka_unit_test(side_by_side),
		cmocka_unit_test(back_side_by_side),
		cmocka_unit_test(does_not_shut_down),
		cmocka_unit_test(stopped_by_force),
		cmocka_unit_test(detached),
		cmocka_unit_test(deleted_by_somebody),
		cmocka_unit_test(detached_and_stopped_meanwhile),
		cmocka_unit_test(detached_and_stopped_under_ha),
		cmocka_unit_test(detached_and_restarted),
		cmocka_unit_test(detached_and_not_started),
		cmocka_unit_test(detached_at_a_reboot),
		cmocka_unit_test(restarted_meanwhile),
		cmocka_unit_test(detached_without_quorum),
		cmocka_unit_test(managed_by_ha),
		cmocka_unit_test(unmanaged_meanwhile),
		cmocka_unit_test(recovered_elsewhere),
		cmocka_unit_test(started_meanwhile),
		cmocka_unit_test(destroyed_meanwhile),
		cmocka_unit_test(made_anew_meanwhile),
		cmocka_unit_test(made_anew_under_ha),
		cmocka_unit_test(still_the_same),
		cmocka_unit_test(locked_meanwhile),
		cmocka_unit_test(failed_at_boot),
		cmocka_unit_test(failed_at_boot_by_a_raw_line),
		cmocka_unit_test(failed_at_boot_under_ha),
		cmocka_unit_test(kept_away),
		cmocka_unit_test(kept_and_home_again),
		cmocka_unit_test(kept_and_replaced),
		cmocka_unit_test(killed_on_the_way),
		cmocka_unit_test(killed_on_the_way_back),
		cmocka_unit_test(calls_fail),
		cmocka_unit_test(comes_home_for_a_container),
		cmocka_unit_test(strays_come_home),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
