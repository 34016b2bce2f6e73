/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device nodes through which processes use a PCI function, by number: a container has nodes of its own
 * with other names.
 */
#ifndef GPUPT_HOST_NODES_H
#define GPUPT_HOST_NODES_H

#include <sys/types.h>

#include "host/pci.h"

struct node {
	dev_t dev;
	struct bdf bdf; /* the function it belongs to */
	char name[64];	/* as below /dev: "dri/card0", "snd/controlC1", "vfio/15" */
	bool block;	/* a disk (disks.h); else a character device, which may have the same number */
	bool shared;	/* of every card of that driver (kfd, nvidiactl): an opener need not use this card */
};

struct node_list {
	struct node *v;
	size_t n;
	unsigned int unsure; /* cards whose driver did not say in time which node is theirs */
};

/*
 * Adds the nodes of fn, and sorts the list by name: drm, DP aux, sound, i2c, frame buffer, VFIO group and
 * device, kfd, nvidia. USB and input devices below a USB controller are not among them: they do not keep it
 * from being unbound. 0 or -ENOMEM.
 */
int nodes_add(const struct root *r, const struct pci_fn *fn, struct node_list *l);
/* The character device of that number, or NULL. */
const struct node *nodes_find(const struct node_list *l, dev_t dev);
/* The same for a disk. */
const struct node *nodes_find_disk(const struct node_list *l, dev_t dev);
int node_list_add(struct node_list *l, const struct node *n); /* 0 or -ENOMEM; one that is there is not added */
void node_list_done(struct node_list *l);
#define _cleanup_node_list_ _cleanup_(node_list_done)

/* Parses "226:0" (the text of a dev attribute). 0 or -EINVAL. */
int node_dev_parse(const char *s, dev_t *ret);

/*
 * The number of a character device: of the file itself, or, in a captured tree, which can hold no device
 * nodes, from its list NODE_MANIFEST: lines "c MAJOR:MINOR PATH". 0 or -errno (-ENOTTY: not a character
 * device).
 */
#define NODE_MANIFEST "/gpupt-nodes"
int node_rdev(const struct root *r, const char *path, dev_t *ret);

/*
 * "Device Minor" in the text of /proc/driver/nvidia/gpus/BDF/information, which is cut in place. 0 or
 * -ENOENT.
 */
int nodes_nvidia_minor(char *text, unsigned int *ret);

/*
 * The node of a card that nvidia drives, by its number: "nvidia0". Whether it is there is another question. To
 * tell it the driver wakes the card and takes its resource manager's locks (nv_procfs_read_gpu_info() in
 * nvidia's nv-procfs.c). 0, -ENOENT (the driver does not know the card), -ETIMEDOUT (no answer within SLOW_MS
 * of slow.h), -errno.
 */
int nodes_nvidia_card(const struct root *r, struct bdf bdf, struct node *ret);

#endif
