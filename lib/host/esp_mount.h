/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way onto a partition of proxmox-boot-tool's (esp.h): for this floor alone. */
#ifndef GPUPT_HOST_ESP_MOUNT_H
#define GPUPT_HOST_ESP_MOUNT_H

#include "host/esp.h"

/*
 * Fills e, which has its UUID, from the partition itself. 0 with the entries or why there are none; -EPERM (that is for root), -ETIMEDOUT
 * (also said in e), -ENOMEM.
 */
int esp_visit(const struct root *r, enum loader_kind kind, struct esp *e);

#endif
