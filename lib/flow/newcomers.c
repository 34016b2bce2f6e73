/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/newcomers.h"
#include "flow/observe.h"
#include "policy/containers.h"

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
		k = facts_look_for_failed_starts(r, f);
	if (k == 0)
		k = containers_plan_return(f, s, &p);
	for (size_t i = 0; k == 0 && i < p.n; i++)
		k = record_adopt(rec, &p.steps[i], e);
	if (k == 0)
		k = containers_given_up(f, &given_up);
	strv_foreach (line, &given_up)
		report_complain(report, "%s", line);
	return k;
}
