/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that cards' ROMs are kept in, and what is in one of them now. */
#ifndef GPUPT_HOST_ROM_FILE_H
#define GPUPT_HOST_ROM_FILE_H

#include "host/rom.h"

/* Where Proxmox VE looks for a romfile ($hostpci_fmt in PVE/QemuServer/PCI.pm). */
#define ROM_DIR "/usr/share/kvm"

/* By the card's ids, so that twins share theirs and another card in that slot gets another. Returns path. */
char *rom_file_path(char path[static PATH_MAX], struct pci_id id);

#define ROM_VALUE_LEN 48
/*
 * A text for these very bytes: "size=115712,fnv1a=6f3a…". There is no cryptography in it: it tells whether a file is still the one that
 * was written, and not who made it another. Returns value.
 */
char *rom_file_value(const void *data, size_t len, char value[static ROM_VALUE_LEN]);

/*
 * What the file at path is to the card with that id: its value if it is a good ROM of the card, "other (…)" if it is anything else, NULL
 * if nothing is there. 0 or -errno: it cannot be read.
 */
int rom_file_read(const struct root *r, const char *path, struct pci_id id, char **ret, struct err *e);
/* Is it a value of a good ROM? */
bool rom_value_is_good(const char *value);
/* Of another value: why it is none; into buf, cut to fit. Returns buf. */
char *rom_value_why(const char *value, char *buf, size_t size);

#endif
