/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <libsmartcols.h>
#include <strings.h>

#include "helper/output.h"
#include "helper/wrap.h"

static bool colours_wanted(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0 && !getenv("NO_COLOR");
}

static int find_column(const struct columns *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcasecmp(c->v[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int unknown_column(const struct columns *c, const char *name)
{
	_cleanup_text_ struct text known = { 0 };

	for (size_t i = 0; i < c->n; i++)
		text_join(&known, ", ", c->v[i].name);
	return helper_usage("there is no column '%s' in %s: known are %s", name, c->list, text_str(&known));
}

static int json_type(const struct column *c)
{
	switch (c->type) {
	case COLUMN_NUMBER:
		return SCOLS_JSON_NUMBER;
	case COLUMN_BOOL:
		return SCOLS_JSON_BOOLEAN;
	case COLUMN_LIST:
		return SCOLS_JSON_ARRAY_STRING;
	case COLUMN_TEXT:
		break;
	}
	return SCOLS_JSON_STRING;
}

static void add_column(struct table *t, size_t i)
{
	const struct column *c = &t->columns->v[i];
	bool tree = t->json && scols_table_get_ncols(t->tb) == 0;
	bool as_array = t->json && c->type == COLUMN_LIST;
	struct libscols_column *col;
	char name[32];
	int flags = 0;

	if (t->place[i] >= 0)
		return;
	snprintf(name, sizeof(name), "%s", c->name);
	for (char *p = name; *p && !t->json; p++)
		*p = (char)toupper((unsigned char)*p);
	/* an array's members are a wrapped cell's lines; children make a tree of the first column */
	flags |= c->wrap || as_array ? SCOLS_FL_WRAP : 0;
	flags |= c->type == COLUMN_NUMBER && !t->json ? SCOLS_FL_RIGHT : 0;
	flags |= tree ? SCOLS_FL_TREE : 0;
	t->place[i] = (int)scols_table_get_ncols(t->tb);
	col = scols_table_new_column(t->tb, name, 0, flags);
	if (!col) {
		t->r = -ENOMEM;
		return;
	}
	scols_column_set_json_type(col, json_type(c));
	if (c->wrap || as_array) {
		scols_column_set_wrapfunc(col, scols_wrapnl_chunksize, scols_wrapnl_nextchunk, NULL);
		scols_column_set_safechars(col, "\n");
	}
}

static int choose_columns(struct table *t, const char *spec)
{
	_cleanup_free_ char *copy = strdup(spec ? spec : "");
	char *save = NULL;

	if (!copy) {
		t->r = -ENOMEM;
		return EXIT_DONE;
	}
	if (!spec || *spec == '+') {
		for (size_t i = 0; i < t->columns->n; i++)
			if (!t->columns->v[i].extra && (t->json || !t->columns->v[i].detail))
				add_column(t, i);
	}
	for (char *s = strtok_r(*copy == '+' ? copy + 1 : copy, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		int i = find_column(t->columns, str_trim(s));

		if (i < 0)
			return unknown_column(t->columns, str_trim(s));
		add_column(t, (size_t)i);
	}
	if (scols_table_get_ncols(t->tb) == 0)
		return helper_usage("-o names no column");
	return EXIT_DONE;
}

int table_open(const struct options *o, const struct columns *c, struct table *ret)
{
	_cleanup_table_ struct table t = { .columns = c, .json = o->json };
	int code;

	for (size_t i = 0; i < COLUMNS_MAX; i++)
		t.place[i] = -1;
	t.tb = scols_new_table();
	if (!t.tb) {
		helper_complain("out of memory");
		return EXIT_REFUSED;
	}
	scols_table_set_name(t.tb, c->list);
	scols_table_enable_json(t.tb, o->json);
	scols_table_enable_noheadings(t.tb, o->noheadings);
	scols_table_enable_colors(t.tb, !o->json && colours_wanted());
	code = choose_columns(&t, o->columns);
	if (code != EXIT_DONE)
		return code;
	*ret = t;
	t.tb = NULL;
	return EXIT_DONE;
}

void table_done(struct table *t)
{
	scols_unref_table(t->tb);
	t->tb = NULL;
}

int columns_check(const struct options *o, const struct columns *c)
{
	_cleanup_table_ struct table t = { 0 };

	return o->columns ? table_open(o, c, &t) : EXIT_DONE;
}

bool table_wants(const struct table *t, size_t column)
{
	return t->place[column] >= 0;
}

static void add_line(struct table *t, struct libscols_line *parent)
{
	t->line = scols_table_new_line(t->tb, parent);
	if (!t->line)
		t->r = -ENOMEM;
	for (size_t i = 0; i < t->columns->n; i++)
		table_set(t, i, NULL);
}

void table_row(struct table *t)
{
	add_line(t, NULL);
	t->row = t->line;
}

void table_child(struct table *t)
{
	add_line(t, t->row);
}

/* A list's lines in one: "a, b". */
static void set_joined(struct table *t, int place, const char *value)
{
	_cleanup_text_ struct text joined = { 0 };

	for (const char *p = value; *p; p += *p == '\n') {
		size_t n = strcspn(p, "\n");

		if (joined.len)
			text_add(&joined, ", ");
		text_add_n(&joined, p, n);
		p += n;
	}
	if (joined.r < 0 || scols_line_set_data(t->line, (size_t)place, text_str(&joined)) < 0)
		t->r = -ENOMEM;
}

void table_set(struct table *t, size_t column, const char *value)
{
	int place = t->place[column];

	if (place < 0 || !t->line)
		return;
	if (!value || !*value)
		value = t->json ? NULL : "-";
	if (value && t->columns->v[column].type == COLUMN_LIST && !t->json)
		set_joined(t, place, value);
	else if (scols_line_set_data(t->line, (size_t)place, value) < 0)
		t->r = -ENOMEM;
}

void table_setf(struct table *t, size_t column, const char *fmt, ...)
{
	_cleanup_free_ char *value = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&value, fmt, ap);
	va_end(ap);
	if (n < 0) {
		value = NULL;
		t->r = -ENOMEM;
		return;
	}
	table_set(t, column, value);
}

void table_colour(struct table *t, size_t column, const char *colour)
{
	struct libscols_cell *cell;

	if (t->place[column] < 0 || !t->line || !colour)
		return;
	cell = scols_line_get_cell(t->line, (size_t)t->place[column]);
	if (cell)
		scols_cell_set_color(cell, colour);
}

size_t table_rows(const struct table *t)
{
	return scols_table_get_nlines(t->tb);
}

/* The longest text of a column, its header included. */
static size_t natural_width(const struct table *t, size_t column)
{
	size_t width = strlen(t->columns->v[column].name);

	for (size_t i = 0; i < table_rows(t); i++) {
		const char *s = scols_line_get_column_data(scols_table_get_line(t->tb, i),
							   scols_table_get_column(t->tb, (size_t)t->place[column]));

		if (s && strlen(s) > width)
			width = strlen(s);
	}
	return width;
}

static void wrap_column(struct table *t, size_t column, size_t width)
{
	for (size_t i = 0; i < table_rows(t); i++) {
		struct libscols_line *line = scols_table_get_line(t->tb, i);
		struct libscols_cell *cell = scols_line_get_cell(line, (size_t)t->place[column]);
		_cleanup_text_ struct text wrapped = { 0 };

		wrap_words(scols_cell_get_data(cell), width, &wrapped);
		if (wrapped.r < 0 || scols_cell_set_data(cell, text_str(&wrapped)) < 0)
			t->r = -ENOMEM;
	}
}

/* Fits the columns that may be broken into what the terminal leaves them. */
static void wrap(struct table *t)
{
	size_t which[COLUMNS_MAX], natural[COLUMNS_MAX], widths[COLUMNS_MAX], n = 0, fixed = 0;
	size_t terminal = scols_table_get_termwidth(t->tb);

	for (size_t i = 0; i < t->columns->n; i++) {
		if (t->place[i] < 0)
			continue;
		fixed++; /* the blank between columns */
		if (t->columns->v[i].wrap) {
			natural[n] = natural_width(t, i);
			which[n++] = i;
		} else {
			fixed += natural_width(t, i);
		}
	}
	wrap_widths(natural, n, terminal > fixed ? terminal - fixed : 0, widths);
	for (size_t i = 0; i < n; i++)
		wrap_column(t, which[i], widths[i]);
}

int table_print(struct table *t)
{
	if (!t->json && isatty(STDOUT_FILENO))
		wrap(t);
	if (t->r < 0 || scols_print_table(t->tb) < 0) {
		helper_complain(t->r < 0 ? "out of memory" : "cannot write the output");
		return EXIT_REFUSED;
	}
	return EXIT_DONE;
}

int table_print_both(struct table *t, struct table *second)
{
	_cleanup_free_ char *a = NULL, *b = NULL;
	char *end, *rest;

	if (t->r < 0 || second->r < 0 || scols_print_table_to_string(t->tb, &a) < 0 || scols_print_table_to_string(second->tb, &b) < 0) {
		helper_complain("out of memory");
		return EXIT_REFUSED;
	}
	/* libsmartcols makes an object of each: what is between the outer braces goes into one */
	end = strrchr(a, '}');
	rest = strchr(b, '{');
	if (!end || !rest) {
		helper_complain("cannot write the output");
		return EXIT_REFUSED;
	}
	*end = '\0';
	printf("%s,%s\n", str_trim(a), str_trim(rest + 1));
	return EXIT_DONE;
}
