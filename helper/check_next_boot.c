/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `check --next-boot`: each kernel that is installed, and what it would find. */
#include "flow/next_boot.h"
#include "helper/check.h"

int check_next_boot(struct check *c, struct err *e)
{
	_cleanup_next_boot_ struct next_boot n = { 0 };
	_cleanup_findings_ struct findings found = { 0 };
	int k = check_setup_load(c, e);

	if (k == 0)
		k = next_boot_load(c->o->root, &c->setup, &c->settings, &c->pins, &n, e);
	if (k < 0)
		return k;
	next_boot_judge(&c->setup, &c->settings, &n, &found);
	return check_merge(c, &found);
}
