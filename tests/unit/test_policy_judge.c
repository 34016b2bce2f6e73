/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One test for each finding that judge() makes: when it is made, when not, and what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/home.h"
#include "policy/judge.h"
#include "policy/processes.h"
#include "tests/fake/facts.h"
#include "tests/fake/fake.h"

static void dump(const struct findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		print_error("%s %s: %s\n", finding_name(f->v[i].code), f->v[i].subject, f->v[i].message);
}

/* judge() says exactly this one thing, or, with code FINDING_COUNT, nothing. */
static void assert_only(const struct hand *h, enum finding_code code, const char *subject, const char *says, const char *remedy)
{
	_cleanup_findings_ struct findings f = { 0 };

	judge(&h->f, &h->s, &f);
	assert_int_equal(f.r, 0);
	if (f.n != (code != FINDING_COUNT)) {
		dump(&f);
		fail_msg("%zu findings", f.n);
	}
	if (code == FINDING_COUNT) {
		assert_int_equal(findings_worst(&f), SEVERITY_OK);
		return;
	}
	assert_string_equal(finding_name(f.v[0].code), finding_name(code));
	assert_string_equal(f.v[0].subject, subject);
	if (!strstr(f.v[0].message, says))
		fail_msg("'%s' does not say '%s'", f.v[0].message, says);
	if (remedy ? !f.v[0].remedy || !strstr(f.v[0].remedy, remedy) : f.v[0].remedy != NULL)
		fail_msg("remedy '%s', not '%s'", f.v[0].remedy ? f.v[0].remedy : "(none)", remedy ? remedy : "(none)");
	assert_int_equal(findings_worst(&f), f.v[0].severity);
}

static void assert_nothing(const struct hand *h)
{
	assert_only(h, FINDING_COUNT, NULL, NULL, NULL);
}

static enum severity severity_of(const struct hand *h)
{
	_cleanup_findings_ struct findings f = { 0 };

	judge(&h->f, &h->s, &f);
	return findings_worst(&f);
}

static void nothing_is_wrong(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, NULL);
	assert_nothing(&h);
}

static void no_device(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, NULL);
	h.f.n = 1;
	h.f.slots.n = 0;
	h.display->absent = true;
	snprintf(h.display->entry, sizeof(h.display->entry), "hostpci0");
	assert_only(&h, FINDING_NO_DEVICE, CARD, "there is no PCI device at " CARD " (hostpci0)", "gpupt-helper list");
	assert_int_equal(severity_of(&h), SEVERITY_BLOCK);
}

static void not_passable(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };
	struct fn_facts *bridge;

	hand_init(&h, NULL);
	bridge = hand_add(&h, "0000:00:01.0", 0x060400, "pcieport", 4);
	bridge->fn.bridge = true;
	assert_only(&h, FINDING_NOT_PASSABLE, "0000:00:01.0", "is a bridge", "name the card");
	assert_int_equal(severity_of(&h), SEVERITY_BLOCK);
}

static void identity(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	/* of the first hand-over */
	hand_init(&h, NULL);
	h.display->has_home = true;
	snprintf(h.display->home.identity, sizeof(h.display->home.identity), "1002:5159/1af4:1101");
	assert_only(&h, FINDING_IDENTITY, CARD, "is 1002:5159/1af4:1100, not 1002:5159/1af4:1101 as the first hand-over has it",
		    "gpupt-helper list");
	assert_only(&h, FINDING_IDENTITY, CARD, "", "id = 1002:5159/1af4:1100");
	assert_int_equal(severity_of(&h), SEVERITY_BLOCK);
	snprintf(h.display->home.identity, sizeof(h.display->home.identity), AMD_ID);
	assert_nothing(&h);
	snprintf(h.display->home.identity, sizeof(h.display->home.identity), "damaged");
	assert_nothing(&h);
	hand_done(&h);
	/* of the administrator: it counts more than what was remembered */
	hand_init(&h, "[gpu 01:00]\nid = 1002:5159\n");
	h.display->has_home = true;
	snprintf(h.display->home.identity, sizeof(h.display->home.identity), "10de:2204/0000:0000");
	assert_nothing(&h);
	h.display->fn.id.device = 0x73bf;
	assert_only(&h, FINDING_IDENTITY, CARD, "as /etc/gpupt/gpupt.conf has it", "list");
	hand_done(&h);
	/* for one function it is that function's */
	hand_init(&h, "[gpu 01:00.1]\nid = 1002:5159\n");
	assert_nothing(&h);
	h.audio->fn.id.device = 1;
	assert_only(&h, FINDING_IDENTITY, CARD1, "gpupt.conf", "list");
}

