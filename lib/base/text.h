/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text: a growing buffer, lists of strings, and strict parsers for what comes from outside. */
#ifndef GPUPT_TEXT_H
#define GPUPT_TEXT_H

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"

/* A growing string. A failed allocation is remembered in r (-ENOMEM), so that only the end needs a check. Zero-initialise. */
struct text {
	char *s; /* NULL while empty */
	size_t len, size;
	int r;
};

void text_add(struct text *t, const char *s);
void text_add_n(struct text *t, const char *s, size_t n);
void text_addf(struct text *t, const char *fmt, ...) _printf_(2, 3);
/* Adds s, with separator sep before it unless the text is empty. */
void text_join(struct text *t, const char *sep, const char *s);
/* The text as a string, never NULL. */
const char *text_str(const struct text *t);
/* Hands the string over ("" if empty); NULL and -ENOMEM in t->r if an allocation failed. */
char *text_take(struct text *t);
void text_done(struct text *t);
#define _cleanup_text_ _cleanup_(text_done)

/* A NULL-terminated list of strings that owns them. Zero-initialise. */
struct strv {
	char **v; /* NULL while empty */
	size_t n;
};

int strv_add(struct strv *l, const char *s);   /* 0 or -ENOMEM */
bool strv_has(const struct strv *l, const char *s);
void strv_sort(struct strv *l); /* by the bytes */
void strv_done(struct strv *l);
#define _cleanup_strv_ _cleanup_(strv_done)
#define strv_foreach(s, l) for (char **_i = (l)->v, *s = _i ? *_i : NULL; s; s = *++_i)

static inline bool str_eq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static inline bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Cuts white space from both ends, in place. */
char *str_trim(char *s);

/* Splits off the next line of *p in place (without its newline); NULL at the end. */
char *str_line(char **p);

/* A decimal number of digits only, no sign, no leading zero beside "0" itself, at most max. 0, -EINVAL or -ERANGE. */
int parse_uint(const char *s, uint64_t max, uint64_t *ret);

/* A hexadecimal number of 1 to digits digits, nothing else. 0 or -EINVAL. */
int parse_hex(const char *s, unsigned int digits, uint32_t *ret);

/* Proxmox VE's booleans: 0 1 on off yes no true false, any case (PVE/JSONSchema.pm, parse_boolean). 0 or -EINVAL. */
int parse_bool(const char *s, bool *ret);

/* A guest's id: 100 to 999999999, as Proxmox VE's pve-vmid format has it (PVE/JSONSchema.pm). 0 or -EINVAL. */
int parse_vmid(const char *s, unsigned int *ret);

/* Replaces control characters and invalid bytes by '?', in place: what came from outside is fit for a terminal. */
char *str_printable(char *s);

#endif
