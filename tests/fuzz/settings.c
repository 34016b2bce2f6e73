/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gpupt.conf: settings within their bounds, or nothing and a sentence that is fit for a terminal. */
#include <ctype.h>

#include "policy/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct gpu_settings *g)
{
	if (g->driver_timeout < 1 || g->driver_timeout > 600 || g->stop_timeout < 1 || g->stop_timeout > 600)
		abort();
	if (!g->reset_at_start && !g->reset_at_stop)
		abort();
	if (!g->reset[0] || strchr(g->driver, '/'))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_settings_ struct settings s = { 0 };
	struct err e = { "" };

	if (!text)
		return 0;
	settings_may_have_vm((const char *)data, size, 101);
	if (settings_parse(text, "gpupt.conf", &s, &e) < 0) {
		if (!str_starts(e.text, "gpupt.conf line ") || s.gpus || s.vms)
			abort();
		/* our own sentences have an ellipsis; of the file's bytes only printable ones get there */
		for (const char *c = e.text; *c; c += str_starts(c, "…") ? strlen("…") : 1)
			if (!isprint((unsigned char)*c) && !str_starts(c, "…"))
				abort();
		return 0;
	}
	check(&s.defaults);
	for (size_t i = 0; i < s.n_gpus; i++)
		check(&s.gpus[i]);
	for (size_t i = 0; i < s.n_vms; i++)
		/* a section without keys is one without a next hookscript */
		if ((s.vms[i].next && !strstr(s.vms[i].next, ":snippets/")) || s.vms[i].vmid < 100 ||
		    !settings_may_have_vm(text, strlen(text), s.vms[i].vmid))
			abort();
	return 0;
}
