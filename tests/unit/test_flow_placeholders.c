/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Placeholders of cards that are away, while another card comes home and takes names and numbers for its own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/fake/ct.h"
#include "tests/fake/expect.h"
#include "tests/fake/inside.h"

#define RENDER	   "/dev/dri/renderD129" /* card A's, at 01:00 */
#define TWIN	   "0000:02:00.0"
#define TWIN_AUDIO "0000:02:00.1"
#define DEV0	   "dev0: " RENDER ",gid=104\n"

static struct fake *machine(const char *conf)
{
	struct fake *f = fake_machine();

	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\nhostpci0: 0000:01:00,pcie=1\n");
	fake_put(f, "/etc/pve/qemu-server/102.conf", "machine: q35\nhostpci0: 0000:02:00,pcie=1\n");
	fake_put(f, "/etc/gpupt/gpupt.conf", conf);
	return f;
}

static void stop(struct fake *f, unsigned int vmid)
{
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_stop(f, vmid, &v);
	if (v.r != 0 || !undo_complete(&v.undo) || v.undo.foreign || v.complained.len)
		fail_msg("VM %u does not give back: %s\n%s", vmid, v.e.text, text_str(&v.complained));
}

static bool placeholder(struct fake *f, const char *path)
{
	char full[PATH_MAX];
	struct stat st;

	return lstat(fake_path(f, full, path), &st) == 0 && S_ISCHR(st.st_mode);
}

/* The node of card A's sound, as devtmpfs has it: "/dev/snd/controlC3", number 116:96. */
static void sound_node(struct fake *f, const char *bdf, bool there, char path[static PATH_MAX], char number[static 24])
{
	unsigned int minor;

	snprintf(number, 24, "%s", fake_dev(f, bdf, "sound"));
	assert_int_equal(sscanf(number, "116:%u", &minor), 1);
	path_f(path, "/dev/snd/controlC%u", minor / 32);
	fake_node_set(f, number, path, there);
}

/* Was A's placeholder there when a driver of the host's was asked to take a function of the other card? */
static struct watched {
	char path[PATH_MAX];
	unsigned int probes, in_the_way;
} *watched; /* shared: a child makes the write */

static int watch_probe(void *ctx, const char *path, const char *value)
{
	struct fake *f = ctx;
	char override[PATH_MAX];

	if (str_eq(path, "/sys/bus/pci/drivers_probe") && str_starts(value, "0000:02:00.") &&
	    strcmp(fake_get(f, path_f(override, "/sys/bus/pci/devices/%.12s/driver_override", value)), "vfio-pci") != 0) {
		watched->probes++;
		watched->in_the_way += placeholder(f, watched->path);
	}
	return fake_write(ctx, path, value);
}

static void names_are_free_for_a_driver(void **state)
{
	/* the second: the way back of a start that fails */
	for (int fails = 0; fails < 2; fails++) {
		_cleanup_fake_ struct fake *f = machine("");
		char line[PATH_MAX], number[24];

		sound_node(f, "0000:01:00.1", true, watched->path, number);
		fake_ct(f, 200, path_f(line, "dev0: %s\n", watched->path), false);
		vm_starts(f, 101);
		fake_node_set(f, number, watched->path, false);
		assert_true(placeholder(f, watched->path));
		watched->probes = watched->in_the_way = 0;
		if (fails) {
			_cleanup_vm_ struct vm_result v = { 0 };

			fake_refuse_bind(f, TWIN_AUDIO, "vfio-pci");
			f->hooks.write = watch_probe;
			vm_start(f, 102, false, &v);
			assert_true(v.r < 0);
		} else {
			vm_starts(f, 102);
			f->hooks.write = watch_probe;
			stop(f, 102);
		}
		f->hooks.write = fake_write;
		assert_true(watched->probes > 0);
		assert_int_equal(watched->in_the_way, 0);
		/* nobody has taken its place */
		assert_true(placeholder(f, watched->path));
		stop(f, 101);
		assert_false(placeholder(f, watched->path));
	}
}

/* Container 200 runs and has the card's render node, of its own. */
static void running_with_a_node(struct fake *f, const char *lines, struct proc_id *ret_init)
{
	_cleanup_free_ char *stat = NULL;
	char path[PATH_MAX];

	fake_ct(f, 200, lines, true);
	fake_inside(f, true, ret_init);
	assert_int_equal(root_read(&f->proc, path_f(path, "/proc/%d/stat", (int)ret_init->pid), 4096, &stat, NULL), 0);
	fake_put(f, path, stat);
	fake_putf(f, path_f(path, "/proc/%d/status", (int)ret_init->pid), "NSpid:\t%d\t1\n", (int)ret_init->pid);
	fake_putf(f, "/sys/fs/cgroup/lxc/200/ns/init.scope/cgroup.procs", "%d\n", (int)ret_init->pid);
	fake_node(f, ret_init->pid, RENDER, "226:129", 0660);
}

