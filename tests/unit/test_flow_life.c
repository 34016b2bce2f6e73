/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The walk over the fake machine: hand-over, adoption, return, refusals, other people's doings. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "host/nodes.h"
#include "plan/claim.h"
#include "plan/path.h"
#include "plan/home.h"
#include "plan/lease.h"
#include "pve/reservation.h"
#include "tests/fake/expect.h"

#define DEV "/sys/bus/pci/devices/"

/* a refusal leaves everything as it was, but for the directories of ours and the lock of Proxmox VE's reservations */
static const char *const except[] = { "/run/gpupt", "/run/qemu-server/pci-id-reservations", NULL };

static void assert_nothing_left(struct fake *f)
{
	assert_string_equal(vm_leftovers(f), "");
}

static void whole_life(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_free_ char *before = fake_snapshot(f);
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 };
	unsigned int vmid = 0;
	struct claim c;
	struct home home;

	vm_start(f, 101, false, &v);
	if (v.r != 0)
		vm_dump("pre-start", &v);
	assert_int_equal(v.r, 0);
	assert_aimed(f, CARD, "vfio-pci", "vfio-pci");
	assert_aimed(f, CARD1, "vfio-pci", "vfio-pci");
	assert_aimed(f, TWIN, "radeon", "(null)");
	assert_aimed(f, TWIN1, "snd_hda_intel", "(null)");
	assert_int_equal(v.plan.n, 2);
	assert_non_null(strstr(text_str(&v.said), CARD ": for VM 101, from radeon, with " CARD1));
	assert_non_null(strstr(text_str(&v.said), "not reset: "));
	assert_non_null(strstr(text_str(&v.complained), "nobody watches"));
	assert_int_equal(claim_find(&f->root, fake_bdf(CARD1), &c), 1);
	assert_int_equal(c.vmid, 101);
	assert_int_equal(reservation_holder(&f->root, fake_bdf(CARD), 0, &vmid, NULL), 1);
	assert_int_equal(vmid, 101);
	assert_int_equal(home_find(&f->root, fake_bdf(CARD), &home), 0);
	assert_string_equal(home.driver, "radeon");
	fake_vm_runs(f, 101, getpid()); /* whose start time is looked up where processes really are */
	assert_int_equal(handover_confirm(&f->root, 101, false, &(struct report){ 0 }, &v.e), 0);
	/* it runs: its card is not taken away */
	vm_release(f, 101, &w);
	assert_int_equal(w.r, -EBUSY);
	assert_non_null(strstr(w.e.text, "still runs"));
	vm_reconcile(f, 0, &w);
	assert_int_equal(w.r, 0);
	assert_aimed(f, CARD, "vfio-pci", "vfio-pci");
	fake_vm_ends(f, 101);
	vm_gives_back(f, 101);
	assert_as_before(f, before);
	/* reservations lapse by themselves, or are Proxmox VE's to remove */
	assert_int_equal(reservation_remove(&f->root, NULL, 0, 101, NULL), 0);
	assert_nothing_left(f);
	/* once more, from a machine that remembers */
	vm_starts(f, 101);
	vm_gives_back(f, 101);
	assert_as_before(f, before);
}

static void two_vms_two_cards(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_free_ char *before = fake_snapshot(f);

	vm_starts(f, 101);
	vm_starts(f, 102);
	assert_aimed(f, TWIN, "vfio-pci", "vfio-pci");
	vm_gives_back(f, 101);
	assert_aimed(f, CARD, "radeon", "(null)");
	assert_aimed(f, TWIN, "vfio-pci", "vfio-pci");
	vm_gives_back(f, 102);
	assert_as_before(f, before);
}

/* --- refusals --- */

struct refusal {
	const char *what;
	void (*make)(struct fake *f);
	enum finding_code code;
};

static void make_holder(struct fake *f)
{
	fake_holder(f, 4001, "player", "/system.slice/player.service", fake_dev(f, CARD, "drm"), "/dev/dri/card2");
}

