/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sys/sysmacros.h>

#include "flow/sharing_wild.h"

#define DRM_MAJOR 226 /* include/drm/drm_file.h */

int seeker_add(struct seeker *s, size_t device, const struct sharer_use *what, const char *path, bool wildcard)
{
	const struct config *cfg = &s->container->cfg;
	const struct ctdev *d = &s->container->devices.v[device];
	const struct config_line *line = &cfg->lines[d->line];
	struct sharer *to = &s->sharer;
	struct sharer_use *v = realloc(to->uses, (to->n + 1) * sizeof(*v)), *use;
	size_t len = line->raw_len;

	if (!v)
		return -ENOMEM;
	to->uses = v;
	use = &v[to->n];
	*use = *what;
	use->ref = (struct ctdev){ 0 };
	use->wildcard = wildcard;
	while (len > 0 && line->raw[len - 1] == '\n')
		len--;
	use->line = strndup(line->raw, len);
	use->value = strdup(line->value);
	use->path = path ? strdup(path) : NULL;
	to->n++; /* from here on sharers_done() frees it */
	if (!use->line || !use->value || (path && !use->path))
		return -ENOMEM;
	return ctdev_copy(d, &use->ref);
}

static bool below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

int seeker_wildcard(struct seeker *s, size_t device)
{
	const struct ctdev *d = &s->container->devices.v[device];
	char dir[PATH_MAX];

	s->wild[device] = true;
	if (s->dirs.n == 0 && strv_add(&s->dirs, "/dev") < 0)
		return -ENOMEM;
	if (!d->target || below(d->target, "/dev"))
		return 0;
	/* of the host's whole tree only its /dev is of interest */
	path_f(dir, "%s%s", d->target, str_eq(d->path, "/") ? "/dev" : "");
	return strv_has(&s->dirs, dir) ? 0 : strv_add(&s->dirs, dir);
}

/* Has the line given the container that number already? */
static bool has_number(const struct seeker *s, size_t device, dev_t dev)
{
	size_t line = s->container->devices.v[device].line;

	for (size_t i = 0; i < s->sharer.n; i++)
		if (s->sharer.uses[i].ref.line == line && s->sharer.uses[i].dev == dev)
			return true;
	return false;
}

/* A node of the card that is visible in the container: to which of its wildcards is that due? */
static int add_seen(const struct sharing_card *card, struct seeker *s, const struct inside_node *seen)
{
	const struct node *n = nodes_find(&card->nodes, seen->dev);
	struct sharer_use what = { 0 };
	int k = 0;

	if (!n)
		return 0;
	sharing_card_node(n, &what);
	for (size_t i = 0; i < s->container->devices.n && k == 0; i++) {
		const struct ctdev *d = &s->container->devices.v[i];

		if (!s->wild[i] || has_number(s, i, seen->dev))
			continue;
		if (d->kind == CTDEV_ALLOW ? ctdev_allows(d, seen->dev) : below(seen->path, d->target))
			k = seeker_add(s, i, &what, seen->path, true);
	}
	return k;
}

/* What a process of the container holds open, by the name that the list of holders has for it. */
static int add_held(const struct sharing_card *card, struct seeker *s, const struct holder *h, const char *name)
{
	const struct node *n = NULL;
	struct sharer_use what = { .how = SHARING_NUMBER };
	int k = 0;

	for (size_t i = 0; i < card->nodes.n; i++)
		if (str_eq(card->nodes.v[i].name, name))
			n = &card->nodes.v[i];
	if (n)
		sharing_card_node(n, &what);
	else /* a DRM node that its driver gave up while it was open: its number is nobody's any more */
		snprintf(what.node, sizeof(what.node), "%s", name);
	for (size_t i = 0; i < h->bdfs.n && !n; i++)
		if (pci_list_find(card->fns, h->bdfs.v[i]))
			what.bdf = h->bdfs.v[i];
	for (size_t i = 0; i < s->container->devices.n && k == 0; i++) {
		const struct ctdev *d = &s->container->devices.v[i];
		dev_t dev = n ? n->dev : makedev(DRM_MAJOR, d->any_minor ? 0 : d->minor);

		if (!s->wild[i] || has_number(s, i, what.dev) || (d->kind == CTDEV_ALLOW && !ctdev_allows(d, dev)))
			continue;
		k = seeker_add(s, i, &what, NULL, true);
	}
	return k;
}

