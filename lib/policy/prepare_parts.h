/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of prepare.h: what the files that plan a preparation share. Nobody else includes this. */
#ifndef GPUPT_POLICY_PREPARE_PARTS_H
#define GPUPT_POLICY_PREPARE_PARTS_H

#include "policy/prepare.h"

/* What stands at the top of every file of ours; behind "#!" in a program. */
#define PREPARE_HEADER \
	"# Made by 'gpupt-helper prepare' from " SETTINGS_PATH "; 'gpupt-helper revert' takes it away.\n" \
	"# It is made anew when that file changes, unless somebody has changed it meanwhile.\n"

/* Is the function one of a card that is reserved for VMs? */
bool prepare_is_reserved(const struct prepare_facts *f, const struct setup_fn *fn);

/* A finding that stops the preparation, whatever it is elsewhere. May be NULL. */
static inline void prepare_block(struct finding *f)
{
	if (f)
		f->severity = SEVERITY_BLOCK;
}

/* A file of prepare_paths(), or NULL. */
const struct prepare_file *prepare_file(const struct prepare_facts *f, const char *path);
/* What the last step on record has given the target of that kind; NULL: none, or it took it away. */
const char *prepare_recorded(const struct prepare_facts *f, const struct step_kind *kind, const char *target);

/* Lines first to last, from 1, as they stand in a text, without the last newline. NULL without memory, or if there are not so many. */
char *prepare_lines(const char *text, unsigned int first, unsigned int last);
/* gpupt.conf as it is to be. 0 or -ENOMEM. */
int prepare_settings(const struct prepare_facts *f, struct plan *plan);

/* The texts of files of ours; left empty for one that is not wanted. */
void prepare_modules_load(const struct prepare_facts *f, struct text *t);
void prepare_modprobe(const struct prepare_facts *f, struct text *t);
void prepare_udev(const struct prepare_facts *f, struct text *t);
void prepare_reset_rules(const struct prepare_facts *f, struct text *t);
void prepare_init_hook(const struct prepare_facts *f, struct text *t);
void prepare_init_script(const struct prepare_facts *f, struct text *t);
void prepare_grub(const struct prepare_facts *f, struct text *t);

/* Options that gpupt.conf asks for and that somebody else has set otherwise. */
void prepare_judge_options(const struct prepare_facts *f, struct findings *found);

/* The parameters that are wanted where the loader has no drop-in files: steps for those that LOADER_CMDLINE lacks, or has no use for. */
int prepare_params(const struct prepare_facts *f, struct plan *plan, struct findings *found);
/* What keeps wanted parameters from coming into force. */
void prepare_judge_params(const struct prepare_facts *f, struct findings *found);
/* Does the parameter, which the boot loader's file has, keep the IOMMU off? */
bool prepare_is_off(const char *param);

/* With adopt: steps that take foreign pins out. What cannot be taken out is a finding. */
int prepare_adopt(const struct prepare_facts *f, struct plan *plan, struct findings *found);
/* Is it a pin for prepare_adopt()? */
bool prepare_adopts(const struct pin *pin);
/* Is the line that stands there one that prepare_adopt() takes out? */
bool prepare_takes_out(const struct prepare_facts *f, const struct conf_place *at);

#endif
