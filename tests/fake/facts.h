/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts made by hand: an AMD card with audio that nothing is wrong with, and settings from text. */
#ifndef GPUPT_TESTS_FACTS_H
#define GPUPT_TESTS_FACTS_H

#include "policy/facts.h"

struct hand {
	struct facts f;
	struct settings s;
	struct fn_facts *display, *audio;
};

/* conf NULL: the defaults. */
void hand_init(struct hand *h, const char *conf);
void hand_done(struct hand *h);
#define _cleanup_hand_ _cleanup_(hand_done)
/* Another function; h->display and h->audio stay valid. Sorted in by address is the caller's business. */
struct fn_facts *hand_add(struct hand *h, const char *bdf, uint32_t class, const char *driver, int group);
void hand_driver(struct fn_facts *fn, const char *driver, const char *override);
struct holder *hand_holder(struct hand *h, enum holder_kind kind, const char *id, const char *bdf, const char *node);
void hand_danger(struct fn_facts *fn, const char *text);
void hand_console(struct hand *h, const char *title, bool bound);

#endif
