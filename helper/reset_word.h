/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reset of a card in one word. */
#ifndef GPUPT_RESET_WORD_H
#define GPUPT_RESET_WORD_H

#include "policy/facts.h"

/* What would reset fn in a VM that has all of set: a method's name, "hot" (the whole bus, by vfio), "none", "unknown". */
const char *reset_word(const struct pci_fn *fn, const struct pci_list *set);
/* The same, with the functions that f is about. */
const char *reset_word_of_facts(const struct facts *f, const struct pci_fn *fn);

#endif
