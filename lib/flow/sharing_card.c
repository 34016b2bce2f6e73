/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sys/sysmacros.h>

#include "flow/sharing_card.h"
#include "host/gpu.h"

char *sharing_number_path(dev_t dev, char buf[static PATH_MAX])
{
	return path_f(buf, "/dev/char/%u:%u", major(dev), minor(dev));
}

/* VFIO's nodes are the VM's way to the card: no container uses the card by them. */
static void drop_vfio(struct node_list *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (!str_starts(l->v[i].name, "vfio/"))
			l->v[n++] = l->v[i];
	l->n = n;
}

int sharing_card_init(struct sharing_card *c, const struct root *r, const struct manifest *manifest, const struct pci_list *fns)
{
	*c = (struct sharing_card){ .root = r, .manifest = manifest, .fns = fns };
	for (size_t i = 0; i < fns->n; i++)
		if (nodes_add(r, &fns->v[i], &c->nodes) < 0)
			return -ENOMEM;
	drop_vfio(&c->nodes);
	return 0;
}

void sharing_card_done(struct sharing_card *c)
{
	node_list_done(&c->nodes);
	node_list_done(&c->others);
}

static int find_others(struct sharing_card *c)
{
	_cleanup_bdf_list_ struct bdf_list bdfs = { 0 };
	_cleanup_pci_list_ struct pci_list all = { 0 };
	int k;

	if (c->others_known)
		return 0;
	c->others_known = true;
	k = pci_dir_functions(c->root, "/sys/bus/pci/devices", &bdfs);
	if (k == 0)
		k = pci_outline_list(c->root, &bdfs, &all, NULL);
	for (size_t i = 0; i < all.n && k == 0; i++)
		if (!pci_list_find(c->fns, all.v[i].bdf) &&
		    (gpu_is_display(&all.v[i]) || gpu_companion(&all.v[i]) == GPU_COMPANION_AUDIO))
			k = nodes_add(c->root, &all.v[i], &c->others);
	return k;
}

/*
 * Is there a driver behind a number that is none of the card's? Then somebody else has it now, whatever it was. NVIDIA's nodes are
 * not in /sys/dev/char.
 */
static int is_anothers(struct sharing_card *c, dev_t dev)
{
	char path[PATH_MAX];
	int k;

	if (root_exists(c->root, path_f(path, "/sys/dev/char/%u:%u", major(dev), minor(dev))))
		return 1;
	k = find_others(c);
	return k < 0 ? k : nodes_find(&c->others, dev) != NULL;
}

void sharing_card_node(const struct node *n, struct sharer_use *use)
{
	use->bdf = n->bdf;
	use->dev = n->dev;
	use->shared = n->shared;
	use->how = SHARING_NUMBER;
	use->present = true;
	memcpy(use->node, n->name, sizeof(use->node));
	path_role(n->name, use->role);
}

static void take_role(struct sharer_use *use, const char *role)
{
	snprintf(use->role, sizeof(use->role), "%s", role);
	memcpy(use->node, use->role, sizeof(use->node));
}

/* udev's names with an address (rules.d/60-drm.rules and 60-persistent-alsa.rules in systemd), by what follows it. */
static bool by_path(const struct sharing_card *c, const char *path, struct sharer_use *use)
{
	static const struct {
		const char *prefix, *suffix, *role;
	} names[] = {
		{ "/dev/dri/by-path/pci-", "-card", "card" },
		{ "/dev/dri/by-path/pci-", "-render", "renderD" },
		{ "/dev/snd/by-path/pci-", "", "controlC" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t before = strlen(names[i].prefix), after = strlen(names[i].suffix), len = strlen(path);
		char text[BDF_LEN];

		if (len <= before + after || len - before - after >= sizeof(text) || !str_starts(path, names[i].prefix) ||
		    strcmp(path + len - after, names[i].suffix) != 0)
			continue;
		snprintf(text, sizeof(text), "%.*s", (int)(len - before - after), path + before);
		if (bdf_parse_full(text, &use->bdf) < 0 || !pci_list_find(c->fns, use->bdf))
			continue;
		use->how = SHARING_BY_PATH;
		take_role(use, names[i].role);
		return true;
	}
	return false;
}

/* What is remembered of path, if the card is what it was then. */
static bool by_memory(const struct sharing_card *c, const char *path, struct path_memory *ret)
{
	const struct pci_fn *fn;
	char identity[PCI_ID_LEN];
	struct path_memory m;

	if (path_find(c->root, path, &m) < 0 || m.type != 'c')
		return false;
	fn = m.common ? &c->fns->v[0] : pci_list_find(c->fns, m.bdf);
	if (!fn || (!m.common && !str_eq(pci_id_format(fn->id, identity), m.identity)))
		return false;
	m.bdf = fn->bdf;
	*ret = m;
	return true;
}

/* Whose a node is that is not there, or that has no driver. */
static bool was_ours(const struct sharing_card *c, const char *path, struct sharer_use *use)
{
	struct path_memory m;
	bool known = c->fns->n > 0 && by_memory(c, path, &m), named = by_path(c, path, use);

	if (!named && known) {
		use->how = SHARING_MEMORY;
		use->bdf = m.bdf;
		use->shared = m.common;
		take_role(use, m.role);
	}
	if (known && (!named || bdf_eq(m.bdf, use->bdf)))
		use->dev = makedev(m.major, m.minor);
	return named || known;
}

int sharing_card_path(struct sharing_card *c, const char *path, const struct rdev *found, struct sharer_use *use)
{
	const struct node *n = found->r == 0 ? nodes_find(&c->nodes, found->dev) : NULL;
	int k;

	if (n) {
		sharing_card_node(n, use);
		use->own = found->own;
		return 1;
	}
	if ((found->r < 0 && found->r != -ENOENT) || !was_ours(c, path, use))
		return 0;
	use->present = found->r == 0;
	k = use->present ? is_anothers(c, found->dev) : 0;
	return k < 0 ? k : !k;
}

int sharing_card_number(struct sharing_card *c, dev_t dev, struct sharer_use *use)
{
	const struct node *n = nodes_find(&c->nodes, dev);
	char path[PATH_MAX];
	int k;

	if (n) {
		sharing_card_node(n, use);
		return 1;
	}
	if (!was_ours(c, sharing_number_path(dev, path), use))
		return 0;
	k = is_anothers(c, dev);
	return k < 0 ? k : !k;
}

bool sharing_card_only(const struct sharing_card *c, struct bdf b)
{
	const struct pci_fn *fn = pci_list_find(c->fns, b);
	_cleanup_bdf_list_ struct bdf_list bound = { 0 };
	char path[PATH_MAX];

	if (!fn || !fn->driver[0] || pci_dir_functions(c->root, path_f(path, "/sys/bus/pci/drivers/%s", fn->driver), &bound) < 0)
		return false;
	for (size_t i = 0; i < bound.n; i++)
		if (!pci_list_find(c->fns, bound.v[i]))
			return false;
	return true;
}
