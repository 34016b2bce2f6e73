/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables and JSON, by libsmartcols. A list has one table of columns, from which the header, -o, the JSON keys and the help come. */
#ifndef GPUPT_OUTPUT_H
#define GPUPT_OUTPUT_H

#include "helper/helper.h"

enum column_type {
	COLUMN_TEXT,
	COLUMN_NUMBER,
	COLUMN_BOOL, /* "yes" or "no" */
	COLUMN_LIST, /* lines: an array in JSON, with commas between in a table */
};

struct column {
	const char *name; /* lower case */
	const char *help;
	enum column_type type;
	bool extra;  /* shown by -o alone */
	bool detail; /* in JSON by default, in a table by -o alone */
	bool wrap;   /* may be broken into lines on a terminal */
};

struct columns {
	const char *list; /* the JSON object's key */
	const struct column *v;
	size_t n;
};

#define COLUMNS_MAX 24

struct libscols_table;
struct libscols_line;

struct table {
	const struct columns *columns;
	struct libscols_table *tb;
	struct libscols_line *line, *row; /* the one that cells are set in, and the last that is no child */
	int place[COLUMNS_MAX];		  /* of a column in the table, -1: not shown */
	bool json;
	int r; /* -ENOMEM if something was lost */
};

/* A table with the columns that the options ask for. EXIT_DONE, or EXIT_USAGE (said) for a column that there is not. */
int table_open(const struct options *o, const struct columns *c, struct table *ret);
void table_done(struct table *t);
#define _cleanup_table_ _cleanup_(table_done)

/* Are there the columns that -o names? EXIT_DONE or EXIT_USAGE (said). Before anything is done. */
int columns_check(const struct options *o, const struct columns *c);

/* Is the column shown? What is costly to find out need not be, if not. */
bool table_wants(const struct table *t, size_t column);
void table_row(struct table *t);
/* A row below the last table_row(), in JSON in its "children"; for lists whose columns have details. */
void table_child(struct table *t);
/* Sets a cell of the last row, copying value; NULL or "": "-" in a table, null in JSON. */
void table_set(struct table *t, size_t column, const char *value);
void table_setf(struct table *t, size_t column, const char *fmt, ...) _printf_(3, 4);
/* Colours that cell where colours are wanted: a name of terminal-colors.d(5) such as "red". */
void table_colour(struct table *t, size_t column, const char *colour);
size_t table_rows(const struct table *t);
/* Prints it. EXIT_DONE or EXIT_REFUSED (said). */
int table_print(struct table *t);
/* Prints two JSON tables as one object with two keys. The same. */
int table_print_both(struct table *t, struct table *second);

#endif
