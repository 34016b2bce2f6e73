/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A GPU as a person names it on the command line. */
#ifndef GPUPT_GPU_ARG_H
#define GPUPT_GPU_ARG_H

#include "helper/helper.h"
#include "host/pci.h"

/*
 * The display function of the card that s names: its address, that of another function of the card, or of the slot. EXIT_DONE;
 * EXIT_USAGE (no address), EXIT_REFUSED (no GPU there), both said, the latter with the GPUs that there are.
 */
int gpu_arg(const struct options *o, const char *s, struct bdf *ret);

#endif
