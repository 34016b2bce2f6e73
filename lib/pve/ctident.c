/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>

#include "base/hash.h"
#include "pve/cfs.h"
#include "pve/ctident.h"
#include "pve/property.h"

#define PART_LEN 9 /* "1f2e3d4c" */

typedef bool part_fn(void *ctx, const char part[static PART_LEN]);

/* The digits of an address may be of either case. */
static bool tell(const char *kind, const char *value, part_fn *fn, void *ctx)
{
	uint64_t h = hash_add(HASH_START, kind, strlen(kind) + 1);
	char part[PART_LEN];

	for (; *value; value++) {
		char c = (char)tolower((unsigned char)*value);

		h = hash_add(h, &c, 1);
	}
	snprintf(part, sizeof(part), "%08x", (unsigned int)(h ^ h >> 32));
	return fn(ctx, part);
}

/* A part of a line, "net0: name=eth0,hwaddr=BC:24:11:00:11:22". */
static bool tell_property(const char *line, const char *dflt, const char *key, part_fn *fn, void *ctx)
{
	_cleanup_property_ struct properties p = { 0 };
	const char *value = property_parse(line, dflt, &p, NULL) == 0 ? property_get(&p, key) : NULL;

	return value && tell(key, value, fn, ctx);
}

/* Calls fn for its name and its addresses, until fn is content. */
static bool each_part(const struct config *cfg, part_fn *fn, void *ctx)
{
	const char *name = config_get(cfg, "hostname");

	if (name && tell("hostname", name, fn, ctx))
		return true;
	config_foreach(l, cfg, "net")
		if (isdigit((unsigned char)l->key[strlen("net")]) && tell_property(l->value, NULL, "hwaddr", fn, ctx))
			return true;
	return false;
}

static bool volume_part(const struct config *cfg, part_fn *fn, void *ctx)
{
	const char *rootfs = config_get(cfg, "rootfs");

	return rootfs && tell_property(rootfs, "volume", "volume", fn, ctx);
}

static bool join(void *ctx, const char part[static PART_LEN])
{
	char *ident = ctx;
	size_t len = strlen(ident);

	if (len + PART_LEN < CTIDENT_LEN)
		snprintf(ident + len, CTIDENT_LEN - len, "%s%s", len ? "+" : "", part);
	return false;
}

void ctident_format(const struct config *cfg, char ret[static CTIDENT_LEN])
{
	ret[0] = '\0';
	each_part(cfg, join, ret);
	if (!strchr(ret, '+'))
		volume_part(cfg, join, ret);
	if (!strchr(ret, '+'))
		ret[0] = '\0';
}

bool ctident_valid(const char *ident)
{
	size_t len = strlen(ident);

	if (len < 2 * PART_LEN - 1 || len >= CTIDENT_LEN || len % PART_LEN != PART_LEN - 1)
		return false;
	for (size_t i = 0; i < len; i++)
		if (i % PART_LEN == PART_LEN - 1 ? ident[i] != '+' : !strchr("0123456789abcdef", ident[i]))
			return false;
	return true;
}

struct search {
	const char *ident;
	bool any; /* a part was looked for */
};

static bool is_known(void *ctx, const char part[static PART_LEN])
{
	struct search *s = ctx;

	s->any = true;
	return strstr(s->ident, part);
}

int ctident_check(const char *ident, const struct config *cfg, struct err *e)
{
	struct search s = { .ident = ident };

	if (!*ident || each_part(cfg, is_known, &s) || !s.any || volume_part(cfg, is_known, &s))
		return 0;
	return err_set(e, -ENODEV, "CT %u is another container by now, with another name and other addresses: it is left alone", cfg->vmid);
}

int ctident_find(const struct root *r, unsigned int vmid, const char *ident, struct err *e)
{
	_cleanup_config_ struct config cfg = { 0 };
	int k = cfs_find_ct(r, vmid, e);

	if (k == 0 && *ident)
		k = config_load(r, GUEST_CT, vmid, &cfg, e);
	return k == 0 && *ident ? ctident_check(ident, &cfg, e) : k;
}
