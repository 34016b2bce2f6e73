/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GPUPT_HELPER_RESET_H
#define GPUPT_HELPER_RESET_H

#include "helper/helper.h"

/* Puts back what resets that were cut short have left: drivers that were taken off for them. Returns an exit code. */
int reset_settle(const struct options *o, const struct settings *s);

#endif
