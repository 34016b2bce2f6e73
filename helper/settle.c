/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/watch.h"
#include "helper/steps.h"

static int settle(struct steps *s, unsigned int vmid)
{
	struct report report = steps_report(s, vmid);
	struct release rel = { .root = s->o->root, .vmid = vmid, .unattended = true, .report = &report };
	struct err e = { "" };
	int k, code;

	if (helper_shows_only(s->o))
		return EXIT_DONE;
	k = watch_run(&rel, &e);
	code = helper_result(k, &e);
	/* a word of its own: systemd lets it rest if it was told to stop the unit, and starts another one after any other signal */
	return k == -EINTR ? EXIT_INTERRUPTED : code;
}

static int run_settle(const struct options *o, int argc, char **argv)
{
	_cleanup_steps_ struct steps s = { 0 };
	unsigned int vmid;
	int code;

	if (argc == 0)
		return helper_reconcile(o, 0, true);
	code = steps_open(o, &s);
	if (code == EXIT_DONE && !helper_vmid(argv[0], &vmid))
		code = EXIT_USAGE;
	return code != EXIT_DONE ? code : steps_print(&s, settle(&s, vmid));
}

const struct command command_settle = {
	.name = "settle",
	.args = "[VMID]",
	.max = 1,
	.changes = true,
	.summary = "watch over a VM's cards until they are back (systemd runs it)",
	.help = "Waits for Proxmox VE's lock of the VM, for the end of its QEMU, and then for post-stop; what nobody gives\n"
		"back by then is given back here. Started by the hook at every start of a VM with cards; no need to call it.\n"
		"If another process watches already, its end is waited for.\n"
		"Without a VMID: 'reconcile' for when nobody looks, at boot; what cannot be put back is mailed to root.\n"
		"With --json or -o: a list of steps at its end, with what became of each.",
	.columns = &steps_columns,
	.run = run_settle,
};
