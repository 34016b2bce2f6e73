/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The containers of this node that reach a card by what their configurations give them, now or when the card is back. Nodes are
 * matched with cards by device number, never by their names: a twin's container is none of this card's. Nothing is written but by
 * sharing_remember(); nothing is decided.
 */
#ifndef GPUPT_SHARING_H
#define GPUPT_SHARING_H

#include "flow/container.h"
#include "host/holders.h"
#include "plan/path.h"
#include "pve/ctdev.h"
#include "pve/guest.h"
#include "pve/ha.h"

/* How a line was found to be about this card. */
enum sharing_how {
	SHARING_NUMBER,	 /* the device number is one of the card's now */
	SHARING_BY_PATH, /* the card's driver is away; the name has its address: /dev/dri/by-path/pci-BDF-card, …-render */
	SHARING_MEMORY,	 /* the card's driver is away; path.h remembers that it was the card's, and the card is still the same */
};

/* One node of the card that one line gives the container; a line may give several. */
struct sharing_use {
	struct ctdev ref; /* what the line says: kind, key, index of the line, target, mode … */
	char *value;	  /* of the line */
	char *line;	  /* its bytes, without the newline */
	/*
	 * The node on the host that the line names; NULL for a number alone. Of a wildcard (a directory, `c 226:*`) the place in the
	 * container where the node was seen, NULL if it was not seen but is held open.
	 */
	char *path;
	bool wildcard;
	bool shared;		  /* of all cards of the driver: kfd, nvidiactl, nvidia-uvm */
	struct bdf bdf;		  /* the function of the card */
	char node[64];		  /* as struct node has it, "dri/renderD128"; unless how is SHARING_NUMBER its role alone */
	char role[PATH_ROLE_LEN]; /* path_role(): finds the node again, see sharing_node() */
	dev_t dev;		  /* its number, or the last one known; 0 if none is */
	enum sharing_how how;
	/* A character device is at path now; for a number, its driver is there. Unless how is SHARING_NUMBER it is inert, a placeholder */
	bool present;
};

struct sharer {
	unsigned int vmid;
	bool running;
	struct guest_flags flags; /* template, onboot, rebooting, lock */
	bool ha;		  /* it is an HA resource (perhaps an ignored one) */
	enum ha_state ha_state;	  /* the requested state, if it is */
	struct proc_id init;	  /* pid 0 unless it runs and its init was found */
	struct sharing_use *uses; /* in the file's order, never empty */
	size_t n;
};

struct sharing {
	struct sharer *v; /* by vmid */
	size_t n;
	/*
	 * Containers with a wildcard, of which it could not be seen in time whether a node of the card is in them: their /dev does not
	 * answer, or has no end. They are not among v unless another line puts them there.
	 */
	struct guest_list unsure;
};

/*
 * Who reaches the card of these functions. A wildcard counts if one of the card's nodes is visible in the running container, or
 * held open by one of its processes: holders is what holders_find() gave for the card, or NULL. A node that all cards of a driver
 * share counts if this is the driver's only card or the container has a node of this card as well. VFIO's nodes are no use of the
 * card. 0 (also with none) or -errno (-EACCES: without root Proxmox VE's files cannot be read).
 */
int sharing_load(const struct root *r, const struct pci_list *card, const struct holder_list *holders, struct sharing *ret,
		 struct err *e);
/* The same of containers that were read before, for several cards. */
int sharing_find(const struct root *r, const struct container_list *containers, const struct pci_list *card,
		 const struct holder_list *holders, struct sharing *ret, struct err *e);
void sharing_done(struct sharing *s);
#define _cleanup_sharing_ _cleanup_(sharing_done)

/*
 * Remembers whose the nodes are (path.h), for as long as they are away: of every use whose node is there and the card's own. A
 * wildcard names no node, and a name with the card's address needs no memory while it is away. 0 or the first -errno; the rest is
 * remembered all the same.
 */
int sharing_remember(const struct root *r, const struct pci_list *card, const struct sharing *s, struct err *e);

/* The node of the card that does now what the use's node did: same function, same role. NULL if there is none. */
const struct node *sharing_node(const struct node_list *nodes, const struct sharing_use *use);
/* Is that process one of the container's? */
bool sharer_has(const struct sharer *s, const struct holder *h);
/* Is one of the card's nodes there for it to use, with its driver? Else the card is away. */
bool sharer_sees(const struct sharer *s);
/* NULL if the container of that id is not among them. */
const struct sharer *sharing_get(const struct sharing *s, unsigned int vmid);
/* The keys by which it names the card, each once: "dev0, lxc.mount.entry". */
void sharer_keys(const struct sharer *s, struct text *ret);

#endif
