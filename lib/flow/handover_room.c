/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/handover_work.h"
#include "flow/release.h"
#include "flow/shutdown.h"
#include "flow/wait.h"
#include "policy/obstacles.h"

/* While others are waited for no lock of ours is held but the turn: neither that of an adopted lease. */
static void put_lease_down(struct work *w)
{
	if (w->has_lease)
		record_close(&w->lease);
}

static int take_lease_up(struct work *w)
{
	struct err e = { "" };
	int k = w->has_lease ? holding_open(w->h->root, w->h->vmid, &w->lease, &e) : 0;

	if (k == 0)
		return 0;
	w->has_lease = w->adopted = false;
	return err_set(w->e, k, "%s", e.text);
}

static struct wait as_wait(const struct work *w)
{
	return (struct wait){
		.root = w->h->root, .settings = w->h->settings, .report = w->h->report, .since = w->room.waiting_since,
	};
}

static int wait_for_them(struct work *w, unsigned int seconds)
{
	struct wait wait;

	if (!w->room.waiting_since)
		w->room.waiting_since = now_ms();
	wait = as_wait(w);
	if (wait_left(&wait, seconds) == 0)
		return HANDOVER_REFUSED;
	if (w->acquired == 0)
		acquire_prolong(&w->acquire, &w->sel, seconds);
	return wait_for_processes(&wait, &w->facts, w->e);
}

static struct shutdown as_shutdown(const struct work *w, const struct obstacle_vm *vm)
{
	return (struct shutdown){
		.root = w->h->root, .report = w->h->report, .for_vmid = w->h->vmid, .dry_run = !w->live, .vm = vm,
		.found = w->findings,
	};
}

/* A refusal of ours has a reason of its own; that the VM has the card is in it. */
static void forget_what_blocks(struct work *w)
{
	findings_drop(w->findings, w->first, SEVERITY_BLOCK);
}

/* May all of them be shut down? found gets why not. */
static int allowed(const struct work *w, const struct obstacles *o, struct findings *found)
{
	int k = 0;

	for (size_t i = 0; i < o->n; i++) {
		struct shutdown s = as_shutdown(w, &o->vms[i]);

		s.found = found;
		if (shutdown_allowed(&s) != 0)
			k = HANDOVER_REFUSED;
	}
	return k;
}

/* The sentences of VMs that may not be shut down, in the place of those by which they block. */
static int may_shut_down(struct work *w, const struct obstacles *o)
{
	_cleanup_findings_ struct findings why = { 0 };
	int k = allowed(w, o, &why);

	if (k == 0)
		return 0;
	forget_what_blocks(w);
	for (size_t i = 0; i < why.n; i++)
		finding_add(w->findings, why.v[i].code, why.v[i].subject, why.v[i].remedy, "%s", why.v[i].message);
	return k;
}

/* All may be shut down, or none is. */
static int shut_them_down(struct work *w, const struct obstacles *o)
{
	int k = may_shut_down(w, o);

	if (k == 0)
		forget_what_blocks(w);
	for (size_t i = 0; k == 0 && i < o->n; i++) {
		struct shutdown s = as_shutdown(w, &o->vms[i]);

		k = guest_list_add(&w->room.shut, o->vms[i].vmid);
		if (k == 0)
			k = shutdown_run(&s, w->e);
	}
	w->room.release_by = now_ms() + SHUTDOWN_RELEASE_S * 1000;
	w->room.settle = true;
	return k;
}

static bool was_shut_down(const struct work *w, unsigned int vmid)
{
	for (size_t i = 0; i < w->room.shut.n; i++)
		if (w->room.shut.v[i] == vmid)
			return true;
	return false;
}

static int take_turns(struct work *w, const struct obstacles *o)
{
	bool settle = true;
	int k = 0;

	/* somebody else was faster: it is not shut down as well */
	for (size_t i = 0; w->room.shut.n > 0 && i < o->n; i++)
		if (!was_shut_down(w, o->vms[i].vmid))
			return HANDOVER_REFUSED;
	if (w->room.shut.n == 0)
		k = shut_them_down(w, o);
	for (size_t i = 0; k == 0 && i < o->n; i++) {
		struct shutdown s = as_shutdown(w, &o->vms[i]);
		bool may_settle = w->room.settle;

		forget_what_blocks(w);
		k = shutdown_wait(&s, &w->facts, w->room.release_by, &may_settle, w->e);
		settle &= may_settle;
	}
	w->room.settle &= settle;
	return k;
}

/* As their VM leaves them, as far as that can be told: on vfio-pci, and home is where they are remembered to be. */
static void as_if_released(struct work *w)
{
	for (size_t i = 0; i < w->facts.n; i++) {
		struct fn_facts *fn = &w->facts.v[i];

		if (fn->claimed && strcmp(fn->driver.driver, "vfio-pci") == 0)
			fn->driver.override[0] = '\0';
	}
}

/* What blocked is said all the same, with what becomes of it. */
static int soften(struct work *w, const struct obstacles *o)
{
	for (size_t i = w->first; i < w->findings->n; i++) {
		struct finding *x = &w->findings->v[i];
		char *message;
		int n;

		if (x->severity != SEVERITY_BLOCK)
			continue;
		if (x->code == FINDING_HELD)
			n = asprintf(&message, "%s (a start waits for that, %u s at most)", x->message, o->wait);
		else
			n = asprintf(&message, "%s (a start shuts that VM down)", x->message);
		if (n < 0)
			return -ENOMEM;
		free(x->message);
		free(x->remedy);
		x->message = message;
		x->remedy = NULL;
		x->severity = SEVERITY_WARN;
	}
	return 0;
}

/* In a dry run nobody is waited for, and nobody is shut down. */
static int rehearse(struct work *w, const struct obstacles *o)
{
	_cleanup_text_ struct text who = { 0 };
	char name[BDF_LEN];
	int k = may_shut_down(w, o);

	if (k != 0)
		return k;
	obstacles_waited(&w->facts, w->h->settings, &who);
	if (o->wait)
		report_say(w->h->report, "would wait, %u s at most, for %s", o->wait, text_str(&who));
	for (size_t i = 0; i < o->n; i++)
		report_say(w->h->report, "would shut down VM %u: it has %s", o->vms[i].vmid, bdf_format(o->vms[i].bdf, name));
	as_if_released(w);
	return soften(w, o);
}

int work_make_room(struct work *w)
{
	_cleanup_obstacles_ struct obstacles o = { 0 };
	int k = obstacles_find(&w->facts, w->h->settings, w->findings, &o), taken;
	const char *why;

	if (k <= 0)
		return k < 0 ? k : HANDOVER_REFUSED;
	if (!w->live)
		return rehearse(w, &o);
	put_lease_down(w);
	/* processes first: for one that does not end no VM is shut down */
	k = o.wait ? wait_for_them(w, o.wait) : take_turns(w, &o);
	if (k < 0)
		forget_what_blocks(w);
	taken = take_lease_up(w);
	if (k == 0 && taken < 0)
		return taken;
	if (k == 0 && node_stopping(w->h->root, &why))
		return err_set(w->e, -ESHUTDOWN, "VM %u does not get its GPUs now: %s", w->h->vmid, why);
	return k;
}
