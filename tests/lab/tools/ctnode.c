/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctnode: the ctnode step by itself, for a scenario of the lab that moves the card by the real hook.
 *   show SLOT           targets and values of the card's nodes in the containers that run
 *   record SLOT FILE    makes their steps, recorded in FILE (below /run)
 *   undo FILE           puts them back; what becomes of each is printed. Fails if one stays open
 */
#include <errno.h>

#include "flow/ctnodes_look.h"
#include "flow/sharing.h"

static int fail(const struct err *e)
{
	fprintf(stderr, "ctnode: %s\n", e->text);
	return 1;
}

static void tell(void *ctx, enum step_event event, const struct step *s, const char *text)
{
	static const char *const names[] = {
		[STEP_MADE] = "made",	    [STEP_FAILED] = "failed",	[STEP_SKIPPED] = "skipped",
		[STEP_UNDONE] = "undone",   [STEP_GONE] = "gone",	[STEP_PARTLY] = "partly",
		[STEP_FOREIGN] = "foreign", [STEP_STUCK] = "stuck",	[STEP_LEFT] = "left",
	};

	printf("%s %s: %s\n", names[event], s->target, text ? text : "");
}

static int look(const struct root *r, const char *slot, struct ctnode_facts *ret, struct err *e)
{
	_cleanup_container_list_ struct container_list containers = { 0 };
	_cleanup_pci_list_ struct pci_list card = { 0 };
	_cleanup_sharers_ struct sharers s = { 0 };
	struct bdf b;
	int k = bdf_parse(slot, &b);

	if (k < 0)
		return err_set(e, k, "'%s' is no slot", slot);
	k = pci_slot_outline(r, b, &card, e);
	if (k == 0)
		k = container_list_load(r, &containers, e);
	if (k == 0)
		k = sharing_find(r, &containers, &card, NULL, &s, e);
	return k < 0 ? k : ctnodes_look(r, &containers, &card, &s, ret, e);
}

static int show(const struct root *r, const char *slot)
{
	_cleanup_ctnode_facts_ struct ctnode_facts l = { 0 };
	struct err e = { "" };

	if (look(r, slot, &l, &e) < 0)
		return fail(&e);
	for (size_t i = 0; i < l.n; i++)
		printf("%s: %s\n", l.v[i].target, l.v[i].problem ? l.v[i].problem : l.v[i].value ? l.v[i].value : "(absent)");
	return 0;
}

static int make(const struct root *r, const char *slot, const char *file)
{
	_cleanup_ctnode_facts_ struct ctnode_facts l = { 0 };
	_cleanup_record_ struct record rec = { .fd = -1 };
	_cleanup_plan_ struct plan p = { 0 };
	const struct engine en = { .root = r, .driver_timeout_ms = 5000, .job_timeout_ms = 10000, .watch = tell };
	struct err e = { "" };

	if (look(r, slot, &l, &e) < 0)
		return fail(&e);
	for (size_t i = 0; i < l.n; i++)
		if ((i == 0 || l.v[i].node.vmid != l.v[i - 1].node.vmid) && ctnodes_plan(&l, l.v[i].node.vmid, &p) < 0)
			return 1;
	if (plan_check(&en, &p, &e) < 0 || record_create(r, file, &rec, &e) < 0 || plan_apply(&en, &p, &rec, NULL, &e) < 0)
		return fail(&e);
	return 0;
}

static int undo(const struct root *r, const char *file)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	const struct engine en = { .root = r, .driver_timeout_ms = 5000, .job_timeout_ms = 10000, .watch = tell };
	struct undo_result u;
	struct err e = { "" };

	if (record_open(r, file, &rec, &e) < 0)
		return fail(&e);
	record_undo(&en, &rec, NULL, NULL, &u);
	printf("%u undone, %u foreign, %u failed\n", u.undone, u.foreign, u.failed);
	return !undo_complete(&u);
}

int main(int argc, char *argv[])
{
	struct root r;
	struct err e = { "" };

	if (root_open_dir(&r, "/", &e) < 0)
		return fail(&e);
	if (argc == 3 && str_eq(argv[1], "show"))
		return show(&r, argv[2]);
	if (argc == 4 && str_eq(argv[1], "record"))
		return make(&r, argv[2], argv[3]);
	if (argc == 3 && str_eq(argv[1], "undo"))
		return undo(&r, argv[2]);
	fprintf(stderr, "usage: ctnode show SLOT | record SLOT FILE | undo FILE\n");
	return 2;
}