static void make_sound_holder(struct fake *f)
{
	fake_holder(f, 4002, "pulse", "/user.slice", fake_dev(f, CARD1, "sound"), "/dev/snd/controlC3");
}

static void make_vfs(struct fake *f)
{
	fake_link(f, DEV CARD "/virtfn0", "../0000:01:00.1");
}

static void make_dead(struct fake *f)
{
	fake_dead(f, CARD);
}

static void make_cold(struct fake *f)
{
	fake_put(f, DEV CARD "/power_state", "D3cold\n");
}

static void make_absent(struct fake *f)
{
	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\nhostpci0: 0000:09:00,pcie=1\n");
}

static void make_bridge(struct fake *f)
{
	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\nhostpci0: 0000:01:00;0000:00:01.0\n");
}

static void make_bad_config(struct fake *f)
{
	fake_put(f, "/etc/pve/qemu-server/101.conf", "hostpci0: 0000:01:00,pcie=1\n"); /* pcie=1 without q35 */
}

static void make_danger(struct fake *f)
{
	/* a network card of the default route in the card's group */
	fake_link(f, "/sys/kernel/iommu_groups/15/devices/" NIC, "../../../../bus/pci/devices/" NIC);
	fake_link(f, "/sys/class/net/eno1", "../../devices/pci0000:00/0000:00:04.0/" NIC "/net/eno1");
	fake_mkdir(f, DEV NIC "/net/eno1");
	fake_put(f, "/proc/net/route", "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
				       "eno1\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n");
}

/* A disk in the card's group that another VM has raw: no mount tells of it. */
static void make_raw_disk(struct fake *f)
{
	_cleanup_free_ char *list = NULL;
	char *at;

	fake_put(f, "/etc/gpupt/gpupt.conf", "[defaults]\nprocesses = terminate\nvms = shutdown\n");
	fake_link(f, "/sys/kernel/iommu_groups/15/devices/" NIC, "../../../../bus/pci/devices/" NIC);
	fake_put(f, "/sys/devices/pci0000:00/0000:00:04.0/" NIC "/nvme/nvme0/nvme0n1/dev", "259:0\n");
	fake_link(f, "/sys/class/block/nvme0n1", "../../devices/pci0000:00/0000:00:04.0/" NIC "/nvme/nvme0/nvme0n1");
	fake_put(f, "/proc/self/mountinfo", "");
	fake_holder(f, 5103, "kvm", "/qemu.slice/103.scope", "259:0", "/dev/nvme0n1");
	assert_int_equal(root_read(&f->root, NODE_MANIFEST, 1 << 20, &list, NULL), 0);
	at = strstr(list, "c 259:0 ");
	assert_non_null(at);
	*at = 'b';
	fake_put(f, NODE_MANIFEST, list);
}

static void make_reserved(struct fake *f)
{
	struct bdf b = fake_bdf(CARD);

	assert_int_equal(reservation_reserve(&f->root, &b, 1, 103, 1000, NULL), 0);
}

static void make_identity(struct fake *f)
{
	fake_put(f, "/etc/gpupt/gpupt.conf", "[gpu 01:00]\nid = 10de:2204\n");
}

