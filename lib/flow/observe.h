/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Observation: the facts about selected functions, from host, Proxmox VE and our own state. Nothing is written. */
#ifndef GPUPT_OBSERVE_H
#define GPUPT_OBSERVE_H

#include "flow/container.h"
#include "flow/select.h"
#include "plan/record.h"

/* Reads gpupt.conf; without a file the defaults. 0, -EINVAL (err: file, line, what is accepted), -errno. */
int settings_load(const struct root *r, struct settings *ret, struct err *e);

/* May a gpupt.conf that settings_load() refuses have a section for the VM? So if it cannot be read as well. */
bool settings_may_concern(const struct root *r, unsigned int vmid);

/* The engine's deadlines for these cards: the longest that any of them asks for. */
void engine_init(struct engine *en, const struct root *r, const struct settings *s, const struct selection *sel);

/*
 * Gathers what judge() and the planners want to know. vmid is the VM on whose behalf: its own claims and reservations are no
 * obstacle. With 0, for no VM, all are, but for those of a reset by this process. hurried leaves out what only a person who asks
 * wants to know. 0 or -errno.
 */
int facts_load(const struct engine *en, const struct selection *sel, unsigned int vmid, bool hurried,
	       struct facts *ret, struct err *e);

/* The IOMMU, and, where none is in use, how the host was booted and will be: what can be done about it. 0 or -errno. */
int facts_look_at_iommu(const struct root *r, struct facts *f, struct err *e);

/* Of the services that hold a card and may be stopped for it: which are batch jobs? A call to systemd for each. 0 or -ENOMEM. */
int facts_look_at_units(const struct root *r, const struct settings *s, struct facts *f);

/*
 * Asks nvidia-smi for the persistence mode of the functions of f that are on NVIDIA's driver: it runs a program for each, and none
 * where there is no such function, where programs have no effect, and without root.
 */
void facts_ask_persistence(const struct engine *en, struct facts *f);

/* Finds the containers that have any of the functions of f; containers is what container_list_load() gave. 0 or -errno. */
int facts_look_for_containers(const struct root *r, const struct container_list *containers, struct facts *f, struct err *e);
/* What a hand-over needs to know of them: their nodes, and whether their configurations can be changed. 0 or -errno. */
int facts_look_into_containers(const struct root *r, const struct container_list *containers, struct facts *f, struct err *e);
/* Of those that do not run and are to run since the boot: did their last start fail for want of a node? 0 or -errno. */
int facts_look_for_failed_starts(const struct root *r, struct facts *f);
/* Of those that run: which nodes they have mounted that are placeholders (ctnodes_add_placeholders()). 0 or -errno. */
int facts_look_for_placeholders(const struct container_list *containers, struct facts *f);
/* Remembers whose the nodes are that they name (sharing_remember()). 0 or the first -errno. */
int facts_remember_containers(const struct root *r, const struct facts *f, struct err *e);

/*
 * Which containers stand as a step of the lease has stopped them, although nothing on it says that they run without the card: their way
 * back was under way. 0 or -errno.
 */
int facts_note_stopped(const struct engine *en, const struct record *lease, struct facts *f);

/* Looks again for who holds the functions of f, and for nothing else. 0 or -errno. */
int facts_look_for_holders(const struct root *r, struct facts *f, struct err *e);

#endif
