/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sys/sysmacros.h>

#include "flow/sharing_wild.h"
#include "flow/waiting.h"

/* One search: the containers on their way, and what their lines' paths lead to. */
struct search {
	const struct root *root;
	struct sharing_card card;
	struct seeker *v;
	size_t n;
	const char **paths; /* of all devices of all containers that have one */
	struct rdev *rdevs; /* the same, of each path */
	size_t n_paths;
	struct guest_list running;
	struct guest_list unsure;
	struct sharer_dir *dirs; /* room for each of the card's nodes */
	size_t n_dirs;
};

static void search_done(struct search *s)
{
	for (size_t i = 0; i < s->n; i++) {
		sharer_done(&s->v[i].sharer);
		free(s->v[i].wild);
		strv_done(&s->v[i].dirs);
	}
	free(s->v);
	free(s->paths);
	free(s->rdevs);
	free(s->dirs);
	guest_list_done(&s->running);
	guest_list_done(&s->unsure);
	sharing_card_done(&s->card);
}

static int search_paths(struct search *s, const struct container_list *containers)
{
	size_t room = 0;

	for (size_t i = 0; i < containers->n; i++)
		room += containers->v[i].devices.n;
	s->paths = calloc(room + 1, sizeof(*s->paths));
	if (!s->paths)
		return -ENOMEM;
	for (size_t i = 0; i < containers->n; i++)
		for (size_t d = 0; d < containers->v[i].devices.n; d++)
			if (containers->v[i].devices.v[d].path)
				s->paths[s->n_paths++] = containers->v[i].devices.v[d].path;
	return rdev_load(s->root, s->card.manifest, s->paths, s->n_paths, &s->rdevs);
}

static int search_start(struct search *s, const struct container_list *containers)
{
	int k;

	s->v = calloc(containers->n + 1, sizeof(*s->v));
	if (!s->v)
		return -ENOMEM;
	for (; s->n < containers->n; s->n++) {
		struct seeker *sk = &s->v[s->n];

		sk->container = &containers->v[s->n];
		sk->sharer.vmid = sk->container->cfg.vmid;
		sk->wild = calloc(sk->container->devices.n + 1, sizeof(*sk->wild));
		if (!sk->wild)
			return -ENOMEM;
	}
	k = containers->n ? search_paths(s, containers) : 0;
	return k < 0 || containers->n == 0 ? k : guest_cts_running(s->root, &s->running);
}

/*
 * Is the directory one in which the card's nodes may be? Most directories that are mounted hold data and may be large: only those
 * of device nodes count, and the whole of /, and what is put where a container expects device nodes.
 */
static bool is_device_dir(const struct ctdev *d, const struct rdev *found)
{
	return found->on_dev || str_eq(d->path, "/") || str_eq(d->target, "/dev") || str_starts(d->target, "/dev/");
}

static bool has_dir(const struct search *s, const char *dir, struct bdf b)
{
	for (size_t i = 0; i < s->n_dirs; i++)
		if (bdf_eq(s->dirs[i].bdf, b) && sharer_dir_has(dir, s->dirs[i].path))
			return true;
	return false;
}

/* A node of each function in the directory, if a container that can be started has it mounted. */
static int seek_dir(struct search *s, const struct config *cfg, const char *dir)
{
	struct guest_flags flags = { 0 };

	guest_flags(s->root, cfg, &flags);
	if (flags.template)
		return 0;
	if (!s->dirs && !(s->dirs = calloc(s->card.nodes.n + 1, sizeof(*s->dirs))))
		return -ENOMEM;
	for (size_t i = 0; i < s->card.nodes.n; i++) {
		const struct node *n = &s->card.nodes.v[i];
		struct sharer_dir d = { .vmid = cfg->vmid, .bdf = n->bdf, .dev = n->dev };

		snprintf(d.path, sizeof(d.path), "/dev/%s", n->name);
		path_role(n->name, d.role);
		if (!n->shared && sharer_dir_has(dir, d.path) && !has_dir(s, dir, n->bdf))
			s->dirs[s->n_dirs++] = d;
	}
	return 0;
}

static int seek_path(struct search *s, struct seeker *sk, size_t i, const struct rdev *found)
{
	const struct ctdev *d = &sk->container->devices.v[i];
	struct sharer_use what = { 0 };
	int k;

	if (d->kind == CTDEV_ALLOW && !d->opens)
		return 0;
	if (found->is_dir && d->kind == CTDEV_MOUNT && is_device_dir(d, found)) {
		k = str_starts(d->path, "/dev/") ? seek_dir(s, &sk->container->cfg, d->path) : 0;
		return k < 0 ? k : seeker_wildcard(sk, i);
	}
	if (found->is_dir)
		return 0;
	k = sharing_card_path(&s->card, d->path, found, &what);
	return k == 1 ? seeker_add(sk, i, &what, d->path, false) : k;
}

static int seek_number(struct search *s, struct seeker *sk, size_t i)
{
	const struct ctdev *d = &sk->container->devices.v[i];
	struct sharer_use what = { 0 };
	int k;

	if (d->type == 'b' || !d->opens)
		return 0;
	if (ctdev_is_wildcard(d))
		return seeker_wildcard(sk, i);
	k = sharing_card_number(&s->card, makedev(d->major, d->minor), &what);
	return k == 1 ? seeker_add(sk, i, &what, NULL, false) : k;
}

