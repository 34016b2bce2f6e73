/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of grub.h's parser: what its files share. Nobody else includes this. */
#ifndef GPUPT_HOST_GRUB_SHELL_H
#define GPUPT_HOST_GRUB_SHELL_H

#include "host/grub.h"

#define GRUB_BLANK     " \t"
#define GRUB_VALUE_MAX 65536 /* no kernel takes a longer command line; A=$A$A must come to an end */
#define GRUB_PARTS_MAX 4096

/* The place in a file; the value that is being put together. */
struct grub_shell {
	struct grub *g;
	const char *file, *text, *p;
	unsigned int line;
	struct grub_part *v;
	size_t n, len;
	bool unknown;
};

/* How many bytes at p are a variable's name; 0: none. */
size_t grub_name_len(const char *p);
/* Puts the variable's value behind what there is; NULL: nothing. 0, -E2BIG, -ENOMEM. */
int grub_add_var(struct grub_shell *s, const struct grub_var *var);
/* A word, up to a blank or an operator, likewise. 0, -EBADMSG (the text ends in it), -E2BIG, -ENOMEM. */
int grub_word(struct grub_shell *s);

#endif
