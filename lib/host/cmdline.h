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
/* The same, as cmdline_has_exactly() finds it. */
int cmdline_remove_exactly(const char *line, const char *param, char **ret);

/*
 * Where a parameter of these very bytes stands, for cmdline_put(). 0, -ENOENT, -ENOTUNIQ (it could not be put back: a second one says
 * the same, the line's quotes are not closed, or the blank that cmdline_remove_exactly() takes with it could not be told afterwards: a
 * tab, or the last).
 */
int cmdline_place(const char *line, const char *param, size_t *ret);
/* cmdline_add() at the place that it was removed from, which gives the very line from before; at the end if nothing can stand there now. */
int cmdline_put(const char *line, const char *param, size_t place, char **ret);

#endif
