/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The EFI system partitions that proxmox-boot-tool copies kernels, initramfs and entries to: which are on its list, and what is on them.
 * One that is away or full at a refresh is left as it was, and the next boot may be from it. Below a captured tree they are looked for as
 * directories ESP_TREE/UUID; only on this machine is anything mounted, and nobody else sees that.
 */
#ifndef GPUPT_HOST_ESP_H
#define GPUPT_HOST_ESP_H

#include "host/boot_entries.h"

#define ESP_TREE "/run/gpupt/esp"
#define ESP_UUID_LEN 10 /* of FAT: "7DF2-8A0C", with its NUL */

struct esp {
	char uuid[ESP_UUID_LEN];
	struct boot_entries entries; /* with its `why`: why they cannot be seen */
};

struct esps {
	struct esp *v; /* in the order of the list; empty where they cannot be looked at, and with other boot loaders */
	size_t n;
};

/* 0 or -ENOMEM. */
int esps_load(const struct root *r, const struct loader *l, struct esps *ret);
void esps_done(struct esps *l);
#define _cleanup_esps_ _cleanup_(esps_done)

/* The first that can be seen; NULL if none can. */
const struct esp *esps_first(const struct esps *l);
/* Gives the host the entries of that one; if none can be seen nothing changes. 0 or -ENOMEM. */
int esps_lend(const struct esps *l, struct boot_entries *host);

/* What is on the partition at dir. 0, -ENOENT (no entries of that loader), -errno. */
int esp_read(const struct root *r, const char *dir, enum loader_kind kind, struct boot_entries *ret);

#endif
