/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "plan/record_text.h"

const char *const record_marks[] = {
	[RECORD_BEGUN] = "begin", [RECORD_DONE] = "done",     [RECORD_UNDOING] = "undo",
	[RECORD_UNDONE] = "undone", [RECORD_LEFT] = "left",
};

void record_escape(struct text *t, const char *s)
{
	if (!s) {
		text_add(t, " ~");
		return;
	}
	text_add(t, " ");
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c <= ' ' || c == '%' || c == '~' || c >= 0x7f)
			text_addf(t, "%%%02x", c);
		else
			text_add_n(t, s, 1);
	}
}

void record_format_begin(struct text *t, size_t seq, const struct step *s)
{
	text_addf(t, "%s %zu", record_marks[RECORD_BEGUN], seq);
	record_escape(t, s->kind->name);
	record_escape(t, s->target);
	record_escape(t, s->before);
	record_escape(t, s->after);
	record_escape(t, s->why);
	text_add(t, "\n");
}

void record_format_note(struct text *t, const char *key, const char *value)
{
	text_add(t, "note");
	record_escape(t, key);
	record_escape(t, value);
	text_add(t, "\n");
}

void record_format(const struct record *rec, struct text *ret)
{
	text_add(ret, RECORD_HEADER "\n");
	for (size_t i = 0; i < rec->n_notes; i++)
		record_format_note(ret, rec->notes[i].key, rec->notes[i].value);
	for (size_t i = 0; i < rec->n_steps; i++) {
		const struct record_step *rs = &rec->steps[i];

		record_format_begin(ret, rs->seq, &rs->step);
		if (rs->state != RECORD_BEGUN)
			text_addf(ret, "%s %u\n", record_marks[rs->state], rs->seq);
	}
}

/* Splits off the next field of *p and decodes it in place; *ret NULL for "~". False if there is none or it is malformed. */
static bool field(char **p, char **ret)
{
	char *s = *p, *out, *end;

	if (!s)
		return false;
	end = strchr(s, ' ');
	if (end)
		*end++ = '\0';
	*p = end;
	*ret = strcmp(s, "~") == 0 ? NULL : s;
	for (out = s; *s; s++) {
		uint32_t c;

		if (*s != '%') {
			*out++ = *s;
			continue;
		}
		if (!s[1] || !s[2] || parse_hex((char[]){ s[1], s[2], '\0' }, 2, &c) < 0 || c == 0)
			return false;
		*out++ = (char)c;
		s += 2;
	}
	*out = '\0';
	return true;
}

static bool field_uint(char **p, unsigned int *ret)
{
	uint64_t n;
	char *s;

	if (!field(p, &s) || !s || parse_uint(s, UINT32_MAX, &n) < 0)
		return false;
	*ret = (unsigned int)n;
	return true;
}

struct record_step *record_find(struct record *rec, unsigned int seq)
{
	/* numbers are handed out in order, from 1 */
	return seq >= 1 && seq <= rec->n_steps ? &rec->steps[seq - 1] : NULL;
}

int record_remember_step(struct record *rec, const struct step *s)
{
	struct record_step *steps = reallocarray(rec->steps, rec->n_steps + 1, sizeof(*steps));
	struct record_step *rs;

	if (!steps)
		return -ENOMEM;
	rec->steps = steps;
	rs = &steps[rec->n_steps];
	*rs = (struct record_step){ .seq = (unsigned int)rec->n_steps + 1, .state = RECORD_BEGUN };
	if (step_init(&rs->step, s->kind, s->target, s->before, s->after, s->why) < 0)
		return -ENOMEM;
	rec->n_steps++;
	return 0;
}

int record_remember_note(struct record *rec, const char *key, const char *value)
{
	struct record_note *notes = reallocarray(rec->notes, rec->n_notes + 1, sizeof(*notes)), note;

	if (!notes)
		return -ENOMEM;
	rec->notes = notes;
	note = (struct record_note){ .key = strdup(key), .value = strdup(value) };
	if (!note.key || !note.value) {
		free(note.key);
		free(note.value);
		return -ENOMEM;
	}
	notes[rec->n_notes++] = note;
	return 0;
}

static int parse_begin(struct record *rec, char *p)
{
	struct step s = { 0 };
	unsigned int seq;
	char *kind;

	if (!field_uint(&p, &seq) || seq != rec->n_steps + 1 || !field(&p, &kind) || !kind ||
	    !field(&p, &s.target) || !s.target || !field(&p, &s.before) || !field(&p, &s.after) ||
	    !field(&p, &s.why) || p)
		return -EBADMSG;
	s.kind = step_kind_find(kind);
	return s.kind ? record_remember_step(rec, &s) : -EBADMSG;
}

static int parse_line(struct record *rec, char *line)
{
	char *p = line, *word, *key, *value;
	struct record_step *rs;
	unsigned int seq;

	if (!field(&p, &word) || !word)
		return -EBADMSG;
	if (strcmp(word, "note") == 0) {
		if (!field(&p, &key) || !key || !field(&p, &value) || !value || p)
			return -EBADMSG;
		return record_remember_note(rec, key, value);
	}
	if (strcmp(word, record_marks[RECORD_BEGUN]) == 0)
		return parse_begin(rec, p);
	for (unsigned int m = RECORD_DONE; m < ARRAY_SIZE(record_marks); m++) {
		if (strcmp(word, record_marks[m]) != 0)
			continue;
		if (!field_uint(&p, &seq) || p || !(rs = record_find(rec, seq)))
			return -EBADMSG;
		rs->state = (enum record_state)m;
		return 0;
	}
	return -EBADMSG;
}

/* What a person can do about a record that nothing is done by. A lease's is of a VM, see flow/damaged.h. */
static int damaged(const struct record *rec, unsigned int number, int k, struct err *e)
{
	const char *lease = strstr(rec->path, "/lease/");

	if (lease)
		return err_set(e, k, "%s line %u is damaged, so nothing is done by it: when the VM does not run, 'gpupt-helper release %s' brings its GPUs home without it",
			       rec->path, number, lease + strlen("/lease/"));
	return err_set(e, k, "%s line %u is damaged, so nothing is done by it: see 'gpupt-helper list' for where the cards are, then move the file away",
		       rec->path, number);
}

int record_parse(struct record *rec, char *text, struct err *e)
{
	char *end = strrchr(text, '\n'), *p = text, *line;
	unsigned int number = 0;
	int k;

	if (end)
		end[1] = '\0'; /* what follows is a torn line: it never happened */
	else
		*text = '\0';
	while ((line = str_line(&p))) {
		k = ++number > 1 ? parse_line(rec, line) : strcmp(line, RECORD_HEADER) ? -EBADMSG : 0;
		if (k < 0)
			return damaged(rec, number, k, e);
	}
	return 0;
}
