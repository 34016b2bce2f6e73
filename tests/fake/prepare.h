/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A host that is to be prepared, a plan with every kind of step for that, and what programs make of a host's files. */
#ifndef GPUPT_TESTS_PREPARE_H
#define GPUPT_TESTS_PREPARE_H

#include "flow/prepare.h"
#include "tests/fake/fake.h"

/* No card; files of others in /etc, some of them odd. */
struct fake *prepare_machine(void);
/* Every file, link and directory but for what is made anew at each boot. */
char *prepare_tree(const struct fake *f);
/* Files with and without directories of their own, a file replaced, lines, parameters; then everything that is made of these. */
void prepare_plan(struct fake *f, struct plan *p);
void prepare_engine(struct fake *f, struct text *diary, struct engine *ret);

/* For fake_run(): applies the plan to a new record. 0: applied, 1: failed, 2: no record. */
int prepare_apply(struct fake *f, void *ctx);
/* Undoes the record and removes it when all is back. 0: complete, 1: not, 2: it cannot be read. */
int prepare_revert(struct fake *f, void *ctx);
/* The same here. -ENOENT without a record. */
int prepare_recover(struct fake *f, struct undo_result *ret, struct text *diary);

/*
 * The fake machine as a host that is to be prepared: Intel's IOMMU off for want of a parameter, GRUB, initramfs-tools, and lines of others
 * about the cards.
 */
struct fake *prepare_host(void);
struct prepare_walk {
	bool adopt, all; /* all: both cards are asked for, as reserved; else CARD is */
	bool shared;	 /* as shared */
	struct text *diary;
	struct err err;
	struct text found; /* "edited host" and the like, a line each */
	size_t planned;
};
/* Looks, and makes what was planned. 0 or -errno. */
int prepare_walk(struct fake *f, struct prepare_walk *w);
/* The same of a revert. */
int prepare_back(struct fake *f, bool unfinished, struct text *diary);

/* What such a program would make now; what it made last, NULL if it has never run. Free them. Hidden "builds" has which ran, in order. */
char *fake_built_of(const struct fake *f);
char *fake_built(const struct fake *f, const char *program);
/*
 * Is it such a program? Hidden "build-fails/PROGRAM": it dies half-way; "build-skips/PROGRAM": it leaves something out;
 * "image-stays/RELEASE": update-initramfs leaves that kernel's initramfs as it is.
 */
bool fake_builds(const char *program);
int fake_build(struct fake *f, char *const argv[], struct exec_result *ret);

#endif
