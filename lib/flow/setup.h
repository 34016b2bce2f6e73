/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gathers how the host is set up for its cards. Nothing is written, no program is run, no card is asked for its config space. */
#ifndef GPUPT_FLOW_SETUP_H
#define GPUPT_FLOW_SETUP_H

#include "policy/setup.h"

/* 0 or -errno. Files that cannot be read are in the lists `unread`. */
int setup_load(const struct root *r, struct setup *ret, struct err *e);

#endif
