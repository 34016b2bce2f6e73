/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gpupt.conf(5), as a value: what an administrator wants done with each card. */
#ifndef GPUPT_SETTINGS_H
#define GPUPT_SETTINGS_H

#include "host/pci.h"

#define SETTINGS_PATH SYSCONFDIR "/gpupt/gpupt.conf"
#define SETTINGS_MAX  (256 * 1024)

enum mode {
	MODE_SHARED,   /* it boots on its native driver, and a hook moves it */
	MODE_RESERVED, /* it is on vfio-pci from the first moment of the boot on */
};
enum after_stop { AFTER_STOP_HOST, AFTER_STOP_KEEP };
enum processes { PROCESSES_REFUSE, PROCESSES_TERMINATE, PROCESSES_WAIT };
enum vms { VMS_REFUSE, VMS_SHUTDOWN };
enum containers {
	CONTAINERS_HOT,	     /* they run on without it */
	CONTAINERS_SHUTDOWN, /* they are stopped meanwhile */
	CONTAINERS_DETACH,   /* they are started again without their lines about it */
	CONTAINERS_REFUSE,   /* the VM does not start */
};
enum backup { BACKUP_HANDOVER, BACKUP_REFUSE };

/* What one card, or [defaults], says. */
struct gpu_settings {
	struct bdf bdf; /* fn BDF_ANY_FN: the whole slot; unused in [defaults] */
	bool has_id;
	struct pci_id id;	 /* of the display function */
	char driver[PCI_NAME_LEN]; /* its native driver; "": what it came from, else what its modalias asks for */
	enum mode mode;
	enum after_stop after_stop;
	enum processes processes;
	unsigned int wait; /* seconds, of PROCESSES_WAIT */
	enum vms vms;	   /* another VM that has it */
	enum containers containers; /* running ones that have it */
	bool force_stop;   /* a guest that does not shut down within shutdown_timeout is stopped */
	enum backup backup;
	char reset[32];		 /* "auto", "none" or a method's name */
	bool reset_at_start, reset_at_stop;
	unsigned int driver_timeout, stop_timeout, shutdown_timeout; /* seconds */
};

struct vm_settings {
	unsigned int vmid;
	char *next; /* volume id of a hookscript that is run after ours, or NULL */
};

/* What one container's section says in the place of the card's. */
struct ct_settings {
	unsigned int vmid;
	bool has_containers, has_force_stop, has_shutdown_timeout;
	enum containers containers;
	bool force_stop;
	unsigned int shutdown_timeout;
};

/* [host]: module options that prepare sets where they are asked for. */
struct host_settings {
	bool ignore_msrs, unsafe_interrupts, disable_idle_d3;
};

struct settings {
	struct host_settings host;
	struct gpu_settings defaults;
	struct gpu_settings *gpus;
	size_t n_gpus;
	struct vm_settings *vms;
	size_t n_vms;
	struct ct_settings *cts;
	size_t n_cts;
};

/* What holds without a file. */
void settings_default(struct settings *ret);
/*
 * From the file's text; name is for messages. 0, -EINVAL (err: file, line, what is accepted) or -ENOMEM. Nothing is taken from a
 * file with an error.
 */
int settings_parse(const char *text, const char *name, struct settings *ret, struct err *e);
/*
 * For a text that settings_parse() refuses: may it have a section for the VM? True if "[vm N" is in a line that is no comment; a
 * header that is not closed may be the very error.
 */
bool settings_may_have_vm(const char *text, size_t len, unsigned int vmid);
void settings_done(struct settings *s);
#define _cleanup_settings_ _cleanup_(settings_done)

/* The settings of the card that b belongs to: its own, else the defaults. */
const struct gpu_settings *settings_gpu(const struct settings *s, struct bdf b);
/* Does a card stay on vfio-pci when its VM stops? */
static inline bool settings_stays(const struct gpu_settings *g)
{
	return g->mode == MODE_RESERVED || g->after_stop == AFTER_STOP_KEEP;
}
/* NULL if the file has no section for the VM. */
const struct vm_settings *settings_vm(const struct settings *s, unsigned int vmid);

/* What holds for a container and the card that b belongs to; all of it is given. */
struct ct_settings settings_ct(const struct settings *s, unsigned int vmid, struct bdf b);
/*
 * What holds for a container that has several cards, with settings of their own: the strictest policy, the longest time, and force only
 * if each permits it.
 */
void settings_ct_add(struct ct_settings *to, const struct ct_settings *more);
/* "hot", "shutdown" … */
const char *containers_name(enum containers c);

#endif
