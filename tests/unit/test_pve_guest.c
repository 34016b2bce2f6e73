/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pve_tree.h"

#include <errno.h>
#include <sys/file.h>

#include "pve/cmdline.h"
#include "pve/guest.h"
#include "pve/lock.h"
#include "pve/use.h"

static void test_list(void **state)
{
	static const char *const names[] = { "1000.conf", "101.conf",	    "99.conf",
					     "0102.conf", "103.conf.tmp.1", "x.conf",
					     ".conf",	  "999999999.conf", "1000000000.conf" };
	_cleanup_tree_ struct tree t;
	_cleanup_guest_list_ struct guest_list l = { 0 };
	struct guest_list none;
	char path[PATH_MAX];

	tree_new(&t);
	assert_int_equal(guest_list(&t.root, GUEST_VM, &none, NULL), 0); /* no Proxmox VE here */
	assert_int_equal(none.n, 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		tree_put(&t, path_f(path, "/etc/pve/nodes/n/qemu-server/%s", names[i]), "");
	tree_link(&t, "/etc/pve/qemu-server", "nodes/n/qemu-server");
	tree_put(&t, "/etc/pve/lxc/200.conf", "");
	assert_int_equal(guest_list(&t.root, GUEST_VM, &l, NULL), 0);
	assert_int_equal(l.n, 3);
	assert_int_equal(l.v[0], 101);
	assert_int_equal(l.v[1], 1000);
	assert_int_equal(l.v[2], 999999999);
	assert_int_equal(guest_kind(&t.root, 101), GUEST_VM);
	assert_int_equal(guest_kind(&t.root, 200), GUEST_CT);
	assert_int_equal(guest_kind(&t.root, 102), GUEST_NONE);
}

static void test_vm_running(void **state)
{
	static const char *const no_pids[] = {
		"", "\n", "x\n", "4242 \n", "-1\n", "0\n", "99999999999999999999\n"
	};
	_cleanup_tree_ struct tree t;
	pid_t pid = -1;

	tree_new(&t);
	assert_int_equal(guest_running(&t.root, GUEST_VM, 101, &pid), 0);
	tree_put_qemu(&t, 101, 4242);
	assert_int_equal(guest_running(&t.root, GUEST_VM, 101, &pid), 1);
	assert_int_equal(pid, 4242);
	assert_int_equal(guest_running(&t.root, GUEST_VM, 101, NULL), 1);
	/* the pid was given to another VM's QEMU, to another program, to a process that has ended */
	tree_put(&t, "/run/qemu-server/102.pid", "4242\n");
	assert_int_equal(guest_running(&t.root, GUEST_VM, 102, NULL), 0);
	tree_put_bytes(&t, "/proc/4242/cmdline",
		       "/bin/sh\0-id\0"
		       "101",
		       16);
	assert_int_equal(guest_running(&t.root, GUEST_VM, 101, NULL), 0);
	tree_put(&t, "/proc/4242/cmdline", "");
	assert_int_equal(guest_running(&t.root, GUEST_VM, 101, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(no_pids); i++) {
		tree_put(&t, "/run/qemu-server/101.pid", no_pids[i]);
		assert_int_equal(guest_running(&t.root, GUEST_VM, 101, NULL), 0);
	}
}

static void test_cmdline_is_vm(void **state)
{
	static const struct {
		const char *args; /* '|' for NUL */
		bool is;
	} rows[] = {
		{ "/usr/bin/kvm|-id|101|", true },
		{ "kvm|--id|101|", true },
		{ "/usr/bin/qemu-system-x86_64|-pidfile|/var/run/qemu-server/101.pid|", true },
		{ "qemu-system-aarch64|-pidfile|/run/qemu-server/101.pid|", true },
		{ "/usr/bin/kvm|-id|1011|", false },
		{ "/usr/bin/kvm|-name|101|", false },
		{ "/usr/bin/kvm|-id|-x|101|", false },
		{ "/usr/bin/kvm|-id|", false },
		{ "/usr/bin/kvm|101|-id|", false },
		{ "/usr/bin/kvm-helper|-id|101|", false },
		{ "qemu-|-id|101|", false },
		{ "vim|-id|101|", false },
		{ "/usr/bin/kvm|-id|101", false }, /* cut */
		{ "|-id|101|", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char args[128];
		size_t n = strlen(rows[i].args);

		for (size_t j = 0; j < n; j++)
			args[j] = rows[i].args[j] == '|' ? '\0' : rows[i].args[j];
		if (cmdline_is_vm(args, n, 101) != rows[i].is)
			fail_msg("%s", rows[i].args);
	}
	assert_false(cmdline_is_vm("", 0, 101));
}

static void test_ct_running(void **state)
{
	_cleanup_tree_ struct tree t;

	tree_new(&t);
	assert_int_equal(guest_running(&t.root, GUEST_CT, 200, NULL), 0);
	tree_put(&t, "/proc/net/unix",
		 "Num       RefCount Protocol Flags    Type St Inode Path\n"
		 "0000000000000000: 00000002 00000000 00010000 0001 01 12345 @/var/lib/lxc/200/command\n"
		 "0000000000000000: 00000003 00000000 00000000 0001 03  9999\n"
		 "0000000000000000: 00000002 00000000 00010000 0001 01   777 /tmp/x "
		 "@/var/lib/lxc/201/command\n"
		 "0000000000000000: 00000002 00000000 00010000 0001 01 12346 @/var/lib/lxc/2020/command\n");
	assert_int_equal(guest_running(&t.root, GUEST_CT, 200, NULL), 1);
	assert_int_equal(guest_running(&t.root, GUEST_CT, 201, NULL), 0); /* a file that is only called so */
	assert_int_equal(guest_running(&t.root, GUEST_CT, 202, NULL), 0);
}

/* Many at once, as the kernel shows them: in no order. */
static void test_cts_running(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_guest_list_ struct guest_list l = { 0 };

	tree_new(&t);
	assert_int_equal(guest_cts_running(&t.root, &l), 0);
	assert_int_equal(l.n, 0);
	tree_put(&t, "/proc/net/unix",
		 "Num       RefCount Protocol Flags    Type St Inode Path\n"
		 "0: 2 0 10000 1 1 12 @/var/lib/lxc/300/command\n"
		 "0: 2 0 10000 1 1 13 @/var/lib/lxc/99/command\n"
		 "0: 2 0 10000 1 1 14 @/var/lib/lxc/100/commands\n"
		 "0: 2 0 10000 1 1 15 @/var/lib/lxc/101/console\n"
		 "0: 2 0 10000 1 1 16 @/var/lib/lxc/x/command\n"
		 "0: 2 0 10000 1 1 17 @/var/lib/lxc/102\n"
		 "0: 2 0 10000 1 1 18\n"
		 "0: 2 0 10000 1 1 19 /var/lib/lxc/103/command\n"
		 "0: 2 0 10000 1 1 20 @/var/lib/lxc/200/command");
	assert_int_equal(guest_cts_running(&t.root, &l), 0);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.v[0], 200);
	assert_int_equal(l.v[1], 300);
	assert_true(guest_list_has(&l, 200) && guest_list_has(&l, 300));
	assert_false(guest_list_has(&l, 100) || guest_list_has(&l, 301) || guest_list_has(&(struct guest_list){ 0 }, 100));
}

static void test_guest_list_grows(void **state)
{
	_cleanup_guest_list_ struct guest_list l = { 0 };

	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(guest_list_add(&l, 100 + i), 0);
	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(l.v[i], 100 + i);
}

/* A process with that NSpid line, started at 100 + its pid. */
static void put_process(const struct tree *t, int pid, const char *nspid)
{
	char path[PATH_MAX], text[256];

	snprintf(text, sizeof(text), "Name:\tx\nNStgid:\t7\t1\n%sNSpgid:\t7\t1\n", nspid);
	tree_put(t, path_f(path, "/proc/%d/status", pid), text);
	snprintf(text, sizeof(text), "%d (x) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0\n", pid, 100 + pid);
	tree_put(t, path_f(path, "/proc/%d/stat", pid), text);
}

static void test_ct_init(void **state)
{
	_cleanup_tree_ struct tree t;
	struct proc_id id = { .pid = -1 };

	tree_new(&t);
	put_process(&t, 10, "NSpid:\t10\n");
	put_process(&t, 11, "NSpid:\t11\t1\n");
	put_process(&t, 12, "NSpid:\t12\t57\t1\n"); /* the init of a container in the container */
	put_process(&t, 13, "NSpid:\t13\t12\n");
	put_process(&t, 14, "NSpid:\t14\t1\n");
	assert_int_equal(guest_ct_init(&t.root, 200, &id), -ESRCH);
	/* nobody, processes that have ended, nonsense; the neighbour's is not its own */
	tree_put(&t, "/sys/fs/cgroup/lxc/200/cgroup.procs", "");
	tree_put(&t, "/sys/fs/cgroup/lxc/200/ns/cgroup.procs", "10\n12\n13\n99\n0\nx\n-1\n");
	tree_put(&t, "/sys/fs/cgroup/lxc/201/ns/init.scope/cgroup.procs", "14\n");
	tree_put(&t, "/sys/fs/cgroup/lxc/2000/cgroup.procs", "14\n");
	assert_int_equal(guest_ct_init(&t.root, 200, &id), -ESRCH);
	assert_int_equal(id.pid, -1);
	assert_int_equal(guest_ct_init(&t.root, 201, &id), 0);
	assert_int_equal(id.pid, 14);
	assert_int_equal(id.start, 114);
	/* wherever in the container's groups it is */
	tree_put(&t, "/sys/fs/cgroup/lxc/200/ns/a/b/cgroup.procs", "12\n11\n");
	assert_int_equal(guest_ct_init(&t.root, 200, &id), 0);
	assert_int_equal(id.pid, 11);
	/* plain LXC, and version 1 of control groups */
	tree_put(&t, "/sys/fs/cgroup/lxc.payload.202/init.scope/cgroup.procs", "11\n");
	tree_put(&t, "/sys/fs/cgroup/systemd/lxc/203/ns/cgroup.procs", "14\n");
	assert_int_equal(guest_ct_init(&t.root, 202, &id), 0);
	assert_int_equal(id.pid, 11);
	assert_int_equal(guest_ct_init(&t.root, 203, &id), 0);
	assert_int_equal(id.pid, 14);
}

static void test_init_status(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} rows[] = {
		{ "NSpid:\t4711\t1\n", true },     { "Name:\tx\nNSpid: 4711 1", true }, { "NSpid:\t1\n", false },
		{ "NSpid:\t4711\t11\n", false },   { "NSpid:\t4711\t1\t1\n", false },   { "NSpid:\t1\t4711\n", false },
		{ "NSpid:\n", false },		     { "", false },			      { "NSpgid:\t4711\t1\n", false },
		{ "xNSpid:\t4711\t1\n", false }, { "NSpid:\t4711\t01\n", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *text = strdup(rows[i].text);

		if (guest_status_is_init(text) != rows[i].is)
			fail_msg("'%s'", rows[i].text);
	}
}

static void test_flags(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_config_ struct config vm = { 0 }, ct = { 0 };
	struct guest_flags f;

	tree_new(&t);
	tree_put(&t, "/etc/pve/qemu-server/101.conf", "template: 1\nlock: backup\n");
	tree_put(&t, "/etc/pve/lxc/200.conf",
		 "onboot: 1\nlock: \x1b-very-long-very-long-very-long-very-long\n");
	tree_put(&t, "/run/qemu-server/101.reboot", "");
	assert_int_equal(config_load(&t.root, GUEST_VM, 101, &vm, NULL), 0);
	assert_int_equal(config_load(&t.root, GUEST_CT, 200, &ct, NULL), 0);
	guest_flags(&t.root, &vm, &f);
	assert_true(f.template && f.rebooting && !f.onboot);
	assert_string_equal(f.lock, "backup");
	guest_flags(&t.root, &ct, &f);
	assert_true(!f.template && !f.rebooting && f.onboot);
	assert_string_equal(f.lock, "?-very-long-very-long-very-long");
	tree_put(&t, "/var/lib/lxc/200/reboot", "");
	guest_flags(&t.root, &ct, &f);
	assert_true(f.rebooting);
}

static void test_cmdline_devices(void **state)
{
	static const char text[] =
		"/usr/bin/kvm|-id|101|-device|pcie-root-port,id=ich9-pcie-port-5|-device|"
		"vfio-pci,host=0000:01:00.0,id=hostpci0.0,bus=ich9-pcie-port-1,addr=0x0.0,multifunction=on|"
		"-device|vfio-pci,host=0000:01:00.1,id=hostpci0.1,bus=x|--device|vfio-pci,host=2:0.0|"
		"-device|vfio-pci,sysfsdev=/sys/bus/mdev/devices/"
		"00000000-0000-0000-0000-000000000101,id=hostpci1|"
		"-device|vfio-pci,id=a,,b,sysfsdev=/sys/bus/pci/devices/10000:e1:00.0|-device|vfio-pci|"
		"-device|vfio-pci,host=junk,id=x|-device|virtio-net-pci,host=0000:09:00.0|-name|vfio-pci,"
		"host=0000:08:00.0|"
		"-device|-device|vfio-pci,host=0000:03:00.0,id=0123456789012345678901234567890123456789|";
	char args[sizeof(text)];
	_cleanup_cmdline_devices_ struct cmdline_devices l = { 0 };
	_cleanup_text_ struct text t = { 0 };
	char bdf[BDF_LEN];

	for (size_t i = 0; i < sizeof(text); i++)
		args[i] = text[i] == '|' ? '\0' : text[i];
	assert_int_equal(cmdline_hostpci(args, sizeof(text) - 1, &l), 0);
	for (size_t i = 0; i < l.n; i++)
		text_addf(&t, "%s=%s\n", l.v[i].id, l.v[i].mdev ? "mdev" : bdf_format(l.v[i].bdf, bdf));
	assert_string_equal(text_str(&t),
			    "hostpci0.0=0000:01:00.0\nhostpci0.1=0000:01:00.1\n=0000:02:00.0\nhostpci1=mdev\n"
			    "a,b=10000:e1:00.0\n0123456789012345678901234567890=0000:03:00.0\n");
}

static void test_cmdline_of_process(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_cmdline_devices_ struct cmdline_devices l = { 0 };
	struct err e;

	tree_new(&t);
	assert_int_equal(guest_cmdline_hostpci(&t.root, 4242, &l, &e), -ESRCH);
	tree_put_qemu(&t, 101, 4242);
	assert_int_equal(guest_cmdline_hostpci(&t.root, 4242, &l, &e), 0);
	assert_int_equal(l.n, 0);
}

static void test_lock(void **state)
{
	static const struct {
		enum guest_kind kind;
		const char *path;
	} rows[] = {
		{ GUEST_VM, "/var/lock/qemu-server/lock-101.conf" },
		{ GUEST_CT, "/run/lock/lxc/pve-config-101.lock" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_tree_ struct tree t;
		int first = -1, second = -1;
		struct stat st;

		tree_new(&t);
		assert_int_equal(pve_lock_try(&t.root, rows[i].kind, 101, &first), 0);
		assert_int_equal(root_stat(&t.root, rows[i].path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0644);
		/* flock(2) is per open file: a second one of ours has to wait like anybody else's */
		assert_int_equal(pve_lock_try(&t.root, rows[i].kind, 101, &second), -EBUSY);
		assert_int_equal(second, -1);
		assert_int_equal(pve_lock_try(&t.root, rows[i].kind, 102, &second), 0);
		close(second);
		close(first);
		assert_int_equal(pve_lock_try(&t.root, rows[i].kind, 101, &second), 0);
		close(second);
		assert_int_equal(pve_lock_try(&t.root, GUEST_NONE, 101, &second), -EINVAL);
	}
}

/* The uses as text, "101 hostpci0 running". */
static void uses_are(const struct guest_uses *u, const char *want)
{
	_cleanup_text_ struct text t = { 0 };

	for (size_t i = 0; i < u->n; i++)
		text_addf(&t, "%u %s%s%s\n", u->v[i].vmid, u->v[i].key, u->v[i].mapped ? " mapped" : "",
			  u->v[i].running ? " running" : "");
	assert_string_equal(text_str(&t), want);
}

static void test_vms_naming(void **state)
{
	static const struct bdf card[] = { { 0, 1, 0, 0 }, { 0, 1, 0, 1 } };
	_cleanup_tree_ struct tree t;
	_cleanup_guest_uses_ struct guest_uses u = { 0 };
	struct guest_uses untouched;

	tree_new(&t);
	tree_link(&t, "/etc/pve/local", "nodes/n");
	tree_put(&t, "/etc/pve/mapping/pci.cfg",
		 "gpu\n map node=n,id=1002:1478,path=0000:02:00\n map node=n,id=1002:1478,path=0000:01:00\n\n"
		 "other\n map node=n,id=1002:1478,path=0000:02:00\n");
	tree_put(&t, "/etc/pve/qemu-server/101.conf", "hostpci0: 01:00,pcie=1\nhostpci1: 01:00.1\n");
	tree_put(&t, "/etc/pve/qemu-server/102.conf", "hostpci3: mapping=gpu\nhostpci4: mapping=other\n");
	tree_put(&t, "/etc/pve/qemu-server/103.conf", "#hostpci0: 01:00\n[PENDING]\nhostpci0: 01:00\n");
	tree_put(&t, "/etc/pve/qemu-server/104.conf",
		 "hostpci0: 01:00,bogus\nhostpci1: 02:00\nhostpci2: mapping=none\n");
	tree_put(&t, "/etc/pve/qemu-server/105.conf", "hostpci0: 01:00\nhostpci0: 02:00\n");
	tree_put_bytes(&t, "/etc/pve/qemu-server/106.conf", "hostpci0: 01:00\n\0", 17);
	assert_int_equal(root_mkdir_p(&t.root, "/etc/pve/qemu-server/107.conf", 0755), 0);
	tree_link(&t, "/etc/pve/qemu-server/108.conf", "101.conf");
	tree_put(&t, "/etc/pve/qemu-server/1000.conf", "hostpci0: 0000:01:00.1");
	tree_put_qemu(&t, 101, 4242);
	assert_int_equal(guest_vms_naming(&t.root, card, 2, &u, NULL), 0);
	uses_are(&u, "101 hostpci0 running\n101 hostpci1 running\n102 hostpci3 mapped\n1000 hostpci0\n");
	/* mappings that cannot be read are no reason to say that nobody has the card */
	tree_put_bytes(&t, "/etc/pve/mapping/pci.cfg", "\0", 1);
	assert_int_equal(guest_vms_naming(&t.root, card, 2, &untouched, NULL), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_vm_running),
		cmocka_unit_test(test_cmdline_is_vm),
		cmocka_unit_test(test_ct_running),
		cmocka_unit_test(test_cts_running),
		cmocka_unit_test(test_guest_list_grows),
		cmocka_unit_test(test_ct_init),
		cmocka_unit_test(test_init_status),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_cmdline_devices),
		cmocka_unit_test(test_cmdline_of_process),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_vms_naming),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
