/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of sharing.c: is that node, or that number, one of the card's? */
#ifndef GPUPT_SHARING_CARD_H
#define GPUPT_SHARING_CARD_H

#include "flow/sharing.h"
#include "host/rdev.h"

struct sharing_card {
	const struct root *root;
	const struct manifest *manifest;
	const struct pci_list *fns; /* sorted */
	struct node_list nodes;	    /* without VFIO's */
	/* of all other displays and sound functions, looked for when something is the card's by name or memory only */
	struct node_list others;
	bool others_known;
};

int sharing_card_init(struct sharing_card *c, const struct root *r, const struct manifest *manifest, const struct pci_list *fns);
void sharing_card_done(struct sharing_card *c);

/*
 * Is what a path leads to (as rdev_load() found it) the card's? 1: bdf, node, role, dev, how, present and shared of *use are
 * filled in; 0; -errno.
 */
int sharing_card_path(struct sharing_card *c, const char *path, const struct rdev *found, struct sharer_use *use);
/* The same for a number. */
int sharing_card_number(struct sharing_card *c, dev_t dev, struct sharer_use *use);
/* Fills in what a node of the card is. */
void sharing_card_node(const struct node *n, struct sharer_use *use);

/* Has the driver of function b no other device than the card? */
bool sharing_card_only(const struct sharing_card *c, struct bdf b);

/* The name by which path.h knows a number: "/dev/char/226:128"; returns buf. */
char *sharing_number_path(dev_t dev, char buf[static PATH_MAX]);

#endif
