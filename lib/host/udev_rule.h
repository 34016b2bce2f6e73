/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * udev's rules that decide about a PCI function's driver: udev(7), and systemd's src/udev/udev-rules.c for what it leaves open. The files
 * of a distribution have thousands of lines; only those are kept that mention driver_override, vfio-pci, pci-stub or new_id.
 */
#ifndef GPUPT_HOST_UDEV_RULE_H
#define GPUPT_HOST_UDEV_RULE_H

#include "host/conf.h"
#include "host/pci.h"

struct udev_token {
	char *key;   /* "ATTR" */
	char *attr;  /* "vendor" of ATTR{vendor}, or NULL */
	char op[3];  /* "==", "!=", "=", "+=", "-=", ":=" */
	char *value; /* without its quotes */
	bool nocase; /* i"…" */
};

struct udev_rule {
	struct conf_place at;
	struct udev_token *v;
	size_t n;
};

struct udev_rules {
	struct udev_rule *v; /* in the order in which udev takes them */
	size_t n;
	struct strv unread;
};

/* A line's tokens into a zeroed rule. 0, -EINVAL for one that udev does not understand either, -ENOMEM. */
int udev_rule_parse(const char *line, struct udev_rule *ret);
void udev_rule_done(struct udev_rule *rule);
/*
 * Adds the rules of a file that have to do with drivers. A backslash at the end of a line continues it, white space at a line's start goes
 * away, and a comment in the middle is none of the rule. 0 or -ENOMEM.
 */
int udev_rules_parse(const char *text, const char *file, struct udev_rules *l);
/* All of the machine. 0 or -ENOMEM. */
int udev_rules_load(const struct root *r, struct udev_rules *ret);
void udev_rules_done(struct udev_rules *l);
#define _cleanup_udev_rules_ _cleanup_(udev_rules_done)

/* Has a part of a rule to do with drivers of PCI functions? */
bool udev_is_of_drivers(const char *s);
/* Is it a condition, as against something that is done? PROGRAM and IMPORT are conditions with any operator. */
bool udev_token_is_match(const struct udev_token *t);
/* The value that the rule writes to driver_override, or NULL if it does not do it by itself. */
const char *udev_rule_override(const struct udev_rule *rule);
/* The command that it runs, or the attribute it writes, that has to do with drivers; NULL if there is none. */
const char *udev_rule_command(const struct udev_rule *rule);

/*
 * Does the rule apply to the function? TRI_UNKNOWN where that depends on what cannot be known here: a program, a file, a
 * property that another rule sets. KERNELS and ATTRS, which look at all that is above as well, are asked of the function itself. ACTION
 * and DRIVER are left out of account: a rule for `bind` comes to that in time.
 */
enum tri udev_rule_applies(const struct udev_rule *rule, const struct pci_fn *fn);

#endif