static void refusals(void **state)
{
	static const struct refusal all[] = {
		{ "no IOMMU", fake_no_iommu, FINDING_IOMMU_OFF },
		{ "a process on the card's node", make_holder, FINDING_HELD },
		{ "a process on the audio control node", make_sound_holder, FINDING_HELD },
		{ "virtual functions", make_vfs, FINDING_SRIOV_ACTIVE },
		{ "dead", make_dead, FINDING_DEAD },
		{ "D3cold", make_cold, FINDING_D3COLD },
		{ "absent", make_absent, FINDING_NO_DEVICE },
		{ "a bridge", make_bridge, FINDING_NOT_PASSABLE },
		{ "a bad configuration", make_bad_config, FINDING_CONFIG_BAD },
		{ "a dangerous neighbour", make_danger, FINDING_GROUP_DANGER },
		{ "a neighbour that another VM has raw", make_raw_disk, FINDING_HELD },
		{ "reserved by Proxmox VE", make_reserved, FINDING_RESERVED },
		{ "another identity", make_identity, FINDING_IDENTITY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		_cleanup_vm_ struct vm_result v = { 0 };
		_cleanup_free_ char *before = NULL, *after = NULL;
		struct claim c;

		all[i].make(f);
		before = fake_tree(f, except);
		fake_arm(f, FAKE_KERNEL, FAKE_COUNT, 0, 0);
		vm_start(f, 101, false, &v);
		if (v.r != HANDOVER_REFUSED || !vm_found(&v, all[i].code)) {
			vm_dump(all[i].what, &v);
			fail_msg("%s: %d, not %s", all[i].what, v.r, finding_name(all[i].code));
		}
		assert_int_equal(fake_count(f), 0);
		after = fake_tree(f, except);
		if (strcmp(before, after) != 0)
			fail_msg("%s:\n%s", all[i].what, fake_difference(before, after));
		assert_int_equal(claim_find(&f->root, fake_bdf(CARD), &c), 0);
		reservation_remove(&f->root, NULL, 0, 103, NULL);
		assert_nothing_left(f);
	}
}

/* Another VM has it: refused by name, and what that VM has stays. */
static void another_vms_card(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };
	_cleanup_free_ char *before = NULL, *after = NULL;

	fake_put(f, "/etc/pve/qemu-server/102.conf", "machine: q35\nhostpci0: 0000:01:00.0\nhostpci1: 0000:02:00.0\n");
	vm_starts(f, 101);
	fake_vm_runs(f, 101, 5001);
	before = fake_snapshot(f);
	vm_start(f, 102, false, &v);
	assert_int_equal(v.r, HANDOVER_REFUSED);
	assert_true(vm_found(&v, FINDING_CLAIMED));
	assert_non_null(strstr(v.findings.v[0].message, "101"));
	after = fake_snapshot(f);
	assert_string_equal(before, after);
	assert_false(fake_exists(f, "/run/gpupt/lease/102"));
	assert_false(fake_exists(f, "/run/gpupt/claim/" TWIN));
}

/* A start that failed: nobody calls post-stop, and the next one that wants the card settles it. */
static void a_failed_start_is_settled(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_free_ char *before = fake_snapshot(f);
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_starts(f, 101);
	vm_reconcile(f, 0, &v);
	assert_int_equal(v.r, 0);
	assert_int_equal(v.undo.undone, 2);
	assert_as_before(f, before);
	assert_int_equal(reservation_remove(&f->root, NULL, 0, 101, NULL), 0);
	assert_nothing_left(f);
	/* without anybody: the second VM does it in passing */
	fake_put(f, "/etc/pve/qemu-server/102.conf", "machine: q35\nhostpci0: 0000:01:00\n");
	vm_starts(f, 101);
	assert_int_equal(reservation_remove(&f->root, NULL, 0, 101, NULL), 0);
	vm_starts(f, 102);
	assert_false(fake_exists(f, "/run/gpupt/lease/101"));
	vm_gives_back(f, 102);
	assert_as_before(f, before);
}