/* What each line names, one after the other; wildcards are noted. */
static int seek_all(struct search *s)
{
	size_t at = 0;
	int k = 0;

	for (size_t c = 0; c < s->n && k == 0; c++) {
		struct seeker *sk = &s->v[c];

		for (size_t i = 0; i < sk->container->devices.n && k == 0; i++) {
			const struct ctdev *d = &sk->container->devices.v[i];

			if (d->path)
				k = seek_path(s, sk, i, &s->rdevs[at++]);
			else
				k = seek_number(s, sk, i);
		}
		sk->sharer.running = guest_list_has(&s->running, sk->sharer.vmid);
		if (sk->sharer.running && (sk->sharer.n || sk->dirs.n))
			guest_ct_init(s->root, sk->sharer.vmid, &sk->sharer.init);
	}
	return k;
}

static int cmp_use(const void *pa, const void *pb)
{
	const struct sharer_use *a = pa, *b = pb;

	if (a->ref.line != b->ref.line)
		return a->ref.line < b->ref.line ? -1 : 1;
	return strverscmp(a->node, b->node);
}

/* What names this card only because the one that it means is away, in a container that waits for that one. */
static void drop_waiting(const struct waiting *w, struct sharer *sh)
{
	size_t n = 0;

	for (size_t i = 0; i < sh->n; i++) {
		struct sharer_use *u = &sh->uses[i];

		if (sh->init.pid == 0 || u->wildcard || u->how != SHARING_NUMBER ||
		    !waiting_for_another(w, sh->vmid, sh->init, u->ref.target, u->dev, u->bdf))
			sh->uses[n++] = *u;
		else
			sharer_use_done(u);
	}
	sh->n = n;
}

/* Nodes that all cards of a driver share count beside one of this card's own, or if there is no other card. */
static void drop_shared(const struct search *s, struct sharer *sh)
{
	bool own = false;
	size_t n = 0;

	for (size_t i = 0; i < sh->n; i++)
		own |= !sh->uses[i].shared;
	for (size_t i = 0; i < sh->n; i++) {
		struct sharer_use *u = &sh->uses[i];

		if (own || (u->how == SHARING_NUMBER && sharing_card_only(&s->card, u->bdf)))
			sh->uses[n++] = *u;
		else
			sharer_use_done(u);
	}
	sh->n = n;
}

/* The containers with uses, and what is to be known about them. */
static int search_finish(struct search *s, struct sharers *ret)
{
	_cleanup_sharers_ struct sharers l = { .v = calloc(s->n + 1, sizeof(*l.v)) };
	_cleanup_ha_list_ struct ha_list ha = { 0 };
	_cleanup_waiting_ struct waiting waiting = { 0 };
	bool ha_known = false;

	if (!l.v || waiting_load(s->root, &waiting) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++) {
		struct sharer *sh = &s->v[i].sharer;
		int k = 0;

		drop_waiting(&waiting, sh);
		drop_shared(s, sh);
		if (sh->n == 0)
			continue;
		qsort(sh->uses, sh->n, sizeof(*sh->uses), cmp_use);
		guest_flags(s->root, &s->v[i].container->cfg, &sh->flags);
		if (!ha_known)
			k = ha_load(s->root, &ha, NULL);
		if (k < 0)
			return k;
		ha_known = true;
		k = config_parse(s->v[i].container->cfg.raw, s->v[i].container->cfg.raw_len, GUEST_CT, &sh->cfg);
		if (k < 0)
			return k;
		sh->cfg.vmid = sh->vmid;
		sh->ha = ha_get(&ha, GUEST_CT, sh->vmid, &sh->ha_state) == 0;
		l.v[l.n++] = *sh;
		*sh = (struct sharer){ 0 };
	}
	l.dirs = TAKE_PTR(s->dirs);
	l.n_dirs = s->n_dirs;
	l.unsure = s->unsure;
	s->unsure = (struct guest_list){ 0 };
	*ret = l;
	l = (struct sharers){ 0 };
	return 0;
}

int sharing_find(const struct root *r, const struct container_list *containers, const struct pci_list *card,
		 const struct holder_list *holders, struct sharers *ret, struct err *e)
{
	_cleanup_(search_done) struct search s = { .root = r };
	_cleanup_manifest_ struct manifest manifest = { 0 };
	int k = root_is_real(r) ? 0 : manifest_load(r, &manifest);

	if (k == 0)
		k = sharing_card_init(&s.card, r, &manifest, card);
	if (k == 0)
		k = search_start(&s, containers);
	if (k == 0)
		k = seek_all(&s);
	if (k == 0)
		k = seekers_look(&s.card, holders, s.v, s.n, &s.unsure);
	if (k == 0)
		k = search_finish(&s, ret);
	return k < 0 ? err_errno(e, k, "cannot find out which containers use the card") : 0;
}

int sharing_load(const struct root *r, const struct pci_list *card, const struct holder_list *holders, struct sharers *ret,
		 struct err *e)
{
	_cleanup_container_list_ struct container_list containers = { 0 };
	int k = container_list_load(r, &containers, e);

	return k < 0 ? k : sharing_find(r, &containers, card, holders, ret, e);
}
