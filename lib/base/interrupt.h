/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SIGINT, SIGTERM and SIGHUP ask us to stop: at the next step what was done is put back. Proxmox VE gives 5 s, then SIGKILL. */
#ifndef GPUPT_INTERRUPT_H
#define GPUPT_INTERRUPT_H

/* Takes the signals over; SIGPIPE becomes an error of the write. For main(). */
void interrupt_install(void);
/* The signal that asked, 0 if none did. */
int interrupt_pending(void);
/* Forgets it: what puts things back must not be stopped by the same request. */
void interrupt_clear(void);

#endif
