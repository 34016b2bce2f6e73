/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/alarm.h"
#include "flow/release.h"
#include "helper/reset.h"
#include "plan/lease.h"

/* Says how an undo went, beyond what was told on the way. */
static void sum_up(const struct steps *s, const struct undo_result *u)
{
	if (u->foreign > 0 && !s->list)
		printf("%u left as somebody else has set them\n", u->foreign);
	if (u->failed > 0)
		helper_complain("%u could not be put back", u->failed);
	if (u->stuck > 0)
		helper_complain("%u wait for the kernel: 'gpupt-helper status' shows which", u->stuck);
}

static int release(struct steps *s, unsigned int vmid)
{
	_cleanup_settings_ struct settings settings = { 0 };
	struct report report = steps_report(s, vmid);
	struct release rel = { .root = s->o->root, .settings = &settings, .vmid = vmid, .mend = true, .report = &report };
	struct undo_result undo = { 0 };
	struct err e = { "" };
	int k, r;

	r = helper_settings_or_default(s->o, &settings, NULL) ? EXIT_DONE : EXIT_REFUSED;
	s->settings = &settings;
	rel.dry_run = helper_shows_only(s->o);
	k = release_run(&rel, &undo, &e);
	sum_up(s, &undo);
	/* what nobody has is where it belongs */
	if (k == -ENOENT)
		report_say(&report, "%s", e.text);
	s->settings = NULL;
	k = k == -ENOENT ? EXIT_DONE : helper_result(k, &e);
	return k > r ? k : r;
}

static int run_release(const struct options *o, int argc, char **argv)
{
	_cleanup_steps_ struct steps s = { 0 };
	unsigned int vmid;
	int code = steps_open(o, &s);

	if (code == EXIT_DONE && !helper_vmid(argv[0], &vmid))
		code = EXIT_USAGE;
	return code != EXIT_DONE ? code : steps_print(&s, release(&s, vmid));
}

/* At boot; less than gpupt-reconcile.service gives us */
#define QUORUM_WAIT_MS 60000

static int reconcile(struct steps *s, unsigned int vmid, bool unattended)
{
	_cleanup_settings_ struct settings settings = { 0 };
	struct report report = steps_report(s, vmid);
	_cleanup_text_ struct text unmailed = { 0 };
	struct release rel = {
		.root = s->o->root, .settings = &settings, .vmid = vmid, .unattended = unattended, .mend = !unattended,
		.report = &report, .unmailed = &unmailed,
	};
	struct undo_result undo = { 0 };
	struct err e = { "" };
	int k, r, bad = helper_settings_or_default(s->o, &settings, &e) ? EXIT_DONE : EXIT_REFUSED;

	if (bad != EXIT_DONE)
		text_addf(&unmailed, "%s\n", e.text);
	s->settings = &settings;
	rel.dry_run = helper_shows_only(s->o);
	rel.quorum_wait_ms = unattended && !vmid ? QUORUM_WAIT_MS : 0;
	r = vmid ? EXIT_DONE : reset_settle(s, &settings, &unmailed);
	r = r > bad ? r : bad;
	k = reconcile_run(&rel, &undo, &e);
	sum_up(s, &undo);
	if (unattended && unmailed.len)
		alarm_told(&rel, text_str(&unmailed));
	s->settings = NULL;
	k = helper_result(k, &e);
	return k > r ? k : r;
}

int helper_reconcile(const struct options *o, unsigned int vmid, bool unattended)
{
	_cleanup_steps_ struct steps s = { 0 };
	int code = steps_open(o, &s);

	return code != EXIT_DONE ? code : steps_print(&s, reconcile(&s, vmid, unattended));
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
		"comes from the record of its start, not from its configuration. If that is damaged, the cards go to where\n"
		"they belong, and the record is kept beside. With --dry-run, shows the steps.\n"
		"With --json or -o: a list of steps, with what became of each.",
	.columns = &steps_columns,
	.run = run_release,
};

const struct command command_reconcile = {
	.name = "reconcile",
	.args = "[VMID]",
	.max = 1,
	.changes = true,
	.summary = "give back what VMs that do not run still have",
	.help = "Leaves VMs alone that run or that Proxmox VE is working on. Tries again what could not be put back\n"
		"before, and forgets what an earlier boot left. With --dry-run, shows the steps.\n"
		"With --json or -o: a list of steps, with what became of each.",
	.columns = &steps_columns,
	.run = run_reconcile,
};
