/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /boot/grub/grub.cfg as grub-mkconfig(8) writes it: entries and submenus, one command a line, and the entry that is booted next. It is a
 * script of GRUB's own; what it has beyond these is passed over.
 */
#ifndef GPUPT_HOST_GRUB_MENU_H
#define GPUPT_HOST_GRUB_MENU_H

#include "host/kernels.h"

#define GRUB_BOOT "/boot"
#define GRUB_CFG  GRUB_BOOT "/grub/grub.cfg" /* beside it grubenv, of grub-editenv(1) */

struct grub_item {
	int parent;	  /* the submenu's place in the list that it is in; -1: it is in the main menu */
	unsigned int pos; /* in that menu, from 0 */
	bool submenu;
	char *title, *id; /* id: "" without */
	/* of an entry that boots a kernel; else "" and NULL: */
	char release[KERNEL_RELEASE_LEN];
	char *params; /* as they stand there */
	bool initrd;  /* it has one */
};

struct grub_menu {
	struct grub_item *v; /* as they stand there: a kernel's usual entry comes before the one for recovery */
	size_t n;
	char *fallback;	    /* what `default` is set to; "" if it is not */
	char *next, *saved; /* next_entry and saved_entry of the environment block; "" if it has none */
};

/* Takes the text of a grub.cfg; the menu is empty before. 0 or -ENOMEM. */
int grub_menu_parse(const char *text, struct grub_menu *ret);
/* Takes that of an environment block: lines NAME=value, of which these two count. 0 or -ENOMEM. */
int grub_env_parse(const char *text, struct grub_menu *m);
/* Both files below dir, which is /boot on the machine. 0, -errno of grub.cfg; the other one may be away. */
int grub_menu_load(const struct root *r, const char *dir, struct grub_menu *ret);
void grub_menu_done(struct grub_menu *m);
#define _cleanup_grub_menu_ _cleanup_(grub_menu_done)

/*
 * The entry that is booted next, as get_entry_number() and its like in grub-core/normal/menu.c find it: by number, title or id, through
 * submenus with '>' between; the first one if there is none such. NULL if that depends on what only GRUB knows, or there is no entry.
 */
const struct grub_item *grub_menu_next(const struct grub_menu *m);

#endif
