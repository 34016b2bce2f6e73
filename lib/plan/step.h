/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A step is an assignment: a target that has one value (before) and gets another (after). Undo is the same step with the
 * two swapped. A step kind knows how to get and set the values of its targets; it is the only thing that writes to the machine.
 */
#ifndef GPUPT_STEP_H
#define GPUPT_STEP_H

#include "base/bdf.h"
#include "base/proc.h"

struct step;
struct step_kind;

enum step_event {
	STEP_MADE,    /* after is in force, read back */
	STEP_FAILED,  /* text says why; what was done is being put back */
	STEP_SKIPPED, /* an optional step that could not be made; text says why */
	STEP_UNDONE,  /* before is in force again */
	STEP_GONE,    /* nothing to undo: the target is not there any more */
	STEP_PARTLY,  /* put back as far as the kernel takes it; text says what is missing */
	STEP_FOREIGN, /* left as somebody else set it; text has the value found */
	STEP_STUCK,   /* the kernel has not answered in time; text says what to do */
	STEP_LEFT,    /* could not be put back; text says why */
	STEP_KEPT,    /* not put back, since something depends on it by now; text says what */
	STEP_OUTPUT,  /* what its program has said, and what came of it is told next; text may have many lines, and any bytes */
	STEP_ERRORS,  /* the same, if it has failed */
	STEP_WARNED,  /* those lines of STEP_OUTPUT by which something was left out, though the program calls it no failure */
};

typedef void step_watch_fn(void *ctx, enum step_event event, const struct step *step, const char *text);

/* What a step kind needs to work with. */
struct engine {
	const struct root *root;
	unsigned int driver_timeout_ms; /* for one write that a driver answers */
	unsigned int job_timeout_ms;    /* for a program or a unit job */
	step_watch_fn *watch;		/* may be NULL */
	void *watch_ctx;
	/*
	 * May the function be taken from the driver that has it now? Asked when driver_override is aimed and before the unbind, which
	 * waits in the kernel for whoever has the function open. 0 or -EBUSY (err says who has it); NULL: do not ask.
	 */
	int (*may_unbind)(const struct engine *en, struct bdf b, struct err *e);
	/* A program runs for a step, so many seconds by now: told when it starts and about every second. May be NULL; gets watch_ctx. */
	void (*tick)(void *ctx, const struct step *step, unsigned int seconds);
};

struct step {
	const struct step_kind *kind;
	char *target;
	char *before, *after; /* NULL: absent */
	char *why;
	bool optional; /* its failure is told and does not fail the plan */
};

struct step_kind {
	const char *name;
	bool survives_reboot; /* the value is still there after a reboot: its record must be, too */
	bool effect;	      /* nothing to read back; nothing to put back, unless it derives */
	/*
	 * An effect of what the other steps have set, brought about by a program that reads it all (an initramfs). Once begun it is put
	 * back by doing it again, behind all others, by rank; a failure leaves it open. What has not been begun is not done.
	 */
	bool derives;
	/* Of kinds that derive: those of lower rank are made again first, of one rank in the order in which they were made. */
	unsigned int (*rank)(const struct step *s);
	/*
	 * Put back when the cards are home and Proxmox VE has dropped its lock of the VM: to start a service or a container takes as
	 * long as that likes, and Proxmox VE gives post-stop 10 s before others fail for want of the lock (PVE/QemuConfig.pm, lock_config).
	 */
	bool late;
	/* Of late kinds: nor is it put back with a plan that fails, but then, too, by whoever has the time for it. */
	bool patient;
	/*
	 * Absent comes about by another step of the plan, the card's leaving: setting it writes nothing, and it does not read back yet. The
	 * step stands before the one that makes it so, and its undo behind it.
	 */
	bool follows;
	/* The present value (NULL: absent). 0, -ENODEV (the target is gone; err says why), -EBUSY (stuck), -errno. */
	int (*get)(const struct engine *en, const struct step *s, char **ret, struct err *e);
	/* Makes s->after the value. 0, 1 (as far as possible; err says what is missing), -ETIMEDOUT (now stuck), -errno. */
	int (*set)(const struct engine *en, const struct step *s, struct err *e);
	/*
	 * In the place of set, for what takes long and can go on side by side: launch() asks for it, finish() waits for what comes of it
	 * and frees the job. Adjacent steps of a plan with both are under way at once. 0 or as set().
	 */
	int (*launch)(const struct engine *en, const struct step *s, void **ret_job, struct err *e);
	int (*finish)(const struct engine *en, const struct step *s, void *job, struct err *e);
	/*
	 * Of a step that was begun and not finished: waits until what was asked for has come about, or will not any more, so that the
	 * value can be believed. Only where somebody else carries it out; such a step is never taken as not made because its value is
	 * still before. NULL: there is nothing to wait for.
	 */
	void (*await)(const struct engine *en, const struct step *s);
	/* Before a step is put back: removes what a set that was cut off has left beside the target. NULL: nothing is. */
	void (*tidy)(const struct engine *en, const struct step *s);
	/* Are two values the same, as far as ownership goes? NULL: string equality. */
	bool (*same)(const char *a, const char *b);
	/* Is now a value that only our own half-made step leaves? in_flight: the step was begun and not finished. NULL: never. */
	bool (*transit)(const struct step *s, const char *now, bool in_flight);
	/* Is now nobody's wish, so that the step may start from it although undo will go to before? NULL: never. */
	bool (*stray)(const struct step *s, const char *now);
};