static void proxmox_ve_is_at_work(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 };
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];

	vm_starts(f, 101);
	fd = open(fake_path(f, path, "/run/lock/qemu-server/lock-101.conf"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	vm_release(f, 101, &v);
	assert_int_equal(v.r, -EBUSY);
	vm_reconcile(f, 0, &w);
	assert_int_equal(w.r, 0); /* not stale: not ours to settle */
	assert_aimed(f, CARD, "vfio-pci", "vfio-pci");
	/* post-stop is called with that lock held */
	vm_gives_back(f, 101);
	assert_aimed(f, CARD, "radeon", "(null)");
}

/* A VM that wants the card while Proxmox VE stops the one that has it is not made to wait for that: it is told whose the card is. */
static void proxmox_ve_is_at_work_on_the_other(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];

	fake_put(f, "/etc/pve/qemu-server/102.conf", "machine: q35\nhostpci0: 0000:01:00\n");
	vm_starts(f, 101);
	assert_int_equal(reservation_remove(&f->root, NULL, 0, 101, NULL), 0);
	fd = open(fake_path(f, path, "/run/lock/qemu-server/lock-101.conf"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	vm_start(f, 102, false, &v);
	assert_int_equal(v.r, HANDOVER_REFUSED);
	assert_true(vm_found(&v, FINDING_CLAIMED));
	assert_non_null(strstr(v.findings.v[0].message, "VM 101"));
	assert_true(fake_exists(f, "/run/gpupt/lease/101"));
	assert_aimed(f, CARD, "vfio-pci", "vfio-pci");
	/* and once that task has ended it is settled in passing */
	close(TAKE_FD(fd));
	vm_starts(f, 102);
	assert_false(fake_exists(f, "/run/gpupt/lease/101"));
}

static void still_open_at_stop(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };
	uint64_t since;

	fake_put(f, "/etc/gpupt/gpupt.conf", "[defaults]\nstop-timeout = 1\n");
	vm_starts(f, 101);
	fake_holder(f, 5001, "kvm", "/qemu.slice/101.scope", "511:15", "/dev/vfio/15");
	since = now_ms();
	vm_stop(f, 101, &v);
	assert_int_equal(v.r, -EUCLEAN);
	assert_in_range(now_ms() - since, 1000, 30000);
	assert_non_null(strstr(v.e.text, "kvm (5001) of VM 101"));
	assert_aimed(f, CARD, "vfio-pci", "vfio-pci");
	fake_holder_gone(f, 5001);
	vm_gives_back(f, 101);
	assert_aimed(f, CARD, "radeon", "(null)");
}

/* --- leases that live on --- */

static void reboot_keeps_the_lease(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_free_ char *before = fake_snapshot(f), *with_vm = NULL;
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 };

	vm_starts(f, 101);
	with_vm = fake_snapshot(f);
	fake_put(f, "/run/qemu-server/101.reboot", "");
	vm_stop(f, 101, &v);
	assert_int_equal(v.r, 1);
	assert_non_null(strstr(text_str(&v.said), "rebooted"));
	vm_reconcile(f, 0, &w);
	assert_as_before(f, with_vm);
	fake_remove(f, "/run/qemu-server/101.reboot");
	/* the start behind it adopts: no driver changes hands, and home is still home */
	fake_arm(f, FAKE_KERNEL, FAKE_COUNT, 0, 0);
	vm_starts(f, 101);
	assert_int_equal(fake_count(f), 0);
	fake_disarm(f);
	assert_as_before(f, with_vm);
	vm_gives_back(f, 101);
	assert_as_before(f, before);
}

static void backup_keeps_the_lease(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_free_ char *before = fake_snapshot(f);
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 };

	/* a running VM is stopped, backed up and started again */
	vm_starts(f, 101);
	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\nlock: backup\nhostpci0: 0000:01:00,pcie=1\n");
	vm_stop(f, 101, &v);
	assert_int_equal(v.r, 1);
	assert_non_null(strstr(text_str(&v.said), "backup"));
	vm_starts(f, 101);
	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\nhostpci0: 0000:01:00,pcie=1\n");
	vm_gives_back(f, 101);
	assert_as_before(f, before);
	/* one that was down is started for the backup alone: it gives back under the lock */
	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\nlock: backup\nhostpci0: 0000:01:00,pcie=1\n");
	vm_starts(f, 101);
	vm_stop(f, 101, &w);
	assert_int_equal(w.r, 0);
	assert_as_before(f, before);
}

