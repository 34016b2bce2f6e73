/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of prepare.h: the record of preparations, and the file that says that one is under way. Nobody else includes this. */
#ifndef GPUPT_FLOW_PREPARE_RECORD_H
#define GPUPT_FLOW_PREPARE_RECORD_H

#include "flow/prepare.h"

/* The note of the boot in which the oldest step on record was made. */
#define PREPARE_BOOT "boot"
/* and of that of the last preparation */
#define PREPARE_LAST_BOOT "last-boot"
/* in place of a boot's id, of one in an image, where nothing runs */
#define PREPARE_NO_BOOT "none"

/*
 * Reads it; an empty one if there is none. *ret_unfinished: see struct prepare; *ret_adopt: it was one with adopt. Steps that were cut
 * off count as made or not, by what is there. 0 or -errno.
 */
int prepare_record_load(const struct root *r, struct record *ret, unsigned int *ret_unfinished, bool *ret_adopt, struct err *e);
/* Its open steps; they borrow from rec. first: of one that was cut off, or 0. 0 or -ENOMEM; free ret->v. */
int prepare_record_steps(const struct record *rec, unsigned int first, struct prepare_steps *ret);
/* Opens or makes it. 0, -EBUSY: somebody works on it, -errno. */
int prepare_record_open(const struct root *r, struct record *ret, struct err *e);
/* What follows begins, durably: its first step has the number `first`. 0 or -errno. */
int prepare_record_mark(const struct root *r, unsigned int first, bool adopt, struct err *e);
/* The same of a preparation, with the boot in which it is made on record. 0 or -errno. */
int prepare_record_begin(struct record *rec, unsigned int first, bool adopt, struct err *e);
/* It is over; a record without open steps is removed, with its directory. 0 or -errno. */
int prepare_record_end(struct record *rec, struct err *e);

/* The note that our name in the marker of a reboot is by this record. */
#define PREPARE_MARKED "marked"

/* Has the distribution's own marker (/run/reboot-required) say that one is needed, if there are reasons. Did it not say so of us? */
bool prepare_reboot_mark(const struct root *r, const struct text *reasons);
/* Nothing of ours needs one any more: our name goes out of it, and the marker, if nobody else is in there. */
void prepare_reboot_unmark(const struct root *r);

#endif
