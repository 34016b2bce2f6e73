/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One kernel parameter in an assignment of GRUB's defaults (host/grub.h), taken out and put back by its own bytes, whatever else somebody
 * writes into that assignment. $NAME and ${NAME} count as they are written; so a value here is not what a shell makes of it. Pure.
 */
#ifndef GPUPT_HOST_GRUB_EDIT_H
#define GPUPT_HOST_GRUB_EDIT_H

#include "host/cmdline.h"

/* An assignment: of those that the file has for that variable, as many as `of`, the nth. */
struct grub_assignment {
	char name[64];
	unsigned int nth, of;
};

/* The one that line belongs to and that has the parameter. 0, -ENOENT, -ENOTUNIQ (two), -ENOMEM. */
int grub_assignment_at(const char *text, unsigned int line, const char *param, struct grub_assignment *ret);

/*
 * Its value, with a blank for a newline. 0; -ENOENT: the variable is not set; -ENOTUNIQ: it is set in another number of places, or there
 * is code in which nobody can tell; -EBADMSG: the value comes from a command; -ENOMEM.
 */
int grub_edit_value(const char *text, const struct grub_assignment *a, char **ret);
/* Appends the text without the first such parameter of it. 0 (also if there is none), -ENOTUNIQ (it stands in pieces), or as above. */
int grub_edit_remove(const char *text, const struct grub_assignment *a, const char *param, struct text *ret);
/* … and with it, where cmdline_gap() says, in quotes. 0 (also if it is there), -EINVAL (cmdline_gap()), or as above. */
int grub_edit_put(const char *text, const struct grub_assignment *a, const char *param, const struct cmdline_place *place,
		  struct text *ret);

#endif