static bool is_of_card(const struct sharing_card *card, const struct holder *h)
{
	for (size_t i = 0; i < h->bdfs.n; i++)
		if (pci_list_find(card->fns, h->bdfs.v[i]))
			return true;
	return false;
}

/* Is the name that of a node of the card, or, for a deleted one, of none at all? Holders may have nodes of other cards, too. */
static bool is_of_others(const struct sharing_card *card, const char *name)
{
	for (size_t i = 0; i < card->nodes.n; i++)
		if (str_eq(card->nodes.v[i].name, name))
			return false;
	for (size_t i = 0; i < card->fns->n; i++) {
		char bdf[BDF_LEN];

		if (strstr(name, bdf_format(card->fns->v[i].bdf, bdf)))
			return false;
	}
	return true;
}

static struct seeker *seeker_of(struct seeker *v, size_t n, const struct holder *h)
{
	unsigned int vmid;
	size_t low = 0, high = n;

	if (h->kind != HOLDER_CONTAINER || parse_vmid(h->id, &vmid) < 0)
		return NULL;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (v[mid].sharer.vmid == vmid)
			return v[mid].dirs.n ? &v[mid] : NULL;
		if (v[mid].sharer.vmid < vmid)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static int look_at_holders(const struct sharing_card *card, const struct holder_list *holders, struct seeker *v, size_t n)
{
	int k = 0;

	for (size_t i = 0; holders && i < holders->n && k == 0; i++) {
		const struct holder *h = &holders->v[i];
		struct seeker *s = is_of_card(card, h) ? seeker_of(v, n, h) : NULL;

		for (size_t j = 0; s && j < h->nodes.n && k == 0; j++)
			if (!is_of_others(card, h->nodes.v[j]))
				k = add_held(card, s, h, h->nodes.v[j]);
	}
	return k;
}

/* The running containers with wildcards, and which seeker each is of. One whose init is not found cannot be looked into. */
static int places_make(struct seeker *v, size_t n, struct inside_place *places, size_t *of, size_t *ret_n, struct guest_list *unsure)
{
	size_t made = 0;

	for (size_t i = 0; i < n; i++) {
		if (v[i].dirs.n == 0 || !v[i].sharer.running)
			continue;
		if (v[i].sharer.init.pid == 0) {
			if (guest_list_add(unsure, v[i].sharer.vmid) < 0)
				return -ENOMEM;
			continue;
		}
		of[made] = i;
		places[made++] = (struct inside_place){ .init = v[i].sharer.init, .in = &v[i].dirs };
	}
	*ret_n = made;
	return 0;
}

static int cmp_id(const void *pa, const void *pb)
{
	const unsigned int *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

int seekers_look(const struct sharing_card *card, const struct holder_list *holders, struct seeker *v, size_t n,
		 struct guest_list *unsure)
{
	_cleanup_free_ struct inside_place *places = calloc(n + 1, sizeof(*places));
	_cleanup_free_ size_t *of = calloc(n + 1, sizeof(*of));
	_cleanup_inside_ struct inside seen = { 0 };
	size_t n_places = 0;
	int k;

	if (!places || !of)
		return -ENOMEM;
	/* without nodes there is nothing to see */
	k = card->nodes.n ? places_make(v, n, places, of, &n_places, unsure) : 0;
	if (k == 0 && n_places)
		k = inside_find(card->root, card->manifest, places, n_places, &card->nodes, &seen);
	for (size_t i = 0; i < seen.n && k == 0; i++)
		k = add_seen(card, &v[of[seen.v[i].place]], &seen.v[i]);
	for (size_t i = 0; i < n_places && k == 0; i++)
		if (seen.unsure[i])
			k = guest_list_add(unsure, v[of[i]].sharer.vmid);
	if (unsure->n)
		qsort(unsure->v, unsure->n, sizeof(*unsure->v), cmp_id);
	return k < 0 ? k : look_at_holders(card, holders, v, n);
}
