/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hooks of initramfs-tools(7): programs that mkinitramfs(8) runs to put things into an initramfs. They are not run here: what is found is
 * which of udev's rules in /etc one may copy, and what it mentions about drivers. The package's own, /usr/share/initramfs-tools/hooks/udev,
 * copies a list of systemd's rules, and all in /etc/udev/rules.d that hide none of those.
 */
#ifndef GPUPT_HOST_INITHOOK_H
#define GPUPT_HOST_INITHOOK_H

#include "host/initscript.h"

#define INITHOOK_DIR "/etc/initramfs-tools/hooks"

struct inithook {
	struct initscript script; /* what it says about drivers; without a place if that is nothing */
	struct conf_place at;	  /* the first line that names a rule; without a file if none does */
	struct strv rules;	  /* for fnmatch(3): the files that it may copy */
};

struct inithooks {
	struct inithook *v; /* the packages' first, each by name */
	size_t n;
	struct strv unread;
};

/* Adds the hook if it has to do with any of this; comments count for nothing. 0 or -ENOMEM. */
int inithook_parse(const char *text, const char *file, struct inithooks *l);
/* All of the machine. 0 or -ENOMEM. */
int inithooks_load(const struct root *r, struct inithooks *ret);
void inithooks_done(struct inithooks *l);
#define _cleanup_inithooks_ _cleanup_(inithooks_done)

/* Does the hook, or any of them, perhaps copy udev's rules of that path? */
bool inithook_takes(const struct inithook *h, const char *path);
bool inithooks_take(const struct inithooks *l, const char *path);

#endif
