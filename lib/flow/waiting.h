/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Containers that run on without their card and wait for its return, while another card comes home and gets the numbers or the names of
 * the one that is away. By these they would be its users, and could use it.
 */
#ifndef GPUPT_WAITING_H
#define GPUPT_WAITING_H

#include "flow/report.h"
#include "host/pci.h"
#include "plan/ctnode.h"
#include "plan/record.h"

struct waiting {
	struct ctnode *v; /* the nodes that are to be renewed, by any VM's lease */
	size_t n;
};

/* 0 (also with none) or -ENOMEM. */
int waiting_load(const struct root *r, struct waiting *ret);
void waiting_done(struct waiting *w);
#define _cleanup_waiting_ _cleanup_(waiting_done)

/* Does what is at path in the container (NULL: anywhere), with that number, belong to another function than b, which it waits for? */
bool waiting_for_another(const struct waiting *w, unsigned int vmid, struct proc_id init, const char *path, dev_t dev, struct bdf b);

/* Is that place, in that container, one of them? */
bool waiting_at(const struct waiting *w, const struct ctnode *place);

/*
 * When these functions have come to the host's drivers: placeholders come back (aside.h), and containers are denied the numbers of cards
 * that they wait for and that one of these has now. own as in aside.h.
 */
void waiting_others_came(const struct engine *en, const struct report *report, struct record *own, const struct bdf_list *came);

#endif
