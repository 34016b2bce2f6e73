/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "pve/guest.h"
#include "pve/hostpci.h"
#include "pve/mapping.h"
#include "pve/pciid.h"
#include "pve/scan.h"
#include "pve/use.h"

struct search {
	const struct root *root;
	const struct bdf *functions;
	size_t n;
	struct guest_uses uses;
	/* read when the first mapping= comes along */
	struct mappings mappings;
	bool mappings_read;
};

static void search_done(struct search *s)
{
	guest_uses_done(&s->uses);
	mapping_done(&s->mappings);
}

/* Adds a use of the guest, whose running is asked for once. */
static int search_add(struct search *s, const struct guest_use *use)
{
	struct guest_uses *u = &s->uses;
	struct guest_use *v = realloc(u->v, (u->n + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	u->v = v;
	v[u->n] = *use;
	v[u->n].running = u->n > 0 && v[u->n - 1].vmid == use->vmid ? v[u->n - 1].running
								    : guest_running(s->root, GUEST_VM, use->vmid, NULL) == 1;
	u->n++;
	return 0;
}

static bool covers_any(const struct bdf *devices, size_t n_devices, const struct search *s)
{
	for (size_t i = 0; i < n_devices; i++)
		for (size_t j = 0; j < s->n; j++)
			if (pciid_overlap(devices[i], s->functions[j]))
				return true;
	return false;
}

/* Does one of a mapping's choices for this node cover a function that is looked for? 1, 0 or -errno. */
static int mapping_covers(struct search *s, const char *name, struct err *e)
{
	const struct mapping *m;

	if (!s->mappings_read) {
		int k = mapping_load(s->root, &s->mappings, e);

		if (k < 0)
			return k;
		s->mappings_read = true;
	}
	m = mapping_find(&s->mappings, name, NULL);
	for (size_t i = 0; m && i < m->n_choices; i++)
		if (covers_any(m->choices[i].devices, m->choices[i].n_devices, s))
			return 1;
	return 0;
}

static int search_key(struct search *s, const struct config *cfg, unsigned int index, struct err *e)
{
	_cleanup_hostpci_ struct hostpci h = { 0 };
	struct guest_use use = { .vmid = cfg->vmid };
	const char *value;
	int k;

	snprintf(use.key, sizeof(use.key), "hostpci%u", index);
	value = config_get(cfg, use.key);
	k = value ? hostpci_parse(index, value, &h, NULL) : -EINVAL;
	if (k < 0)
		return k == -ENOMEM ? k : 0;
	use.mapped = h.mapping;
	k = h.mapping ? mapping_covers(s, h.mapping, e) : covers_any(h.devices, h.n_devices, s);
	return k == 1 ? search_add(s, &use) : k;
}

static int search_vm(void *ctx, struct config *cfg, struct err *e)
{
	int k = 0;

	for (unsigned int i = 0; k == 0 && i < HOSTPCI_MAX; i++)
		k = search_key(ctx, cfg, i, e);
	return k;
}

int guest_vms_naming(const struct root *r, const struct bdf *functions, size_t n, struct guest_uses *ret,
		     struct err *e)
{
	static const char *const words[] = { "hostpci" };
	_cleanup_(search_done) struct search s = { .root = r, .functions = functions, .n = n };
	int k = scan_guests(r, GUEST_VM, words, ARRAY_SIZE(words), search_vm, &s, e);

	if (k < 0)
		return k;
	*ret = s.uses;
	s.uses = (struct guest_uses){ 0 };
	return 0;
}

void guest_uses_done(struct guest_uses *u)
{
	free(u->v);
	*u = (struct guest_uses){ 0 };
}