static void shutdown_of_the_node_keeps_it(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_starts(f, 101);
	fake_hide(f, "system-state", "stopping");
	vm_stop(f, 101, &v);
	assert_int_equal(v.r, 1);
	assert_aimed(f, CARD, "vfio-pci", "vfio-pci");
}

/* The configuration was changed meanwhile: what is no longer named goes back, what is new comes along. */
static void adopted_with_another_configuration(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_free_ char *before = fake_snapshot(f);

	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\nhostpci0: 0000:01:00\nhostpci1: 0000:02:00\n");
	vm_starts(f, 101);
	assert_aimed(f, TWIN, "vfio-pci", "vfio-pci");
	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\nhostpci0: 0000:02:00\n");
	vm_starts(f, 101);
	assert_aimed(f, CARD, "radeon", "(null)");
	assert_aimed(f, CARD1, "snd_hda_intel", "(null)");
	assert_aimed(f, TWIN, "vfio-pci", "vfio-pci");
	assert_false(fake_exists(f, "/run/gpupt/claim/" CARD));
	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\nhostpci0: 0000:01:00\nhostpci1: 0000:02:00\n");
	vm_starts(f, 101);
	assert_aimed(f, CARD, "vfio-pci", "vfio-pci");
	/* no device at all any more: everything goes back, and nothing is left */
	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\n");
	vm_starts(f, 101);
	assert_as_before(f, before);
	assert_false(fake_exists(f, "/run/gpupt/lease/101"));
	assert_false(fake_exists(f, "/run/gpupt/claim/" CARD));
	assert_false(fake_exists(f, "/run/gpupt/claim/" TWIN));
}

/* An adoption that is refused: the lease ends, since nobody will call post-stop. */
static void adoption_refused(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_free_ char *before = fake_snapshot(f);
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_starts(f, 101);
	fake_put(f, "/etc/pve/qemu-server/101.conf", "machine: q35\nhostpci0: 0000:01:00\nhostpci1: 0000:09:00\n");
	vm_start(f, 101, false, &v);
	assert_int_equal(v.r, HANDOVER_REFUSED);
	assert_as_before(f, before);
	assert_nothing_left(f);
}

static void earlier_boot_has_lapsed(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 };
	_cleanup_free_ char *lease = NULL, *before = NULL;
	char path[PATH_MAX];

	vm_starts(f, 101);
	assert_int_equal(root_read(&f->root, "/run/gpupt/lease/101", 1 << 20, &lease, NULL), 0);
	fake_reboot(f);
	assert_nothing_left(f); /* /run is empty after a boot */
	/* a lease that outlived it */
	fake_put(f, path_f(path, "/var/lib/gpupt/lease/101"), lease);
	before = fake_snapshot(f);
	fake_arm(f, FAKE_KERNEL, FAKE_COUNT, 0, 0);
	vm_reconcile(f, 0, &v);
	assert_int_equal(v.r, 0);
	assert_int_equal(fake_count(f), 0);
	assert_as_before(f, before);
	assert_nothing_left(f);
	fake_disarm(f);
	/* who sets in this boot what we had set in the last does it for himself: it is not ours to undo */
	fake_override(f, CARD, "vfio-pci");
	fake_bind(f, CARD, "vfio-pci");
	fake_put(f, path_f(path, "/var/lib/gpupt/lease/101"), lease);
	vm_reconcile(f, 0, &w);
	assert_int_equal(w.r, 0);
	assert_aimed(f, CARD, "vfio-pci", "vfio-pci");
	assert_nothing_left(f);
	fake_override(f, CARD, "");
	fake_bind(f, CARD, "radeon");
	/* adopted instead: taken anew */
	fake_put(f, path, lease);
	vm_starts(f, 101);
	assert_aimed(f, CARD, "vfio-pci", "vfio-pci");
	vm_gives_back(f, 101);
	assert_as_before(f, before);
}

