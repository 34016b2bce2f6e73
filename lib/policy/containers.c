/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "plan/step_config.h"
#include "plan/step_guest.h"
#include "plan/step_node.h"
#include "policy/containers.h"

const struct sharer *container_of(const struct facts *f, const struct holder *h)
{
	for (size_t i = 0; i < f->sharers.n; i++)
		if (sharer_has(&f->sharers.v[i], h))
			return &f->sharers.v[i];
	return NULL;
}

struct ct_settings container_settings(const struct settings *s, const struct sharer *c)
{
	struct ct_settings ret = settings_ct(s, c->vmid, c->uses[0].bdf);

	for (size_t i = 1; i < c->n; i++) {
		struct ct_settings more = settings_ct(s, c->vmid, c->uses[i].bdf);

		settings_ct_add(&ret, &more);
	}
	return ret;
}

enum container_fate container_fate(const struct facts *f, const struct settings *s, const struct sharer *c)
{
	static const enum container_fate fates[] = {
		[CONTAINERS_HOT] = CONTAINER_STAYS,
		[CONTAINERS_SHUTDOWN] = CONTAINER_STOPS,
		[CONTAINERS_DETACH] = CONTAINER_DETACHES,
		[CONTAINERS_REFUSE] = CONTAINER_REFUSES,
	};
	enum container_fate fate;

	if (!c->running || !sharer_sees(c))
		return CONTAINER_UNTOUCHED;
	fate = fates[container_settings(s, c).containers];
	if (f->backup && (fate == CONTAINER_STOPS || fate == CONTAINER_DETACHES))
		return CONTAINER_STAYS;
	return fate;
}

/* The functions stand in it: the container comes back, all at once, when they are home. */
static void why(const struct sharer *c, struct text *t)
{
	text_add(t, "it has");
	for (size_t i = 0; i < c->n; i++) {
		char name[BDF_LEN];

		if (sharer_use_is_first(c, i))
			text_addf(t, "%s %s", i ? " and" : "", bdf_format(c->uses[i].bdf, name));
	}
}

static int plan_state(const struct settings *s, const struct sharer *c, bool stop, struct plan *ret)
{
	struct ct_settings ct = container_settings(s, c);
	struct guest_stop g = { .vmid = c->vmid, .timeout_s = ct.shutdown_timeout, .force = ct.force_stop };
	const char *from = sharer_is_managed(c) ? ha_state_name(HA_STARTED) : GUEST_RUNNING;
	const char *to = sharer_is_managed(c) ? ha_state_name(HA_STOPPED) : GUEST_STOPPED;
	_cleanup_text_ struct text target = { 0 }, because = { 0 };

	why(c, &because);
	ctident_format(&c->cfg, g.ident);
	if (sharer_is_managed(c))
		ha_target(&g, &target);
	else
		guest_target(&g, &target);
	if (!plan_add(ret, sharer_is_managed(c) ? &step_ha : &step_guest, text_str(&target), stop ? from : to, stop ? to : from,
		      text_str(&because)))
		return -ENOMEM;
	return 0;
}

/*
 * Lines that name this card and nothing else; a wildcard, or what all cards share, is not the card's to take. Nor is a key that somebody
 * has deleted: Proxmox VE does that at the container's next start, and nobody wants the line back.
 */
static int plan_lines(const struct sharer *c, struct plan *ret)
{
	_cleanup_free_ size_t *lines = calloc(c->n, sizeof(*lines));
	_cleanup_text_ struct text because = { 0 };
	size_t n = 0;

	if (!lines)
		return -ENOMEM;
	for (size_t i = 0; i < c->n; i++)
		if (!c->uses[i].wildcard && !c->uses[i].shared && !config_is_to_go(&c->cfg, c->uses[i].ref.key))
			lines[n++] = c->uses[i].ref.line;
	why(c, &because);
	return n ? config_steps(ret, &c->cfg, lines, n, text_str(&because)) : 0;
}

int containers_plan_stop(const struct facts *f, const struct settings *s, struct plan *ret)
{
	int k = 0;

	for (size_t i = 0; k == 0 && i < f->sharers.n; i++) {
		enum container_fate fate = container_fate(f, s, &f->sharers.v[i]);

		if (fate == CONTAINER_STOPS || fate == CONTAINER_DETACHES)
			k = plan_state(s, &f->sharers.v[i], true, ret);
	}
	for (size_t i = 0; k == 0 && i < f->sharers.n; i++) {
		enum container_fate fate = container_fate(f, s, &f->sharers.v[i]);

		if (fate == CONTAINER_DETACHES)
			k = plan_lines(&f->sharers.v[i], ret);
		else if (fate == CONTAINER_STAYS)
			k = ctnodes_plan(&f->ctnodes, f->sharers.v[i].vmid, ret);
	}
	/* those that have it although their lines name another card by now */
	for (size_t i = 0; k == 0 && i < f->ctnodes.n; i++) {
		unsigned int vmid = f->ctnodes.v[i].node.vmid;

		if (!sharers_get(&f->sharers, vmid) && (i == 0 || f->ctnodes.v[i - 1].node.vmid != vmid))
			k = ctnodes_plan(&f->ctnodes, vmid, ret);
	}
	return k;
}

static bool planned(const struct plan *p, const struct step_kind *kind, const char *target)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->steps[i].kind == kind && str_eq(p->steps[i].target, target))
			return true;
	return false;
}

/* Only below /dev a node vanishes with its driver; one that stands in already has been put there by us. */
static bool wants_placeholder(const struct sharer_use *u)
{
	return u->path && !u->wildcard && !u->shared && u->dev && str_starts(u->path, "/dev/") &&
	       (u->how == SHARING_NUMBER || !u->present);
}

