/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Targets of param steps, and what such a step makes of a file's text. Pure. */
#ifndef GPUPT_PLAN_PARAM_H
#define GPUPT_PLAN_PARAM_H

#include <limits.h>

#include "host/grub_edit.h"

struct param {
	char path[PATH_MAX];
	struct grub_assignment of; /* "" for a name: the file is the command line itself */
	const char *param;	   /* in the target's own text */
	bool taken_out;		   /* it has a place to go back to */
	struct cmdline_place place;
};

/* For a parameter that is to be added: "PATH PARAM". */
void param_target(const char *path, const char *param, struct text *ret);
/*
 * For one that is there and is to be taken out: "PATH@PLACE,BEHIND PARAM", where text is what the file has when the step is made. With
 * several, from the last to the first. 0; -ENOENT; -ENOTUNIQ: it could not be put back to the byte (host/cmdline.h).
 */
int param_target_at(const char *path, const char *text, const char *param, struct text *ret);
/*
 * The same of the assignment in GRUB's defaults that line belongs to: "PATH:NAME@PLACE,BEHIND PARAM", with "NAME#2/3" where the variable
 * is assigned to several times. Also -EINVAL: there is a blank in the path.
 */
int param_target_grub(const char *path, const char *text, unsigned int line, const char *param, struct text *ret);
/* The reverse of all three. 0 or -EINVAL. */
int param_target_parse(const char *target, struct param *ret);

/* The command line in the file's text. 0, or as grub_edit_value(). */
int param_line(const struct param *p, const char *text, char **ret);
/* Appends the text with the parameter, or without it. 0, or as grub_edit_put() and grub_edit_remove(). */
int param_edit(const struct param *p, const char *text, bool add, struct text *ret);

#endif
