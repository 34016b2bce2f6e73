/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/sharers.h"

void sharer_use_done(struct sharer_use *u)
{
	ctdev_done(&u->ref);
	free(u->value);
	free(u->line);
	free(u->path);
}

void sharer_done(struct sharer *s)
{
	for (size_t i = 0; i < s->n; i++)
		sharer_use_done(&s->uses[i]);
	free(s->uses);
	config_done(&s->cfg);
}

void sharers_done(struct sharers *s)
{
	for (size_t i = 0; i < s->n; i++)
		sharer_done(&s->v[i]);
	free(s->v);
	free(s->dirs);
	guest_list_done(&s->unsure);
	*s = (struct sharers){ 0 };
}

bool sharer_dir_has(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && path[n] == '/' && !strchr(path + n + 1, '/');
}

bool sharer_has(const struct sharer *s, const struct holder *h)
{
	unsigned int vmid;

	return h->kind == HOLDER_CONTAINER && parse_vmid(h->id, &vmid) == 0 && vmid == s->vmid;
}

bool sharer_is_managed(const struct sharer *s)
{
	return s->ha && s->ha_state != HA_IGNORED;
}

bool sharer_sees(const struct sharer *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->uses[i].how == SHARING_NUMBER)
			return true;
	return false;
}

const struct sharer *sharers_get(const struct sharers *s, unsigned int vmid)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].vmid == vmid)
			return &s->v[i];
	return NULL;
}

bool sharer_use_is_first(const struct sharer *s, size_t number)
{
	for (size_t i = 0; i < number; i++)
		if (bdf_eq(s->uses[i].bdf, s->uses[number].bdf))
			return false;
	return true;
}

void sharer_keys(const struct sharer *s, const struct bdf *of, struct text *ret)
{
	for (size_t i = 0; i < s->n; i++) {
		bool seen = of && !bdf_eq(s->uses[i].bdf, *of);

		for (size_t j = 0; j < i && !seen; j++)
			seen = (!of || bdf_eq(s->uses[j].bdf, *of)) && str_eq(s->uses[j].ref.key, s->uses[i].ref.key);
		if (!seen)
			text_join(ret, ", ", s->uses[i].ref.key);
	}
}
