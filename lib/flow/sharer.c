/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/sharing.h"

const struct node *sharing_node(const struct node_list *nodes, const struct sharing_use *use)
{
	char role[PATH_ROLE_LEN];

	for (size_t i = 0; i < nodes->n; i++)
		if (bdf_eq(nodes->v[i].bdf, use->bdf) && str_eq(path_role(nodes->v[i].name, role), use->role))
			return &nodes->v[i];
	return NULL;
}

bool sharer_has(const struct sharer *s, const struct holder *h)
{
	unsigned int vmid;

	return h->kind == HOLDER_CONTAINER && parse_vmid(h->id, &vmid) == 0 && vmid == s->vmid;
}

bool sharer_sees(const struct sharer *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->uses[i].how == SHARING_NUMBER)
			return true;
	return false;
}

const struct sharer *sharing_get(const struct sharing *s, unsigned int vmid)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].vmid == vmid)
			return &s->v[i];
	return NULL;
}

void sharer_keys(const struct sharer *s, struct text *ret)
{
	for (size_t i = 0; i < s->n; i++) {
		bool seen = false;

		for (size_t j = 0; j < i; j++)
			seen |= str_eq(s->uses[j].ref.key, s->uses[i].ref.key);
		if (!seen)
			text_join(ret, ", ", s->uses[i].ref.key);
	}
}
