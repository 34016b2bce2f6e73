/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of pins.h: what the files that find pins share. Nobody else includes this. */
#ifndef GPUPT_POLICY_PINS_LIST_H
#define GPUPT_POLICY_PINS_LIST_H

#include "policy/pins.h"

/* Is the function one that the pin is about? TRI_UNKNOWN makes it one that may be. */
typedef enum tri pin_match_fn(const struct setup *s, const struct setup_fn *fn, const void *ctx);

/*
 * Fills cards, others and maybe of a pin with the functions that match; ctx goes to the function. 0 or -ENOMEM.
 */
int pin_match(struct pin *pin, const struct setup *s, pin_match_fn *match, const void *ctx);

/*
 * Adds the pin, which it takes over, with what it does: `before`, the cards, `after`. One without cards is left out, unless it is a
 * program's. 0 or -ENOMEM.
 */
int pins_add(struct pins *l, struct pin *pin, const char *before, const char *after);

/* The place of a line. 0 or -ENOMEM. */
int pin_place(struct pin *pin, const struct conf_place *at);
void pin_done(struct pin *pin);
#define _cleanup_pin_ _cleanup_(pin_done)

/* Does the function's native driver stay away if this module does? So it is if all others that could take it are kept away as well. */
bool pin_module_decides(const struct setup *s, const struct setup_fn *fn, const char *module);
enum tri pin_match_module(const struct setup *s, const struct setup_fn *fn, const void *module);
enum tri pin_match_ids(const struct setup *s, const struct setup_fn *fn, const void *ids);

/* Adds those that are kernel parameters. 0 or -ENOMEM. */
int pins_find_params(const struct setup *s, struct pins *l);
/* Do the kernel parameters, the running kernel's or the next boot's, keep the module from loading? */
bool pins_param_blocks(const struct setup *s, const char *module);

#endif