static void iommu_off(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, NULL);
	h.f.iommu.groups = h.f.iommu.units = 0;
	h.display->fn.group = h.audio->fn.group = -1; /* follows from it, and is not said besides */
	assert_only(&h, FINDING_IOMMU_OFF, "host", "(DMAR)", "intel_iommu=on");
	assert_int_equal(severity_of(&h), SEVERITY_BLOCK);
	snprintf(h.f.iommu.firmware, sizeof(h.f.iommu.firmware), "IVRS");
	assert_only(&h, FINDING_IOMMU_OFF, "host", "(IVRS)", "amd_iommu=off");
	h.f.iommu.firmware[0] = '\0';
	assert_only(&h, FINDING_IOMMU_OFF, "host", "the firmware does not offer one", "firmware setup");
	h.f.iommu.firmware_known = false;
	assert_only(&h, FINDING_IOMMU_OFF, "host", "no IOMMU is in use", "firmware setup");
	h.f.iommu.units = 1;
	assert_int_equal(severity_of(&h), SEVERITY_BLOCK);
}

static void no_group(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, NULL);
	h.display->fn.group = -1;
	assert_only(&h, FINDING_NO_GROUP, CARD, "in no IOMMU group", "another slot");
	assert_int_equal(severity_of(&h), SEVERITY_BLOCK);
}

static void sriov_active(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, NULL);
	h.display->fn.active_vfs = 2;
	assert_only(&h, FINDING_SRIOV_ACTIVE, CARD, "2 active virtual functions", "sriov_numvfs");
	assert_int_equal(severity_of(&h), SEVERITY_BLOCK);
}

static void group_members(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };
	struct fn_facts *disk;

	hand_init(&h, NULL);
	disk = hand_add(&h, "0000:03:00.0", 0x010802, "nvme", 15);
	disk->role = ROLE_GROUP;
	assert_only(&h, FINDING_GROUP_FOREIGN, "0000:03:00.0", "(nvme) goes along: it is in IOMMU group 15", NULL);
	assert_int_equal(severity_of(&h), SEVERITY_INFO);
	hand_danger(disk, "nvme0n1p2 carries the mounted filesystem /");
	assert_only(&h, FINDING_GROUP_DANGER, "0000:03:00.0", "nvme0n1p2 carries the mounted filesystem /", "another slot");
	assert_int_equal(severity_of(&h), SEVERITY_BLOCK);
	disk->role = ROLE_NAMED;
	assert_only(&h, FINDING_GROUP_DANGER, "0000:03:00.0", "nvme0n1p2", "name another device");
	hand_danger(disk, "second");
	hand_danger(disk, "third");
	hand_danger(disk, "fourth");
	assert_only(&h, FINDING_GROUP_DANGER, "0000:03:00.0", "second, and 2 more", "name another device");
}

static void power_and_life(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, NULL);
	snprintf(h.display->fn.power_state, sizeof(h.display->fn.power_state), "D3cold");
	assert_only(&h, FINDING_D3COLD, CARD, "D3cold", "echo on > /sys/bus/pci/devices/" CARD "/power/control");
	assert_int_equal(severity_of(&h), SEVERITY_BLOCK);
	snprintf(h.display->fn.power_state, sizeof(h.display->fn.power_state), "D3hot");
	assert_nothing(&h);
	h.display->fn.config = PCI_CONFIG_ASLEEP;
	assert_only(&h, FINDING_D3COLD, CARD, "D3cold", "echo on");
	h.display->fn.config = PCI_CONFIG_UNREAD;
	assert_nothing(&h);
	h.audio->fn.config = PCI_CONFIG_DEAD;
	assert_only(&h, FINDING_DEAD, CARD1, "its config space reads ff", "reboot");
	assert_int_equal(severity_of(&h), SEVERITY_BLOCK);
	h.audio->fn.config = PCI_CONFIG_HANGS;
	assert_only(&h, FINDING_DEAD, CARD1, "does not answer in time", "dmesg");
	assert_int_equal(severity_of(&h), SEVERITY_BLOCK);
}

