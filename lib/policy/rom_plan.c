/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/gpu.h"
#include "plan/step_rom.h"
#include "policy/rom_plan.h"

/* Of twins, who share the file, one is enough. */
static bool has_path(const struct plan *p, const char *path)
{
	struct rom_target t;

	for (size_t i = 0; i < p->n; i++)
		if (p->steps[i].kind == &step_rom && rom_target_parse(p->steps[i].target, &t, NULL) == 0 && strcmp(t.path, path) == 0)
			return true;
	return false;
}

static int add(const struct pci_fn *fn, struct plan *p)
{
	_cleanup_text_ struct text target = { 0 };
	char path[PATH_MAX];
	struct step *step;

	if (has_path(p, rom_file_path(path, fn->id)))
		return 0;
	rom_target_format(fn, path, &target);
	step = target.r < 0 ? NULL : plan_add(p, &step_rom, text_str(&target), NULL, ROM_UNREAD,
					      "a VM that cannot read it from the card has it by romfile=");
	if (!step)
		return -ENOMEM;
	/* the host is made ready all the same */
	step->optional = true;
	return 0;
}

int rom_plan(const struct setup *s, const struct bdf_list *which, struct plan *p)
{
	int k = 0;

	for (size_t i = 0; k == 0 && s->rom_dir && i < s->n; i++) {
		const struct setup_fn *fn = &s->v[i];

		if (fn->rom == ROM_FILE_ABSENT && !fn->taken && (!which || bdf_list_has(which, fn->fn.bdf)))
			k = add(&fn->fn, p);
	}
	return k;
}

void rom_judge(const struct setup *s, const struct bdf *slot, struct findings *ret)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct setup_fn *fn = &s->v[i];
		char name[BDF_LEN], path[PATH_MAX], remedy[128];

		if (fn->rom != ROM_FILE_OTHER || (slot && !bdf_same_slot(fn->fn.bdf, *slot)))
			continue;
		bdf_format(fn->fn.bdf, name);
		snprintf(remedy, sizeof(remedy), "move it away, and have the ROM written anew with 'gpupt-helper rom %s'", name);
		finding_add(ret, FINDING_ROM_FILE, name, remedy, "%s has the name of the ROM of %s and is none: %s",
			    rom_file_path(path, fn->fn.id), name, fn->rom_why);
	}
}
