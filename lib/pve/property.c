/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>

#include "pve/property.h"

/* More than any format of Proxmox VE has keys: bounds the search for duplicates in a hostile line. */
#define PROPERTY_MAX 256

static bool is_blank(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return *s == '\0';
}

static int fail(struct err *e, int k, const char *what, const char *key)
{
	err_set(e, k, "%s%.64s", what, key);
	if (e)
		str_printable(e->text);
	return k;
}

/* Adds one part, "key=value" or a bare value, which is cut. */
static int add_part(struct properties *p, char *part, const char *default_key, struct err *e)
{
	char *eq = strchr(part, '=');
	struct property next = { default_key, part };

	if (eq) {
		if (eq == part || !eq[1])
			return fail(e, -EINVAL, "missing key in comma-separated list property", "");
		*eq = '\0';
		next = (struct property){ part, eq + 1 };
	} else if (!default_key) {
		return fail(e, -EINVAL, "value without key, but schema does not define a default key", "");
	}
	if (property_get(p, next.key))
		return fail(e, -EINVAL, "duplicate key in comma-separated list property: ", next.key);
	if (p->n == PROPERTY_MAX)
		return fail(e, -EINVAL, "too many keys in comma-separated list property", "");
	p->v[p->n++] = next;
	return 0;
}

int property_parse(const char *s, const char *default_key, struct properties *ret, struct err *e)
{
	_cleanup_property_ struct properties p = { .buf = strdup(s) };
	size_t commas = 0;

	for (const char *c = s; (c = strchr(c, ',')) && commas < PROPERTY_MAX; c++)
		commas++;
	p.v = calloc(commas + 1, sizeof(*p.v));
	if (!p.buf || !p.v)
		return fail(e, -ENOMEM, "out of memory", "");
	for (char *part = p.buf, *next; part; part = next) {
		int k;

		next = strchr(part, ',');
		if (next)
			*next++ = '\0';
		if (is_blank(part))
			continue;
		k = add_part(&p, part, default_key, e);
		if (k < 0)
			return k;
	}
	*ret = p;
	p = (struct properties){ 0 };
	return 0;
}

const char *property_get(const struct properties *p, const char *key)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->v[i].key, key) == 0)
			return p->v[i].value;
	return NULL;
}

void property_done(struct properties *p)
{
	free(p->buf);
	free(p->v);
	*p = (struct properties){ 0 };
}

bool property_key_plausible(const char *key)
{
	return *key >= 'a' && *key <= 'z' &&
	       key[strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0';
}

bool property_is_configid(const char *s)
{
	if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z')) || !s[1])
		return false;
	return s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")] == '\0';
}

bool property_list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; *p;) {
		size_t n = strcspn(p, ",; \t");

		if (n == len && strncmp(p, word, n) == 0)
			return true;
		p += n + strspn(p + n, ",; \t");
	}
	return false;
}
