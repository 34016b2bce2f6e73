/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A capture: this machine as a tree for --root. The parts of one command; see capture.c. */
#ifndef GPUPT_CAPTURE_H
#define GPUPT_CAPTURE_H

#include "base/slow_list.h"
#include "flow/mask.h"
#include "host/manifest.h"
#include "host/nodes.h"
#include "plan/record.h"

enum capture_type { CAPTURE_DIR, CAPTURE_FILE, CAPTURE_LINK };

struct capture_entry {
	char *path; /* as the machine has it */
	size_t order; /* of two entries for one path the first counts */
	enum capture_type type;
	mode_t mode;
	time_t mtime; /* 0: it does not matter */
	char *data; /* of a file its text, of a link its target */
	size_t len;
	bool pending; /* a file that is still to be read … */
	size_t max;
	bool head, optional; /* optional: not taken if the mask leaves nothing of it */
	mask_fn *mask; /* … and what of it is kept; NULL: all */
};

struct capture {
	const struct root *root;
	struct capture_entry *v;
	size_t n, room;
	struct manifest manifest; /* of a tree that is captured once more */
	struct text numbers;	  /* of the new one */
	struct strv numbered;	  /* the paths in it */
	struct node_list nodes;	  /* of all cards */
	struct mask_names names;
	struct record prepared; /* of the host's preparation; without steps if there is none */
	unsigned int unseen, hanging; /* processes; files */
	int r; /* -ENOMEM if something was lost */
};

/* --- what is added: each call may come twice for one path --- */
void capture_dir(struct capture *c, const char *path);
void capture_text(struct capture *c, const char *path, const char *text);
void capture_bytes(struct capture *c, const char *path, const char *data, size_t len);
/* An empty file with the mode of what is there, which stands for it. Nothing if nothing is there. */
void capture_stub(struct capture *c, const char *path);
void capture_link(struct capture *c, const char *path, const char *target);
/* A file to be read by a child, at most max bytes of it. */
void capture_file(struct capture *c, const char *path, size_t max, bool head, mask_fn *mask);
/* The same, if its mask leaves anything of it. */
void capture_if_any(struct capture *c, const char *path, size_t max, mask_fn *mask);
/* A device node: its number, and, unless it is a descriptor of a process, an empty file. */
void capture_node(struct capture *c, const char *path, dev_t dev);

/*
 * Adds every link on the way to path, with the directories that they lead to, and says where it really is. False if it is not there, or
 * leads nowhere.
 */
bool capture_resolve(struct capture *c, const char *path, char ret[static PATH_MAX]);

/* --- the parts --- */
void capture_table(struct capture *c);	 /* files that always have the same place: capture_table.c, capture_walk.c */
void capture_cards(struct capture *c);	 /* nodes of PCI functions */
void capture_guests(struct capture *c);	 /* Proxmox VE's files, and what they name: capture_pve.c */
void capture_initramfs(struct capture *c); /* what is in each kernel's: capture_initramfs.c */
void capture_processes(struct capture *c); /* who holds a card, containers' inits: capture_proc.c */
/* The record of a preparation, before the table, which takes all records as they are: capture_record.c */
void capture_record(struct capture *c);
/* Is this all that is in the file at path, and written by a preparation from its first byte to its last? It is kept as it is. */
bool capture_is_ours(const struct capture *c, const char *path, const char *text);
/* A process: what it is, and when it began. */
void capture_process(struct capture *c, pid_t pid);

/* Reads what is pending, and writes the archive. 0 or -errno. */
int capture_read(struct capture *c, struct err *e);
int capture_write(struct capture *c, struct text *ret, struct err *e);
void capture_done(struct capture *c);

#endif
