/* SPDX-License-Identifier: GPL-2.0-or-later */
/* modprobe's configuration, as modprobe itself reads it: modprobe.d(5), and kmod's libkmod/libkmod-config.c. */
#ifndef GPUPT_HOST_MODPROBE_H
#define GPUPT_HOST_MODPROBE_H

#include "host/conf.h"

enum modprobe_kind {
	MODPROBE_ALIAS,	    /* alias NAME MODULE */
	MODPROBE_BLACKLIST, /* blacklist MODULE */
	MODPROBE_OPTIONS,   /* options MODULE NAME=VALUE … */
	MODPROBE_INSTALL,   /* install MODULE COMMAND */
	MODPROBE_REMOVE,    /* remove MODULE COMMAND */
	MODPROBE_SOFTDEP,   /* softdep MODULE pre: MODULES post: MODULES */
	MODPROBE_WEAKDEP,   /* weakdep MODULE MODULES */
};

struct modprobe_line {
	struct conf_place at;
	enum modprobe_kind kind;
	char *module; /* with '_' for '-' but in brackets; of an alias the name that it is for */
	char *rest;   /* what stands behind it, "" with a blacklist */
};

struct modprobe {
	struct modprobe_line *v; /* in the order in which modprobe takes them */
	size_t n;
	struct strv unread; /* files that could not be read */
};

/* '_' for '-', in place, as modprobe does with names; not in brackets, which are patterns. Returns name. */
char *modprobe_name(char *name);

/*
 * Adds a file's lines. A backslash before a newline continues the line; before anything else it goes away (freadline_wrapped() in kmod's
 * shared/util.c), in a comment, too. Lines that modprobe ignores are left out. 0 or -ENOMEM.
 */
int modprobe_parse(const char *text, const char *file, struct modprobe *m);
/* All of the machine. 0 or -ENOMEM. */
int modprobe_load(const struct root *r, struct modprobe *ret);
void modprobe_done(struct modprobe *m);
#define _cleanup_modprobe_ _cleanup_(modprobe_done)

/* The line that keeps the module from loading by an alias: a blacklist; NULL if there is none. */
const struct modprobe_line *modprobe_blacklisted(const struct modprobe *m, const char *module);
/* Does the command of an install line do nothing at all, as /bin/false, /bin/true and ':' do? A comment behind it is none of it. */
bool modprobe_is_nothing(const struct modprobe_line *l);
/* Does a softdep line have `module` loaded before its own one? */
bool modprobe_softdep_pre(const struct modprobe_line *l, const char *module);

#endif
