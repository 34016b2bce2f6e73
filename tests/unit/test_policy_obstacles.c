/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may go away of that which blocks a start, and what may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/backup.h"
#include "policy/judge.h"
#include "policy/obstacles.h"
#include "policy/processes.h"
#include "tests/fake/facts.h"
#include "tests/fake/fake.h"

static int find(const struct hand *h, struct obstacles *ret)
{
	_cleanup_findings_ struct findings f = { 0 };

	judge(&h->f, &h->s, &f);
	return obstacles_find(&h->f, &h->s, &f, ret);
}

/* Nothing can be done about it. */
static void assert_hopeless(const struct hand *h)
{
	_cleanup_obstacles_ struct obstacles o = { 0 };

	assert_int_equal(find(h, &o), 0);
	assert_int_equal(o.n + o.wait, 0);
}

static void claim(struct fn_facts *fn, unsigned int vmid)
{
	fn->claimed = true;
	fn->claim.kind = vmid ? CLAIM_VM : CLAIM_RESET;
	fn->claim.vmid = vmid;
}

static void nothing_in_the_way(void **state)
{
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, "[defaults]\nvms = shutdown\nprocesses = wait 60\n");
	assert_hopeless(&h);
}

static void who_has_the_card(void **state)
{
	static const char *const confs[] = { "", "[defaults]\nvms = shutdown\n[gpu 01:00]\nvms = refuse\n" };
	_cleanup_obstacles_ struct obstacles o = { 0 };
	_cleanup_hand_ struct hand h = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(confs); i++) {
		_cleanup_hand_ struct hand r = { 0 };

		hand_init(&r, confs[i]);
		claim(r.display, 102);
		assert_hopeless(&r);
	}
	hand_init(&h, "[gpu 01:00]\nvms = shutdown\nshutdown-timeout = 33\n");
	claim(h.audio, 103);
	claim(h.display, 102);
	hand_holder(&h, HOLDER_VM, "102", CARD, "vfio/15");
	assert_int_equal(find(&h, &o), 1);
	assert_int_equal(o.wait, 0);
	assert_int_equal(o.n, 2);
	assert_int_equal(o.vms[0].vmid, 102);
	assert_int_equal(o.vms[0].code, FINDING_CLAIMED);
	assert_true(bdf_eq(o.vms[0].bdf, fake_bdf(CARD)));
	assert_int_equal(o.vms[0].timeout, 33);
	assert_false(o.vms[0].force);
	assert_int_equal(o.vms[1].vmid, 103);
}

static void every_way_to_have_it(void **state)
{
	_cleanup_obstacles_ struct obstacles by_list = { 0 }, by_file = { 0 };
	_cleanup_hand_ struct hand h = { 0 }, i = { 0 }, r = { 0 };

	hand_init(&h, "[defaults]\nvms = shutdown\nforce-stop = 1\n");
	h.display->reserved_by = 105;
	assert_int_equal(find(&h, &by_list), 1);
	assert_int_equal(by_list.vms[0].vmid, 105);
	assert_int_equal(by_list.vms[0].code, FINDING_RESERVED);
	assert_true(by_list.vms[0].force);
	hand_init(&i, "[defaults]\nvms = shutdown\n");
	hand_holder(&i, HOLDER_VM, "106", NULL, "vfio/15");
	assert_int_equal(find(&i, &by_file), 1);
	assert_int_equal(by_file.vms[0].vmid, 106);
	assert_int_equal(by_file.vms[0].code, FINDING_IN_USE);
	/* a reset by hand is no VM */
	hand_init(&r, "[defaults]\nvms = shutdown\n");
	claim(r.display, 0);
	assert_hopeless(&r);
}

/* A VM with two cards has the time of the one that grants more, and is stopped only if both allow it. */
static void the_settings_of_all_its_cards(void **state)
{
	_cleanup_obstacles_ struct obstacles o = { 0 };
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, "[defaults]\nvms = shutdown\nforce-stop = 1\n[gpu 02:00]\nshutdown-timeout = 90\nforce-stop = 0\n");
	claim(h.display, 102);
	claim(hand_add(&h, TWIN, 0x030000, "radeon", 16), 102);
	assert_int_equal(find(&h, &o), 1);
	assert_int_equal(o.n, 1);
	assert_int_equal(o.vms[0].timeout, 90);
	assert_false(o.vms[0].force);
}

