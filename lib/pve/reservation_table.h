/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The format of pci-id-reservations: lines "0000:01:00.0 101 pid:1234" or "… time:EPOCH". */
#ifndef GPUPT_PVE_RESERVATION_TABLE_H
#define GPUPT_PVE_RESERVATION_TABLE_H

#include "base/text.h"

/* The fields stay text, so that what is not ours is written back as it was. */
struct reservation {
	const char *id, *vmid, *value;
	bool by_pid;
	size_t order; /* in the file: of several lines for one id the last counts */
};

struct reservation_table {
	char *data;	       /* owned if set: what the entries point into */
	struct reservation *v; /* sorted by id, each id once */
	size_t n;
};

/*
 * Cuts data into entries, with room for so many more. Lines that Proxmox VE would not read, and so not write
 * ($parse_pci_reservation_unlocked in PVE/QemuServer/PCI.pm), are dropped. 0 or -ENOMEM.
 */
int reservation_table_parse(char *data, size_t extra, struct reservation_table *ret);
struct reservation *reservation_table_find(const struct reservation_table *t, const char *id);
/* Puts entries that were added behind the others into their places. */
void reservation_table_sort(struct reservation_table *t);
/* Appends the file's text. */
void reservation_table_text(const struct reservation_table *t, struct text *ret);
void reservation_table_done(struct reservation_table *t);
#define _cleanup_reservation_table_ _cleanup_(reservation_table_done)

#endif
