/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fnmatch.h>

#include "host/inithook.h"

#define RULES	 "/etc/udev/rules.d"
#define PATH_END " \t\r'\"`;&|()<>="

/* From here on nobody knows what a shell makes of it. */
#define UNKNOWN "${\\"

/* The files that a word of a shell's can be: "/etc/udev/rules.d/90-$name.rules" any that begin so, the directory alone all in it. */
static int add_word(struct strv *l, const char *word, size_t len)
{
	size_t known = strcspn(word, UNKNOWN);
	_cleanup_text_ struct text t = { 0 };

	known = known < len ? known : len;
	text_add_n(&t, word, known);
	text_add(&t, known == strlen(RULES) ? "/*" : known < len || word[known - 1] == '/' ? "*" : "");
	return t.r < 0 || strv_add(l, text_str(&t)) < 0 ? -ENOMEM : 0;
}

/* With "$DESTDIR" before it, it is where something goes. Is there one in the line, or -ENOMEM? */
static int scan_line(const char *line, struct strv *l)
{
	bool any = false;

	for (const char *p = line; (p = strstr(p, RULES)); p += strlen(RULES)) {
		const char *end = p + strlen(RULES);

		if ((p > line && !strchr(PATH_END, p[-1])) || (*end && !strchr(PATH_END "/" UNKNOWN, *end)))
			continue;
		if (add_word(l, p, strcspn(p, PATH_END)) < 0)
			return -ENOMEM;
		any = true;
	}
	return any;
}

static void hook_done(struct inithook *h)
{
	initscript_done(&h->script);
	conf_place_done(&h->at);
	strv_done(&h->rules);
	*h = (struct inithook){ 0 };
}

static int find_rules(const char *text, const char *file, struct inithook *h)
{
	_cleanup_free_ char *copy = strdup(text);
	unsigned int number = 0;
	char *next = copy;
	int k = copy ? 0 : -ENOMEM;

	for (char *line; k >= 0 && (line = str_line(&next));) {
		number++;
		if (line[strspn(line, " \t")] == '#')
			continue;
		k = scan_line(line, &h->rules);
		if (k > 0 && !h->at.file)
			k = conf_place_set(&h->at, file, number, number, line);
	}
	return k < 0 ? k : 0;
}

int inithook_parse(const char *text, const char *file, struct inithooks *l)
{
	_cleanup_(hook_done) struct inithook h = { 0 };
	_cleanup_initscripts_ struct initscripts found = { 0 };
	struct inithook *v;

	if (find_rules(text, file, &h) < 0 || initscript_parse(text, file, &found) < 0)
		return -ENOMEM;
	if (found.n) {
		h.script = found.v[0];
		found.v[0] = (struct initscript){ 0 };
	}
	if (!h.at.file && !h.script.at.file)
		return 0;
	v = conf_grow(l->v, &l->n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	l->v = v;
	v[l->n - 1] = h;
	h = (struct inithook){ 0 };
	return 0;
}

static int parse_file(void *ctx, const char *text, const char *file)
{
	return inithook_parse(text, file, ctx);
}

int inithooks_load(const struct root *r, struct inithooks *ret)
{
	/* one in /etc hides none of the packages': mkinitramfs(8) runs both */
	static const char *const dirs[] = { "/usr/share/initramfs-tools/hooks", INITHOOK_DIR };
	_cleanup_inithooks_ struct inithooks l = { 0 };
	_cleanup_strv_ struct strv files = { 0 };
	int k = 0;

	for (size_t i = 0; k == 0 && i < ARRAY_SIZE(dirs); i++)
		k = conf_files(r, &dirs[i], 1, "", &files);
	if (k == 0)
		k = conf_each(r, &files, parse_file, &l, &l.unread);
	if (k < 0)
		return k;
	*ret = l;
	l = (struct inithooks){ 0 };
	return 0;
}

void inithooks_done(struct inithooks *l)
{
	for (size_t i = 0; i < l->n; i++)
		hook_done(&l->v[i]);
	free(l->v);
	strv_done(&l->unread);
	*l = (struct inithooks){ 0 };
}

bool inithook_takes(const struct inithook *h, const char *path)
{
	strv_foreach (pattern, &h->rules)
		if (fnmatch(pattern, path, FNM_PATHNAME) == 0)
			return true;
	return false;
}

bool inithooks_take(const struct inithooks *l, const char *path)
{
	for (size_t i = 0; i < l->n; i++)
		if (inithook_takes(&l->v[i], path))
			return true;
	return false;
}