/* Would a start of VM 102 do anything about container 200? */
static bool concerned(struct fake *f)
{
	_cleanup_vm_ struct vm_result v = { 0 };
	_cleanup_text_ struct text t = { 0 };

	vm_start(f, 102, true, &v);
	assert_int_equal(v.r, 0);
	plan_format(&v.plan, &t);
	return strstr(text_str(&t), "lxc/200") != NULL;
}

/* The twin comes home first and gets the numbers of the card that is away. Whoever waits for that one is none of the twin's. */
static void twin_gets_the_number(void **state)
{
	_cleanup_fake_ struct fake *f = machine("");
	char now[PATH_MAX];
	struct proc_id init;

	running_with_a_node(f, DEV0, &init);
	vm_starts(f, 101);
	vm_starts(f, 102);
	assert_true(placeholder(f, RENDER));
	assert_string_equal(fake_lxc_calls(f), "");
	stop(f, 102);
	assert_true(fake_exists(f, path_f(now, "/sys/bus/pci/devices/" TWIN "/drm/renderD129")));
	assert_false(placeholder(f, RENDER));
	assert_string_equal(fake_lxc_calls(f), "200 devices.deny c 226:129 rw;");
	assert_false(concerned(f));
	fake_put(f, "/etc/gpupt/gpupt.conf", "[ct 200]\ncontainers = shutdown\n");
	assert_false(concerned(f));
	/* its own card is back, by another number */
	stop(f, 101);
	assert_string_equal(fake_node_get(f, init.pid, RENDER), "226:130 0660");
	assert_non_null(strstr(fake_lxc_calls(f), "200 devices.allow c 226:130 rw;"));
	assert_string_equal(vm_leftovers(f), "");
}

/* One that has both keeps what is its own. */
static void container_of_both(void **state)
{
	_cleanup_fake_ struct fake *f = machine("");
	struct proc_id init;

	running_with_a_node(f, DEV0 "dev1: /dev/dri/renderD130\n", &init);
	fake_node(f, init.pid, "/dev/dri/renderD130", "226:130", 0660);
	vm_starts(f, 101);
	vm_starts(f, 102);
	stop(f, 102);
	assert_string_equal(fake_node_get(f, init.pid, "/dev/dri/renderD130"), "226:129 0660");
	assert_null(strstr(fake_lxc_calls(f), "devices.deny c 226:129"));
	stop(f, 101);
	assert_string_equal(fake_node_get(f, init.pid, RENDER), "226:130 0660");
}

/* It was started again, by a name that is the twin's now: it has the twin. */
static void started_again(void **state)
{
	_cleanup_fake_ struct fake *f = machine("");
	struct proc_id init;

	running_with_a_node(f, DEV0, &init);
	vm_starts(f, 101);
	vm_starts(f, 102);
	stop(f, 102);
	fake_put(f, "/sys/fs/cgroup/lxc/200/ns/init.scope/cgroup.procs", "");
	fake_put(f, "/etc/gpupt/gpupt.conf", "[ct 200]\ncontainers = shutdown\n");
	assert_true(concerned(f));
}

/* udev removes its link a little later than devtmpfs the node; in the place of one that stays nothing is made, and that is told. */
static void links_go_later(void **state)
{
	static const char by_path[] = "/dev/dri/by-path/pci-0000:01:00.0-render";

	for (int stays = 0; stays < 2; stays++) {
		_cleanup_fake_ struct fake *f = machine("");
		_cleanup_vm_ struct vm_result v = { 0 };
		char line[PATH_MAX];
		pid_t udev;

		fake_link(f, by_path, "../renderD129");
		fake_node_set(f, "226:129", by_path, true);
		fake_ct(f, 200, path_f(line, "dev0: %s,gid=104\n", by_path), false);
		udev = fork();
		assert_true(udev >= 0);
		if (udev == 0) {
			while (!stays && fake_exists(f, "/sys/bus/pci/devices/0000:01:00.0/drm"))
				sleep_ms(10);
			sleep_ms(300);
			if (!stays)
				fake_remove(f, by_path);
			_exit(0);
		}
		vm_start(f, 101, false, &v);
		assert_int_equal(waitpid(udev, NULL, 0), udev);
		assert_int_equal(v.r, 0);
		assert_int_equal(placeholder(f, by_path), !stays);
		assert_int_equal(strstr(text_str(&v.complained), "CT 200 could not be started without it, and no placeholder") != NULL, stays);
	}
}

