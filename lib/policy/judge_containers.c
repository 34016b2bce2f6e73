/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/containers.h"

/* "CT 200 has 0000:01:00.0 (dev0, dev1) and 0000:02:00.0 (dev2)". */
static void describe(const struct sharer *c, struct text *t)
{
	text_addf(t, "CT %u has ", c->vmid);
	for (size_t i = 0; i < c->n; i++) {
		_cleanup_text_ struct text keys = { 0 };
		char name[BDF_LEN];

		if (!sharer_use_is_first(c, i))
			continue;
		sharer_keys(c, &c->uses[i].bdf, &keys);
		text_addf(t, "%s%s (%s)", i ? " and " : "", bdf_format(c->uses[i].bdf, name), text_str(&keys));
	}
}

static void judge_refusal(const struct sharer *c, const char *card, struct findings *ret)
{
	_cleanup_text_ struct text what = { 0 };
	char remedy[160];

	describe(c, &what);
	snprintf(remedy, sizeof(remedy), "pct shutdown %u; or containers = hot under [ct %u] in " SETTINGS_PATH ", if it can be without",
		 c->vmid, c->vmid);
	finding_add(ret, FINDING_CONTAINER, card, remedy, "%s, runs, and gpupt.conf has containers = refuse for it", text_str(&what));
}

/* Can it be stopped at all, and its lines taken out? */
static void judge_stop(const struct facts *f, const struct sharer *c, bool detach, const char *card, struct findings *ret)
{
	_cleanup_text_ struct text what = { 0 };
	char remedy[120];

	describe(c, &what);
	if (c->flags.lock[0]) {
		snprintf(remedy, sizeof(remedy), "wait for the end of the task that has locked it; if there is none: pct unlock %u", c->vmid);
		finding_add(ret, FINDING_CONTAINER, card, remedy, "%s and cannot be stopped: its configuration is locked (%s)",
			    text_str(&what), c->flags.lock);
	} else if (sharer_is_managed(c) && c->ha_state != HA_STARTED) {
		finding_add(ret, FINDING_CONTAINER, card, "wait until it is stopped: 'ha-manager status' shows it",
			    "%s, and the HA manager, which is to have it %s, has not stopped it yet", text_str(&what),
			    ha_state_name(c->ha_state));
	} else if (f->pve_read_only[0] && (detach || sharer_is_managed(c))) {
		finding_add(ret, FINDING_CONTAINER, card, "wait until the node has quorum: 'pvecm status' shows it",
			    "%s, and Proxmox VE's configuration cannot be changed for it now: %s", text_str(&what), f->pve_read_only);
	}
}

/* What gpupt.conf has for a container of which it is not known which of the VM's functions it has: the strictest for any. */
static struct ct_settings settings_for_all(const struct facts *f, const struct settings *s, unsigned int vmid)
{
	struct ct_settings ret = { .force_stop = true };

	for (size_t i = 0; i < f->n; i++) {
		struct ct_settings more = settings_ct(s, vmid, f->v[i].fn.bdf);

		settings_ct_add(&ret, &more);
	}
	return ret;
}

/* One with a wildcard, into which nobody could look: it may have the card, and what is to become of it then does not happen. */
static void judge_unsure(const struct facts *f, const struct settings *s, unsigned int vmid, struct findings *ret)
{
	const struct sharer *c = sharers_get(&f->sharers, vmid);
	enum container_fate fate = c ? container_fate(f, s, c) : CONTAINER_UNTOUCHED;
	enum containers policy = settings_for_all(f, s, vmid).containers;
	struct finding *new;
	char card[BDF_LEN], remedy[200];

	/* by another line it is known to have it, and nobody looks into it */
	if (fate == CONTAINER_STOPS || fate == CONTAINER_DETACHES || fate == CONTAINER_REFUSES)
		return;
	bdf_format(f->v[0].fn.bdf, card);
	if (policy == CONTAINERS_HOT || (f->backup && policy != CONTAINERS_REFUSE)) {
		snprintf(remedy, sizeof(remedy), "if it has the card, start it again when that is back: pct reboot %u", vmid);
		new = finding_add(ret, FINDING_UNSURE, card, remedy, "which device nodes are in CT %u was not to be seen in time: if some "
				  "are the card's, they are not renewed when it is back", vmid);
		if (new)
			new->severity = SEVERITY_WARN;
		return;
	}
	snprintf(remedy, sizeof(remedy), "see why its /dev does not answer, or has so much in it; or containers = hot under [ct %u] in "
		 SETTINGS_PATH, vmid);
	finding_add(ret, FINDING_UNSURE, card, remedy, "CT %u may have the card, and gpupt.conf has containers = %s for it: which device nodes "
		    "are in it was not to be seen in time", vmid, containers_name(policy));
}

/* A node in one that runs on, of which nobody knows what it is like, cannot be put back as it was. */
static void judge_nodes(const struct facts *f, const struct settings *s, struct findings *ret)
{
	for (size_t i = 0; i < f->ctnodes.n; i++) {
		const struct ctnode_fact *n = &f->ctnodes.v[i];
		const struct sharer *c = sharers_get(&f->sharers, n->node.vmid);
		char card[BDF_LEN], remedy[80];
		struct finding *new;

		if (!n->problem || (c && container_fate(f, s, c) != CONTAINER_STAYS))
			continue;
		bdf_format(n->node.bdf, card);
		snprintf(remedy, sizeof(remedy), "start it again when the card is back: pct reboot %u", n->node.vmid);
		new = finding_add(ret, FINDING_UNSURE, card, remedy, "%s in CT %u is not renewed when the card is back: %s", n->node.path,
				  n->node.vmid, n->problem);
		if (new)
			new->severity = SEVERITY_WARN;
	}
}

void judge_containers(const struct facts *f, const struct settings *s, struct findings *ret)
{
	for (size_t i = 0; i < f->sharers.n; i++) {
		const struct sharer *c = &f->sharers.v[i];
		enum container_fate fate = container_fate(f, s, c);
		char card[BDF_LEN];

		bdf_format(c->uses[0].bdf, card);
		if (fate == CONTAINER_REFUSES)
			judge_refusal(c, card, ret);
		else if (fate == CONTAINER_STOPS || fate == CONTAINER_DETACHES)
			judge_stop(f, c, fate == CONTAINER_DETACHES, card, ret);
	}
	for (size_t i = 0; i < f->sharers.unsure.n; i++)
		judge_unsure(f, s, f->sharers.unsure.v[i], ret);
	judge_nodes(f, s, ret);
}