static void who_is_waited_for(void **state)
{
	_cleanup_obstacles_ struct obstacles o = { 0 };
	_cleanup_text_ struct text who = { 0 };
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, "[defaults]\nprocesses = wait 60\n");
	hand_holder(&h, HOLDER_UNIT, "player.service", CARD, "dri/card1");
	hand_holder(&h, HOLDER_CONTAINER, "200", CARD1, "snd/controlC1");
	hand_holder(&h, HOLDER_HOST, "", CARD, "nvidiactl")->shared_only = true;
	hand_holder(&h, HOLDER_VM, "101", CARD, "vfio/15");
	assert_int_equal(find(&h, &o), 1);
	assert_int_equal(o.wait, 60);
	assert_int_equal(o.n, 0);
	obstacles_waited(&h.f, &h.s, &who);
	assert_string_equal(text_str(&who), "player (4001) of player.service, player (4002) in container 200: they hold " CARD ", " CARD1);
	/* many are not all named */
	for (int i = 0; i < 6; i++)
		hand_holder(&h, HOLDER_HOST, "", CARD, "dri/card1");
	text_done(&who);
	who = (struct text){ 0 };
	obstacles_waited(&h.f, &h.s, &who);
	assert_non_null(strstr(text_str(&who), ", player (4006) and 4 more: they hold "));
	assert_null(strstr(text_str(&who), "4007"));
}

static void the_shortest_time(void **state)
{
	_cleanup_obstacles_ struct obstacles o = { 0 };
	_cleanup_hand_ struct hand h = { 0 };

	hand_init(&h, "[defaults]\nprocesses = wait 60\n[gpu 02:00]\nprocesses = wait 5\n");
	hand_add(&h, TWIN, 0x030000, "radeon", 16);
	hand_holder(&h, HOLDER_HOST, "", CARD, "dri/card1");
	assert_int_equal(obstacles_wait(&h.f, &h.s), 60);
	hand_holder(&h, HOLDER_HOST, "", TWIN, "dri/card2");
	assert_int_equal(find(&h, &o), 1);
	assert_int_equal(o.wait, 5);
}

/* For nobody else is one waited for, or shut down. */
static void one_of_them_stays(void **state)
{
	static const char conf[] = "[defaults]\nprocesses = wait 60\nvms = shutdown\n[gpu 02:00]\nprocesses = refuse\nvms = refuse\n";
	_cleanup_hand_ struct hand refuse = { 0 }, owner = { 0 }, iommu = { 0 }, ancestor = { 0 }, init = { 0 }, unsure = { 0 };

	hand_init(&refuse, conf);
	hand_add(&refuse, TWIN, 0x030000, "radeon", 16);
	hand_holder(&refuse, HOLDER_HOST, "", CARD, "dri/card1");
	hand_holder(&refuse, HOLDER_HOST, "", TWIN, "dri/card2");
	assert_hopeless(&refuse);
	hand_init(&owner, conf);
	claim(hand_add(&owner, TWIN, 0x030000, "radeon", 16), 102);
	hand_holder(&owner, HOLDER_HOST, "", CARD, "dri/card1");
	assert_hopeless(&owner);
	hand_init(&iommu, conf);
	iommu.f.iommu.groups = iommu.f.iommu.units = 0;
	claim(iommu.display, 102);
	assert_hopeless(&iommu);
	/* who waits for us to end does not end before */
	hand_init(&ancestor, conf);
	ancestor.f.ancestors[ancestor.f.n_ancestors++] = hand_holder(&ancestor, HOLDER_HOST, "", CARD, "dri/card1")->proc.pid;
	assert_int_equal(process_fate(&ancestor.f, &ancestor.s, &ancestor.f.holders.v[0]), FATE_PROTECTED);
	assert_hopeless(&ancestor);
	hand_init(&init, conf);
	hand_holder(&init, HOLDER_HOST, "", CARD, "dri/card1")->proc.pid = 1;
	assert_hopeless(&init);
	hand_init(&unsure, conf);
	hand_holder(&unsure, HOLDER_HOST, "", CARD, "dri/card1");
	unsure.f.holders.unsure = 1;
	assert_hopeless(&unsure);
}

/* A disk in the card's group: who has it open writes there, and has nothing to do with the card. */
static void who_has_a_disk(void **state)
{
	static const enum holder_kind kinds[] = { HOLDER_VM, HOLDER_HOST, HOLDER_UNIT, HOLDER_CONTAINER };
	static const char *const processes[] = { "terminate", "wait 60", "refuse" };
	static const char *const ids[] = { "103", "", "backup.service", "200" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds) * ARRAY_SIZE(processes); i++) {
		_cleanup_findings_ struct findings f = { 0 };
		_cleanup_hand_ struct hand h = { 0 };
		char conf[128];

		snprintf(conf, sizeof(conf), "[defaults]\nvms = shutdown\ncontainers = shutdown\nprocesses = %s\n", processes[i / 4]);
		hand_init(&h, conf);
		hand_add(&h, "0000:03:00.0", 0x010802, "nvme", 15)->role = ROLE_GROUP;
		hand_holder(&h, kinds[i % 4], ids[i % 4], "0000:03:00.0", "nvme0n1")->disk = true;
		assert_int_equal(process_fate(&h.f, &h.s, &h.f.holders.v[0]), FATE_PROTECTED);
		assert_hopeless(&h);
		judge(&h.f, &h.s, &f);
		assert_true(findings_worst(&f) == SEVERITY_BLOCK);
		if (kinds[i % 4] == HOLDER_VM)
			assert_string_equal(f.v[f.n - 1].remedy, "shut down VM 103");
	}
}

