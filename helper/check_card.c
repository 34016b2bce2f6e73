/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/observe.h"
#include "helper/check.h"
#include "helper/reset_word.h"
#include "plan/nvidia.h"
#include "plan/state.h"
#include "policy/judge.h"

/* What the kernel hides from others than root, beside the processes' files, which judge() counts. */
static void note_unseen(struct check *c, const struct facts *f)
{
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_bootfb_list_ struct bootfb_list fbs = { 0 };

	if (state_list(c->o->root, STATE_RUN, &names) == -EACCES)
		check_unseen(c, "what gpupt has on record");
	if (bootfb_load(c->o->root, &fbs) == 0 && fbs.blind)
		check_unseen(c, "the addresses in /proc/iomem");
	if (root_is_real(c->o->root) && geteuid() != 0)
		check_unseen(c, "config space beyond its first 64 bytes");
	for (size_t i = 0; i < f->n && root_is_real(c->o->root) && !f->root; i++)
		if (strcmp(f->v[i].driver.driver, NVIDIA_DRIVER) == 0)
			check_unseen(c, "NVIDIA's persistence mode");
}

/* With no objection and no warning: a word of approval, with what is to be expected of the reset. */
static void approve(const struct facts *f, struct bdf b, struct findings *found)
{
	const struct fn_facts *fn = facts_find(f, b);
	char name[BDF_LEN];

	if (!fn || findings_worst(found) >= SEVERITY_WARN)
		return;
	bdf_format(b, name);
	finding_add(found, FINDING_READY, name, NULL, "%s can go to a VM (IOMMU group %d, reset: %s)", name, fn->fn.group,
		    reset_word_of_facts(f, &fn->fn));
}

int check_card(struct check *c, struct bdf b, struct err *e)
{
	_cleanup_selection_ struct selection sel = { 0 };
	_cleanup_facts_ struct facts facts = { 0 };
	_cleanup_findings_ struct findings found = { 0 };
	struct engine en;
	int k = select_card(c->o->root, b, &sel, e);

	if (k < 0)
		return k;
	engine_init(&en, c->o->root, &c->settings, &sel);
	k = facts_load(&en, &sel, 0, false, &facts, e);
	if (k < 0)
		return k;
	facts_ask_persistence(&en, &facts);
	k = check_containers(c, &facts, e);
	if (k < 0)
		return k;
	judge(&facts, &c->settings, &found);
	k = check_sharing(c, &facts.slots, &facts.holders, b, 0, &found, e);
	if (k < 0)
		return k;
	note_unseen(c, &facts);
	approve(&facts, b, &found);
	k = check_merge(c, &found);
	/* what other lines decide at boot does not stand in the way of a VM now */
	return k < 0 ? k : check_setup(c, &b, e);
}
