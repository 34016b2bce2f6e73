/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a revert does not put back as it was, since something depends on it by now. */
#include <errno.h>

#include "flow/revert_keep.h"
#include "plan/step_rom.h"
#include "policy/prepare.h"
#include "pve/cfs.h"
#include "pve/scan.h"

/* Does a VM have the word in its file? Without pmxcfs there is no VM to be seen, which does not mean that none has it. */
static int vm_with(const struct root *r, const char *word, unsigned int *ret_vmid, struct err *e)
{
	int k = scan_vm_with(r, word, ret_vmid, e);

	/* looked at behind it: it may have gone meanwhile */
	if (k == 0 && !*ret_vmid && root_exists(r, "/etc/pve") && cfs_ready(r, e) == -ENOTCONN)
		k = -ENOTCONN;
	return k;
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
static void keep_rom(struct revert_keep *k, struct record_step *rs)
{
	struct rom_target t;
	unsigned int vmid;
	struct err e = { "" };
	char why[64];

	if (rom_target_parse(rs->step.target, &t, NULL) < 0)
		return;
	if (vm_with(k->root, strrchr(t.path, '/') + 1, &vmid, &e) < 0) {
		/* whoever knows that no VM has it may remove it */
		if (!root_exists(k->root, t.path))
			return;
		report_complain(k->report,
				"%s stays on record: whether a VM has it by romfile= cannot be told: %s; when that is mended, or the file is "
				"removed since none has it, run 'gpupt-helper revert' again",
				t.path, e.text);
		k->roms_wait = true;
		return;
	}
	if (!vmid)
		return;
	snprintf(why, sizeof(why), ": VM %u has it by romfile=", vmid);
	stays(k, rs, t.path, why);
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

int revert_keep(struct revert_keep *k, undo_filter_fn *filter, void *ctx, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < k->rec->n_steps; i++) {
		struct record_step *rs = &k->rec->steps[i];

		if (!record_step_open(rs) || !filter(ctx, &rs->step))
			continue;
		if (rs->step.kind == &step_rom)
			keep_rom(k, rs);
		else if (rs->step.kind == &step_file && !rs->step.before && str_eq(rs->step.target, LOADER_CMDLINE))
			r = keep_command_line(k, rs, e);
	}
	return r;
}
