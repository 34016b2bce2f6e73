/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line is taken out of a container's configuration, and later put back where it was. Nothing else of the file changes by a byte. By
 * then it may be another file: Proxmox VE writes a container's anew at each of its stops (lxc-pve-poststop-hook) and by `pct set`, as
 * write_pct_config() in PVE/LXC/Config.pm has it: description, keys sorted, raw lines in their order, then the sections. Only lines of
 * the current section are taken out, and only there they are put.
 */
#ifndef GPUPT_PVE_CONFIG_EDIT_H
#define GPUPT_PVE_CONFIG_EDIT_H

#include "pve/config.h"

/* Where a line was, for a file that is as it was without it and for one that is not. */
struct config_place {
	size_t line;   /* index in config.lines */
	uint64_t rest; /* hash of all bytes of the file but the line's */
	/* hashes of the neighbours of its own type in the section, keys by name and raw lines by what they mean; 0: none */
	uint64_t after, before;
	bool torn; /* it was the file's last and had no newline */
};

/* Is it a line that can be taken out: a key or a raw line of the current section? */
bool config_line_movable(const struct config *cfg, size_t line);
/* The line's text without its newline, for config_insert(). NULL without memory. */
char *config_line_text(const struct config *cfg, size_t line);
/* Do two texts mean the same line to Proxmox VE, which writes "lxc.a = b" as "lxc.a: b"? Others are the same if they are equal. */
bool config_text_same(const char *a, const char *b);
/* The nth line (from 1) of the current section that means the same as text. 0 or -ENOENT. */
int config_find_same(const struct config *cfg, const char *text, size_t nth, size_t *ret);

/* Where a movable line is. */
void config_place_get(const struct config *cfg, size_t line, struct config_place *ret);
/* Appends the file's bytes without the line. */
void config_remove(const struct config *cfg, size_t line, struct text *ret);
/*
 * Appends the file's bytes with text at the place p. In the file that config_remove() left that gives the very bytes from before. In
 * another one a key goes where it sorts, if the keys are sorted, since Proxmox VE gives its place no meaning; else, and a raw line
 * always, behind the neighbour that it came after, before the one that it came before, or at the end of its kind. 0, or -EINVAL (text
 * is no key or raw line).
 */
int config_insert(const struct config *cfg, const struct config_place *p, const char *text, struct text *ret);

#endif
