/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the names of an entry, or of one alternative of a mapping, mean on this machine: its functions, every slot spelt out. */
#ifndef GPUPT_MEANING_H
#define GPUPT_MEANING_H

#include "host/pci.h"

struct meaning {
	struct pci_list fns;	 /* present ones, without config space; one that is named twice is in it twice */
	struct bdf_list missing; /* named, not there */
	bool display;		 /* a display is among them, virtual functions aside */
	bool audio_only;
};

/* 0 or -errno; that a name means nothing here is no error. */
int meaning_load(const struct root *r, const struct bdf *names, size_t n, struct meaning *ret, struct err *e);
void meaning_done(struct meaning *m);
#define _cleanup_meaning_ _cleanup_(meaning_done)

#endif
