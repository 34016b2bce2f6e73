/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/diff.h"

#define CONTEXT 3

struct line {
	const char *s;
	size_t len;	 /* without its newline */
	bool unfinished; /* it has none */
};

struct lines {
	struct line *v;
	size_t n;
};

static void lines_done(struct lines *l)
{
	free(l->v);
}

static int split(const char *text, struct lines *ret)
{
	size_t n = 0, at = 0;

	for (const char *p = text; *p; p++)
		n += *p == '\n' || !p[1];
	ret->v = calloc(n + 1, sizeof(*ret->v));
	if (!ret->v)
		return -ENOMEM;
	for (const char *p = text; *p; p += p[0] == '\n') {
		size_t len = strcspn(p, "\n");

		ret->v[at++] = (struct line){ p, len, p[len] != '\n' };
		p += len;
	}
	ret->n = at;
	return 0;
}

static bool same(const struct line *a, const struct line *b)
{
	return a->len == b->len && a->unfinished == b->unfinished && memcmp(a->s, b->s, a->len) == 0;
}

/* One line of the result: kept, or of one side alone. */
struct edit {
	char sign;
	const struct line *line;
};

/* The longest common subsequence, by the table of its lengths from each pair of places on: quick enough for configuration files. */
static size_t edits_of(const struct lines *a, const struct lines *b, const unsigned short *len, struct edit *ret)
{
	size_t n = 0, i = 0, j = 0, width = b->n + 1;

	while (i < a->n || j < b->n) {
		if (i < a->n && j < b->n && len && same(&a->v[i], &b->v[j])) {
			ret[n++] = (struct edit){ ' ', &a->v[i] };
			i++, j++;
		} else if (i < a->n && (j == b->n || !len || len[(i + 1) * width + j] >= len[i * width + j + 1])) {
			ret[n++] = (struct edit){ '-', &a->v[i++] };
		} else {
			ret[n++] = (struct edit){ '+', &b->v[j++] };
		}
	}
	return n;
}

static unsigned short *table_of(const struct lines *a, const struct lines *b)
{
	size_t width = b->n + 1;
	unsigned short *len = calloc((a->n + 1) * width, sizeof(*len));

	for (size_t i = a->n; len && i-- > 0;)
		for (size_t j = b->n; j-- > 0;) {
			unsigned short down = len[(i + 1) * width + j], right = len[i * width + j + 1];

			len[i * width + j] = same(&a->v[i], &b->v[j]) ? (unsigned short)(len[(i + 1) * width + j + 1] + 1) :
					     down > right	      ? down :
									right;
		}
	return len;
}

static void add_range(struct text *t, char sign, size_t at, size_t n)
{
	/* a hunk without lines of a side is behind the line before it, as diff counts */
	text_addf(t, n == 1 ? " %c%zu" : " %c%zu,%zu", sign, n ? at + 1 : at, n);
}

/* The edits from..to, with the places of their first lines in both texts. */
static void add_hunk(struct text *t, const struct edit *v, size_t from, size_t to, size_t a, size_t b, const char *indent)
{
	size_t na = 0, nb = 0;

	for (size_t i = from; i < to; i++) {
		na += v[i].sign != '+';
		nb += v[i].sign != '-';
	}
	text_addf(t, "%s@@", indent);
	add_range(t, '-', a, na);
	add_range(t, '+', b, nb);
	text_add(t, " @@\n");
	for (size_t i = from; i < to; i++) {
		text_addf(t, "%s%c%.*s\n", indent, v[i].sign, (int)v[i].line->len, v[i].line->s);
		if (v[i].line->unfinished)
			text_addf(t, "%s\\ No newline at end of file\n", indent);
	}
}

static void add_hunks(struct text *t, const struct edit *v, size_t n, const char *indent)
{
	size_t a = 0, b = 0, at = 0;

	for (size_t i = 0; i < n;) {
		size_t from, to = i, last = i;

		if (v[i].sign == ' ') {
			i++;
			continue;
		}
		/* as far as the next change is near enough for its context to touch this one's */
		for (; to < n && to <= last + 2 * CONTEXT + 1; to++)
			if (v[to].sign != ' ')
				last = to;
		from = i > at + CONTEXT ? i - CONTEXT : at;
		to = last + 1 + CONTEXT < n ? last + 1 + CONTEXT : n;
		for (; at < from; at++) {
			a += v[at].sign != '+';
			b += v[at].sign != '-';
		}
		add_hunk(t, v, from, to, a, b, indent);
		for (; at < to; at++) {
			a += v[at].sign != '+';
			b += v[at].sign != '-';
		}
		i = to;
	}
}

void diff_unified(const char *before, const char *after, const char *indent, struct text *t)
{
	_cleanup_(lines_done) struct lines a = { 0 }, b = { 0 };
	_cleanup_free_ unsigned short *len = NULL;
	_cleanup_free_ struct edit *v = NULL;
	bool small;

	if (split(before ? before : "", &a) < 0 || split(after ? after : "", &b) < 0) {
		t->r = -ENOMEM;
		return;
	}
	small = a.n <= DIFF_LINES_MAX && b.n <= DIFF_LINES_MAX;
	len = small ? table_of(&a, &b) : NULL;
	v = calloc(a.n + b.n + 1, sizeof(*v));
	if (!v || (small && !len)) {
		t->r = -ENOMEM;
		return;
	}
	add_hunks(t, v, edits_of(&a, &b, len, v), indent);
}
