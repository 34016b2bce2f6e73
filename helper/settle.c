/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/watch.h"
#include "helper/helper.h"

static int run_settle(const struct options *o, int argc, char **argv)
{
	struct release rel = { .root = o->root, .unattended = true };
	struct report report;
	struct err e = { "" };
	int k;

	if (argc == 0)
		return helper_reconcile(o, 0, true);
	if (!helper_vmid(argv[0], &rel.vmid))
		return EXIT_USAGE;
	if (helper_shows_only(o))
		return EXIT_DONE;
	report = helper_report(o, rel.vmid);
	rel.report = &report;
	k = watch_run(&rel, &e);
	/* told to go: at the node's shutdown, or by an administrator; the record waits */
	return k == -EINTR ? EXIT_DONE : helper_result(k, &e);
}

const struct command command_settle = {
	.name = "settle",
	.args = "[VMID]",
	.max = 1,
	.changes = true,
	.summary = "watch over a VM's cards until they are back (systemd runs it)",
	.help = "Waits for Proxmox VE's lock of the VM, for the end of its QEMU, and then for post-stop; what nobody gives\n"
		"back by then is given back here. Started by the hook at every start of a VM with cards; no need to call it.\n"
		"Without a VMID: 'reconcile' for when nobody looks, at boot; what cannot be put back is mailed to root.",
	.run = run_settle,
};
