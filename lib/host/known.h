/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of cards by their ids and cannot be read from them: a table that comes with gpupt, and an administrator's own lines, which
 * are read after it. A line is "ID WORD TEXT", '#' begins a comment line; the last line about a card counts.
 */
#ifndef GPUPT_HOST_KNOWN_H
#define GPUPT_HOST_KNOWN_H

#include "host/conf.h"
#include "host/pci.h"

#define KNOWN_SHIPPED DATADIR "/gpupt/known-cards"
#define KNOWN_OWN     SYSCONFDIR "/gpupt/known-cards"

#define KNOWN_TEXT_MAX 160 /* bytes of a line's text, which goes into findings */

enum known_about {
	KNOWN_PASSTHROUGH,  /* bad, ok: does the card work in a VM? */
	KNOWN_VENDOR_RESET, /* vendor-reset: its family by that module's list, "none" if it is not there */
};

struct known_line {
	struct conf_place at;
	struct pci_id id; /* without subsystem: of any */
	enum known_about about;
	bool bad; /* of KNOWN_PASSTHROUGH */
	char text[KNOWN_TEXT_MAX + 1]; /* "" only with ok */
};

struct known_cards {
	struct known_line *v; /* in the order in which they are read */
	size_t n;
	char wrong[256]; /* what is wrong with a file, none of whose lines are here; "": nothing */
};

/*
 * Adds the lines of a text. 0, -EINVAL (err: file, line, what is accepted) or -ENOMEM; nothing of a text with an error is added.
 */
int known_parse(const char *text, const char *file, struct known_cards *k, struct err *e);
/* Both files; one that is not there has no lines. 0 or -ENOMEM. */
int known_load(const struct root *r, struct known_cards *ret);
void known_done(struct known_cards *k);
#define _cleanup_known_ _cleanup_(known_done)

/* The line that counts for a card; NULL if there is none. */
const struct known_line *known_find(const struct known_cards *k, struct pci_id id, enum known_about about);
/* Why the card is known not to work in a VM: a sentence without its full stop; NULL if it is not. */
const char *known_bad(const struct known_cards *k, struct pci_id id);
/* The family of a card that the module vendor-reset can reset; NULL if it cannot. */
const char *known_vendor_reset(const struct known_cards *k, struct pci_id id);

#endif
