/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ha step: what a container's HA resource asks for, started or stopped. `pct shutdown` of such a container only sets that
 * request, cluster-wide and for good (PVE/API2/LXC/Status.pm), so the request itself is the value, and outlives a power cut.
 * If somebody has taken it out of HA's hands since, nobody but pct starts it again: then the value is whether it runs, by the same names.
 */
#include <errno.h>

#include "base/exec.h"
#include "base/interrupt.h"
#include "plan/step_guest.h"
#include "pve/guest.h"
#include "pve/ha.h"

#define ROUND_S 30 /* the resource manager works in rounds of some seconds (PVE/HA/LRM.pm, do_one_iteration()) */
#define LOOK_MS 200

void ha_target(const struct guest_stop *g, struct text *t)
{
	text_addf(t, "ct:%u timeout=%u", g->vmid, g->timeout_s);
	if (g->ident[0])
		text_addf(t, " id=%s", g->ident);
}

/*
 * One that the HA manager has recovered on another node is that node's affair: the card is here, and a request of ours would start it
 * there without. Nor is another one with its id ours. What is asked for is said, since by now nobody else remembers why.
 */
static int find_here(const struct engine *en, const struct guest_stop *g, struct err *e)
{
	struct err why = { "" };
	enum ha_state state;
	int k = ctident_find(en->root, g->vmid, g->ident, &why);

	if (k == -ENODEV && ha_find(en->root, GUEST_CT, g->vmid, &state, NULL) == 0)
		return err_set(e, k, "%s: its HA resource is left as it is, and asks for '%s'; to have it run: ha-manager set ct:%u --state %s",
			       why.text, ha_state_name(state), g->vmid, ha_state_name(HA_STARTED));
	return k < 0 ? err_set(e, k, "%s", why.text) : 0;
}

/* 1: the HA manager looks after it, and is asked for that state; 0: it does not, or not any more. */
static int find_managed(const struct engine *en, const struct guest_stop *g, enum ha_state *ret, struct err *e)
{
	int k = ha_find(en->root, GUEST_CT, g->vmid, ret, e);

	return k == -ENOENT || (k == 0 && *ret == HA_IGNORED) ? 0 : k < 0 ? k : 1;
}

static int find_running(const struct engine *en, const struct guest_stop *g, enum ha_state *ret, struct err *e)
{
	int k = guest_running(en->root, GUEST_CT, g->vmid, NULL);

	if (k < 0)
		return err_errno(e, k, "cannot tell whether CT %u runs", g->vmid);
	*ret = k ? HA_STARTED : HA_STOPPED;
	return 0;
}

static int ha_get_value(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	enum ha_state state;
	struct guest_stop g;
	int k = guest_target_parse(s->target, &g, e);

	if (k == 0)
		k = find_here(en, &g, e);
	if (k == 0)
		k = find_managed(en, &g, &state, e);
	if (k == 0)
		k = find_running(en, &g, &state, e);
	if (k < 0)
		return k;
	*ret = strdup(ha_state_name(state));
	return *ret ? 0 : -ENOMEM;
}

static int ha_launch(const struct engine *en, const struct step *s, void **ret_job, struct err *e)
{
	char sid[24];
	char *argv[] = { (char[]){ "ha-manager" }, (char[]){ "set" }, sid, (char[]){ "--state" }, s->after, NULL };
	enum ha_state state;
	struct guest_stop g;
	int k = guest_target_parse(s->target, &g, e);

	*ret_job = NULL;
	if (k == 0)
		k = find_managed(en, &g, &state, e);
	/* as a guest step would: the target is read by the same rules, and the values are but for the name of one the same */
	if (k <= 0)
		return k < 0 ? k : step_guest.launch(en, s, ret_job, e);
	snprintf(sid, sizeof(sid), "ct:%u", g.vmid);
	k = exec_check(en->root, argv, en->job_timeout_ms, e);
	return k == -ETIMEDOUT ? -ETIME : k;
}

static int wait_until_stopped(const struct engine *en, unsigned int vmid, unsigned int seconds, struct err *e)
{
	uint64_t deadline = now_ms() + seconds * 1000;
	int k;

	while ((k = guest_running(en->root, GUEST_CT, vmid, NULL)) > 0) {
		if (interrupt_pending())
			return err_set(e, -EINTR, "interrupted (%s) while CT %u was waited for", strsignal(interrupt_pending()), vmid);
		if (now_ms() >= deadline)
			return err_set(e, -ETIME, "CT %u still runs %u s after the HA manager was asked to stop it: 'ha-manager status' says why",
				       vmid, seconds);
		sleep_ms(LOOK_MS);
	}
	return k < 0 ? err_errno(e, k, "cannot tell whether CT %u runs", vmid) : 0;
}

/* A request to start is the HA manager's business: it does that when it likes, and perhaps on another node. */
static int ha_finish(const struct engine *en, const struct step *s, void *job, struct err *e)
{
	struct guest_stop g;
	int k;

	if (job)
		return step_guest.finish(en, s, job, e);
	k = guest_target_parse(s->target, &g, e);
	if (k < 0 || !str_eq(s->after, ha_state_name(HA_STOPPED)))
		return k;
	return wait_until_stopped(en, g.vmid, g.timeout_s + ROUND_S, e);
}

const struct step_kind step_ha = {
	.name = "ha",
	.late = true,
	.patient = true,
	.survives_reboot = true,
	.get = ha_get_value,
	.launch = ha_launch,
	.finish = ha_finish,
};
