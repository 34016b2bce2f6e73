/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

#include "host/fdinfo.h"
#include "host/holders.h"
#include "base/slow.h"
#include "host/disks.h"
#include "host_hang.h"

static void slot_nodes(const struct tree *t, const char *slot, struct node_list *ret, struct bdf_list *bdfs)
{
	_cleanup_pci_list_ struct pci_list l = { 0 };
	struct bdf b;
	struct err e;

	assert_int_equal(bdf_parse(slot, &b), 0);
	assert_int_equal(pci_slot_functions(&t->root, b, &l, &e), 0);
	for (size_t i = 0; i < l.n; i++) {
		assert_int_equal(nodes_add(&t->root, &l.v[i], ret), 0);
		assert_int_equal(bdf_list_add(bdfs, l.v[i].bdf), 0);
	}
}

static void dev_text(void **state)
{
	static const char *const bad[] = {
		"",	  ":",	  "226",    "226:",	     ":0",
		"226:0x", "-1:0", "226: 0", "99999999999:1", "11111111111111111111:0"
	};
	dev_t d = 7;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(node_dev_parse(bad[i], &d), -EINVAL);
	assert_int_equal(d, 7);
	assert_int_equal(node_dev_parse("226:128", &d), 0);
	assert_true(d == makedev(226, 128));
}

