/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>

#include "pve/ha.h"
#include "pve/section.h"

#define HA_RESOURCES "/etc/pve/ha/resources.cfg"
#define HA_MAX	     (1024 * 1024) /* what pmxcfs takes for a file, see CONFIG_MAX */

static const char *const states[] = {
	[HA_STARTED] = "started",
	[HA_STOPPED] = "stopped",
	[HA_DISABLED] = "disabled",
	[HA_IGNORED] = "ignored",
};

const char *ha_state_name(enum ha_state state)
{
	return states[state];
}

int ha_state_parse(const char *name, enum ha_state *ret)
{
	if (str_eq(name, "enabled"))
		name = states[HA_STARTED];
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (strcmp(states[i], name) != 0)
			continue;
		*ret = (enum ha_state)i;
		return 0;
	}
	return -EINVAL;
}

void ha_list_done(struct ha_list *l)
{
	free(l->v);
	*l = (struct ha_list){ 0 };
}

/*
 * "ct: 200", the type in any case: parse_section_header() in PVE/HA/Resources.pm. 0; -ENOENT: a section, but of no guest's;
 * -EINVAL: no header at all.
 */
static int header_parse(char *line, enum guest_kind *ret_kind, unsigned int *ret_vmid)
{
	char *end = line + strlen(line), *name, *colon;

	while (end > line && isspace((unsigned char)end[-1]))
		*--end = '\0';
	for (name = end; name > line && !isspace((unsigned char)name[-1]) && name[-1] != ':'; name--)
		;
	for (colon = name; colon > line && isspace((unsigned char)colon[-1]); colon--)
		;
	if (!*name || colon < line + 2 || *--colon != ':')
		return -EINVAL;
	*colon = '\0';
	for (char *s = line; *s; s++) {
		if (isspace((unsigned char)*s))
			return -EINVAL;
		*s = (char)tolower((unsigned char)*s);
	}
	*ret_kind = str_eq(line, "ct") ? GUEST_CT : str_eq(line, "vm") ? GUEST_VM : GUEST_NONE;
	return *ret_kind != GUEST_NONE && parse_vmid(name, ret_vmid) == 0 ? 0 : -ENOENT;
}

static int list_add(struct ha_list *l, size_t *room, struct ha_resource add)
{
	if (l->n == *room) {
		size_t grown = *room ? *room * 2 : 16;
		struct ha_resource *v = realloc(l->v, grown * sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->v = v;
		*room = grown;
	}
	l->v[l->n++] = add;
	return 0;
}

static int resource_cmp(const struct ha_resource *a, const struct ha_resource *b)
{
	if (a->vmid != b->vmid)
		return a->vmid < b->vmid ? -1 : 1;
	return (int)a->kind - (int)b->kind;
}

static int found_cmp(const void *a, const void *b)
{
	return resource_cmp(a, b);
}

static int sort_cmp(const void *pa, const void *pb)
{
	const struct ha_resource *a = pa, *b = pb;
	int c = resource_cmp(a, b);

	return c ? c : a->line < b->line ? -1 : 1;
}

/* Sorts; of several sections for a guest the last counts, since Proxmox VE keeps them in a hash. */
static void list_sort(struct ha_list *l)
{
	size_t n = 0;

	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), sort_cmp);
	for (size_t i = 0; i < l->n; i++)
		if (i + 1 == l->n || resource_cmp(&l->v[i], &l->v[i + 1]) != 0)
			l->v[n++] = l->v[i];
	l->n = n;
}

int ha_parse(char *text, struct ha_list *ret)
{
	_cleanup_ha_list_ struct ha_list l = { 0 };
	struct section_reader sr = section_reader(text);
	bool ours = false, stated = false;
	enum section_event event;
	enum guest_kind kind;
	char *key, *value;
	unsigned int vmid;
	size_t room = 0;
	int k;

	while (section_next(&sr, &event, &key, &value)) {
		if (event == SECTION_HEADER) {
			k = header_parse(key, &kind, &vmid);
			ours = k == 0;
			stated = false;
			if (k == -EINVAL)
				section_reject(&sr);
			if (ours && list_add(&l, &room, (struct ha_resource){ kind, vmid, HA_STARTED, sr.line }) < 0)
				return -ENOMEM;
		} else if (event == SECTION_PROPERTY && ours && !stated && str_eq(key, "state") && value) {
			/* a second one is an error to Proxmox VE, which warns and keeps the first */
			stated = ha_state_parse(value, &l.v[l.n - 1].state) == 0;
		}
	}
	list_sort(&l);
	*ret = l;
	l = (struct ha_list){ 0 };
	return 0;
}

int ha_load(const struct root *r, struct ha_list *ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int k = root_read(r, HA_RESOURCES, HA_MAX, &text, &len);

	if (k == -ENOENT) {
		*ret = (struct ha_list){ 0 };
		return 0;
	}
	if (k < 0)
		return err_errno(e, k, "cannot read %s", HA_RESOURCES);
	if (strlen(text) != len)
		return err_set(e, -EBADMSG, "%s contains a NUL byte", HA_RESOURCES);
	k = ha_parse(text, ret);
	return k < 0 ? err_set(e, k, "out of memory") : 0;
}

int ha_get(const struct ha_list *l, enum guest_kind kind, unsigned int vmid, enum ha_state *ret)
{
	const struct ha_resource want = { .kind = kind, .vmid = vmid };
	const struct ha_resource *found = l->n ? bsearch(&want, l->v, l->n, sizeof(*l->v), found_cmp) : NULL;

	if (!found)
		return -ENOENT;
	*ret = found->state;
	return 0;
}

int ha_find(const struct root *r, enum guest_kind kind, unsigned int vmid, enum ha_state *ret, struct err *e)
{
	_cleanup_ha_list_ struct ha_list l = { 0 };
	int k = ha_load(r, &l, e);

	return k < 0 ? k : ha_get(&l, kind, vmid, ret);
}
