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

/* QEMU does not start without its romfile. A snapshot that names it counts, too. */
static void keep_rom(struct revert_keep *k, struct record_step *rs)
{
	struct rom_target t;
	unsigned int vmid;
	struct err e = { "" };

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
	report_complain(k->report, "%s stays: VM %u has it by romfile=", t.path, vmid);
	record_mark(k->rec, rs->seq, RECORD_LEFT, &e);
}

/* Without the file proxmox-boot-tool goes by the running kernel's parameters, and since the reboot ours are among them. */
static int keep_command_line(const struct revert_keep *k, struct record_step *rs, struct err *e)
{
	_cleanup_free_ char *now = NULL;
	_cleanup_plan_ struct plan plan = { 0 };
	int r = root_read(k->root, LOADER_CMDLINE, CONF_MAX, &now, NULL);

	if (r < 0 || !str_eq(now, rs->step.after))
		return 0;
	r = prepare_params_back(now, &plan);
	if (r < 0)
		return err_set(e, r, "out of memory");
	report_complain(k->report, "%s stays, without the parameters that were added: without the file the next boot would take the running kernel's",
			LOADER_CMDLINE);
	for (size_t i = 0; r >= 0 && i < plan.n && !k->dry_run; i++)
		r = step_make(k->en, &plan.steps[i], e);
	if (r >= 0)
		record_mark(k->rec, rs->seq, RECORD_LEFT, e);
	return r < 0 ? r : 0;
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
		else if (k->has_booted && rs->step.kind == &step_file && !rs->step.before && str_eq(rs->step.target, LOADER_CMDLINE))
			r = keep_command_line(k, rs, e);
	}
	return r;
}