static void after_stop_keep(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();

	fake_put(f, "/etc/gpupt/gpupt.conf", "[gpu 01:00]\nafter-stop = keep\n");
	for (int i = 0; i < 3; i++) {
		vm_starts(f, 101);
		assert_aimed(f, CARD, "vfio-pci", "vfio-pci");
		vm_gives_back(f, 101);
		/* it stays there, for whoever may take it */
		assert_aimed(f, CARD, "vfio-pci", "(null)");
		assert_aimed(f, CARD1, "vfio-pci", "(null)");
		assert_false(fake_exists(f, "/run/gpupt/lease/101"));
		assert_false(fake_exists(f, "/run/gpupt/claim/" CARD));
	}
	/* no longer wanted there: the next stop takes it home */
	fake_remove(f, "/etc/gpupt/gpupt.conf");
	vm_starts(f, 101);
	vm_gives_back(f, 101);
	assert_aimed(f, CARD, "radeon", "(null)");
	assert_aimed(f, CARD1, "snd_hda_intel", "(null)");
}

/* --- cards found astray --- */

static void found_astray_goes_home(void **state)
{
	static const char *const found_on[] = { "vfio-pci", "" };

	for (size_t i = 0; i < ARRAY_SIZE(found_on); i++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		_cleanup_free_ char *before = fake_snapshot(f);

		fake_new_id(f, "1002 5159");
		fake_bind(f, CARD, found_on[i]);
		fake_bind(f, CARD1, found_on[i]);
		vm_starts(f, 101);
		vm_gives_back(f, 101);
		/* by what its modalias asks for */
		assert_aimed(f, CARD, "radeon", "(null)");
		assert_as_before(f, before);
	}
}

static void remembered_home(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();

	vm_starts(f, 101);
	vm_gives_back(f, 101);
	fake_remove(f, "/lib/modules");
	fake_bind(f, CARD, "vfio-pci");
	vm_starts(f, 101);
	vm_gives_back(f, 101);
	assert_aimed(f, CARD, "radeon", "(null)");
}

/* --- dry run, templates, VMs that are none of ours --- */

static void dry_run(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_free_ char *before = fake_tree(f, NULL), *after = NULL;
	_cleanup_vm_ struct vm_result v = { 0 };

	fake_arm(f, FAKE_KERNEL | FAKE_STORAGE, FAKE_COUNT, 0, 0);
	vm_start(f, 101, true, &v);
	assert_int_equal(v.r, 0);
	assert_int_equal(v.plan.n, 2);
	assert_int_equal(fake_count(f), 0);
	after = fake_tree(f, NULL);
	assert_string_equal(before, after);
}

static void none_of_ours(void **state)
{
	static const char *const configs[] = {
		"", "memory: 1\n", "template: 1\nhostpci0: 0000:01:00\n", "hostpci0: 0000:03:00.0\n", "hostpci0: 0000:01:00,mdev=x\n",
		"hostpci0: 0000:01:00,driver=keep\n",
		"machine: q35\n[snap]\nhostpci0: 0000:01:00\n", "machine: q35\n[PENDING]\nhostpci0: 0000:01:00\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(configs); i++) {
		_cleanup_fake_ struct fake *f = fake_machine();
		_cleanup_free_ char *before = NULL, *after = NULL;
		_cleanup_vm_ struct vm_result v = { 0 };

		fake_put(f, "/etc/pve/qemu-server/101.conf", configs[i]);
		before = fake_tree(f, NULL);
		vm_start(f, 101, false, &v);
		if (v.r != 0) {
			vm_dump(configs[i], &v);
			fail_msg("'%s' is refused", configs[i]);
		}
		after = fake_tree(f, NULL);
		if (strcmp(before, after) != 0)
			fail_msg("'%s':\n%s", configs[i], fake_difference(before, after));
	}
}

/* --- the machine changes while a VM has the card --- */

