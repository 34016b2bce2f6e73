/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A record: damaged or consistent, and a torn end changes nothing. */
#include "plan/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct record *rec)
{
	for (size_t i = 0; i < rec->n_steps; i++) {
		const struct record_step *rs = &rec->steps[i];

		if (rs->seq != i + 1 || !rs->step.kind || !rs->step.target || rs->state > RECORD_LEFT)
			abort();
	}
	for (size_t i = 0; i < rec->n_notes; i++)
		if (!rec->notes[i].key || !rec->notes[i].value || !record_get(rec, rec->notes[i].key))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_record_ struct record rec = { .fd = -1, .path = "record" }, torn = { .fd = -1, .path = "record" };
	_cleanup_free_ char *text = strndup((const char *)data, size), *longer = NULL;
	struct err e = { "" };
	int k;

	if (!text)
		return 0;
	/* whole lines, and then half of one: it never happened */
	if (asprintf(&longer, "%.*s%s", strrchr(text, '\n') ? (int)(strrchr(text, '\n') + 1 - text) : 0, text, "done 1") < 0)
		abort();
	k = record_parse(&rec, text, &e);
	check(&rec);
	if (k < 0 && !e.text[0])
		abort();
	if (record_parse(&torn, longer, &e) != k || torn.n_steps != rec.n_steps || torn.n_notes != rec.n_notes)
		abort();
	return 0;
}
