/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a revert does not put back as it was, since something depends on it by now. */
#include <errno.h>

#include "flow/revert_keep.h"
#include "plan/step_rom.h"
#include "policy/prepare.h"
#include "pve/scan.h"

static int found(void *ctx, struct config *cfg, struct err *e)
{
	unsigned int *vmid = ctx;

	*vmid = cfg->vmid;
	return 1;
}

static void stays(const struct revert_keep *k, struct record_step *rs, const char *path, const char *why)
{
	_cleanup_text_ struct text line = { 0 };

	text_addf(&line, "%s stays%s", path, why);
	if (k->dry_run) {
		report_shown_kept(k->report, &rs->step, text_str(&line));
	} else {
		engine_tell(k->en, STEP_KEPT, &rs->step, text_str(&line));
		text_join(k->kept, ", ", path);
	}
	record_mark(k->rec, rs->seq, RECORD_LEFT, NULL);
}

/* QEMU does not start without its romfile. A snapshot that names it counts, too. */
static int keep_rom(const struct revert_keep *k, struct record_step *rs, struct err *e)
{
	struct rom_target t;
	unsigned int vmid = 0;
	char why[64];
	const char *name;
	int r;

	if (rom_target_parse(rs->step.target, &t, e) < 0)
		return 0;
	name = strrchr(t.path, '/') + 1;
	r = scan_guests(k->root, GUEST_VM, &name, 1, found, &vmid, e);
	if (r < 0 || !vmid)
		return r;
	snprintf(why, sizeof(why), ": VM %u has it by romfile=", vmid);
	stays(k, rs, t.path, why);
	return 0;
}

/* One of a parameter of ours that is in the file. One that somebody has written a second time is his and stays. */
static int take_out(const struct revert_keep *k, const struct step *s, struct err *e)
{
	struct step made = step_swapped(s);
	int r = k->dry_run ? 0 : step_make(k->en, s, e);

	if (k->dry_run)
		report_shown(k->report, 0, &made);
	else if (r >= 0)
		engine_tell(k->en, r ? STEP_PARTLY : STEP_UNDONE, &made, r ? e->text : NULL);
	return r < 0 ? r : 0;
}

/*
 * Without the file proxmox-boot-tool goes by the running kernel's parameters, and since the reboot ours are among them. What somebody has
 * written into it is his.
 */
static int keep_command_line(const struct revert_keep *k, struct record_step *rs, struct err *e)
{
	_cleanup_free_ char *now = NULL;
	_cleanup_plan_ struct plan plan = { 0 };
	int r = root_read(k->root, LOADER_CMDLINE, CONF_MAX, &now, NULL);
	bool changed = !str_eq(now, rs->step.after);

	/* of one that was cut off there, another text may be somebody else's from its first word on */
	if (r < 0 || rs->state == RECORD_BEGUN || !(changed || k->has_booted))
		return 0;
	r = prepare_params_back(rs->step.after, now, &plan);
	if (r < 0)
		return err_set(e, r, "out of memory");
	for (size_t i = 0; r == 0 && i < plan.n; i++)
		r = take_out(k, &plan.steps[i], e);
	if (r == 0)
		stays(k, rs, LOADER_CMDLINE,
		      changed ? ", without the parameters that were added: somebody has changed it since" :
				", without the parameters that were added: without the file the next boot would take the running kernel's");
	return r;
}

int revert_keep(const struct revert_keep *k, undo_filter_fn *filter, void *ctx, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < k->rec->n_steps; i++) {
		struct record_step *rs = &k->rec->steps[i];

		if (!record_step_open(rs) || !filter(ctx, &rs->step))
			continue;
		if (rs->step.kind == &step_rom)
			r = keep_rom(k, rs, e);
		else if (rs->step.kind == &step_file && !rs->step.before && str_eq(rs->step.target, LOADER_CMDLINE))
			r = keep_command_line(k, rs, e);
	}
	return r;
}