static void destroyed_while_leased(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_free_ char *before = fake_snapshot(f);

	vm_starts(f, 101);
	fake_remove(f, "/etc/pve/qemu-server/101.conf");
	vm_gives_back(f, 101);
	assert_as_before(f, before);
}

static void unplugged_while_leased(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_starts(f, 101);
	fake_vanish(f, CARD);
	vm_stop(f, 101, &v);
	if (v.r != 0)
		vm_dump("stop", &v);
	assert_int_equal(v.r, 0);
	assert_aimed(f, CARD1, "snd_hda_intel", "(null)");
	assert_int_equal(reservation_remove(&f->root, NULL, 0, 101, NULL), 0);
	assert_nothing_left(f);
}

static void exchanged_while_leased(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_starts(f, 101);
	fake_identity(f, CARD, "10de:2204/1af4:1100");
	fake_override(f, CARD, "");
	fake_bind(f, CARD, "bochs-drm");
	vm_stop(f, 101, &v);
	assert_int_equal(v.r, 0);
	assert_aimed(f, CARD, "bochs-drm", "(null)");
	assert_aimed(f, CARD1, "snd_hda_intel", "(null)");
	assert_false(fake_exists(f, "/run/gpupt/lease/101"));
}

static void rebound_by_hand_while_leased(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_starts(f, 101);
	fake_override(f, CARD, "bochs-drm");
	fake_bind(f, CARD, "bochs-drm");
	vm_stop(f, 101, &v);
	assert_int_equal(v.r, 0);
	assert_int_equal(v.undo.foreign, 1);
	assert_aimed(f, CARD, "bochs-drm", "bochs-drm");
	assert_aimed(f, CARD1, "snd_hda_intel", "(null)");
	assert_non_null(strstr(text_str(&v.complained), "left as somebody else set it"));
	assert_false(fake_exists(f, "/run/gpupt/lease/101"));
}

/* A dead card is not handed to a driver that would wait for it; what is left stays on record and is told. */
static void dead_at_stop(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };

	vm_starts(f, 101);
	fake_dead(f, CARD);
	vm_stop(f, 101, &v);
	assert_int_equal(v.r, -EUCLEAN);
	assert_aimed(f, CARD, "vfio-pci", "vfio-pci");
	assert_aimed(f, CARD1, "snd_hda_intel", "(null)");
	assert_non_null(strstr(text_str(&v.complained), CARD " does not answer"));
	assert_true(fake_exists(f, "/run/gpupt/lease/101"));
	assert_true(fake_exists(f, "/run/gpupt/claim/" CARD));
}

/* --- resets --- */

static void reset_of_an_amd_card(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };
	_cleanup_free_ char *before = NULL;

	fake_hide(f, "reset/" CARD, "device_specific pm");
	fake_put(f, DEV CARD "/reset_method", "pm\n");
	fake_mkdir(f, "/sys/module/vendor_reset");
	before = fake_snapshot(f);
	vm_start(f, 101, false, &v);
	assert_int_equal(v.r, 0);
	assert_string_equal(fake_get(f, DEV CARD "/reset_method"), "device_specific");
	assert_int_equal(f->shared->resets, 1);
	assert_non_null(strstr(text_str(&v.said), CARD ": reset (device_specific)"));
	vm_gives_back(f, 101);
	assert_int_equal(f->shared->resets, 2);
	assert_as_before(f, before);
}

static void killed_by_its_reset(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };

	fake_hide(f, "reset/" CARD, "flr");
	fake_put(f, DEV CARD "/reset_method", "flr\n");
	fake_hide(f, "dies-in-reset/" CARD, "1");
	vm_start(f, 101, false, &v);
	assert_int_not_equal(v.r, 0);
	assert_non_null(strstr(v.e.text, "does not answer after its reset"));
}

/* --- the watcher --- */

