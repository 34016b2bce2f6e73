/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Judgement: may these functions go to the VM now, and what should a person know about it? Pure. */
#ifndef GPUPT_JUDGE_H
#define GPUPT_JUDGE_H

#include "policy/facts.h"
#include "policy/finding.h"

/* Adds what there is to say; blocking findings first come, first served. */
void judge(const struct facts *f, const struct settings *s, struct findings *ret);
/* The part of it that is about processes: who holds the functions, and what a person can do about it. */
void judge_holders(const struct facts *f, const struct settings *s, struct findings *ret);

#endif
