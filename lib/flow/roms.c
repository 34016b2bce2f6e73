/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/roms.h"
#include "plan/step_rom.h"

static int read_one(const struct engine *en, struct step *s, struct err *e)
{
	_cleanup_rom_found_ struct rom_found found = { 0 };
	char value[ROM_VALUE_LEN], *after;
	int k = rom_target_read(en->root, s->target, &found, e);

	if (k < 0)
		return k;
	after = strdup(rom_file_value(found.copy.data, found.copy.rom.len, value));
	if (!after)
		return err_set(e, -ENOMEM, "out of memory");
	free(s->after);
	s->after = after;
	return 0;
}

int roms_read(const struct engine *en, struct plan *p, struct err *e)
{
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < p->n; i++) {
		struct step *s = &p->steps[i];
		struct err why = { "" };
		int k = r == 0 && s->kind == &step_rom && str_eq(s->after, ROM_UNREAD) ? read_one(en, s, &why) : 0;

		if (k == -ENOMEM)
			r = err_set(e, k, "%s", why.text);
		if (k < 0 && r == 0) {
			engine_tell(en, STEP_SKIPPED, s, why.text);
			step_done(s);
			continue;
		}
		p->steps[n++] = *s;
	}
	p->n = n;
	return r;
}
