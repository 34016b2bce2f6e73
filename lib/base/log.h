/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log: the systemd journal with structured fields on a live host, nothing (or a test's own sink) elsewhere. What a
 * person sees on a terminal or in a task log is printed by main and the commands, not here.
 */
#ifndef GPUPT_LOG_H
#define GPUPT_LOG_H

#include <syslog.h>

#include "base/text.h"

/* Entries with a MESSAGE_ID have an explanation in conf/gpupt.catalog (journalctl -x). */
enum log_id {
	LOG_ID_NONE,
	LOG_ID_STEP,     /* a step was made */
	LOG_ID_TAKEN,    /* a card went to a VM */
	LOG_ID_RETURNED, /* a card came back */
	LOG_ID_REFUSED,  /* a start was refused */
	LOG_ID_FAILED,   /* a step failed, what was done was put back */
	LOG_ID_LEFT,     /* something could not be put back */
	LOG_ID_STUCK,    /* a card hangs in the kernel */
	LOG_ID_RESET,    /* a card was reset, or not, and why */
	LOG_ID_COUNT,
};

struct log_entry {
	int priority; /* LOG_DEBUG … LOG_ERR */
	enum log_id id;
	unsigned int vmid;  /* GPUPT_VMID, 0: none */
	const char *bdf;    /* GPUPT_BDF, or NULL */
	const char *step;   /* GPUPT_STEP, or NULL */
};

typedef void log_sink_fn(void *ctx, const struct log_entry *entry, const char *message);

/* To the journal. */
void log_to_journal(void);
/* To a function, for tests and for -v; NULL: nowhere, which is the default. */
void log_to(log_sink_fn *sink, void *ctx);

void log_write(const struct log_entry *entry, const char *fmt, ...) _printf_(2, 3);
void log_debug(const char *fmt, ...) _printf_(1, 2);

/* The MESSAGE_ID of an id, as 32 hex digits; NULL for LOG_ID_NONE. */
const char *log_message_id(enum log_id id);

#endif
