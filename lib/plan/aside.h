/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Placeholders (step_node.h) stand aside while a driver comes. Which names its nodes get is decided only then: a sound card takes the
 * lowest index that is free (snd_card_init() in sound/core/init.c), a DRM device the lowest minor, be they those of a card that is away.
 * In the place of a node devtmpfs makes none (handle_create() in drivers/base/devtmpfs.c), so that a placeholder there, whichever lease it
 * is of, would leave the card that comes with a dead one, or become its node, which devtmpfs would then not remove with it.
 */
#ifndef GPUPT_ASIDE_H
#define GPUPT_ASIDE_H

#include "host/pci.h"
#include "plan/record.h"

/* Takes the placeholders of every lease away; they stay on record. For whoever is about to bind a driver of the host's. */
void aside_step(const struct engine *en);
/*
 * Makes those anew that are on record and not there, of functions that are still away, where nothing has taken their place. Waits a moment
 * for the sound of the functions that came. A lease that another process works on is left to that one; own is the caller's, or NULL.
 */
void aside_return(const struct engine *en, struct record *own, const struct bdf_list *came);

#endif
