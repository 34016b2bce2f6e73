/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver of a PCI function as a value: "radeon", "none", "vfio-pci,override=vfio-pci,power=on,d3cold=0".
 * power is power/control, d3cold is d3cold_allowed: both belong to the driver step because drivers set them on their own
 * when they probe and let go (vfio-pci: drivers/vfio/pci/vfio_pci_core.c), so they can only be set after a bind.
 */
#ifndef GPUPT_DRIVER_H
#define GPUPT_DRIVER_H

#include "plan/step.h"

#define DRIVER_NAME_LEN 64

struct driver_value {
	char driver[DRIVER_NAME_LEN];	/* "" for none */
	char override[DRIVER_NAME_LEN]; /* "" for none */
	char power[8];			/* "on", "auto"; "" for unknown or untouched */
	char d3cold[2];			/* "0", "1"; "" likewise */
};

/* 0 or -EINVAL. */
int driver_parse(const char *s, struct driver_value *ret);
void driver_format(const struct driver_value *v, struct text *t);

/* What a function has now. 0, -ENODEV (not there), -EBUSY or -ETIMEDOUT (stuck), -errno. */
int driver_read(const struct engine *en, struct bdf b, struct driver_value *ret, struct err *e);

/* The target of a driver or persistence step: "0000:01:00.0 1002:73bf/1da2:e438". */
void driver_target(struct bdf b, const char *identity, struct text *t);

#endif
