/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A question before anything is changed. */
#ifndef GPUPT_CONFIRM_H
#define GPUPT_CONFIRM_H

#include "helper/helper.h"

/* True with --yes, or if a person at a terminal says so. Else it is said that nothing was done. */
bool helper_confirm(const struct options *o, const char *question);

#endif
