/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of a lease: an append-only text file, one line per event, each line durable before what it announces is done.
 *
 *     gpupt-record 1
 *     note KEY VALUE
 *     begin SEQ KIND TARGET BEFORE AFTER WHY       about to be made
 *     done SEQ                                     made and read back
 *     undo SEQ                                     about to be put back
 *     undone SEQ | left SEQ                        put back | given up: somebody else's value, or gone for good
 *
 * Fields are separated by one blank; bytes that would hurt are %XX; "~" is absent. A last line without its newline never
 * happened.
 */
#ifndef GPUPT_RECORD_H
#define GPUPT_RECORD_H

#include "plan/step.h"

enum record_state { RECORD_BEGUN, RECORD_DONE, RECORD_UNDOING, RECORD_UNDONE, RECORD_LEFT };

struct record_step {
	unsigned int seq;
	enum record_state state;
	struct step step;
};

struct record_note {
	char *key, *value;
};

struct record {
	const struct root *root;
	char path[PATH_MAX];
	int fd; /* -1: read only, or not yet written */
	struct record_step *steps;
	size_t n_steps;
	struct record_note *notes;
	size_t n_notes;
};

/* Reads a record without the means to change it. 0, -ENOENT, -EBADMSG (err names the line), -errno. */
int record_load(const struct root *r, const char *path, struct record *ret, struct err *e);
/* The same, ready for appending; a torn last line is cut off. */
int record_open(const struct root *r, const char *path, struct record *ret, struct err *e);
/* A new, empty record at path, which must not exist. 0, -EEXIST, -errno. */
int record_create(const struct root *r, const char *path, struct record *ret, struct err *e);
/* Puts one with these notes, and with steps that are in force, in the place of whatever is at path, at one stroke. 0 or -errno. */
int record_replace(const struct root *r, const char *path, const struct record_note *notes, size_t n_notes, const struct step *steps,
		   size_t n_steps, struct err *e);
/* Parses a record's text; for record_load() and the fuzzer. */
int record_parse(struct record *rec, char *text, struct err *e);
/* Appends what record_parse() reads the same from, for a capture: of each step no more than what became of it last. */
void record_format(const struct record *rec, struct text *ret);
void record_close(struct record *rec);
#define _cleanup_record_ _cleanup_(record_close)

/* Announces a step, durably. 0 with its number in ret_seq, or -errno. */
int record_begin(struct record *rec, const struct step *s, unsigned int *ret_seq, struct err *e);
/* A step that is in force without us and is to be undone with the others. 0 (also if it is there already, and open) or -errno. */
int record_adopt(struct record *rec, const struct step *s, struct err *e);
/* Tells what became of it, durably. */
int record_mark(struct record *rec, unsigned int seq, enum record_state state, struct err *e);
/* Keeps a fact beside the steps; the last one of a key counts. */
int record_note(struct record *rec, const char *key, const char *value, struct err *e);
const char *record_get(const struct record *rec, const char *key);

/* Is this step in force, or perhaps in force? */
bool record_step_open(const struct record_step *rs);
/* Begun or being undone: a crash left it half-way. */
bool record_step_in_flight(const struct record_step *rs);
/* Is any step open? */
bool record_any_open(const struct record *rec);
/* Removes the file. The record can still be read. */
int record_remove(struct record *rec, struct err *e);

#endif