static void nodes(void **state)
{
	static const struct {
		const char *tree, *slot, *nodes; /* "name major:minor[ shared]" */
	} cases[] = {
		{ "amd-four", "0b:00",
		  "dri/card0 226:0,dri/renderD128 226:128,drm_dp_aux0 238:0,i2c-3 89:3,i2c-7 89:7,kfd 235:0 "
		  "shared,"
		  "snd/controlC1 116:9,snd/pcmC1D3p 116:8" },
		{ "hybrid", "01:00",
		  "dri/card1 226:1,dri/renderD129 226:129,nvidia-modeset 195:254 shared,nvidia-uvm 507:0 "
		  "shared,"
		  "nvidia-uvm-tools 507:1 shared,nvidia0 195:0,nvidiactl 195:255 shared,snd/controlC1 "
		  "116:9,vfio/2 511:0" },
		{ "hybrid", "00:02", "dri/card0 226:0,dri/renderD128 226:128,fb0 29:0" },
		{ "sriov", "03:00", "dri/card0 226:0,vfio/15 511:0,vfio/devices/vfio0 510:0" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_tree_ struct tree t;
		_cleanup_node_list_ struct node_list l = { 0 };
		_cleanup_bdf_list_ struct bdf_list b = { 0 };
		_cleanup_free_ char *expected = strdup(cases[i].nodes);
		size_t n = 0;
		char *save = NULL;

		tree_expand(&t, cases[i].tree);
		slot_nodes(&t, cases[i].slot, &l, &b);
		for (char *p = strtok_r(expected, ",", &save); p; p = strtok_r(NULL, ",", &save), n++) {
			const struct node *found;
			char name[64], shared[8] = "";
			unsigned int major_, minor_;

			assert_true(sscanf(p, "%63s %u:%u %7s", name, &major_, &minor_, shared) >= 3);
			found = nodes_find(&l, makedev(major_, minor_));
			assert_non_null(found);
			assert_string_equal(found->name, name);
			assert_int_equal(found->shared, shared[0] != '\0');
			assert_ptr_equal(found, &l.v[n]); /* in this order */
		}
		assert_int_equal(l.n, n);
	}
}

/* kfd is amdgpu's: a radeon card has nothing to do with it. */
static void no_kfd(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_node_list_ struct node_list l = { 0 };
	_cleanup_bdf_list_ struct bdf_list b = { 0 };

	tree_expand(&t, "twins");
	tree_put(&t, "/sys/class/kfd/kfd/dev", "235:0\n");
	slot_nodes(&t, "01:00", &l, &b);
	assert_non_null(nodes_find(&l, makedev(226, 0)));
	assert_null(nodes_find(&l, makedev(235, 0)));
}

static void nvidia_information(void **state)
{
	static const struct {
		const char *text;
		int r;
		unsigned int minor;
	} cases[] = {
		{ "Model: \t\t NVIDIA\nDevice Minor: \t 3\n", 0, 3 },
		{ "Device Minor: \t -1\n", -ENOENT, 0 },
		{ "Device Minor:\n", -ENOENT, 0 },
		{ "xDevice Minor: 1\n", -ENOENT, 0 },
		{ "Device Minor: 99999999\nDevice Minor: 12", 0, 12 },
		{ "", -ENOENT, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = strdup(cases[i].text);
		unsigned int n = 0;

		assert_int_equal(nodes_nvidia_minor(text, &n), cases[i].r);
		assert_int_equal(n, cases[i].minor);
	}
}

static void node_numbers(void **state)
{
	_cleanup_tree_ struct tree t;
	struct root root;
	struct err e;
	dev_t d = 0;

	tree_expand(&t, "twins");
	assert_int_equal(node_rdev(&t.root, "/dev/dri/renderD129", &d), 0);
	assert_true(d == makedev(226, 129));
	assert_int_equal(node_rdev(&t.root, "/dev/dri/renderD130", &d), -ENOENT);
	tree_put(&t, NODE_MANIFEST,
		 "c\nc 1\nc 1:2\nc 1:3 relative\nx 1:4 /x\nc 1:5 /a b\nc 1:x /y\nb 8:0 /dev/sda\n");
	assert_int_equal(node_rdev(&t.root, "/a b", &d), 0);
	assert_true(d == makedev(1, 5));
	assert_int_equal(node_rdev(&t.root, "/dev/sda", &d), -ENOENT);
	assert_int_equal(root_open_dir(&root, "/", &e), 0);
	assert_int_equal(node_rdev(&root, "/dev/null", &d), 0);
	assert_true(d == makedev(1, 3));
	assert_int_equal(node_rdev(&root, "/proc/version", &d), -ENOTTY);
	assert_int_equal(node_rdev(&root, "/dev/no-such-node", &d), -ENOENT);
	root_close(&root);
}

static void put_holder(const struct tree *t, int pid, const char *comm, const char *cgroup)
{
	char path[PATH_MAX], text[128];

	snprintf(text, sizeof(text), "%s\n", comm);
	tree_put(t, path_f(path, "/proc/%d/comm", pid), text);
	snprintf(text, sizeof(text), "0::%s\n", cgroup);
	tree_put(t, path_f(path, "/proc/%d/cgroup", pid), text);
	tree_put(t, path_f(path, "/proc/%d/fd/9", pid), "");
	tree_put(t, path_f(path, "/proc/%d/fdinfo/9", pid), "pos:\t0\nflags:\t02140002\nmnt_id:\t24\n");
}

/* A disk next to the card that nobody has mounted: a VM has it raw, by its whole or by a partition. */
static void disks(void **state)
{
	static const char *const cards[] = { "0000:02:01.0", "0000:02:05.0" };
	_cleanup_holder_list_ struct holder_list l = { 0 };
	_cleanup_node_list_ struct node_list n = { 0 };
	_cleanup_text_ struct text who = { 0 };
	_cleanup_tree_ struct tree t;
	struct pci_fn fn;
	struct err e;
	char buf[192];

	tree_expand(&t, "shared-group");
	for (size_t i = 0; i < ARRAY_SIZE(cards); i++) {
		struct bdf b;

		assert_int_equal(bdf_parse_full(cards[i], &b), 0);
		assert_int_equal(pci_fn_load(&t.root, b, &fn, &e), 0);
		assert_int_equal(nodes_add_disks(&t.root, &fn, &n), 0);
	}
	/* nvme0n1 and its partitions; the head of nvme1c1n1, which has no number itself */
	assert_int_equal(n.n, 5);
	assert_string_equal(nodes_find_disk(&n, makedev(259, 2))->name, "nvme0n1p2");
	assert_string_equal(nodes_find_disk(&n, makedev(259, 5))->name, "nvme1n1");
	assert_null(nodes_find_disk(&n, makedev(259, 9)));
	/* a character device of that number is something else */
	assert_null(nodes_find(&n, makedev(259, 0)));
	put_holder(&t, 99, "kvm", "/qemu.slice/103.scope");
	put_holder(&t, 98, "dd", "/user.slice");
	put_holder(&t, 97, "odd", "/user.slice");
	put_holder(&t, 96, "(udev-worker)", "/system.slice/systemd-udevd.service/udev");
	tree_put(&t, NODE_MANIFEST, "b 259:0 /proc/99/fd/9\nb 259:6 /proc/98/fd/9\nc 259:0 /proc/97/fd/9\nb 259:0 /proc/96/fd/9\n");
	assert_int_equal(holders_find(&t.root, &n, NULL, &l, &e), 0);
	for (size_t i = 0; i < l.n; i++) {
		_cleanup_text_ struct text names = { 0 };

		holder_nodes(&l.v[i], &names);
		text_addf(&who, "%s: %s%s\n", holder_format(&l.v[i], buf, sizeof(buf)), text_str(&names), l.v[i].disk && !l.v[i].shared_only ? "" : " (no disk)");
	}
	assert_string_equal(text_str(&who), "dd (98): /dev/nvme1n1p1\nkvm (99) of VM 103: /dev/nvme0n1\n");
}

static void cgroups(void **state)
{
	static const struct {
		const char *text;
		enum holder_kind kind;
		const char *id;
	} cases[] = {
		{ "0::/\n", HOLDER_HOST, "" },
		{ "", HOLDER_HOST, "" },
		{ "garbage\n:\n::\n0:\n", HOLDER_HOST, "" },
		{ "0::/lxc/200/ns/system.slice/jellyfin.service\n", HOLDER_CONTAINER, "200" },
		{ "0::/lxc/200\n", HOLDER_CONTAINER, "200" },
		{ "0::/lxc.payload.desk/init.scope\n", HOLDER_CONTAINER, "desk" },
		{ "0::/lxc.payload/200/ns\n", HOLDER_CONTAINER, "200" },
		{ "0::/lxc.monitor/200\n", HOLDER_CONTAINER, "200" },
		{ "0::/lxc\n", HOLDER_HOST, "" },
		{ "0::/lxc.payload.\n", HOLDER_HOST, "" },
		{ "0::/qemu.slice/101.scope\n", HOLDER_VM, "101" },
		{ "0::/qemu.slice\n", HOLDER_HOST, "" },
		{ "0::/system.slice/nvidia-persistenced.service\n", HOLDER_UNIT,
		  "nvidia-persistenced.service" },
		{ "0::/user.slice/user-0.slice/session-3.scope\n", HOLDER_UNIT, "session-3.scope" },
		/* a name that a container gives itself inside is not believed, nor that of a unit on the host
		 */
		{ "0::/lxc/200/qemu.slice/101.scope\n", HOLDER_CONTAINER, "200" },
		{ "0::/system.slice/evil.service/qemu.slice/101.scope\n", HOLDER_UNIT, "evil.service" },
		{ "4:memory:/\n1:name=systemd:/qemu.slice/7000.scope\n0::/init.scope\n", HOLDER_VM, "7000" },
		{ "1:name=systemd:/system.slice/x.service\n0::/lxc/9/x\n", HOLDER_CONTAINER, "9" },
		{ "1:name=systemd:/system.slice/a.service\n0::/system.slice/b.service\n", HOLDER_UNIT,
		  "a.service" },
		{ "1:name=systemd:/lxc/9\n0::/qemu.slice/101.scope\n", HOLDER_CONTAINER, "9" },
		{ "1:name=systemd:/qemu.slice/101.scope\n0::/lxc/9\n", HOLDER_VM, "101" },
		{ "0::/lxc/a\033[31mb/x\n", HOLDER_CONTAINER, "a?[31mb" },
		{ "0::/qemu.slice/.scope\n", HOLDER_HOST, "" },
		{ "0::/qemu.slice/0.scope\n", HOLDER_UNIT, "0.scope" },
		{ "0::/qemu.slice/backup.scope\n", HOLDER_UNIT, "backup.scope" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = strdup(cases[i].text);
		char id[96] = "unset";

		assert_int_equal(holder_cgroup_parse(text, id, sizeof(id)), cases[i].kind);
		assert_string_equal(id, cases[i].id);
	}
}

static void captured(void **state)
{
	static const char *const expected[] = {
		"ffmpeg (4711) in container 200: dri/card0 dri/renderD128",
		"rocminfo (4800) of session-3.scope: kfd (shared)",
		"pipewire (4801) in container desk: snd/controlC1",
		"Xorg (4803) of display-manager.service: a deleted DRM node of 0000:0b:00.0",
	};
	_cleanup_tree_ struct tree t;
	_cleanup_node_list_ struct node_list nodes_ = { 0 };
	_cleanup_bdf_list_ struct bdf_list b = { 0 };
	_cleanup_holder_list_ struct holder_list l = { 0 };
	struct err e;

	tree_expand(&t, "amd-four");
	slot_nodes(&t, "0b:00", &nodes_, &b);
	assert_int_equal(root_unlink(&t.root, "/proc/4801/fdinfo/3"), 0); /* it holds all the same */
	assert_int_equal(holders_find(&t.root, &nodes_, &b, &l, &e), 0);
	assert_int_equal(l.n, ARRAY_SIZE(expected));
	for (size_t i = 0; i < l.n; i++) {
		_cleanup_text_ struct text s = { 0 };
		char who[128];

		text_addf(&s, "%s:", holder_format(&l.v[i], who, sizeof(who)));
		strv_foreach (n, &l.v[i].nodes)
			text_addf(&s, " %s", n);
		if (l.v[i].shared_only)
			text_add(&s, " (shared)");
		assert_string_equal(text_str(&s), expected[i]);
	}
	assert_int_equal(l.v[0].proc.start, 100 + 4711);
	assert_int_equal(l.v[0].bdfs.n, 1);
	assert_int_equal(l.unseen, 0);
	assert_int_equal(l.unsure, 0);
	/* nobody asks about functions: the deleted node is not looked for */
	holder_list_done(&l);
	assert_int_equal(holders_find(&t.root, &nodes_, NULL, &l, &e), 0);
	assert_int_equal(l.n, ARRAY_SIZE(expected) - 1);
}

/* A driver that does not answer: everybody else is found, and the list says that it is not complete. */
static void hung_client(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_node_list_ struct node_list nodes_ = { 0 };
	_cleanup_bdf_list_ struct bdf_list b = { 0 };
	_cleanup_holder_list_ struct holder_list l = { 0 };
	char who[128];
	struct err e;
	uint64_t before;
	int fd;

	tree_expand(&t, "amd-four");
	slot_nodes(&t, "0b:00", &nodes_, &b);
	/* one that is not among the card's nodes, and one more behind it */
	tree_put(&t, NODE_MANIFEST,
		 "c 226:5 /proc/4803/fd/3\nc 226:6 /proc/4803/fd/4\nc 116:9 /proc/4801/fd/3\n");
	tree_link(&t, "/proc/4803/fd/4", "/dev/dri/card9");
	tree_put(&t, "/proc/4803/fdinfo/4", "flags:\t02\ndrm-pdev:\t0000:0b:00.0\n");
	fd = hang_at(&t, "/proc/4803/fdinfo/3");
	if (fd < 0)
		skip();
	before = now_ms();
	assert_int_equal(holders_find(&t.root, &nodes_, &b, &l, &e), 0);
	assert_in_range(now_ms() - before, FDINFO_MS, FDINFO_MS + 20000);
	/* a directory has no order: the one behind it is found, or is as unsure */
	assert_true(l.n + l.unsure == 3 && l.unsure >= 1);
	assert_string_equal(holder_format(&l.v[0], who, sizeof(who)), "pipewire (4801) in container desk");
	holder_list_done(&l);
	/* nobody waits for it who does not need the answer: the number belongs to another card */
	tree_put(&t, "/sys/dev/char/226:5/dev", "226:5\n");
	before = now_ms();
	assert_int_equal(holders_find(&t.root, &nodes_, &b, &l, &e), 0);
	assert_true(now_ms() - before < FDINFO_MS);
	hang_over(fd);
	assert_int_equal(l.unsure, 0);
	assert_int_equal(l.n, 2);
	assert_string_equal(holder_format(&l.v[1], who, sizeof(who)),
			    "Xorg (4803) of display-manager.service");
}

/* nvidia's resource manager hangs: its card's own node is not known, and the holders are not all that there
 * may be. */
static void hung_nvidia(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_node_list_ struct node_list n = { 0 };
	_cleanup_bdf_list_ struct bdf_list b = { 0 };
	_cleanup_holder_list_ struct holder_list l = { 0 };
	struct err e;
	uint64_t before;
	int fd;

	tree_expand(&t, "hybrid");
	fd = hang_at(&t, "/proc/driver/nvidia/gpus/0000:01:00.0/information");
	if (fd < 0)
		skip();
	before = now_ms();
	slot_nodes(&t, "01:00", &n, &b);
	assert_true(now_ms() - before >= SLOW_MS);
	hang_over(fd);
	assert_null(nodes_find(&n, makedev(195, 0)));
	assert_non_null(nodes_find(&n, makedev(195, 255)));
	assert_int_equal(n.unsure, 1);
	assert_int_equal(holders_find(&t.root, &n, &b, &l, &e), 0);
	assert_int_equal(l.unsure, 1);
	assert_int_equal(l.n, 3);
	assert_true(l.v[0].shared_only); /* what is known of it */
}

/* QEMU outside its scope is a VM's if the VM's pid file names it, and not because it says so. */
static void vm_by_pidfile(void **state)
{
	static const struct {
		const char *file, *pid, *comm, *who;
	} cases[] = {
		{ "/run/qemu-server/101.pid", "801\n", "kvm\n",
		  "kvm (802)" }, /* its arguments say `-id 102` */
		{ "/run/qemu-server/102.pid", "802\n", "kvm\n", "kvm (802) of VM 102" },
		{ "/run/qemu-server/103.pid", "802\n", "qemu-system-x86\n",
		  "qemu-system-x86 (802) of VM 103" },
		{ "/run/qemu-server/102.pid", "802\n", "bash\n",
		  "bash (802)" }, /* left behind by a QEMU that died */
		{ "/run/qemu-server/102.pid", "8020\n", "kvm\n", "kvm (802)" },
		{ "/run/qemu-server/102.pid", "", "kvm\n", "kvm (802)" },
		{ "/run/qemu-server/102.pid", "802 803\n", "kvm\n", "kvm (802)" },
		{ "/run/qemu-server/102.pid.tmp", "802\n", "kvm\n", "kvm (802)" },
		{ "/run/qemu-server/0.pid", "802\n", "kvm\n", "kvm (802)" },
		{ "/run/qemu-server/.pid", "802\n", "kvm\n", "kvm (802)" },
		{ "/run/qemu-server/1111111111111111111111.pid", "802\n", "kvm\n", "kvm (802)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_tree_ struct tree t;
		_cleanup_node_list_ struct node_list n = { 0 };
		_cleanup_bdf_list_ struct bdf_list b = { 0 };
		_cleanup_holder_list_ struct holder_list l = { 0 };
		char who[128];
		struct err e;

		tree_expand(&t, "hybrid");
		slot_nodes(&t, "01:00", &n, &b);
		tree_put(&t, "/proc/802/cgroup", "0::/\n");
		tree_put(&t, "/proc/802/comm", cases[i].comm);
		tree_put(&t, cases[i].file, cases[i].pid);
		assert_int_equal(holders_find(&t.root, &n, &b, &l, &e), 0);
		assert_int_equal(l.n, 3);
		assert_false(l.v[0].shared_only); /* nvidia0 and nvidiactl */
		assert_true(l.v[1].shared_only);
		assert_string_equal(holder_format(&l.v[2], who, sizeof(who)), cases[i].who);
	}
}

static void no_proc(void **state)
{
	_cleanup_tree_ struct tree t;
	struct holder_list l = { 0 };
	struct err e;

	tree_new(&t);
	assert_int_equal(holders_find(&t.root, &(struct node_list){ 0 }, NULL, &l, &e), -ENOENT);
	assert_non_null(strstr(e.text, "/proc"));
}

/* --- a /proc that changes while it is read --- */

#define CHURN	    6001 /* the first of these */
#define CHURN_N	    8
#define CHURN_SCANS 200

/* Says in the manifest that descriptor 3 of these processes is the card's node. */
static void list_nodes_of(struct tree *t, int first, int n)
{
	_cleanup_text_ struct text all = { 0 };
	_cleanup_free_ char *old = NULL;

	assert_int_equal(root_read(&t->root, NODE_MANIFEST, 65536, &old, NULL), 0);
	text_add(&all, old);
	for (int pid = first; pid < first + n; pid++)
		text_addf(&all, "c 226:128 /proc/%d/fd/3\n", pid);
	tree_put(t, NODE_MANIFEST, text_str(&all));
}

static const struct holder *of_pid(const struct holder_list *l, pid_t pid)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].proc.pid == pid)
			return &l->v[i];
	return NULL;
}

/* Processes of which a part is gone by the time that it is looked at: who has ended is no holder, of who lives what is there counts. */
static void gone_in_parts(void **state)
{
	_cleanup_tree_ struct tree t;
	_cleanup_node_list_ struct node_list nodes_ = { 0 };
	_cleanup_bdf_list_ struct bdf_list b = { 0 };
	_cleanup_holder_list_ struct holder_list l = { 0 };
	const struct holder *h;
	struct err e;
	size_t before;

	tree_expand(&t, "amd-four");
	slot_nodes(&t, "0b:00", &nodes_, &b);
	assert_int_equal(holders_find(&t.root, &nodes_, &b, &l, &e), 0);
	before = l.n;
	holder_list_done(&l);
	list_nodes_of(&t, 5001, 4);
	/* ended before its descriptors could be listed, before they were looked at, before its name could be read */
	tree_put(&t, "/proc/5001/comm", "early\n");
	assert_int_equal(root_mkdir_p(&t.root, "/proc/5002/fd", 0755), 0);
	tree_link(&t, "/proc/5003/fd/3", "/dev/dri/renderD128");
	/* nothing but its name is left to be read */
	tree_link(&t, "/proc/5004/fd/3", "/dev/dri/renderD128");
	tree_put(&t, "/proc/5004/comm", "late\n");
	assert_int_equal(holders_find(&t.root, &nodes_, &b, &l, &e), 0);
	assert_int_equal(l.n, before + 1);
	assert_int_equal(l.unsure, 0);
	assert_int_equal(l.unseen, 0);
	h = of_pid(&l, 5004);
	assert_non_null(h);
	assert_int_equal(h->kind, HOLDER_HOST);
	assert_int_equal(h->proc.start, 0);
	assert_string_equal(h->comm, "late");
}

/* Where the tree's process is, with no check: this runs in a process of its own. */
static char *churn_path(const struct tree *t, char path[static PATH_MAX], int pid, const char *rest)
{
	return path_f(path, "%s/proc/%d%s", t->dir, pid, rest);
}

static void churn_put(const struct tree *t, int pid, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *out = fopen(churn_path(t, path, pid, name), "we");

	if (out) {
		fputs(text, out);
		fclose(out);
	}
}

/* Processes come and go, each file of theirs by itself, as fast as it can be done. */
static _Noreturn void churn(const struct tree *t)
{
	static const char *const files[] = { "/fd/3", "/fdinfo/3", "/comm", "/cgroup" }, *const dirs[] = { "/fd", "/fdinfo", "" };
	char path[PATH_MAX];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0;; i++) {
		int pid = CHURN + i % CHURN_N, old = CHURN + (i + CHURN_N / 2) % CHURN_N;

		for (size_t d = ARRAY_SIZE(dirs); d > 0; d--)
			mkdir(churn_path(t, path, pid, dirs[d - 1]), 0755);
		if (symlink("/dev/dri/renderD128", churn_path(t, path, pid, "/fd/3")) < 0 && errno != EEXIST)
			_exit(1);
		churn_put(t, pid, "/comm", "churn\n");
		churn_put(t, pid, "/cgroup", "0::/lxc/300/x\n");
		churn_put(t, pid, "/fdinfo/3", "flags:\t02\n");
		for (size_t f = 0; f < ARRAY_SIZE(files); f++)
			unlink(churn_path(t, path, old, files[f]));
		for (size_t d = 0; d < ARRAY_SIZE(dirs); d++)
			rmdir(churn_path(t, path, old, dirs[d]));
	}
}

