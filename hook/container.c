/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/homecoming.h"
#include "hook/hook.h"

int hook_container(const struct hook *h)
{
	struct homecoming home = {
		.root = &h->root, .settings = &h->settings, .report = &h->report, .ct = &h->cfg,
		.dry_run = h->dry_run || !root_is_live(&h->root),
	};
	struct err e = { "" };

	if (!str_eq(h->phase, "pre-start"))
		return 0;
	if (homecoming_run(&home, &e) < 0 && e.text[0])
		report_complain(&h->report, "%s", e.text);
	return 0;
}
