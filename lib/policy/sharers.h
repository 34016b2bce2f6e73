/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The containers that reach a card by what their configurations give them, as facts: flow/sharing.h gathers them. */
#ifndef GPUPT_SHARERS_H
#define GPUPT_SHARERS_H

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
struct sharer_use {
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
	char role[PATH_ROLE_LEN]; /* path_role(): finds the node again, whatever its number */
	dev_t dev;		  /* its number, or the last one known; 0 if none is */
	struct root_own own;	  /* whose the node at path is, if how is SHARING_NUMBER; without a mode: not known */
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
	bool start_failed;	  /* its last start since the boot, for want of one of these nodes; looked up only where it is to run */
	struct proc_id init;	  /* pid 0 unless it runs and its init was found */
	struct config cfg;	  /* what its configuration was when it was read; the lines of uses are its */
	struct sharer_use *uses; /* in the file's order, never empty */
	size_t n;
};

/*
 * A directory below /dev with nodes of the card in it, which a container has mounted when it runs. It is none of the container's uses, but
 * it vanishes with the last node in it, and then the container does not start.
 */
struct sharer_dir {
	unsigned int vmid; /* one that has it */
	struct bdf bdf;
	char path[64 + sizeof("/dev/")]; /* of one of these nodes */
	char role[PATH_ROLE_LEN];
	dev_t dev;
};

struct sharers {
	struct sharer *v; /* by vmid */
	size_t n;
	struct sharer_dir *dirs; /* each once for each function */
	size_t n_dirs;
	/*
	 * Containers with a wildcard, of which it could not be seen in time whether a node of the card is in them: their /dev does not
	 * answer, or has no end. They are not among v unless another line puts them there.
	 */
	struct guest_list unsure;
};

void sharer_use_done(struct sharer_use *u);
void sharer_done(struct sharer *s);
void sharers_done(struct sharers *s);
#define _cleanup_sharers_ _cleanup_(sharers_done)

/* Is that process one of the container's? */
bool sharer_has(const struct sharer *s, const struct holder *h);
/* Does the HA manager start and stop it? */
bool sharer_is_managed(const struct sharer *s);
/* Is one of the card's nodes there for it to use, with its driver? Else the card is away. */
bool sharer_sees(const struct sharer *s);
/* Is path one of a node in the very directory dir? */
bool sharer_dir_has(const char *dir, const char *path);
/* NULL if the container of that id is not among them. */
const struct sharer *sharers_get(const struct sharers *s, unsigned int vmid);
/* The keys by which it names a function of the card, or any (of is NULL), each once: "dev0, lxc.mount.entry". */
void sharer_keys(const struct sharer *s, const struct bdf *of, struct text *ret);
/* The function that it names by the use of that number, if by none before. */
bool sharer_use_is_first(const struct sharer *s, size_t number);

#endif