/* Those that hold the card all the time are found each time, and whoever else is found is whole. */
static void changes_while_it_is_read(void **state)
{
	static const pid_t steady[] = { 4711, 4800, 4801, 4803 };
	_cleanup_tree_ struct tree t;
	_cleanup_node_list_ struct node_list nodes_ = { 0 };
	_cleanup_bdf_list_ struct bdf_list b = { 0 };
	unsigned int present = 0, absent = 0, scans;
	struct err e;
	int status;
	pid_t child;

	tree_expand(&t, "amd-four");
	slot_nodes(&t, "0b:00", &nodes_, &b);
	list_nodes_of(&t, CHURN, CHURN_N);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		churn(&t);
	for (scans = 0; scans < 50 * CHURN_SCANS && (scans < CHURN_SCANS || !present || !absent); scans++) {
		_cleanup_holder_list_ struct holder_list l = { 0 };

		assert_int_equal(holders_find(&t.root, &nodes_, &b, &l, &e), 0);
		assert_int_equal(l.unsure, 0);
		for (size_t i = 0; i < ARRAY_SIZE(steady); i++)
			assert_non_null(of_pid(&l, steady[i]));
		for (pid_t pid = CHURN; pid < CHURN + CHURN_N; pid++) {
			const struct holder *h = of_pid(&l, pid);

			present += h != NULL;
			absent += h == NULL;
			if (!h)
				continue;
			/* a name that is not there yet is empty, a control group that is not there any more is none */
			assert_true(str_eq(h->comm, "churn") || str_eq(h->comm, ""));
			assert_true(h->kind == HOLDER_HOST || (h->kind == HOLDER_CONTAINER && str_eq(h->id, "300")));
			assert_int_equal(h->nodes.n, 1);
			assert_false(h->shared_only);
		}
	}
	assert_int_equal(waitpid(child, &status, WNOHANG), 0); /* it has been at it until now */
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	assert_true(present > 0 && absent > 0);
}

