/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The preparation of a host: what its files and kernel parameters are to be, so that its cards can go to VMs as gpupt.conf says, and the
 * steps from what they are. Only the difference is planned. Pure.
 */
#ifndef GPUPT_POLICY_PREPARE_H
#define GPUPT_POLICY_PREPARE_H

#include "plan/plan.h"
#include "policy/pins.h"

#define PREPARE_MODULES_LOAD "/etc/modules-load.d/gpupt.conf"
#define PREPARE_MODPROBE     "/etc/modprobe.d/gpupt.conf"
#define PREPARE_UDEV	     "/etc/udev/rules.d/10-gpupt.rules"
#define PREPARE_RESET_RULES  "/etc/udev/rules.d/90-gpupt-reset.rules"
#define PREPARE_INIT_HOOK    "/etc/initramfs-tools/hooks/gpupt"
#define PREPARE_INIT_SCRIPT  "/etc/initramfs-tools/scripts/init-top/gpupt"
#define PREPARE_GRUB	     LOADER_GRUB_OURS

/* A file as it is now. */
struct prepare_file {
	char *path;
	char *text; /* NULL: absent */
	unsigned int mode, uid, gid;
	bool link; /* the text is that of what it leads to */
};

/* What was prepared before, and is in force or perhaps in force. */
struct prepare_step {
	const struct step *step;
	bool cut_off; /* by a preparation that did not come to its end */
	bool changed, gone; /* since: set for `check`, of files and parameters */
};

struct prepare_steps {
	struct prepare_step *v; /* the oldest first */
	size_t n;
};

struct prepare_facts {
	const struct setup *setup;
	const struct pins *pins;
	const struct settings *settings; /* as they are to be */
	const char *settings_text;	 /* gpupt.conf's text as it is to be, or NULL: it stays */
	struct prepare_steps before;	 /* on record */
	struct prepare_file *files;	 /* those of prepare_paths() */
	size_t n_files;
	bool adopt;	      /* foreign lines that decide about cards are commented out */
	bool initramfs_tools; /* the initramfs is made by them */
	const char *lacking;  /* the program that the boot loader's refresh is done by and that is not there, or NULL */
};

/* The files whose text a plan rests on: our own, and, with adopt, those of foreign pins. 0 or -ENOMEM. */
int prepare_paths(const struct prepare_facts *f, struct strv *ret);

/*
 * Adds the steps to plan, and to found what keeps something from being prepared; with a finding that blocks the plan is worth
 * nothing. 0 or -errno.
 */
int prepare_decide(const struct prepare_facts *f, struct plan *plan, struct findings *found);

/* Adds a line on what a reboot is needed for after the step, or after its undo, unless it is there; nothing, if for nothing. */
void prepare_reboot_reason(const struct step *s, struct text *t);

/* Is it a file that a preparation makes, whoever has made this one? */
bool prepare_is_own(const char *path);

/* Adds steps that take our parameters out of a LOADER_CMDLINE that we have made as a whole, as it is by now. 0 or -ENOMEM. */
int prepare_params_back(const char *made, const char *now, struct plan *plan);

/* Of each option that a text of ours for modprobe.d sets: the file below /sys/module that says whether it is set. 0 or -ENOMEM. */
int prepare_options_set(const char *modprobe, struct strv *ret);

/* Does a finding of `check` stop a preparation? about: it is about a card that is asked for, or reserved. */
bool prepare_is_stopped_by(const struct finding *f, bool about);

#endif
