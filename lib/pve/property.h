/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Proxmox VE's property strings, "01:00,pcie=1,x-vga=on": comma-separated parts, of which one may be a bare
 * value of the default key. The rules are those of parse_property_string() in PVE/JSONSchema.pm.
 */
#ifndef GPUPT_PVE_PROPERTY_H
#define GPUPT_PVE_PROPERTY_H

#include "base/err.h"
#include "base/text.h"

struct property {
	const char *key;   /* the default key for a bare value */
	const char *value; /* never empty */
};

struct properties {
	char *buf; /* what key and value point into */
	struct property *v;
	size_t n;
};

/*
 * Splits s. default_key may be NULL (then a bare value is an error). Blank parts are skipped. 0, -ENOMEM, or
 * -EINVAL with Proxmox VE's own words in e: a key given twice, a bare value without default key, "key=" or
 * "=value".
 */
int property_parse(const char *s, const char *default_key, struct properties *ret, struct err *e);
const char *property_get(const struct properties *p, const char *key);
void property_done(struct properties *p);
#define _cleanup_property_ _cleanup_(property_done)

/* Could a newer Proxmox VE have a key of this name? " pcie" and "PCIE" are typing errors in any version. */
bool property_key_plausible(const char *key);

/* The names of mappings: [a-z][a-z0-9_-]+ in any case ($CONFIGID_RE in PVE/JSONSchema.pm). */
bool property_is_configid(const char *s);

/* Is word in a list as split_list() in PVE/Tools.pm takes it? */
bool property_list_has(const char *list, const char *word);

#endif
