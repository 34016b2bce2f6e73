/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which processes hold a card open: every descriptor of every process, compared by device number, whatever
 * the node is called and wherever it lies. A mapping that outlived its descriptor is not seen: to look for it
 * means taking every process's mmap lock, which can wait for a stuck one.
 */
#ifndef GPUPT_HOST_HOLDERS_H
#define GPUPT_HOST_HOLDERS_H

#include "base/proc.h"
#include "host/nodes.h"

/* What a process belongs to, by its control group; a VM's QEMU also by /run/qemu-server/VMID.pid. */
enum holder_kind {
	HOLDER_HOST,	  /* nothing that has a name */
	HOLDER_VM,	  /* id is the VMID: /qemu.slice/101.scope */
	HOLDER_CONTAINER, /* id is the VMID or the name: /lxc/200/…, /lxc.payload.NAME/… */
	HOLDER_UNIT,	  /* id is a systemd unit */
};

struct holder {
	struct proc_id proc;
	char comm[32]; /* fit for a terminal */
	enum holder_kind kind;
	char id[96];
	struct strv nodes;    /* the names of struct node that it holds, each once, in the alphabet's order */
	struct bdf_list bdfs; /* the functions that these belong to */
	bool disk;	      /* it holds a disk of one of these: whatever is in the way of a card, this is not ended for it */
	bool shared_only;     /* it holds nothing but nodes that all cards of the driver share */
};

struct holder_list {
	struct holder *v; /* by pid */
	size_t n;
	unsigned int unseen; /* processes whose descriptors this user may not see */
	/*
	 * Open files that may hold the card or not, and cards whose node is not known (struct node_list's
	 * unsure): the kernel did not say in time (FDINFO_MS of fdinfo.h, SLOW_MS of slow.h), as a driver
	 * that waits for hung hardware keeps it from answering. Unless it is 0, there may be holders that are
	 * not in the list.
	 */
	unsigned int unsure;
};

/*
 * Finds who holds one of nodes, or a DRM file of one of bdfs that has no node any more (fdinfo's drm-pdev). Of
 * disks udev is no holder: it looks at each that comes, and soon has done so. bdfs may be NULL. Processes that
 * come and go meanwhile are no error. What could hang is left to a child, which is started only if there is
 * something that needs it. 0 or -errno (no /proc).
 */
int holders_find(const struct root *r, const struct node_list *nodes, const struct bdf_list *bdfs,
		 struct holder_list *ret, struct err *e);
void holder_list_done(struct holder_list *l);
#define _cleanup_holder_list_ _cleanup_(holder_list_done)

/*
 * Says who the process h->proc.pid is. 0, or -ESRCH: it has ended, and what it held is free. Reads nothing
 * that waits for the process's memory, as /proc/PID/cmdline does (get_mm_cmdline() in fs/proc/base.c).
 */
int holder_identify(const struct root *r, struct holder *h);

/* From the text of /proc/PID/cgroup, cut in place; id is "" for HOLDER_HOST. */
enum holder_kind holder_cgroup_parse(char *text, char *id, size_t size);

/*
 * "ffmpeg (1234) in container 200", "kvm (99) of VM 101", "nvidia-persistenced (7) of
 * nvidia-persistenced.service"; returns buf.
 */
char *holder_format(const struct holder *h, char *buf, size_t size);

/* Adds what it has open: "/dev/dri/card0, /dev/snd/controlC1"; a node that is gone has a description in the place of a name. */
void holder_nodes(const struct holder *h, struct text *t);

#endif
