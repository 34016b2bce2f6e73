/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>

#include "policy/settings_edit.h"

/* As inih takes them: white space in front is nothing, a comment begins with '#' or ';'. */
static const char *content(const char *line, const char *end)
{
	while (line < end && isspace((unsigned char)*line))
		line++;
	return line < end && *line != '#' && *line != ';' ? line : NULL;
}

/* Is it the header of the section of the card in b's slot? */
static bool is_header_of(const char *p, const char *end, struct bdf b)
{
	const char *close = memchr(p, ']', (size_t)(end - p));
	char name[64];
	struct bdf named;

	if (!close || !str_starts(p, "[gpu ") || (size_t)(close - p) >= sizeof(name))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(close - p - 5), p + 5);
	return bdf_parse(name, &named) == 0 && bdf_same_slot(named, b);
}

static bool is_key(const char *p, const char *end, const char *key)
{
	size_t n = strlen(key);

	if ((size_t)(end - p) < n || strncmp(p, key, n) != 0)
		return false;
	for (p += n; p < end && isspace((unsigned char)*p);)
		p++;
	return p < end && (*p == '=' || *p == ':');
}

/* Where the new line goes, and how far what it replaces reaches. */
struct spot {
	const char *from, *to; /* NULL: the file has no such section */
};

/*
 * inih takes an indented line after a key as more of that key's value: in front of such a line the new key has to take the indentation's
 * place, or it would swallow what stood there.
 */
static struct spot below_header(const char *text)
{
	for (const char *line = text; *line;) {
		const char *end = line + strcspn(line, "\n"), *p = content(line, end);

		if (p)
			return p > line ? (struct spot){ line, p } : (struct spot){ text, text };
		line = end + (*end == '\n');
	}
	return (struct spot){ text, text };
}

static struct spot find_spot(const char *text, struct bdf b, const char *key)
{
	struct spot spot = { 0 };
	bool inside = false;

	for (const char *line = text; *line;) {
		/* inih passes over a byte order mark */
		const char *mark = line == text && str_starts(line, "\xef\xbb\xbf") ? line + 3 : line;
		const char *end = line + strcspn(line, "\n"), *p = content(mark, end), *next = end + (*end == '\n');

		if (p && *p == '[') {
			inside = is_header_of(p, end, b);
			if (inside)
				spot = below_header(next);
		} else if (p && inside && is_key(p, end, key)) {
			return (struct spot){ line, next };
		}
		line = next;
	}
	return spot;
}

int settings_edit_gpu(const char *text, struct bdf b, struct pci_id id, const char *key, const char *value, char **ret)
{
	_cleanup_text_ struct text t = { 0 };
	struct spot spot = find_spot(text ? text : "", b, key);
	char name[BDF_LEN], identity[PCI_ID_LEN], *s;

	if (spot.from) {
		text_add_n(&t, text, (size_t)(spot.from - text));
		/* a header without its newline */
		if (t.len && t.s[t.len - 1] != '\n')
			text_add(&t, "\n");
		text_addf(&t, "%s = %s\n", key, value);
		text_add(&t, spot.to);
	} else {
		text_add(&t, text ? text : "");
		if (t.len && t.s[t.len - 1] != '\n')
			text_add(&t, "\n");
		if (t.len)
			text_add(&t, "\n");
		text_addf(&t, "[gpu %s]\nid = %s\n%s = %s\n", bdf_format(b, name), pci_id_format(id, identity), key, value);
	}
	s = text_take(&t);
	if (!s)
		return -ENOMEM;
	*ret = s;
	return 0;
}
