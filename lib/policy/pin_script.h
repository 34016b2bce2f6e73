/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program of somebody's in the initramfs: is it about the drivers of cards, and about nothing else? Pure. */
#ifndef GPUPT_POLICY_PIN_SCRIPT_H
#define GPUPT_POLICY_PIN_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Is there nothing in the shell script but commands that can be about that alone, and what a script of initramfs-tools has around them
 * (initramfs-tools(7))? Else where it does more: into where, cut to fit. What is not understood is something else.
 */
bool pin_script_is_all(const char *text, char *ret_where, size_t size);

#endif
