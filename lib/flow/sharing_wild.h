/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of sharing.c: lines that give a container more than one device, and what of the card comes of them. */
#ifndef GPUPT_SHARING_WILD_H
#define GPUPT_SHARING_WILD_H

#include "flow/sharing_card.h"
#include "host/inside.h"

/* One container on its way to becoming a sharer. */
struct seeker {
	const struct container *container;
	struct sharer sharer;
	bool *wild;	 /* of each of its devices: it is a wildcard */
	struct strv dirs; /* where to look in it; empty without wildcards */
};

/* Adds a use by that device's line: what *what says of the node, at path (may be NULL). 0 or -ENOMEM. */
int seeker_add(struct seeker *s, size_t device, const struct sharer_use *what, const char *path, bool wildcard);

/* Notes that the device is a wildcard: a number, or a directory. 0 or -ENOMEM. */
int seeker_wildcard(struct seeker *s, size_t device);

/*
 * Looks into the containers that have wildcards, and at their processes, and adds the uses that come of it. What could not be seen
 * is added to unsure. 0 or -errno.
 */
int seekers_look(const struct sharing_card *card, const struct holder_list *holders, struct seeker *v, size_t n,
		 struct guest_list *unsure);

#endif
