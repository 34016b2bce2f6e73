/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /etc/pve/ha/resources.cfg: which guests Proxmox VE's HA manager looks after, and in which state they are to be. The rules are
 * those of PVE/HA/Resources.pm, PVE/HA/Config.pm and PVE/SectionConfig.pm.
 */
#ifndef GPUPT_PVE_HA_H
#define GPUPT_PVE_HA_H

#include "base/root.h"
#include "pve/kind.h"

enum ha_state {
	HA_STARTED,  /* also where none is given, and for `enabled`, its old name */
	HA_STOPPED,  /* kept stopped, and moved if its node fails */
	HA_DISABLED, /* kept stopped, not moved */
	HA_IGNORED,  /* as if it were not managed: pct and qm act directly */
};

struct ha_list {
	struct ha_resource {
		enum guest_kind kind;
		unsigned int vmid;
		enum ha_state state;
		unsigned int line; /* of its section */
	} * v; /* each guest once, by vmid */
	size_t n;
};

/* Reads the file; none = nothing is managed. 0, -EFBIG, -EBADMSG (a NUL byte), -errno. */
int ha_load(const struct root *r, struct ha_list *ret, struct err *e);
/* From its text, which is cut in place; what Proxmox VE passes over is no error. 0 or -ENOMEM. */
int ha_parse(char *text, struct ha_list *ret);
void ha_list_done(struct ha_list *l);
#define _cleanup_ha_list_ _cleanup_(ha_list_done)

/* The requested state of a guest. 0, or -ENOENT if it is no HA resource. */
int ha_get(const struct ha_list *l, enum guest_kind kind, unsigned int vmid, enum ha_state *ret);
/* ha_load() and ha_get() for one guest. 0, -ENOENT (e untouched), -errno. */
int ha_find(const struct root *r, enum guest_kind kind, unsigned int vmid, enum ha_state *ret, struct err *e);

/* "started", "stopped", "disabled", "ignored": as `ha-manager set SID --state` takes it. */
const char *ha_state_name(enum ha_state state);
/* The same and "enabled". 0 or -EINVAL. */
int ha_state_parse(const char *name, enum ha_state *ret);

#endif
