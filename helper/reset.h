/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GPUPT_HELPER_RESET_H
#define GPUPT_HELPER_RESET_H

#include "helper/steps.h"

/*
 * Puts back what resets that were cut short have left: drivers that were taken off for them. Returns an exit code; left (may be NULL) gets
 * a line for each that keeps it from being EXIT_DONE.
 */
int reset_settle(struct steps *steps, const struct settings *s, struct text *left);

#endif
