/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "pve/pciid.h"
#include "pve/reservation_table.h"

static bool all_digits(const char *s)
{
	return *s && !s[strspn(s, "0123456789")];
}

/* Cuts a line into its fields; false if Proxmox VE would not read it (nor write it again). */
static bool parse_entry(char *line, struct reservation *ret)
{
	char *vmid = line + strcspn(line, " \t\r\f\v"), *kind, *value;

	if (!*vmid)
		return false;
	*vmid++ = '\0';
	kind = vmid + strcspn(vmid, " \t\r\f\v");
	if (!*kind)
		return false;
	*kind++ = '\0';
	value = strchr(kind, ':');
	if (!value)
		return false;
	*value++ = '\0';
	*ret = (struct reservation){
		.id = line, .vmid = vmid, .value = value, .by_pid = str_eq(kind, "pid")
	};
	return pciid_list_valid(line, false) && !strchr(line, ';') && all_digits(vmid) && all_digits(value) &&
	       (ret->by_pid || str_eq(kind, "time"));
}

static int entry_cmp(const void *pa, const void *pb)
{
	const struct reservation *a = pa, *b = pb;
	int k = strcmp(a->id, b->id);

	return k ? k : (a->order > b->order) - (a->order < b->order);
}

void reservation_table_sort(struct reservation_table *t)
{
	size_t n = 0;

	if (t->n > 0)
		qsort(t->v, t->n, sizeof(*t->v), entry_cmp);
	for (size_t i = 0; i < t->n; i++)
		if (i + 1 == t->n || strcmp(t->v[i].id, t->v[i + 1].id) != 0)
			t->v[n++] = t->v[i];
	t->n = n;
}

int reservation_table_parse(char *data, size_t extra, struct reservation_table *t)
{
	size_t lines = 1;
	char *line;

	for (const char *c = data; (c = strchr(c, '\n')); c++)
		lines++;
	t->v = calloc(lines + extra, sizeof(*t->v));
	if (!t->v)
		return -ENOMEM;
	for (t->n = 0; (line = str_line(&data));) {
		struct reservation *en = &t->v[t->n];

		if (parse_entry(line, en)) {
			en->order = t->n;
			t->n++;
		}
	}
	reservation_table_sort(t);
	return 0;
}

struct reservation *reservation_table_find(const struct reservation_table *t, const char *id)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_eq(t->v[i].id, id))
			return &t->v[i];
	return NULL;
}

void reservation_table_text(const struct reservation_table *t, struct text *ret)
{
	for (size_t i = 0; i < t->n; i++)
		text_addf(ret, "%s %s %s:%s\n", t->v[i].id, t->v[i].vmid, t->v[i].by_pid ? "pid" : "time",
			  t->v[i].value);
}

void reservation_table_done(struct reservation_table *t)
{
	free(t->data);
	free(t->v);
	*t = (struct reservation_table){ 0 };
}