static void stuck(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, NULL);
	h.audio->stuck = true;
	h.audio->stuck_at = (struct stuck){ .child = { .pid = 4711 }, .what = "writing unbind" };
	h.audio->driver_known = false;
	assert_only(&h, FINDING_STUCK, CARD1, "process 4711 still waits in the kernel (writing unbind)", "4711");
	assert_int_equal(severity_of(&h), SEVERITY_BLOCK);
}

static void owners(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, NULL);
	h.display->claimed = true;
	h.display->claim.vmid = 102;
	assert_only(&h, FINDING_CLAIMED, CARD, "VM 102", "shut down VM 102");
	assert_int_equal(severity_of(&h), SEVERITY_BLOCK);
	h.display->claim = (struct claim){ .kind = CLAIM_RESET, .owner = { .pid = 4242 } };
	assert_only(&h, FINDING_CLAIMED, CARD, "is being reset, or its ROM read, by gpupt-helper (process 4242)", "wait until process 4242");
	h.display->claimed = false;
	h.display->reserved_by = 103;
	assert_only(&h, FINDING_RESERVED, CARD, "103", "103");
	assert_int_equal(severity_of(&h), SEVERITY_BLOCK);
}

static void unbindable(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };
	struct fn_facts *bridge;

	hand_init(&h, NULL);
	h.audio->unbindable = true;
	assert_only(&h, FINDING_UNBINDABLE, CARD1, "cannot be taken off its driver snd_hda_intel", "keep that driver from loading");
	assert_int_equal(severity_of(&h), SEVERITY_BLOCK);
	/* what goes along unasked; and that it goes along is not said as well */
	h.audio->role = ROLE_GROUP;
	assert_only(&h, FINDING_UNBINDABLE, CARD1, "it is in the card's IOMMU group", "another slot");
	/* a bridge is not taken off its driver */
	h.audio->unbindable = false;
	h.audio->role = ROLE_NAMED;
	bridge = hand_add(&h, "0000:00:01.0", 0x060400, "pcieport", 4);
	bridge->fn.bridge = bridge->unbindable = true;
	assert_only(&h, FINDING_NOT_PASSABLE, "0000:00:01.0", "is a bridge", "name the card");
}

static void holders(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };
	struct holder *x;

	hand_init(&h, NULL);
	x = hand_holder(&h, HOLDER_HOST, "", CARD, "dri/card0");
	assert_only(&h, FINDING_HELD, CARD, CARD " is held by player (4001): /dev/dri/card0", "end process 4001");
	assert_int_equal(severity_of(&h), SEVERITY_BLOCK);
	assert_int_equal(strv_add(&x->nodes, "snd/controlC1"), 0);
	assert_only(&h, FINDING_HELD, CARD, "/dev/dri/card0, /dev/snd/controlC1", "end process 4001");
	x->kind = HOLDER_UNIT;
	snprintf(x->id, sizeof(x->id), "jellyfin.service");
	assert_only(&h, FINDING_HELD, CARD, "of jellyfin.service", "systemctl stop jellyfin.service");
	x->kind = HOLDER_CONTAINER;
	snprintf(x->id, sizeof(x->id), "200");
	assert_only(&h, FINDING_HELD, CARD, "in container 200", "container 200");
	x->kind = HOLDER_VM;
	snprintf(x->id, sizeof(x->id), "102");
	assert_only(&h, FINDING_IN_USE, CARD, "in use by VM 102", "shut down VM 102");
	assert_int_equal(severity_of(&h), SEVERITY_BLOCK);
	/* the VM's own, as on its way out, is none; nor is who only holds what all cards share */
	snprintf(x->id, sizeof(x->id), "101");
	assert_nothing(&h);
	x->kind = HOLDER_HOST;
	x->shared_only = true;
	assert_nothing(&h);
}