/* The node goes with its driver, whatever became of what stands for it in the tree. */
static int node_goes(void *ctx, const char *path, const char *value)
{
	int k = fake_write(ctx, path, value);

	if (k == 0 && str_eq(path, "/sys/bus/pci/drivers/radeon/unbind"))
		fake_remove(ctx, RENDER);
	return k;
}

/* The placeholder is whose the node was: a container has it mounted. */
static void owner_and_mode(void **state)
{
	_cleanup_fake_ struct fake *f = machine("");
	char full[PATH_MAX];
	struct stat st;

	fake_mkdir(f, "/dev/dri");
	assert_int_equal(mknod(fake_path(f, full, RENDER), S_IFCHR, makedev(226, 129)), 0);
	assert_int_equal(chmod(full, 0642), 0);
	assert_int_equal(chown(full, 7, 104), 0);
	fake_ct(f, 200, "lxc.mount.entry: " RENDER " dev/dri/renderD129 none bind,create=file\n", false);
	f->hooks.write = node_goes;
	vm_starts(f, 101);
	assert_int_equal(lstat(full, &st), 0);
	assert_true(S_ISCHR(st.st_mode) && st.st_rdev == makedev(226, 129));
	assert_true((st.st_mode & 07777) == 0642 && st.st_uid == 7 && st.st_gid == 104);
	/* somebody else's owner makes it no other node */
	assert_int_equal(chown(full, 8, 0), 0);
	stop(f, 101);
	assert_false(placeholder(f, RENDER));
}

/* A container that was started while the card was away has the placeholder mounted, and gets the node when that is gone. */
static void mounted_meanwhile(void **state)
{
	static const char line[] = "lxc.mount.entry: " RENDER " dev/dri/renderD129 none bind,create=file\n";

	for (int keep = 0; keep < 2; keep++) {
		_cleanup_fake_ struct fake *f = machine(keep ? "[gpu 01:00]\nafter-stop = keep\n" : "");
		struct proc_id init;

		fake_ct(f, 200, line, false);
		vm_starts(f, 101);
		fake_hide(f, "drm-from", "10");
		running_with_a_node(f, line, &init);
		fake_put(f, "/dev/dri/renderD138", ""); /* as devtmpfs will make it */
		stop(f, 101);
		if (!keep)
			assert_true(str_starts(fake_node_get(f, init.pid, RENDER), "226:138 "));
		else
			assert_string_equal(fake_node_get(f, init.pid, RENDER), "226:129 0660");
		assert_string_equal(vm_leftovers(f), "");
	}
}

static ino_t directory(struct fake *f)
{
	char full[PATH_MAX];
	struct stat st;

	assert_int_equal(stat(fake_path(f, full, "/dev/dri"), &st), 0);
	return st.st_ino;
}

/* A container that has all of /dev/dri mounted finds it there, and its directory is the one that the nodes come back to. */
static void whole_directory(void **state)
{
	static const char *const confs[] = { "", "[gpu 01:00]\nafter-stop = keep\n" };

	for (size_t i = 0; i < ARRAY_SIZE(confs); i++) {
		_cleanup_fake_ struct fake *f = machine(confs[i]);
		ino_t away;

		fake_mkdir(f, "/dev/dri");
		fake_ct(f, 200, "lxc.mount.entry: /dev/dri dev/dri none bind,create=dir\n", false);
		vm_starts(f, 101);
		assert_true(placeholder(f, "/dev/dri/card1"));
		away = directory(f);
		stop(f, 101);
		assert_int_equal(directory(f), away);
		assert_int_equal(placeholder(f, "/dev/dri/card1"), i);
		/* kept, and taken home later by what is remembered of it */
		fake_put(f, "/etc/gpupt/gpupt.conf", "");
		vm_starts(f, 101);
		stop(f, 101);
		assert_int_equal(directory(f), away);
		assert_false(placeholder(f, "/dev/dri/card1"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_free_for_a_driver),
		cmocka_unit_test(twin_gets_the_number),
		cmocka_unit_test(container_of_both),
		cmocka_unit_test(started_again),
		cmocka_unit_test(links_go_later),
		cmocka_unit_test(owner_and_mode),
		cmocka_unit_test(mounted_meanwhile),
		cmocka_unit_test(whole_directory),
	};

	watched = mmap(NULL, sizeof(*watched), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (watched == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
