/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Home: the native driver of a function, remembered beyond leases and reboots in /var/lib/gpupt/home, so that a card that is
 * found on vfio-pci or on no driver at all still finds its way. The identity beside it notices a card that was exchanged.
 */
#ifndef GPUPT_HOME_H
#define GPUPT_HOME_H

#include "plan/driver.h"

#define HOME_UNKNOWN "-" /* the device is known, its native driver is not */
#define IDENTITY_LEN 24 /* "1002:73bf/1da2:e438" */

struct home {
	char identity[IDENTITY_LEN];
	char driver[DRIVER_NAME_LEN];
};

/* 0, or -ENOENT if nothing is remembered. */
int home_find(const struct root *r, struct bdf b, struct home *ret);
/* Writes only what is new. 0 or -errno. */
int home_remember(const struct root *r, struct bdf b, const struct home *h, struct err *e);

#endif