static void holders_that_may_be_ended(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };
	struct holder *x;

	hand_init(&h, "[gpu 01:00]\nprocesses = terminate\n");
	x = hand_holder(&h, HOLDER_HOST, "", CARD, "dri/card0");
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_END);
	assert_nothing(&h);
	x->kind = HOLDER_UNIT;
	snprintf(x->id, sizeof(x->id), "jellyfin.service");
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_UNIT);
	assert_nothing(&h);
	/* what cannot be started again by its name is ended as a process */
	snprintf(x->id, sizeof(x->id), "session-3.scope");
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_END);
	snprintf(x->id, sizeof(x->id), "user@1000.service");
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_END);
	snprintf(x->id, sizeof(x->id), ".service");
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_END);
	/* never these */
	snprintf(x->id, sizeof(x->id), "pvedaemon.service");
	assert_only(&h, FINDING_HELD, CARD, "never ends", "pvedaemon");
	x->kind = HOLDER_CONTAINER;
	snprintf(x->id, sizeof(x->id), "200");
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_PROTECTED);
	x->kind = HOLDER_HOST;
	snprintf(x->comm, sizeof(x->comm), "pvestatd");
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_PROTECTED);
	snprintf(x->comm, sizeof(x->comm), "qemu-system-x86");
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_PROTECTED);
	snprintf(x->comm, sizeof(x->comm), "player");
	x->proc.pid = 1;
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_PROTECTED);
	x->proc.pid = 4001;
	h.f.ancestors[0] = 4001;
	h.f.n_ancestors = 1;
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_PROTECTED);
	h.f.n_ancestors = 0;
	x->kind = HOLDER_VM;
	snprintf(x->id, sizeof(x->id), "102");
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_VM);
	/* another card's settings are another matter */
	hand_done(&h);
	hand_init(&h, "[gpu 02:00]\nprocesses = terminate\n");
	x = hand_holder(&h, HOLDER_HOST, "", CARD, "dri/card0");
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_REFUSE);
}

/* The unit in which one of us runs is not stopped: a shell's service, or the cron job that started the VM. */
static void own_units_are_protected(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };
	struct holder *x;

	hand_init(&h, "[defaults]\nprocesses = terminate\n");
	x = hand_holder(&h, HOLDER_UNIT, "cron.service", CARD, "dri/card0");
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_UNIT);
	assert_int_equal(strv_add(&h.f.own_units, "cron.service"), 0);
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_PROTECTED);
	assert_only(&h, FINDING_HELD, CARD, "never ends", "cron.service");
	assert_int_equal(severity_of(&h), SEVERITY_BLOCK);
	snprintf(x->id, sizeof(x->id), "encoder.service");
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_UNIT);
	assert_nothing(&h);
	/* other processes of a session of ours are no ancestors of ours: they can be ended one by one */
	assert_int_equal(strv_add(&h.f.own_units, "session-3.scope"), 0);
	snprintf(x->id, sizeof(x->id), "session-3.scope");
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_END);
}

/* A batch job is not run a second time for having been in the way: its process is ended, its unit not. */
static void batch_jobs_are_ended_as_processes(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };
	struct holder *x;

	hand_init(&h, "[defaults]\nprocesses = terminate\n");
	x = hand_holder(&h, HOLDER_UNIT, "transcode.service", CARD, "dri/card0");
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_UNIT);
	assert_int_equal(strv_add(&h.f.batch_units, "transcode.service"), 0);
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_END);
	assert_nothing(&h);
	/* what protects, protects it as well */
	h.f.ancestors[0] = x->proc.pid;
	h.f.n_ancestors = 1;
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_PROTECTED);
	h.f.n_ancestors = 0;
	snprintf(x->id, sizeof(x->id), "pvestatd.service");
	assert_int_equal(strv_add(&h.f.batch_units, "pvestatd.service"), 0);
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_PROTECTED);
}

/* NVIDIA's daemon is stopped whatever the settings say, and named; a service that is only called like it is a service. */
static void persistenced(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };
	struct holder *x;

	hand_init(&h, NULL);
	x = hand_holder(&h, HOLDER_UNIT, "nvidia-persistenced.service", CARD, "nvidia0");
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_UNIT);
	assert_only(&h, FINDING_PERSISTENCED, CARD, "every other NVIDIA card", NULL);
	assert_int_equal(severity_of(&h), SEVERITY_INFO);
	x->shared_only = true;
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_NONE);
	assert_nothing(&h);
	x->shared_only = false;
	/* in a container it is that container's */
	x->kind = HOLDER_CONTAINER;
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_REFUSE);
	x->kind = HOLDER_UNIT;
	snprintf(x->id, sizeof(x->id), "my-nvidia-persistenced.service");
	assert_int_equal(process_fate(&h.f, &h.s, x), FATE_REFUSE);
}

