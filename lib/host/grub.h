/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /etc/default/grub and /etc/default/grub.d, in which GRUB's kernel parameters are written. They are shell scripts, which grub-mkconfig(8)
 * runs with /bin/sh. They are never run here: assignments are understood, and anything else ends the understanding.
 */
#ifndef GPUPT_HOST_GRUB_H
#define GPUPT_HOST_GRUB_H

#include "host/conf.h"

#define GRUB_DEFAULTS "/etc/default/grub"

/* A piece of a variable's value, and the assignment that it comes from. */
struct grub_part {
	char *file;
	unsigned int line;
	char *text;
};

/* What stands behind the '=' of an assignment: bytes of its file's text, on these lines. */
struct grub_word {
	size_t at, len;
	unsigned int line, last;
};

struct grub_var {
	char *name;
	struct grub_part *v;
	size_t n;
	struct grub_word *words; /* of all assignments to it */
	size_t n_words;
	bool unknown; /* its value comes from a command or an expression */
};

struct grub {
	struct grub_var *vars;
	size_t n;
	bool bash;     /* /bin/sh is known to be one that has += */
	char why[192]; /* where the understanding ended, and why; "": nowhere */
};

/*
 * Takes one file's assignments as the shell would: quotes, backslashes, $NAME and ${NAME} of variables that were set before, and `export`.
 * `NAME+=` is not POSIX's: with `bash` it appends, and else it is a command that fails, as dash has it. Command substitutions and the
 * other forms of ${…} make that variable unknown. Everything else is shell code, and makes all unknown. 0 or -ENOMEM.
 */
int grub_parse(const char *text, const char *file, struct grub *g);
/* All of the machine. 0 or -ENOMEM. */
int grub_load(const struct root *r, struct grub *ret);
/*
 * The file that sets the variable anew, so that what one at `path` in GRUB_DEFAULTS.d adds to it has no effect: *ret, to be freed; NULL if
 * there is none, or if it cannot be told. What is in the file at path does not matter, nor whether it is there. 0 or -ENOMEM.
 */
int grub_hides(const struct root *r, const char *path, const char *name, char **ret);
void grub_done(struct grub *g);
#define _cleanup_grub_ _cleanup_(grub_done)

/* NULL if it is not set. */
const struct grub_var *grub_var(const struct grub *g, const char *name);

#endif
