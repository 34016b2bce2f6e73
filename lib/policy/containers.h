/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is to become of a container that has a card which a VM wants. Pure. */
#ifndef GPUPT_POLICY_CONTAINERS_H
#define GPUPT_POLICY_CONTAINERS_H

#include "plan/plan.h"
#include "policy/facts.h"
#include "policy/finding.h"

enum container_fate {
	CONTAINER_UNTOUCHED, /* it does not run, or has no node of the card that works */
	CONTAINER_STAYS,     /* it runs on, and is without the card: hot, and whatever the settings for a backup, which stops nobody */
	CONTAINER_STOPS,     /* until the card is back */
	CONTAINER_DETACHES,  /* it is started again without the lines that name the card */
	CONTAINER_REFUSES,   /* the VM does not start */
};

enum container_fate container_fate(const struct facts *f, const struct settings *s, const struct sharer *c);
/* The container in which a process runs, if its configuration gives it the card. NULL: none. */
const struct sharer *container_of(const struct facts *f, const struct holder *h);
/* What gpupt.conf says of it: of all the functions that it has, the strictest. */
struct ct_settings container_settings(const struct settings *s, const struct sharer *c);

/* Containers that keep the VM from the card. Processes in those that run on are judge_holders()'s. */
void judge_containers(const struct facts *f, const struct settings *s, struct findings *ret);

/*
 * Before the drivers: the containers that are stopped, all at once; lines that are taken out of their configurations; the nodes of those
 * that run on. 0, -ENOMEM, -E2BIG (a line that is far too long).
 */
int containers_plan_stop(const struct facts *f, const struct settings *s, struct plan *ret);
/*
 * What follows when the drivers have let go: a placeholder in the place of each node that a container names, so that it can be started
 * meanwhile; and the start of those that have lost their lines. 0 or -ENOMEM.
 */
int containers_plan_away(const struct facts *f, const struct settings *s, struct plan *ret);
/*
 * Steps that this lease has not made and that are to be undone with it: containers that should run, and whose start failed because the
 * card was away. 0 or -ENOMEM.
 */
int containers_plan_return(const struct facts *f, const struct settings *s, struct plan *ret);
/*
 * Sentences about those that the HA manager is to have started, and may have given up for want of the card: it tries once more on this
 * node and then on others, and leaves it in the state "error" (select_service_node() and next_state_started() in PVE/HA/Manager.pm).
 * 0 or -ENOMEM.
 */
int containers_given_up(const struct facts *f, struct strv *ret);

#endif