/* How many of this process's descriptors hold the node; the process is found once, if at all. */
static size_t mine(const struct root *r, const struct node_list *nodes_)
{
	_cleanup_holder_list_ struct holder_list l = { 0 };
	struct proc_id self;
	struct err e;
	size_t n = 0;

	assert_int_equal(holders_find(r, nodes_, NULL, &l, &e), 0);
	assert_int_equal(l.unsure, 0);
	assert_int_equal(proc_self(r, &self), 0);
	for (size_t i = 0; i < l.n; i++) {
		if (l.v[i].proc.pid != self.pid)
			continue;
		n++;
		assert_true(self.start == l.v[i].proc.start);
		assert_int_equal(l.v[i].nodes.n, 1);
		assert_string_equal(l.v[i].nodes.v[0], "full");
		assert_true(strlen(l.v[i].comm) > 0);
	}
	return n;
}

/* Page faults of all children that have ended: none comes to life without some. */
static long children_faults(void)
{
	struct rusage u;

	assert_int_equal(getrusage(RUSAGE_CHILDREN, &u), 0);
	return u.ru_minflt;
}

/* A real process of this machine that holds a real node, and one that only names it. */
static void live(void **state)
{
	struct node node = { .dev = makedev(1, 7), .name = "full" };
	const struct node_list nodes_ = { .v = &node, .n = 1 };
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR, O_ACCMODE /* for ioctl() alone */ };
	_cleanup_close_ int named = -1, held = -1;
	struct root root;
	struct err e;
	long before;

	if (getuid() != 0)
		skip();
	assert_int_equal(root_open_dir(&root, "/", &e), 0);
	named = open("/dev/full", O_PATH | O_CLOEXEC);
	assert_true(named >= 0);
	assert_int_equal(mine(&root, &nodes_), 0);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		_cleanup_close_ int fd = open("/dev/full", modes[i] | O_CLOEXEC);

		assert_true(fd >= 0);
		assert_int_equal(mine(&root, &nodes_), 1);
	}
	assert_int_equal(mine(&root, &nodes_), 0);
	close(TAKE_FD(named));
	held = open("/dev/full", O_RDWR | O_CLOEXEC);
	assert_true(held >= 0);
	before = children_faults();
	assert_int_equal(mine(&root, &nodes_), 1);
	assert_true(children_faults() == before); /* no child was needed for that */
	root_close(&root);
}

