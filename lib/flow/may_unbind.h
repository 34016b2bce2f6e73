/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last look before a function is taken from its driver: minutes may have passed since it was judged. */
#ifndef GPUPT_FLOW_MAY_UNBIND_H
#define GPUPT_FLOW_MAY_UNBIND_H

#include "plan/step.h"

/* An engine's may_unbind: what the host does with the function at this moment, and who has it open. 0, -EBUSY, -errno. */
int may_unbind(const struct engine *en, struct bdf b, struct err *e);

#endif
