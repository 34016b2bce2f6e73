/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"
#include "flow/handover_work.h"
#include "policy/reset_choice.h"

/* A reset that was made has its line already; one that was wanted and is not possible deserves one. */
static void tell_no_reset(const struct work *w, const struct fn_facts *fn, const char *name)
{
	const struct gpu_settings *g = settings_gpu(w->h->settings, fn->fn.bdf);
	struct reset_choice c;

	if (!g->reset_at_start || strcmp(g->reset, "none") == 0 || (strcmp(g->reset, "auto") == 0 && !gpu_is_amd(&fn->fn)))
		return;
	reset_choose(&w->facts, fn, g, &c);
	if (!c.reset)
		report_say(w->h->report, "%s: not reset: %s%s", name, c.why, c.works_in_guest ? "; QEMU can reset the whole card" : "");
}

void work_tell(const struct work *w)
{
	struct log_entry entry = { .priority = LOG_INFO, .id = LOG_ID_TAKEN, .vmid = w->h->vmid };

	for (size_t i = 0; i < w->facts.n; i++) {
		const struct fn_facts *fn = &w->facts.v[i];
		_cleanup_text_ struct text with = { 0 };
		char name[BDF_LEN], other[BDF_LEN];

		if (!gpu_is_display(&fn->fn))
			continue;
		for (size_t j = 0; j < w->facts.n; j++)
			if (j != i && w->facts.v[j].fn.group == fn->fn.group && !gpu_is_display(&w->facts.v[j].fn))
				text_join(&with, ", ", bdf_format(w->facts.v[j].fn.bdf, other));
		entry.bdf = bdf_format(fn->fn.bdf, name);
		log_write(&entry, "%s goes to VM %u, from %s", name, w->h->vmid, fn->driver.driver[0] ? fn->driver.driver : "no driver");
		report_say(w->h->report, "%s: for VM %u, %s %s%s%s", name, w->h->vmid,
			   work_held((void *)(uintptr_t)w, fn->fn.bdf) && w->adopted && !w->renewed ? "still on" : "from",
			   fn->driver.driver[0] ? fn->driver.driver : "no driver", with.len ? ", with " : "", text_str(&with));
		tell_no_reset(w, fn, name);
	}
}
