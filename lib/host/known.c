/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/known.h"

#define BLANK " \t\r"
#define NOT_LISTED "none"

static const struct word {
	const char *word, *text; /* what stands behind it; NULL: perhaps nothing */
	enum known_about about;
	bool bad;
} words[] = {
	{ "bad", "the reason: why the card does not work in a VM", KNOWN_PASSTHROUGH, true },
	{ "ok", NULL, KNOWN_PASSTHROUGH, false },
	{ "vendor-reset", "the card's family, or " NOT_LISTED, KNOWN_VENDOR_RESET, false },
};

static const struct word *word_find(const char *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i].word, s) == 0)
			return &words[i];
	return NULL;
}

/* Cuts the first word off. Returns what stands behind it. */
static char *cut_word(char *s)
{
	char *end = s + strcspn(s, BLANK);

	if (!*end)
		return end;
	*end = '\0';
	return end + 1 + strspn(end + 1, BLANK);
}

/* "8086:5a84", and with subsystem as `gpupt-helper list` has it ('/') or as vfio-pci's option ids= (':'). */
static int parse_id(char *s, struct pci_id *ret)
{
	const size_t pair = strlen("8086:5a84");

	if (strlen(s) > pair && s[pair] == ':')
		s[pair] = '/';
	return pci_id_parse(s, ret);
}

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

/* A line that is neither blank nor a comment, cut in place. 0 or -EINVAL (err: what is wrong with it). */
static int parse_line(char *line, struct known_line *ret, struct err *e)
{
	char *word = cut_word(line), *text = cut_word(word);
	const struct word *w = word_find(word);

	if (parse_id(line, &ret->id) < 0)
		return err_set(e, -EINVAL, "'%.60s' is no id: write VENDOR:DEVICE or VENDOR:DEVICE:SUBVENDOR:SUBDEVICE in hexadecimal, "
					   "8086:5a84 for one", line);
	if (!w)
		return err_set(e, -EINVAL, "there is no '%.60s': behind the id use bad, ok or vendor-reset", word);
	if (w->text && !*text)
		return err_set(e, -EINVAL, "behind '%s' there has to be %s", word, w->text);
	if (!is_printable(text))
		return err_set(e, -EINVAL, "there are control characters in it");
	if (strlen(text) > KNOWN_TEXT_MAX)
		return err_set(e, -EINVAL, "the text is longer than %d bytes", KNOWN_TEXT_MAX);
	ret->about = w->about;
	ret->bad = w->bad;
	snprintf(ret->text, sizeof(ret->text), "%s", text);
	return 0;
}

static int add_line(const char *raw, const char *file, unsigned int number, struct known_cards *k, struct err *e)
{
	struct known_line *v = conf_grow(k->v, &k->n, sizeof(*v)), *new;
	_cleanup_free_ char *copy = strdup(raw);
	struct err why;

	if (!v)
		return -ENOMEM;
	k->v = v;
	new = &v[k->n - 1];
	if (!copy || conf_place_set(&new->at, file, number, number, raw) < 0)
		return -ENOMEM;
	if (parse_line(str_trim(copy), new, &why) < 0)
		return err_set(e, -EINVAL, "%s line %u: %.300s", file, number, why.text);
	return 0;
}

static void lines_done(struct known_cards *k, size_t from)
{
	for (size_t i = from; i < k->n; i++)
		conf_place_done(&k->v[i].at);
	k->n = from;
}

int known_parse(const char *text, const char *file, struct known_cards *k, struct err *e)
{
	_cleanup_free_ char *copy = strdup(text);
	const size_t from = k->n;
	unsigned int number = 0;
	char *next = copy;
	int r = copy ? 0 : -ENOMEM;

	for (char *line; r == 0 && (line = str_line(&next));) {
		char first = line[strspn(line, BLANK)];

		number++;
		if (first && first != '#')
			r = add_line(line, file, number, k, e);
	}
	if (r < 0)
		lines_done(k, from);
	return r;
}

static int load_file(const struct root *r, const char *path, struct known_cards *k)
{
	_cleanup_free_ char *text = NULL;
	struct err e = { "" };
	int n = conf_read(r, path, &text);

	if (n == -EINVAL)
		err_set(&e, n, "%s is not a text file", path);
	else if (n < 0 && n != -ENOENT)
		err_errno(&e, n, "cannot read %s", path);
	if (n == 0)
		n = known_parse(text, path, k, &e);
	if (e.text[0] && !k->wrong[0])
		snprintf(k->wrong, sizeof(k->wrong), "%.*s", (int)sizeof(k->wrong) - 1, e.text);
	return n == -ENOMEM ? n : 0;
}

int known_load(const struct root *r, struct known_cards *ret)
{
	_cleanup_known_ struct known_cards k = { 0 };

	if (load_file(r, KNOWN_SHIPPED, &k) < 0 || load_file(r, KNOWN_OWN, &k) < 0)
		return -ENOMEM;
	*ret = k;
	k = (struct known_cards){ 0 };
	return 0;
}

void known_done(struct known_cards *k)
{
	lines_done(k, 0);
	free(k->v);
	*k = (struct known_cards){ 0 };
}

const struct known_line *known_find(const struct known_cards *k, struct pci_id id, enum known_about about)
{
	for (size_t i = k->n; i > 0; i--)
		if (k->v[i - 1].about == about && pci_id_match(k->v[i - 1].id, id))
			return &k->v[i - 1];
	return NULL;
}

const char *known_bad(const struct known_cards *k, struct pci_id id)
{
	const struct known_line *l = known_find(k, id, KNOWN_PASSTHROUGH);

	return l && l->bad ? l->text : NULL;
}

const char *known_vendor_reset(const struct known_cards *k, struct pci_id id)
{
	const struct known_line *l = known_find(k, id, KNOWN_VENDOR_RESET);

	return l && strcmp(l->text, NOT_LISTED) != 0 ? l->text : NULL;
}
