/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Targets of param steps. Pure. */
#ifndef GPUPT_PLAN_PARAM_H
#define GPUPT_PLAN_PARAM_H

#include "base/text.h"

/* For a parameter that is to be added: "PATH PARAM". */
void param_target(const char *path, const char *param, struct text *ret);
/*
 * For one that is there and is to be taken out: "PATH@PLACE PARAM", where text is what the file has when the step is made. With several,
 * from the last to the first. 0; -ENOENT; -ENOTUNIQ: it could not be put back to the byte (host/cmdline.h).
 */
int param_target_at(const char *path, const char *text, const char *param, struct text *ret);

#endif