static _Noreturn void come_and_go(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int n = 0;; n++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(open("/dev/full", O_RDWR | O_CLOEXEC) < 0);
		/* a few at a time */
		if (pid < 0 || n >= CHURN_N)
			waitpid(-1, NULL, 0);
	}
}

/* The same with the kernel's own /proc: processes that open the node and end at once. */
static void live_changes(void **state)
{
	struct node node = { .dev = makedev(1, 7), .name = "full" };
	const struct node_list nodes_ = { .v = &node, .n = 1 };
	_cleanup_close_ int held = -1;
	struct root root;
	struct err e;
	int status;
	pid_t child;

	if (getuid() != 0)
		skip();
	assert_int_equal(root_open_dir(&root, "/", &e), 0);
	held = open("/dev/full", O_RDWR | O_CLOEXEC);
	assert_true(held >= 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		come_and_go();
	for (int i = 0; i < CHURN_SCANS / 2; i++)
		assert_int_equal(mine(&root, &nodes_), 1);
	assert_int_equal(waitpid(child, &status, WNOHANG), 0);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	root_close(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dev_text),
		cmocka_unit_test(nodes),
		cmocka_unit_test(nvidia_information),
		cmocka_unit_test(no_kfd),
		cmocka_unit_test(node_numbers),
		cmocka_unit_test(disks),
		cmocka_unit_test(cgroups),
		cmocka_unit_test(captured),
		cmocka_unit_test(gone_in_parts),
		cmocka_unit_test(changes_while_it_is_read),
		cmocka_unit_test(hung_client),
		cmocka_unit_test(hung_nvidia),
		cmocka_unit_test(vm_by_pidfile),
		cmocka_unit_test(no_proc),
		cmocka_unit_test(live),
		cmocka_unit_test(live_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
