/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/release.h"
#include "helper/helper.h"
#include "helper/reset.h"

/* Says how an undo went, beyond what was told on the way. */
static void sum_up(const struct undo_result *u)
{
	if (u->foreign > 0)
		printf("%u left as somebody else has set them\n", u->foreign);
	if (u->failed > 0)
		helper_complain("%u could not be put back", u->failed);
	if (u->stuck > 0)
		helper_complain("%u wait for the kernel: 'gpupt-helper status' shows which", u->stuck);
}

static int run_release(const struct options *o, int argc, char **argv)
{
	_cleanup_settings_ struct settings settings = { 0 };
	struct undo_result undo = { 0 };
	struct release rel = { .root = o->root, .settings = &settings };
	struct report report;
	struct err e = { "" };
	int k, r;

	if (!helper_vmid(argv[0], &rel.vmid))
		return EXIT_USAGE;
	r = helper_settings_or_default(o, &settings) ? EXIT_DONE : EXIT_REFUSED;
	report = helper_report(o, rel.vmid);
	rel.report = &report;
	rel.dry_run = helper_shows_only(o);
	k = release_run(&rel, &undo, &e);
	sum_up(&undo);
	/* what nobody has is where it belongs */
	if (k == -ENOENT) {
		puts(e.text);
		return r;
	}
	k = helper_result(k, &e);
	return k > r ? k : r;
}

int helper_reconcile(const struct options *o, unsigned int vmid, bool unattended)
{
	_cleanup_settings_ struct settings settings = { 0 };
	struct undo_result undo = { 0 };
	struct release rel = { .root = o->root, .settings = &settings, .vmid = vmid, .unattended = unattended };
	struct report report;
	struct err e = { "" };
	int k, r, bad = helper_settings_or_default(o, &settings) ? EXIT_DONE : EXIT_REFUSED;

	report = helper_report(o, vmid);
	rel.report = &report;
	rel.dry_run = helper_shows_only(o);
	r = vmid ? EXIT_DONE : reset_settle(o, &settings);
	r = r > bad ? r : bad;
	k = reconcile_run(&rel, &undo, &e);
	sum_up(&undo);
	k = helper_result(k, &e);
	return k > r ? k : r;
}

static int run_reconcile(const struct options *o, int argc, char **argv)
{
	unsigned int vmid = 0;

	if (argc > 0 && !helper_vmid(argv[0], &vmid))
		return EXIT_USAGE;
	return helper_reconcile(o, vmid, false);
}

const struct command command_release = {
	.name = "release",
	.args = "VMID",
	.min = 1,
	.max = 1,
	.changes = true,
	.summary = "give a VM's cards back, as its stop would have done",
	.help = "For a VM that does not run: after a start that failed, or a QEMU that was killed. What is put back\n"
		"comes from the record of its start, not from its configuration. With --dry-run, shows the steps.",
	.run = run_release,
};

const struct command command_reconcile = {
	.name = "reconcile",
	.args = "[VMID]",
	.max = 1,
	.changes = true,
	.summary = "give back what VMs that do not run still have",
	.help = "Leaves VMs alone that run or that Proxmox VE is working on. Tries again what could not be put back\n"
		"before, and forgets what an earlier boot left. With --dry-run, shows the steps.",
	.run = run_reconcile,
};
