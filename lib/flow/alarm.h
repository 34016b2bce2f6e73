/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What could not be put back while nobody was looking: told, logged with a catalog entry, and mailed to root. */
#ifndef GPUPT_ALARM_H
#define GPUPT_ALARM_H

#include "flow/release.h"

void alarm_root(const struct release *rel, const char *sentence);
/* The same for what was told already; with vmid 0 it is about no VM in particular, and may be several lines. */
void alarm_told(const struct release *rel, const char *sentence);

#endif
