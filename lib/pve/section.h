/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Proxmox VE's section configs (storage.cfg, mapping/pci.cfg): a header at the line's start, properties on
 * indented lines below it, a blank line between sections. The rules are those of parse_config() in
 * PVE/SectionConfig.pm: '#' lines are skipped, only an empty line ends a section, whatever else stands inside
 * one is ignored.
 */
#ifndef GPUPT_PVE_SECTION_H
#define GPUPT_PVE_SECTION_H

#include "base/text.h"

enum section_event {
	SECTION_HEADER,	  /* text = the line */
	SECTION_PROPERTY, /* text = key, value = the rest or NULL */
	SECTION_IGNORED,  /* a line that Proxmox VE warns of; text = the line */
};

struct section_reader {
	char *next;
	bool inside;
	unsigned int line; /* number of the line that the last event came from */
};

/* Starts at data, which is cut into pieces while it is read. */
struct section_reader section_reader(char *data);
/*
 * The next event; false at the end. What a header looks like is for the caller to know: one that is none is
 * handed back with section_reject(), and the line after it may be a header again.
 */
bool section_next(struct section_reader *sr, enum section_event *ret, char **ret_text, char **ret_value);
static inline void section_reject(struct section_reader *sr)
{
	sr->inside = false;
}

#endif
