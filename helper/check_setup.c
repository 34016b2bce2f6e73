/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/prepare.h"
#include "flow/setup.h"
#include "helper/check.h"
#include "policy/rom_plan.h"
#include "policy/vendor_reset.h"

/* Files that are there and could not be read: for want of rights, or since they are no text. */
static void note_unread(struct check *c, const struct strv *l)
{
	strv_foreach (path, l) {
		if (geteuid() != 0)
			check_unseen(c, path);
		else
			finding_add(&c->found, FINDING_BLIND, "host", "correct or remove it", "%s is not to be read: what it decides is not known",
				    path);
	}
}

int check_setup_load(struct check *c, struct err *e)
{
	int k = c->setup_read ? 0 : setup_load(c->o->root, &c->setup, e);

	if (k < 0 || c->setup_read)
		return k;
	c->setup_read = true;
	note_unread(c, &c->setup.modprobe.unread);
	note_unread(c, &c->setup.modload.unread);
	note_unread(c, &c->setup.udev.unread);
	note_unread(c, &c->setup.driverctl.unread);
	note_unread(c, &c->setup.initscripts.unread);
	note_unread(c, &c->setup.inithooks.unread);
	return pins_find(&c->setup, &c->pins);
}

static bool has_card(const struct setup *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].card)
			return true;
	return false;
}

int check_setup(struct check *c, const struct bdf *b, struct err *e)
{
	_cleanup_findings_ struct findings found = { 0 };
	int k = check_setup_load(c, e);

	if (k < 0)
		return k;
	if (!b) {
		if (c->setup.boot.image)
			finding_add(&found, FINDING_IMAGE, "host", "run 'gpupt-helper check' on the machine that boots it",
				    "there is no /sys/bus/pci in this tree: which cards it will have is not known, nor whose processor and IOMMU");
		if (has_card(&c->setup) && c->setup.loader.next.why[0])
			finding_add(&found, FINDING_PARAMS_UNCLEAR, "host", NULL, "the kernel parameters of the next boot cannot be told: %s",
				    c->setup.loader.next.why);
		k = prepare_check(c->o->root, &c->setup, &c->settings, &found, e);
		if (k == -EACCES)
			check_unseen(c, "what was prepared");
		else if (k < 0)
			return k;
	}
	pins_judge(&c->setup, &c->settings, &c->pins, b, &found);
	vendor_reset_judge(&c->setup, &c->settings, b, &found);
	rom_judge(&c->setup, b, &found);
	return check_merge(c, &found);
}