static void with_a_watcher(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 }, w = { 0 };

	fake_hide(f, "watcher", "comes");
	vm_start(f, 101, false, &v);
	assert_int_equal(v.r, 0);
	assert_null(strstr(text_str(&v.complained), "nobody watches"));
	/* systemd runs and cannot: so do we not */
	fake_hide(f, "watcher", "refuses");
	fake_arm(f, FAKE_KERNEL, FAKE_COUNT, 0, 0);
	vm_start(f, 102, false, &w);
	assert_true(w.r < 0);
	assert_int_equal(fake_count(f), 0);
	assert_aimed(f, TWIN, "radeon", "(null)");
	assert_false(fake_exists(f, "/run/gpupt/claim/" TWIN));
	assert_false(fake_exists(f, "/run/gpupt/lease/102"));
}

static void the_watcher_settles(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_free_ char *before = fake_snapshot(f);

	vm_starts(f, 101);
	assert_int_equal(fake_run(f, vm_watch_run, &(unsigned int){ 101 }), 0);
	assert_as_before(f, before);
	assert_false(fake_exists(f, "/run/gpupt/lease/101"));
	assert_false(fake_exists(f, "/run/gpupt/watch/101"));
	/* nothing to watch over */
	assert_int_equal(fake_run(f, vm_watch_run, &(unsigned int){ 101 }), 0);
}

/* Whose nodes a container names is remembered while they are there to be seen. */
static void containers_are_remembered(void **state)
{
	_cleanup_fake_ struct fake *f = fake_machine();
	_cleanup_vm_ struct vm_result v = { 0 };
	struct path_memory m;

	fake_put(f, "/etc/pve/lxc/200.conf", "arch: amd64\ndev0: /dev/dri/by-name/mine\n");
	fake_put(f, "/etc/pve/lxc/201.conf", "arch: amd64\ndev0: /dev/dri/by-name/twins\n");
	fake_putf(f, NODE_MANIFEST, "c %s /dev/dri/by-name/mine\nc %s /dev/dri/by-name/twins\n", fake_dev(f, CARD, "drm"),
		  fake_dev(f, TWIN, "drm"));
	vm_start(f, 101, false, &v);
	assert_int_equal(v.r, 0);
	assert_int_equal(path_find(&f->root, "/dev/dri/by-name/mine", &m), 0);
	assert_true(bdf_eq(m.bdf, fake_bdf(CARD)));
	assert_string_equal(m.identity, AMD_ID);
	assert_int_equal(path_find(&f->root, "/dev/dri/by-name/twins", &m), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_life),
		cmocka_unit_test(two_vms_two_cards),
		cmocka_unit_test(refusals),
		cmocka_unit_test(another_vms_card),
		cmocka_unit_test(a_failed_start_is_settled),
		cmocka_unit_test(proxmox_ve_is_at_work),
		cmocka_unit_test(proxmox_ve_is_at_work_on_the_other),
		cmocka_unit_test(still_open_at_stop),
		cmocka_unit_test(reboot_keeps_the_lease),
		cmocka_unit_test(backup_keeps_the_lease),
		cmocka_unit_test(shutdown_of_the_node_keeps_it),
		cmocka_unit_test(adopted_with_another_configuration),
		cmocka_unit_test(adoption_refused),
		cmocka_unit_test(earlier_boot_has_lapsed),
		cmocka_unit_test(after_stop_keep),
		cmocka_unit_test(found_astray_goes_home),
		cmocka_unit_test(remembered_home),
		cmocka_unit_test(dry_run),
		cmocka_unit_test(none_of_ours),
		cmocka_unit_test(destroyed_while_leased),
		cmocka_unit_test(unplugged_while_leased),
		cmocka_unit_test(exchanged_while_leased),
		cmocka_unit_test(rebound_by_hand_while_leased),
		cmocka_unit_test(dead_at_stop),
		cmocka_unit_test(reset_of_an_amd_card),
		cmocka_unit_test(killed_by_its_reset),
		cmocka_unit_test(with_a_watcher),
		cmocka_unit_test(the_watcher_settles),
		cmocka_unit_test(containers_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