/* All kinds; NULL if there is none of that name. The table is in step.c. */
const struct step_kind *step_kind_find(const char *name);

/* Copies its arguments. 0 or -ENOMEM. */
int step_init(struct step *ret, const struct step_kind *kind, const char *target, const char *before,
	      const char *after, const char *why);
void step_done(struct step *s);
#define _cleanup_step_ _cleanup_(step_done)

/* The step that undoes s; it borrows s's strings and must not be freed. */
struct step step_swapped(const struct step *s);

/* The PCI function that a target is about: the first BDF in it. False if there is none. */
bool target_bdf(const char *target, struct bdf *ret);
/* The function on whose account a step is made: of its target, else of its reason ("it holds 0000:01:00.0"). False if there is none. */
bool step_about(const struct step *s, struct bdf *ret);
/* The same by number, from 0: a reason may name several ("it has 0000:01:00.0 and 0000:02:00.0"). False if there are no more. */
bool step_about_next(const struct step *s, size_t number, struct bdf *ret);
/* The container that a step is about. 0: about none. */
unsigned int step_container(const struct step *s);
/*
 * Is the function that a target names by address and identity ("… 0000:01:00.0 1002:73bf/1da2:e438") the one that is there? Buses
 * renumber when a card is added. 0, -ENODEV (gone, or another), -EINVAL (no identity in the target), -errno.
 */
int target_check_identity(const struct root *r, const char *target, struct err *e);

bool step_same(const struct step *s, const char *a, const char *b);
bool step_transit(const struct step *s, const char *now, bool in_flight);
/* May the step be made while its target has this value? */
bool step_can_start(const struct step *s, const char *now);

/* Sets s->after and reads it back: only what reads back counts. 0, 1 (as far as possible; err says what is missing), -errno. */
int step_make(const struct engine *en, const struct step *s, struct err *e);

/* What comes of a launched step, read back. As step_make(). */
int step_finish(const struct engine *en, const struct step *s, void *job, struct err *e);

/* Does the step's function hang in the kernel now? */
bool step_is_stuck(const struct engine *en, const struct step *s);

/* One line for a person: "driver 0000:01:00.0: radeon -> vfio-pci (why)". Multi-line values are shown by their size. */
void step_format(const struct step *s, struct text *t);

void engine_tell(const struct engine *en, enum step_event event, const struct step *s, const char *text);

extern const struct step_kind step_driver, step_attr, step_file, step_unit, step_run, step_persistence, step_node, step_guest, step_ha,
	step_config, step_ctnode, step_dir, step_param, step_line, step_rebuild, step_rom;

#endif
