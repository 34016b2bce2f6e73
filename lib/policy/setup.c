/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/setup.h"

void setup_done(struct setup *s)
{
	for (size_t i = 0; i < s->n; i++)
		strv_done(&s->v[i].native);
	free(s->v);
	boot_done(&s->boot);
	loader_done(&s->loader);
	modprobe_done(&s->modprobe);
	modload_done(&s->modload);
	udev_rules_done(&s->udev);
	driverctl_done(&s->driverctl);
	initscripts_done(&s->initscripts);
	initscripts_done(&s->modruns);
	inithooks_done(&s->inithooks);
	known_done(&s->known);
	*s = (struct setup){ 0 };
}
