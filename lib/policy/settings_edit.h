/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of gpupt.conf's text for an administrator, who keeps every other byte of it. Pure. */
#ifndef GPUPT_SETTINGS_EDIT_H
#define GPUPT_SETTINGS_EDIT_H

#include "policy/settings.h"

/*
 * The text with key = value in the section of the card in b's slot: in the place of what the section says, else below its header, else in
 * a new section at the end, with the card's id. text NULL: there is no file yet. The result is one that settings_parse() takes, if text
 * is. 0 or -ENOMEM.
 */
int settings_edit_gpu(const char *text, struct bdf b, struct pci_id id, const char *key, const char *value, char **ret);

#endif