/* --- backups --- */

static void a_backup_moves_nobody(void **state)
{
	static const char *const confs[] = { "terminate", "wait 60", "refuse" };
	_cleanup_hand_ struct hand vm = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(confs); i++) {
		_cleanup_hand_ struct hand h = { 0 };
		char conf[64];

		snprintf(conf, sizeof(conf), "[defaults]\nprocesses = %s\n", confs[i]);
		hand_init(&h, conf);
		hand_holder(&h, HOLDER_UNIT, "player.service", CARD, "dri/card1");
		h.f.backup = true;
		assert_int_equal(process_fate(&h.f, &h.s, &h.f.holders.v[0]), FATE_REFUSE);
		assert_hopeless(&h);
	}
	hand_init(&vm, "[defaults]\nvms = shutdown\n");
	claim(vm.display, 102);
	vm.f.backup = true;
	assert_hopeless(&vm);
}

static size_t backup_findings(const struct hand *h, struct findings *f)
{
	size_t n = 0;

	judge(&h->f, &h->s, f);
	judge_backup(&h->f, &h->s, f);
	for (size_t i = 0; i < f->n; i++)
		n += f->v[i].code == FINDING_BACKUP_REFUSED;
	return n;
}

static void refused_backups(void **state)
{
	_cleanup_findings_ struct findings start = { 0 }, idle = { 0 }, used = { 0 }, unwanted = { 0 }, leased = { 0 }, other = { 0 };
	_cleanup_hand_ struct hand h = { 0 }, r = { 0 }, o = { 0 };

	hand_init(&h, "[defaults]\nprocesses = terminate\n");
	assert_int_equal(backup_findings(&h, &start), 0);
	h.f.backup = true;
	assert_int_equal(backup_findings(&h, &idle), 0);
	hand_holder(&h, HOLDER_HOST, "", CARD, "dri/card1");
	hand_holder(&h, HOLDER_HOST, "", CARD, "dri/card1");
	assert_int_equal(backup_findings(&h, &used), 1);
	assert_int_equal(findings_worst(&used), SEVERITY_BLOCK);
	assert_string_equal(used.v[used.n - 1].subject, "VM 101");
	hand_init(&r, "[gpu 01:00]\nbackup = refuse\n");
	assert_int_equal(backup_findings(&r, &start), 0);
	r.f.backup = true;
	assert_int_equal(backup_findings(&r, &unwanted), 1);
	assert_non_null(strstr(unwanted.v[0].message, CARD));
	/* in stop mode it has its cards already */
	r.f.leased = true;
	assert_int_equal(backup_findings(&r, &leased), 0);
	/* another reason is not about the backup */
	hand_init(&o, NULL);
	o.f.backup = true;
	o.f.iommu.groups = o.f.iommu.units = 0;
	assert_int_equal(backup_findings(&o, &other), 0);
	assert_int_equal(findings_worst(&other), SEVERITY_BLOCK);
}

static void findings_are_dropped(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };

	finding_add(&f, FINDING_HELD, "a", "r", "first");
	finding_add(&f, FINDING_CONSOLE, "b", NULL, "second");
	finding_add(&f, FINDING_CLAIMED, "c", "r", "third");
	finding_add(&f, FINDING_SLOT_PARTIAL, "d", "r", "fourth");
	findings_drop(&f, 1, SEVERITY_BLOCK);
	assert_int_equal(f.n, 3);
	assert_string_equal(f.v[1].message, "second");
	assert_string_equal(f.v[2].message, "fourth");
	findings_drop(&f, 1, SEVERITY_OK);
	assert_int_equal(f.n, 1);
	assert_string_equal(f.v[0].message, "first");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_in_the_way),
		cmocka_unit_test(who_has_the_card),
		cmocka_unit_test(every_way_to_have_it),
		cmocka_unit_test(the_settings_of_all_its_cards),
		cmocka_unit_test(who_is_waited_for),
		cmocka_unit_test(the_shortest_time),
		cmocka_unit_test(who_has_a_disk),
		cmocka_unit_test(one_of_them_stays),
		cmocka_unit_test(a_backup_moves_nobody),
		cmocka_unit_test(refused_backups),
		cmocka_unit_test(findings_are_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