static void persistence(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, NULL);
	hand_driver(h.display, "nvidia", "");
	for (enum persistence p = PERSISTENCE_UNASKED; p <= PERSISTENCE_ON; p++) {
		h.display->persistence = p;
		assert_nothing(&h);
	}
	h.display->persistence = PERSISTENCE_UNKNOWN;
	snprintf(h.display->persistence_why, sizeof(h.display->persistence_why), "cannot run nvidia-smi: why");
	assert_only(&h, FINDING_PERSISTENCE_UNKNOWN, CARD, "may hold " CARD ": cannot run nvidia-smi: why", "nvidia-smi -i " CARD " -pm 0");
	assert_int_equal(severity_of(&h), SEVERITY_BLOCK);
}

static void blind(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, NULL);
	h.f.holders.unseen = 12;
	assert_nothing(&h); /* root sees all but kernel threads */
	h.f.root = false;
	assert_only(&h, FINDING_BLIND, "host", "12 processes", "root");
	assert_int_equal(severity_of(&h), SEVERITY_INFO);
}

static void unsure(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, NULL);
	h.f.holders.unsure = 3;
	assert_only(&h, FINDING_UNSURE, "host", "3 open files", "dmesg");
	assert_int_equal(severity_of(&h), SEVERITY_BLOCK);
}

/* A container that could not be looked into: what it may be is decided by what would become of it. */
static void unsure_of_containers(void **state)
{
	static const struct {
		const char *conf;
		bool backup;
		enum severity severity;
		const char *words, *remedy;
	} rows[] = {
		{ NULL, false, SEVERITY_WARN, "which device nodes are in CT 200 was not to be seen", "pct reboot 200" },
		{ "[defaults]\ncontainers = shutdown\n", false, SEVERITY_BLOCK, "CT 200 may have the card, and gpupt.conf has containers = shutdown",
		  "containers = hot under [ct 200]" },
		{ "[defaults]\ncontainers = shutdown\n", true, SEVERITY_WARN, "which device nodes are in CT 200", "pct reboot 200" },
		{ "[defaults]\ncontainers = refuse\n", true, SEVERITY_BLOCK, "containers = refuse", "[ct 200]" },
		{ "[ct 200]\ncontainers = detach\n", false, SEVERITY_BLOCK, "containers = detach", "[ct 200]" },
		{ "[ct 201]\ncontainers = detach\n", false, SEVERITY_WARN, "CT 200", "pct reboot 200" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_hand_ struct hand h = { 0 };

		hand_init(&h, rows[i].conf);
		h.f.backup = rows[i].backup;
		assert_int_equal(guest_list_add(&h.f.sharers.unsure, 200), 0);
		assert_only(&h, FINDING_UNSURE, CARD, rows[i].words, rows[i].remedy);
		assert_int_equal(severity_of(&h), rows[i].severity);
	}
}

static void unsure_of_a_node(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };
	struct ctnode_fact *n = calloc(1, sizeof(*n));

	hand_init(&h, NULL);
	assert_non_null(n);
	*n = (struct ctnode_fact){ .node = { .vmid = 200, .bdf = fake_bdf(CARD), .path = strdup("/dev/dri/card1") },
				   .problem = strdup("CT 200 does not answer") };
	h.f.ctnodes = (struct ctnode_facts){ .v = n, .n = 1 };
	assert_only(&h, FINDING_UNSURE, CARD, "/dev/dri/card1 in CT 200 is not renewed when the card is back: CT 200 does not answer",
		    "pct reboot 200");
	assert_int_equal(severity_of(&h), SEVERITY_WARN);
}

static void known_cards(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, NULL);
	h.audio->fn.id.device = 0xaa01;
	assert_int_equal(known_parse("1002:5159 bad it is dear\n1002:5159:0001:0002 bad x\n", "f", &h.f.known, NULL), 0);
	assert_only(&h, FINDING_KNOWN_BAD, CARD, CARD " (1002:5159) is known not to work in a VM: it is dear",
		    "write '1002:5159 ok' into /etc/gpupt/known-cards");
	assert_int_equal(severity_of(&h), SEVERITY_BLOCK);
	assert_int_equal(known_parse("1002:5159 ok\n", "f", &h.f.known, NULL), 0);
	assert_nothing(&h);
	/* a slip of the pen holds nothing back */
	snprintf(h.f.known.wrong, sizeof(h.f.known.wrong), "f line 3: no");
	assert_only(&h, FINDING_CONFIG_BAD, "known-cards", "f line 3: no", "correct it");
	assert_int_equal(severity_of(&h), SEVERITY_WARN);
}

