/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/newcomers.h"
#include "flow/observe.h"
#include "flow/waiting.h"
#include "policy/containers.h"

/*
 * Those that run and have placeholders mounted. Not of a card that is kept, whose placeholders stay; nor where the lease has a step about
 * the place: then the container has run since before, and what it has is the card's dead node.
 */
static int plan_renewal(const struct facts *f, const struct settings *s, const struct root *r, struct plan *p)
{
	_cleanup_waiting_ struct waiting w = { 0 };
	int k = f->ctnodes.n ? waiting_load(r, &w) : 0;

	for (size_t i = 0; k == 0 && i < f->ctnodes.n; i++) {
		const struct ctnode *n = &f->ctnodes.v[i].node;
		char why[64];

		if (settings_stays(settings_gpu(s, n->bdf)) || waiting_at(&w, n))
			continue;
		snprintf(why, sizeof(why), "CT %u was started without it", n->vmid);
		if (!plan_add(p, &step_ctnode, f->ctnodes.v[i].target, f->ctnodes.v[i].value, NULL, why))
			k = -ENOMEM;
	}
	return k;
}

int newcomers_note(struct facts *f, const struct settings *s, const struct root *r, struct record *rec, const struct report *report,
		   struct err *e)
{
	_cleanup_container_list_ struct container_list containers = { 0 };
	_cleanup_plan_ struct plan p = { 0 };
	_cleanup_strv_ struct strv given_up = { 0 };
	int k = container_list_load(r, &containers, e);

	/* no node outside /dev goes with its driver */
	container_list_keep_dev(&containers);
	if (k == 0 && containers.n > 0)
		k = facts_look_for_containers(r, &containers, f, e);
	if (k == 0)
		k = facts_look_for_placeholders(&containers, f);
	if (k == 0)
		k = facts_look_for_failed_starts(r, f);
	if (k == 0)
		k = containers_plan_return(f, s, &p);
	if (k == 0)
		k = plan_renewal(f, s, r, &p);
	for (size_t i = 0; k == 0 && i < p.n; i++)
		k = record_adopt(rec, &p.steps[i], e);
	if (k == 0)
		k = containers_given_up(f, &given_up);
	strv_foreach (line, &given_up)
		report_complain(report, "%s", line);
	return k;
}
