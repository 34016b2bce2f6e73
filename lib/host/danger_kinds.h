/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of danger.c; for these alone. */
#ifndef GPUPT_HOST_DANGER_KINDS_H
#define GPUPT_HOST_DANGER_KINDS_H

#include "host/danger.h"

/* Appends a reason unless the list has the same text. 0 or -ENOMEM. */
int danger_add(struct danger_list *l, enum danger_kind kind, const char *fmt, ...) _printf_(3, 4);
/* Names in /sys/class/CLASS whose device lies below the function, at any depth. 0 or -errno. */
int danger_devices_below(const struct root *r, const char *class, struct bdf bdf, struct strv *ret);

int danger_block(const struct root *r, struct bdf bdf, struct danger_list *l);
/* Of block devices of which nothing else is known that stands in the way. Only on the machine itself. */
int danger_claimed(const struct root *r, const struct strv *devices, struct danger_list *l);
int danger_net(const struct root *r, struct bdf bdf, struct danger_list *l);

#endif
