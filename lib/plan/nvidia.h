/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NVIDIA's own programs, where a hand-over needs them. What they are called with and what they say is from nvidia-smi(1),
 * nvidia-modprobe(1) and docs.nvidia.com/deploy/driver-persistence; the tests have stand-ins for them.
 */
#ifndef GPUPT_NVIDIA_H
#define GPUPT_NVIDIA_H

#include "plan/step.h"

#define NVIDIA_DRIVER "nvidia"

/* The two words of nvidia-smi for persistence mode, and the values of the persistence step. */
#define NVIDIA_ENABLED	"Enabled"
#define NVIDIA_DISABLED "Disabled"

/*
 * Persistence mode of a card that NVIDIA's driver has. While it is on, the driver keeps the card open, and no process has to. Both
 * run nvidia-smi, for at most 10 s. 0; -ENOENT (there is no nvidia-smi); -ETIME; -EIO (it failed); -EBADMSG (it said something else);
 * -errno.
 */
int nvidia_persistence_get(const struct engine *en, struct bdf b, bool *ret, struct err *e);
int nvidia_persistence_set(const struct engine *en, struct bdf b, bool on, struct err *e);

/* The answer of nvidia-smi: one line with one of the two words. 0 or -EBADMSG. */
int nvidia_persistence_parse(const char *text, bool *ret);

/*
 * The card's node /dev/nvidiaN, which the driver does not make itself: has nvidia-modprobe make it, and waits until it is there,
 * each for at most 3 s. 0 if it is, whoever made it; 1 if not: err says why.
 */
int nvidia_node_make(const struct engine *en, struct bdf b, struct err *e);

#endif
