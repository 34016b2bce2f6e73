/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NVIDIA's driver and programs, as their documentation has them (lib/plan/nvidia.h): a mode that keeps the card open, a number for
 * the node that the driver does not make, and stand-ins for nvidia-smi, nvidia-modprobe and nvidia-persistenced.
 */
#ifndef GPUPT_TESTS_NVIDIA_H
#define GPUPT_TESTS_NVIDIA_H

#include "tests/fake/fake.h"

#define NV	 "0000:06:00.0"
#define NV1	 "0000:06:00.1"
#define NV_TWIN	 "0000:07:00.0"
#define NV_TWIN1 "0000:07:00.1"
#define NV_ID	 "10de:2204/1458:403b"

/*
 * fake_machine() with two identical NVIDIA cards (groups 21 and 22, nvidia and snd_hda_intel), which have a reset of their own, VMs
 * 106 and 107 for them, and programs that work. The nodes go with the driver, as some hosts' udev rules have it.
 */
struct fake *fake_nvidia_machine(void);

/*
 * How a program does from now on: "works"; "absent"; "fails" (a status of its own); "hangs" (till its deadline). nvidia-smi also:
 * "mumbles" (an answer that nobody knows), "cannot set", "sets nothing" (and says that all is done).
 */
void fake_smi(struct fake *f, const char *how);
void fake_nvidia_modprobe(struct fake *f, const char *how);
/* Nodes stay when the driver goes, as where no udev rule removes them. */
void fake_nvidia_nodes_stay(struct fake *f);

void fake_persist(struct fake *f, const char *bdf, bool on);
bool fake_persists(const struct fake *f, const char *bdf);
/* Who keeps the card open: "daemon"; "driver" (turned on while there was no daemon, and beyond its stop); "off". */
const char *fake_persistence(const struct fake *f, const char *bdf);
/* The node of the card, by the driver's number for it: is it there? */
bool fake_nvidia_node(const struct fake *f, const char *bdf);
/* Removes it behind everybody's back. */
void fake_nvidia_node_lost(struct fake *f, const char *bdf);
/* The daemon runs as that pid and has the card open, or, with bdf NULL, only what all cards share; it comes and goes with its unit. */
void fake_persistenced(struct fake *f, int pid, const char *bdf);

/* --- for the parts of the fake --- */
void fake_nvidia_attach(struct fake *f, const char *bdf);
void fake_nvidia_detach(struct fake *f, const char *bdf);
/* Of these programs: 0, or what the exec hook returns; -ENOENT for any other. */
int fake_nvidia_exec(struct fake *f, char *const argv[], struct exec_result *ret);
/* The daemon was started or stopped: it turns the mode on for every card that it finds, and off for those that it turned it on for. */
void fake_nvidia_daemon(struct fake *f, bool up);
/* " persistence=… node=…" for a snapshot; nothing for a function that is not NVIDIA's. */
void fake_nvidia_describe(const struct fake *f, const char *bdf, struct text *t);

#endif
