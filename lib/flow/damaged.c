/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <time.h>

#include "flow/damaged.h"
#include "flow/observe.h"
#include "plan/lease.h"
#include "plan/state.h"
#include "policy/home.h"
#include "pve/guest.h"

#define LEASE_MAX (4 * 1024 * 1024)
#define TAKEN	  "vfio-pci,override=vfio-pci" /* what a hand-over makes of a function's driver */

char *damaged_kept(char path[static PATH_MAX], unsigned int vmid)
{
	return path_f(path, STATE_VAR "/lease/%u.damaged", vmid);
}

/* A copy, so that at no moment there is no lease: without one a claim would count no more. */
static int keep_aside(const struct root *r, const char *lease, unsigned int vmid, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	char to[PATH_MAX];
	size_t len;
	int k = state_mkdir(r, STATE_VAR "/lease", e);

	if (k < 0)
		return k;
	k = root_read(r, lease, LEASE_MAX, &text, &len);
	if (k == 0)
		k = root_write_file(r, damaged_kept(to, vmid), text, len, 0600);
	return k < 0 ? err_errno(e, k, "cannot keep the damaged lease of VM %u in %s/lease", vmid, STATE_VAR) : 0;
}

/* The step by which the function was taken, as far as that can be told: our override is what is there now, and nobody's wish. */
static int plan_taken(const struct release *rel, const struct fn_facts *fn, struct plan *ret)
{
	_cleanup_text_ struct text target = { 0 }, before = { 0 };
	char identity[PCI_ID_LEN], name[BDF_LEN];
	struct fn_facts found = *fn;
	struct driver_value home;

	if (strcmp(fn->driver.driver, "vfio-pci") == 0 || !fn->driver.driver[0])
		found.driver.override[0] = '\0';
	if (!home_value(&found, rel->settings, &home)) {
		report_complain(rel->report, "%s is left as it is: which driver it belongs to is not known", bdf_format(fn->fn.bdf, name));
		return 0;
	}
	/* what vfio-pci has made of these nobody knows to be otherwise */
	home.power[0] = home.d3cold[0] = '\0';
	driver_target(fn->fn.bdf, pci_id_format(fn->fn.id, identity), &target);
	driver_format(&home, &before);
	return plan_add(ret, &step_driver, text_str(&target), text_str(&before), TAKEN, "the lease was damaged") ? 0 : -ENOMEM;
}

/* As a hand-over makes them: the display last, so that it is the first to come back. */
static int plan_all(const struct release *rel, const struct bdf_list *fns, struct plan *ret, struct err *e)
{
	_cleanup_selection_ struct selection sel = { 0 };
	_cleanup_facts_ struct facts facts = { 0 };
	struct engine en;
	int k = select_given(fns->v, fns->n, &sel);

	if (k < 0)
		return err_errno(e, k, "cannot see what VM %u has", rel->vmid);
	engine_init(&en, rel->root, rel->settings, &sel);
	k = facts_load(&en, &sel, rel->vmid, true, &facts, e);
	for (int displays = 0; displays < 2; displays++)
		for (size_t i = 0; k == 0 && i < facts.n; i++)
			if (!facts.v[i].absent && facts.v[i].driver_known && gpu_is_display(&facts.v[i].fn) == (displays == 1))
				k = plan_taken(rel, &facts.v[i], ret);
	return k;
}

static int replace(const struct release *rel, const char *path, const struct bdf_list *fns, const struct plan *p, struct err *e)
{
	char boot_id[BOOT_ID_LEN] = "-", since[24], name[BDF_LEN];
	_cleanup_text_ struct text cards = { 0 };

	for (size_t i = 0; i < fns->n; i++)
		text_join(&cards, " ", bdf_format(fns->v[i], name));
	proc_boot_id(rel->root, boot_id);
	snprintf(since, sizeof(since), "%lld", (long long)time(NULL));
	return record_replace(rel->root, path,
			      (const struct record_note[]){ { (char[]){ LEASE_BOOT }, boot_id },
							    { (char[]){ LEASE_SINCE }, since },
							    { (char[]){ LEASE_CARDS }, (char *)(uintptr_t)text_str(&cards) } },
			      3, p->steps, p->n, e);
}

int damaged_mend(const struct release *rel, struct err *e)
{
	_cleanup_bdf_list_ struct bdf_list fns = { 0 };
	_cleanup_plan_ struct plan p = { 0 };
	char path[PATH_MAX];
	pid_t pid;
	int k = guest_running(rel->root, GUEST_VM, rel->vmid, &pid);

	if (k > 0)
		return err_set(e, -EBUSY, "VM %u still runs (process %d): its GPUs stay with it", rel->vmid, (int)pid);
	if (k < 0)
		return err_errno(e, k, "cannot tell whether VM %u runs", rel->vmid);
	k = lease_path(rel->root, rel->vmid, path);
	if (k == 0)
		k = claim_all(rel->root, rel->vmid, &fns);
	if (k < 0)
		return err_errno(e, k, "cannot see what VM %u has", rel->vmid);
	k = plan_all(rel, &fns, &p, e);
	if (k == 0)
		k = keep_aside(rel->root, path, rel->vmid, e);
	return k < 0 ? k : replace(rel, path, &fns, &p, e);
}
