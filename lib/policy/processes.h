/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is to become of a process that holds a card. Pure. */
#ifndef GPUPT_PROCESSES_H
#define GPUPT_PROCESSES_H

#include "policy/facts.h"

enum process_fate {
	FATE_NONE,	/* it is no obstacle: it holds only what all cards share, or is the VM's own */
	FATE_VM,	/* another VM: never ours to end */
	FATE_PROTECTED, /* PID 1, an ancestor of ours, a daemon of Proxmox VE, a container's, or who has a disk open: never ended */
	FATE_REFUSE,	/* processes = refuse, or a start for a backup, which waits for nobody and ends nobody */
	FATE_WAIT,	/* processes = wait: until then it is an obstacle like FATE_REFUSE */
	FATE_CONTAINER, /* it ends with its container, which is shut down */
	FATE_UNIT,	/* its unit is stopped, and started again when the card is back */
	FATE_END,	/* SIGTERM, then SIGKILL */
};

enum process_fate process_fate(const struct facts *f, const struct settings *s, const struct holder *h);
/* The settings of the card that it holds. */
const struct gpu_settings *process_settings(const struct facts *f, const struct settings *s, const struct holder *h);

#endif
