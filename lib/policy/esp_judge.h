/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Partitions of proxmox-boot-tool's that a refresh has left behind (esp.h): the machine may boot from any of them. Pure. */
#ifndef GPUPT_POLICY_ESP_JUDGE_H
#define GPUPT_POLICY_ESP_JUDGE_H

#include "policy/next_boot.h"

/* A finding about each that is behind the others or the host, or cannot be seen. */
void esp_judge(const struct next_boot *n, struct findings *ret);
/* Is the kernel behind on one of them? */
bool esp_is_behind(const struct next_boot *n, const struct kernel *k);
/* Can one of them not be seen? */
bool esp_is_unseen(const struct next_boot *n);

#endif
