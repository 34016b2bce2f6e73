/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>

#include "host/initscript.h"

static bool mentions(const char *line)
{
	static const char *const words[] = { "driver_override", "vfio-pci", "vfio_pci", "pci-stub", "pci_stub", "/new_id",
					     "/drivers_probe" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(line, words[i]))
			return true;
	return false;
}

/* What may belong to an address or an id. A '.' at the end is a sentence's or a path's. */
static size_t word_len(const char *p)
{
	size_t n = 0;

	while (isxdigit((unsigned char)p[n]) || (n && (p[n] == ':' || p[n] == '.')))
		n++;
	while (n && !isxdigit((unsigned char)p[n - 1]))
		n--;
	return n;
}

static int add_id(struct initscript *s, struct pci_id id)
{
	struct pci_id *v = conf_grow(s->ids, &s->n_ids, sizeof(*v));

	if (!v)
		return -ENOMEM;
	s->ids = v;
	v[s->n_ids - 1] = id;
	return 0;
}

/* "10de 2484", as it is written to new_id. */
static bool id_pair(const char *p, struct pci_id *ret)
{
	char text[10] = "";

	for (size_t i = 0; i < 9; i++) {
		if (i == 4 ? p[i] != ' ' : !isxdigit((unsigned char)p[i]))
			return false;
		text[i] = p[i] == ' ' ? ':' : p[i];
	}
	return !isalnum((unsigned char)p[9]) && pci_id_parse(text, ret) == 0;
}

/* The addresses and ids of one line. */
static int scan_line(const char *line, struct initscript *s)
{
	for (const char *p = line; *p;) {
		size_t n = word_len(p);
		char word[24];
		struct pci_id id;
		struct bdf bdf;
		int k = 0;

		if (!n || (p > line && (isalnum((unsigned char)p[-1]) || p[-1] == '_'))) {
			p++;
			continue;
		}
		if (id_pair(p, &id)) {
			k = add_id(s, id);
			n = 9;
		} else if (n < sizeof(word) && !isalnum((unsigned char)p[n]) && p[n] != '_') {
			memcpy(word, p, n);
			word[n] = '\0';
			if (strchr(word, ':') && bdf_parse(word, &bdf) == 0)
				k = bdf_list_add(&s->bdfs, bdf);
			else if (pci_id_parse(word, &id) == 0)
				k = add_id(s, id);
		}
		if (k < 0)
			return k;
		p += n;
	}
	return 0;
}

void initscript_done(struct initscript *s)
{
	conf_place_done(&s->at);
	bdf_list_done(&s->bdfs);
	free(s->ids);
	*s = (struct initscript){ 0 };
}

int initscript_scan(const char *text, struct initscript *s)
{
	_cleanup_free_ char *copy = strdup(text);
	char *next = copy;
	int k = copy ? 0 : -ENOMEM;

	for (char *line; k == 0 && (line = str_line(&next));)
		if (line[strspn(line, " \t")] != '#')
			k = scan_line(line, s);
	return k;
}

int initscripts_add(struct initscripts *l, struct initscript *s)
{
	struct initscript *v = conf_grow(l->v, &l->n, sizeof(*v));

	if (!v)
		return -ENOMEM;
	l->v = v;
	v[l->n - 1] = *s;
	*s = (struct initscript){ 0 };
	return 0;
}

int initscript_parse(const char *text, const char *file, struct initscripts *l)
{
	_cleanup_initscript_ struct initscript s = { 0 };
	_cleanup_free_ char *copy = strdup(text);
	unsigned int number = 0;
	char *next = copy;

	if (!copy)
		return -ENOMEM;
	for (char *line; !s.at.file && (line = str_line(&next));) {
		number++;
		if (line[strspn(line, " \t")] != '#' && mentions(line) && conf_place_set(&s.at, file, number, number, line) < 0)
			return -ENOMEM;
	}
	if (!s.at.file)
		return 0;
	return initscript_scan(text, &s) < 0 ? -ENOMEM : initscripts_add(l, &s);
}

static int parse_file(void *ctx, const char *text, const char *file)
{
	return initscript_parse(text, file, ctx);
}

/* mkinitramfs(8) copies files of such names, in the directory itself and in those below it. */
static bool is_taken(const char *path)
{
	const char *name = strrchr(path, '/') + 1;

	while (isalnum((unsigned char)*name) || (*name && strchr("._-", *name)))
		name++;
	return !*name;
}

int initscripts_load(const struct root *r, struct initscripts *ret)
{
	_cleanup_initscripts_ struct initscripts l = { 0 };
	_cleanup_strv_ struct strv all = { 0 }, files = { 0 };
	const char *const top[] = { INITSCRIPT_DIR };
	int k = conf_files(r, top, 1, "", &all);

	for (size_t i = 0, n = all.n; k == 0 && i < n; i++) {
		const char *const below[] = { all.v[i] };

		k = conf_files(r, below, 1, "", &all);
	}
	for (size_t i = 0; k == 0 && i < all.n; i++)
		if (is_taken(all.v[i]))
			k = strv_add(&files, all.v[i]);
	if (k == 0)
		k = conf_each(r, &files, parse_file, &l, &l.unread);
	if (k < 0)
		return k;
	*ret = l;
	l = (struct initscripts){ 0 };
	return 0;
}

void initscripts_done(struct initscripts *l)
{
	for (size_t i = 0; i < l->n; i++)
		initscript_done(&l->v[i]);
	free(l->v);
	strv_done(&l->unread);
	*l = (struct initscripts){ 0 };
}
