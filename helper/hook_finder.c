/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "helper/hook_finder.h"
#include "pve/storage.h"

struct hook_seen {
	char *volid;
	struct hook_script h;
};

void hook_finder_init(const struct root *r, struct hook_finder *ret)
{
	*ret = (struct hook_finder){ .r = r };
	if (node_name(r, ret->here, NULL) < 0)
		ret->here[0] = '\0';
}

void hook_finder_done(struct hook_finder *f)
{
	for (size_t i = 0; i < f->n_seen; i++)
		free(f->seen[i].volid);
	free(f->seen);
	*f = (struct hook_finder){ 0 };
}

bool hook_finder_here(const struct hook_finder *f, const struct cluster_guest *g)
{
	return str_eq(g->node, f->here);
}

static int look_once(struct hook_finder *f, const char *volid, struct hook_script *ret)
{
	struct hook_seen *v;

	for (size_t i = 0; i < f->n_seen; i++) {
		if (str_eq(f->seen[i].volid, volid)) {
			*ret = f->seen[i].h;
			return 0;
		}
	}
	v = realloc(f->seen, (f->n_seen + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	f->seen = v;
	v[f->n_seen].volid = strdup(volid);
	if (!v[f->n_seen].volid)
		return -ENOMEM;
	hook_script_look(f->r, volid, &v[f->n_seen].h);
	*ret = v[f->n_seen++].h;
	return 0;
}

int hook_find(struct hook_finder *f, const struct cluster_guest *g, const char *volid, struct hook_script *ret)
{
	bool shared = false, there = false;
	int k;

	*ret = (struct hook_script){ .state = HOOK_NONE };
	if (!volid || hook_finder_here(f, g))
		return volid ? look_once(f, volid, ret) : 0;
	k = storage_shared(f->r, volid, f->here, &shared, &ret->e);
	if (k == 0)
		k = storage_shared(f->r, volid, g->node, &there, &ret->e);
	if (k < 0)
		ret->state = k == -EACCES ? HOOK_UNSEEN : HOOK_BAD;
	if (k < 0 || (shared && there))
		return k < 0 ? 0 : look_once(f, volid, ret);
	ret->state = HOOK_ELSEWHERE;
	if (storage_snippet(f->r, volid, ret->path, &ret->e) < 0)
		ret->state = HOOK_BAD;
	ret->ours = str_starts(strchr(volid, '/') + 1, SNIPPET_NAME);
	return 0;
}