/* own may be NULL. The VM starts all the same if it cannot be made. */
static int plan_node(struct bdf b, const char *path, dev_t dev, const struct root_own *own, const char *because, struct plan *ret)
{
	_cleanup_text_ struct text target = { 0 }, value = { 0 };
	struct step *step;

	node_target(b, path, &target);
	if (planned(ret, &step_node, text_str(&target)))
		return 0;
	node_value(dev, own, &value);
	step = plan_add(ret, &step_node, text_str(&target), NULL, text_str(&value), because);
	if (!step)
		return -ENOMEM;
	step->optional = true;
	return 0;
}

static int plan_placeholder(const struct sharer *c, const struct sharer_use *u, struct plan *ret)
{
	char because[48];

	snprintf(because, sizeof(because), "CT %u could not be started without it", c->vmid);
	return plan_node(u->bdf, u->path, u->dev, u->own.mode ? &u->own : NULL, because, ret);
}

/* Was it by *detach* that one of the VM's functions had it stopped? */
static bool is_detached(const struct facts *f, const struct settings *s, const struct step *stop)
{
	struct ct_settings ct = { 0 };
	bool ours = false;
	struct bdf b;

	for (size_t i = 0; step_about_next(stop, i, &b); i++) {
		struct ct_settings more = settings_ct(s, step_container(stop), b);

		ours |= facts_find(f, b) != NULL;
		if (i > 0)
			settings_ct_add(&ct, &more);
		else
			ct = more;
	}
	return ours && ct.containers == CONTAINERS_DETACH;
}

/* A directory that containers have mounted shall not go with the last node in it: one that stands in keeps it. */
static int plan_dir(const struct sharer_dir *d, struct plan *ret)
{
	char because[48], dir[sizeof(d->path)];

	snprintf(dir, sizeof(dir), "%s", d->path);
	*strrchr(dir, '/') = '\0';
	for (size_t i = 0; i < ret->n; i++)
		if (ret->steps[i].kind == &step_node && sharer_dir_has(dir, strchr(ret->steps[i].target, ' ') + 1))
			return 0;
	snprintf(because, sizeof(because), "CT %u has its directory mounted", d->vmid);
	return plan_node(d->bdf, d->path, d->dev, NULL, because, ret);
}

/*
 * One that was detached, and whose way back the start of the VM has cut short when it was stopped for its lines: it runs without the
 * card again. Lines that were back by then give it a placeholder.
 */
static int plan_detached(const struct facts *f, const struct settings *s, struct plan *ret)
{
	for (size_t i = 0; i < f->stopped.n; i++) {
		const struct step *stop = &f->stopped.steps[i];
		struct step *start;

		if (planned(ret, stop->kind, stop->target) || !is_detached(f, s, stop))
			continue;
		start = plan_add(ret, stop->kind, stop->target, stop->after, stop->before, stop->why);
		if (!start)
			return -ENOMEM;
		start->optional = true;
	}
	return 0;
}

int containers_plan_away(const struct facts *f, const struct settings *s, struct plan *ret)
{
	for (size_t i = 0; i < f->sharers.n; i++) {
		const struct sharer *c = &f->sharers.v[i];

		for (size_t j = 0; !c->flags.template && j < c->n; j++)
			if (wants_placeholder(&c->uses[j]) && plan_placeholder(c, &c->uses[j], ret) < 0)
				return -ENOMEM;
	}
	for (size_t i = 0; i < f->sharers.n_dirs; i++)
		if (plan_dir(&f->sharers.dirs[i], ret) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < f->sharers.n; i++) {
		if (container_fate(f, s, &f->sharers.v[i]) != CONTAINER_DETACHES)
			continue;
		if (plan_state(s, &f->sharers.v[i], false, ret) < 0)
			return -ENOMEM;
		/* without the card it may not want to start: its lines come back all the same */
		ret->steps[ret->n - 1].optional = true;
	}
	return plan_detached(f, s, ret);
}

/* That its start has failed, the HA manager has seen, too. */
static bool may_be_given_up(const struct sharer *c)
{
	return c->start_failed && !c->running && !c->flags.template && c->ha && c->ha_state == HA_STARTED;
}

int containers_given_up(const struct facts *f, struct strv *ret)
{
	for (size_t i = 0; i < f->sharers.n; i++) {
		const struct sharer *c = &f->sharers.v[i];
		_cleanup_text_ struct text t = { 0 };
		char name[BDF_LEN];

		if (!may_be_given_up(c))
			continue;
		text_addf(&t, "CT %u could not be started while %s was away, and the HA manager, which looks after it, gives up after a few "
			  "tries; if 'ha-manager status' has it in state error: ha-manager set ct:%u --state disabled; then ha-manager set "
			  "ct:%u --state started", c->vmid, bdf_format(c->uses[0].bdf, name), c->vmid, c->vmid);
		if (t.r < 0 || strv_add(ret, text_str(&t)) < 0)
			return -ENOMEM;
	}
	return 0;
}

int containers_plan_return(const struct facts *f, const struct settings *s, struct plan *ret)
{
	for (size_t i = 0; i < f->sharers.n; i++) {
		const struct sharer *c = &f->sharers.v[i];

		/* what the HA manager makes of it is told, see above: nobody but a person takes it out of the state error */
		if (c->start_failed && c->flags.onboot && !c->running && !c->flags.template && !sharer_is_managed(c) &&
		    plan_state(s, c, true, ret) < 0)
			return -ENOMEM;
	}
	return 0;
}