static void slot_partial(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, NULL);
	h.f.n = 1; /* .1 is in the slot, and not taken */
	snprintf(h.display->fn.reset_method, sizeof(h.display->fn.reset_method), "flr");
	assert_only(&h, FINDING_SLOT_PARTIAL, CARD1, "stays with the host while " CARD " goes", "0000:01:00");
	assert_int_equal(severity_of(&h), SEVERITY_WARN);
	h.f.slots.v[1].bridge = true;
	assert_nothing(&h);
}

static void reset_unlikely(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, NULL);
	h.display->fn.on_bus = h.audio->fn.on_bus = 3; /* a third function on the bus */
	assert_only(&h, FINDING_RESET_UNLIKELY, CARD, "not likely to be reset", "pass the whole slot");
	assert_int_equal(known_parse("1002:5159 vendor-reset Navi\n", "f", &h.f.known, NULL), 0);
	assert_only(&h, FINDING_RESET_UNLIKELY, CARD, "not likely to be reset", "vendor-reset, which can reset this card");
	assert_int_equal(severity_of(&h), SEVERITY_WARN);
	h.display->fn.id.vendor = 0x10de;
	assert_only(&h, FINDING_RESET_UNLIKELY, CARD, "not likely to be reset", "whole slot");
	snprintf(h.display->fn.reset_method, sizeof(h.display->fn.reset_method), "flr");
	assert_nothing(&h);
}

static void displays(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, NULL);
	h.f.displays = 0;
	assert_only(&h, FINDING_ONLY_DISPLAY, CARD, "the only display", "network");
	assert_int_equal(severity_of(&h), SEVERITY_WARN);
	h.f.displays = 1;
	h.display->console = true;
	assert_only(&h, FINDING_CONSOLE, CARD, "console", NULL);
	assert_int_equal(severity_of(&h), SEVERITY_INFO);
	hand_done(&h);
	hand_init(&h, NULL);
	h.display->fn.id = (struct pci_id){ 0x1a03, 0x2000, 0, 0 };
	assert_only(&h, FINDING_BMC_DISPLAY, CARD, "management controller", "another card");
	assert_int_equal(severity_of(&h), SEVERITY_WARN);
}

static void bootfb(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	/* only where neither a native driver nor vfio-pci itself drives the firmware's frame buffer away */
	hand_init(&h, NULL);
	h.display->bootfb = true;
	assert_nothing(&h);
	h.display->fn.class = 0x038000;
	assert_nothing(&h);
	hand_driver(h.display, "", "");
	snprintf(h.display->guess, sizeof(h.display->guess), "radeon");
	assert_only(&h, FINDING_BOOTFB, CARD, "frame buffer", "initcall_blacklist=sysfb_init");
	assert_int_equal(severity_of(&h), SEVERITY_WARN);
	h.display->fn.class = 0x030000;
	assert_nothing(&h);
}

static void no_home(void **state)
{
	static const char *const found_on[] = { "vfio-pci", "" };
	_cleanup_hand_ struct hand h = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(found_on); i++) {
		hand_init(&h, NULL);
		hand_driver(h.display, found_on[i], "");
		assert_only(&h, FINDING_NO_HOME, CARD, *found_on[i] ? "is on vfio-pci" : "is on no driver", "driver = ");
		assert_int_equal(severity_of(&h), SEVERITY_WARN);
		snprintf(h.display->guess, sizeof(h.display->guess), "radeon");
		assert_nothing(&h);
		hand_done(&h);
		/* it is said to stay there */
		hand_init(&h, "[gpu 01:00]\nafter-stop = keep\n");
		hand_driver(h.display, found_on[i], "");
		assert_nothing(&h);
		hand_done(&h);
	}
	hand_init(&h, NULL);
}

