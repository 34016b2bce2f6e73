/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the record: its lines. Nobody but its two files includes this. */
#ifndef GPUPT_RECORD_TEXT_H
#define GPUPT_RECORD_TEXT_H

#include "plan/record.h"

#define RECORD_HEADER "gpupt-record 1"

/* The word that announces each state. */
extern const char *const record_marks[];

/* Adds a blank and s, escaped; NULL is "~". */
void record_escape(struct text *t, const char *s);
/* Adds the lines that announce a step and a note. */
void record_format_begin(struct text *t, size_t seq, const struct step *s);
void record_format_note(struct text *t, const char *key, const char *value);
/* The step of that number, or NULL. */
struct record_step *record_find(struct record *rec, unsigned int seq);
/* Keep in memory what has been written. 0 or -ENOMEM. */
int record_remember_step(struct record *rec, const struct step *s);
int record_remember_note(struct record *rec, const char *key, const char *value);

#endif
