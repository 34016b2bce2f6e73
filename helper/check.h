/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `check`: findings about the host, its cards and its VMs. The parts of one command; see check.c. */
#ifndef GPUPT_CHECK_H
#define GPUPT_CHECK_H

#include "flow/select.h"
#include "flow/sharing.h"
#include "helper/helper.h"
#include "helper/steps.h"
#include "host/pci.h"
#include "policy/finding.h"
#include "policy/pins.h"

struct check {
	const struct options *o;
	struct settings settings;
	struct findings found;
	struct text unseen; /* what this user may not see */
	struct text plans;  /* of VMs, with -v or --dry-run */
	struct container_list containers; /* read for the first card, then used for all */
	bool containers_read;
	struct setup setup; /* likewise */
	struct pins pins;
	bool setup_read;
	struct steps steps; /* the same in JSON */
};

extern const struct columns check_columns;

/* The findings, a row each. */
void check_show(const struct findings *found, struct table *t);
/* What `check` finds of all of the host. 0 or -errno. */
int check_gather(const struct options *o, struct findings *ret, struct err *e);

/* Moves findings over, those left out that are there already; what is about one subject stays together. 0 or -ENOMEM. */
int check_merge(struct check *c, struct findings *from);
/*
 * Of a VM that does not run: would a backup, which starts it, be refused now? cfg and sel are the VM's, found what its start would
 * find; that is where it is told. 0 or -errno.
 */
int check_backup(struct check *c, const struct config *cfg, const struct selection *sel, struct findings *found, struct err *e);
/* Notes that something cannot be seen, once. */
void check_unseen(struct check *c, const char *what);

/* The card of display function b. 0 or -errno. */
int check_card(struct check *c, struct bdf b, struct err *e);
/* A VM: what pre-start would find, and advice. 0 or -errno. */
int check_vm(struct check *c, unsigned int vmid, struct err *e);
/* The advice alone, about all VMs that name a GPU. 0 or -errno. */
int check_all_vms(struct check *c, struct err *e);

/* facts_look_for_containers(), the containers read once for all cards. */
int check_containers(struct check *c, struct facts *f, struct err *e);
/* Reads how the host is set up, once. 0 or -errno. */
int check_setup_load(struct check *c, struct err *e);
/*
 * How the host is set up, for the card in b's slot; with NULL all that there is to say about it. 0 or -errno.
 */
int check_setup(struct check *c, const struct bdf *b, struct err *e);

/* Every kernel that is installed, as the next boot would find it. 0 or -errno. */
int check_next_boot(struct check *c, struct err *e);

/*
 * Guests that use the card of fns: containers, with the processes in them that hold it, and, if there are several, the VMs that name
 * it; but for VM vmid (0: none is left out).
 */
int check_sharing(struct check *c, const struct pci_list *fns, const struct holder_list *holders, struct bdf display,
		  unsigned int vmid, struct findings *ret, struct err *e);

#endif