static void override(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, NULL);
	hand_driver(h.display, "radeon", "amdgpu");
	assert_only(&h, FINDING_OVERRIDE, CARD, "driver_override=amdgpu", NULL);
	assert_int_equal(severity_of(&h), SEVERITY_INFO);
	hand_driver(h.display, "vfio-pci", "vfio-pci"); /* reserved by an administrator, or ours: nothing to tell */
	assert_nothing(&h);
}

/* Several obstacles are all said, and the worst decides. */
static void everything_at_once(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, NULL);
	h.display->fn.active_vfs = 1;
	h.display->claimed = true;
	h.audio->fn.config = PCI_CONFIG_DEAD;
	h.f.iommu.groups = 0;
	h.display->console = true;
	judge(&h.f, &h.s, &f);
	assert_int_equal(f.n, 5);
	assert_int_equal(findings_worst(&f), SEVERITY_BLOCK);
	assert_int_equal(f.v[0].code, FINDING_IOMMU_OFF);
}

/* The table itself: every code has a stable name of its own, a meaning, and a severity by which it is added. */
static void names(void **state)
{
	for (int i = 0; i < FINDING_COUNT; i++) {
		const char *name = finding_name((enum finding_code)i), *meaning = finding_meaning((enum finding_code)i);

		assert_non_null(name);
		assert_non_null(meaning);
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(name));
		assert_true(strlen(meaning) > 10);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(name, finding_name((enum finding_code)j));
	}
	assert_string_equal(finding_name(FINDING_IOMMU_OFF), "iommu-off");
	assert_string_equal(finding_name(FINDING_SRIOV_ACTIVE), "sriov-active");
	assert_string_equal(finding_name(FINDING_GROUP_FOREIGN), "group-foreign");
	assert_string_equal(finding_name(FINDING_RESET_UNLIKELY), "reset-unlikely");
	assert_string_equal(severity_name(SEVERITY_OK), "ok");
	assert_string_equal(severity_name(SEVERITY_BLOCK), "block");
}

static void lists(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };

	assert_int_equal(findings_worst(&f), SEVERITY_OK);
	assert_non_null(finding_add(&f, FINDING_READY, "x", NULL, "%s", "m"));
	assert_int_equal(findings_worst(&f), SEVERITY_OK);
	assert_non_null(finding_add(&f, FINDING_CONSOLE,
				    "a subject that is longer than its field is, which has to have room for a path and for a version of a kernel", "r", "m"));
	assert_int_equal(strlen(f.v[1].subject), sizeof(f.v[1].subject) - 1);
	assert_string_equal(f.v[1].remedy, "r");
	assert_int_equal(findings_worst(&f), SEVERITY_INFO);
	finding_add(&f, FINDING_NO_HOME, "x", NULL, "m");
	assert_int_equal(findings_worst(&f), SEVERITY_WARN);
	/* one that was lost may have been the worst */
	f.r = -12;
	assert_int_equal(findings_worst(&f), SEVERITY_BLOCK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_wrong),
		cmocka_unit_test(no_device),
		cmocka_unit_test(not_passable),
		cmocka_unit_test(identity),
		cmocka_unit_test(iommu_off),
		cmocka_unit_test(no_group),
		cmocka_unit_test(sriov_active),
		cmocka_unit_test(group_members),
		cmocka_unit_test(power_and_life),
		cmocka_unit_test(stuck),
		cmocka_unit_test(owners),
		cmocka_unit_test(unbindable),
		cmocka_unit_test(holders),
		cmocka_unit_test(holders_that_may_be_ended),
		cmocka_unit_test(own_units_are_protected),
		cmocka_unit_test(batch_jobs_are_ended_as_processes),
		cmocka_unit_test(persistenced),
		cmocka_unit_test(persistence),
		cmocka_unit_test(blind),
		cmocka_unit_test(unsure),
		cmocka_unit_test(unsure_of_containers),
		cmocka_unit_test(unsure_of_a_node),
		cmocka_unit_test(known_cards),
		cmocka_unit_test(slot_partial),
		cmocka_unit_test(reset_unlikely),
		cmocka_unit_test(displays),
		cmocka_unit_test(bootfb),
		cmocka_unit_test(no_home),
		cmocka_unit_test(override),
		cmocka_unit_test(everything_at_once),
		cmocka_unit_test(names),
		cmocka_unit_test(lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
