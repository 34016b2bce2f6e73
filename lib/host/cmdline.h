/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parameters on a kernel command line, and in the options of a module, which have the same form: next_arg() in the kernel's lib/cmdline.c,
 * and "kernel-parameters" in its administrator's guide. Blanks stand between them, but not inside of double quotes, which cannot be
 * escaped; '-' and '_' are the same in a name; behind a lone "--" everything is init's. Only the first line counts. Pure.
 */
#ifndef GPUPT_HOST_CMDLINE_H
#define GPUPT_HOST_CMDLINE_H

#include "base/text.h"

/* One parameter, in place: "name", or "name=value" with its quotes. */
struct cmdline_param {
	const char *at;
	size_t len;
};

/* The next one, from *p on, which moves behind it; false at the end, and at "--". */
bool cmdline_next(const char **p, struct cmdline_param *ret);
/* Has it this name? */
bool cmdline_is(const struct cmdline_param *param, const char *name);
/* Its value without the quotes around it; "" for a name alone. NULL without memory. Free it. */
char *cmdline_param_value(const struct cmdline_param *param);
/* Do two texts of one parameter say the same: name and value, whatever the quotes? */
bool cmdline_same(const char *a, const char *b);

/* Is there a parameter `param`: with this very value if it is "name=value" (perhaps empty), else the name with any value or none? */
bool cmdline_has(const char *line, const char *param);
/* The same, but a name alone is only found where it stands alone. */
bool cmdline_has_exactly(const char *line, const char *param);
/* The value of the last parameter of that name, "" for the name alone. 0, -ENOENT, -ENOMEM. */
int cmdline_value(const char *line, const char *name, char **ret);

/*
 * The line with one parameter more, behind its last one and before "--"; the same line if that very parameter is there. All other bytes
 * stay: further lines, blanks at the end. 0, -EINVAL (param is not one parameter, or the line's quotes are not closed, so that nothing
 * could be added outside of them), -ENOMEM.
 */
int cmdline_add(const char *line, const char *param, char **ret);
/*
 * The line without it, as cmdline_has() finds it, wherever it stands, with the one blank that cmdline_add() put there: what was added is
 * removed to the byte. 0 (also if there is none), -EINVAL (param is not one parameter), -ENOMEM.
 */
int cmdline_remove(const char *line, const char *param, char **ret);
/* The same of the first that cmdline_has_exactly() finds: one that says the same a second time is another one's. */
int cmdline_remove_first(const char *line, const char *param, char **ret);
/* The bytes that go then, from *ret on. 0, -ENOENT, -EINVAL. */
int cmdline_span(const char *line, const char *param, size_t *ret, size_t *ret_len);

/* Where a parameter stood: how many bytes were before it, and behind which other one; "": none, or its name is none to go by. */
struct cmdline_place {
	size_t at;
	char behind[48];
};

/*
 * Of a parameter of these very bytes. 0, -ENOENT, -ENOTUNIQ (it could not be put back: a second one says the same, the line's quotes are
 * not closed, or the blank that cmdline_remove_first() takes with it could not be told afterwards: a tab, or the last).
 */
int cmdline_place(const char *line, const char *param, struct cmdline_place *ret);
/* Where one can stand, and whether as the first of all: then it has its blank behind it, else before it. */
struct cmdline_gap {
	size_t at;
	bool first;
};

/*
 * For one that was taken out: its place, if that is still behind the same one; else behind that one, wherever it is by now; else the end.
 * 0, or -EINVAL: the line's quotes are not closed.
 */
int cmdline_gap(const char *line, const struct cmdline_place *place, struct cmdline_gap *ret);
/* Appends what is to be put there. */
void cmdline_fill(const char *line, const struct cmdline_gap *gap, const char *param, struct text *ret);
/* cmdline_add() at the place that it was removed from, which gives the very line from before. */
int cmdline_put(const char *line, const char *param, const struct cmdline_place *place, char **ret);

#endif
