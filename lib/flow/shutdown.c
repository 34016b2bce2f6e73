/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/exec.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "flow/observe.h"
#include "flow/shutdown.h"
#include "plan/claim.h"
#include "plan/turn.h"
#include "pve/guest.h"
#include "pve/ha.h"
#include "pve/lock.h"
#include "pve/reservation.h"

/* Proxmox VE waits 10 s for the VM's lock, and its hook's post-stop runs in the same task: longer than any of ours should take. */
#define MARGIN_S 60
#define LOOK_MS	 250

static _printf_(3, 4) int refuse(const struct shutdown *s, const char *remedy, const char *fmt, ...)
{
	char why[400], name[BDF_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	bdf_format(s->vm->bdf, name);
	finding_add(s->found, s->vm->code, name, remedy, "VM %u has %s and %s", s->vm->vmid, name, why);
	return SHUTDOWN_REFUSED;
}

/* Proxmox VE's lock is held around every start and stop of a VM, and by us for the moment in which we settle one. */
static bool worked_on(const struct shutdown *s)
{
	_cleanup_close_ int lock = -1;

	if (s->dry_run)
		return turn_taken(s->root, s->vm->vmid);
	return pve_lock_try(s->root, GUEST_VM, s->vm->vmid, &lock) == -EBUSY || turn_taken(s->root, s->vm->vmid);
}

/* A start or a stop is left to end by itself: to wait for its lock, with that of the VM that starts held, could be for ever. */
static int allowed_by_state(const struct shutdown *s)
{
	int runs = guest_running(s->root, GUEST_VM, s->vm->vmid, NULL);
	char remedy[96];

	if (runs > 0)
		return 0;
	if (runs < 0)
		return refuse(s, "look whether its QEMU hangs", "it cannot be told whether it runs: %s", strerror(-runs));
	if (worked_on(s))
		return refuse(s, "try again when that task has ended", "is being started or stopped: that is not interfered with");
	snprintf(remedy, sizeof(remedy), "see 'gpupt-helper status', then 'gpupt-helper reconcile %u'", s->vm->vmid);
	return refuse(s, remedy, "does not run: there is nothing to shut down");
}

static int allowed_by_ha(const struct shutdown *s)
{
	enum ha_state state;
	struct err why = { "" };
	char remedy[64];
	int k = ha_find(s->root, GUEST_VM, s->vm->vmid, &state, &why);

	if (k == -ENOENT || (k == 0 && state == HA_IGNORED))
		return 0;
	snprintf(remedy, sizeof(remedy), "shut down VM %u", s->vm->vmid);
	if (k < 0)
		return refuse(s, remedy, "is not shut down, since HA may manage it: %s", why.text);
	/* Proxmox VE would only ask HA for it, and HA would keep it stopped */
	snprintf(remedy, sizeof(remedy), "ha-manager set vm:%u --state stopped", s->vm->vmid);
	return refuse(s, remedy, "is managed by HA: it is not shut down for another VM");
}

static int allowed_by_lock(const struct shutdown *s)
{
	_cleanup_config_ struct config cfg = { 0 };
	struct guest_flags flags = { 0 };
	struct err why = { "" };
	char remedy[96];
	int k = config_load(s->root, GUEST_VM, s->vm->vmid, &cfg, &why);

	snprintf(remedy, sizeof(remedy), "shut down VM %u", s->vm->vmid);
	if (k < 0)
		return refuse(s, remedy, "is not shut down: %s", why.text);
	guest_flags(s->root, &cfg, &flags);
	if (!flags.lock[0])
		return 0;
	snprintf(remedy, sizeof(remedy), "wait for the end of the task that has locked it, then shut down VM %u", s->vm->vmid);
	return refuse(s, remedy, "is locked (%s): it is not shut down for another VM", flags.lock);
}

int shutdown_allowed(const struct shutdown *s)
{
	int k = allowed_by_state(s);

	if (k == 0)
		k = allowed_by_ha(s);
	return k == 0 ? allowed_by_lock(s) : k;
}

static _printf_(2, 3) void tell(const struct shutdown *s, const char *fmt, ...)
{
	char line[160], name[BDF_LEN];
	const struct log_entry entry = { .priority = LOG_NOTICE, .vmid = s->vm->vmid, .bdf = bdf_format(s->vm->bdf, name) };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	report_say(s->report, "%s", line);
	log_write(&entry, "%s", line);
}

/* 0: it runs no more; SHUTDOWN_REFUSED: it does, why has qm's reason; -errno: it was not asked, or not to the end. */
static int qm(const struct shutdown *s, const char *what, char *const argv[], unsigned int seconds, struct err *why)
{
	_cleanup_exec_ struct exec_result res = { 0 };
	int k = exec_run_interruptible(s->root, argv, (seconds + MARGIN_S) * 1000, &res, why);

	if (k < 0 && k != -ETIMEDOUT)
		return k;
	if (guest_running(s->root, GUEST_VM, s->vm->vmid, NULL) == 0)
		return 0;
	if (k == 0 && exec_verdict(what, &res, why) == 0)
		err_set(why, 0, "%s has ended, and it runs", what);
	return SHUTDOWN_REFUSED;
}

static int stop_hard(const struct shutdown *s, struct err *e)
{
	char vmid[16], *argv[] = { (char[]){ "qm" }, (char[]){ "stop" }, vmid, NULL };
	struct err why = { "" };
	int k = shutdown_allowed(s);

	/* it may have been locked meanwhile */
	if (k != 0)
		return k;
	snprintf(vmid, sizeof(vmid), "%u", s->vm->vmid);
	tell(s, "VM %u did not shut down within %u s: it is stopped (force-stop = 1)", s->vm->vmid, s->vm->timeout);
	k = qm(s, "qm stop", argv, 0, &why);
	if (k < 0)
		return err_set(e, k, "%s", why.text);
	return k == 0 ? 0 : refuse(s, "see its task log", "could not be stopped: %s", why.text);
}

int shutdown_run(const struct shutdown *s, struct err *e)
{
	char vmid[16], timeout[16], name[BDF_LEN], remedy[160];
	char *argv[] = { (char[]){ "qm" }, (char[]){ "shutdown" }, vmid, (char[]){ "--timeout" }, timeout, NULL };
	struct err why = { "" };
	int k;

	snprintf(vmid, sizeof(vmid), "%u", s->vm->vmid);
	snprintf(timeout, sizeof(timeout), "%u", s->vm->timeout);
	tell(s, "VM %u is shut down for VM %u: it has %s", s->vm->vmid, s->for_vmid, bdf_format(s->vm->bdf, name));
	k = qm(s, "qm shutdown", argv, s->vm->timeout, &why);
	if (k < 0)
		return err_set(e, k, "%s", why.text);
	if (k == 0 || s->vm->force)
		return k == 0 ? 0 : stop_hard(s, e);
	snprintf(remedy, sizeof(remedy), "shut down VM %u from within; shutdown-timeout gives it longer than %u s, force-stop = 1 stops it then",
		 s->vm->vmid, s->vm->timeout);
	return refuse(s, remedy, "did not shut down: %s", why.text);
}

static bool holds(const struct facts *f, unsigned int vmid)
{
	for (size_t i = 0; i < f->holders.n; i++)
		if (f->holders.v[i].kind == HOLDER_VM && strtoul(f->holders.v[i].id, NULL, 10) == vmid)
			return true;
	return false;
}

/* Is a function of f the VM's on paper, ours or Proxmox VE's? */
static bool owns(const struct shutdown *s, const struct facts *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct claim claim;
		unsigned int by = 0;

		if (claim_find(s->root, f->v[i].fn.bdf, &claim) > 0 && claim.vmid == s->vm->vmid)
			return true;
		if (reservation_holder(s->root, f->v[i].fn.bdf, s->for_vmid, &by, NULL) > 0 && by == s->vm->vmid)
			return true;
	}
	return false;
}

/* Has it let go, or is it at least nobody's business but that of who comes next? */
static bool is_over(const struct shutdown *s, const struct facts *f, bool *settle)
{
	if (guest_running(s->root, GUEST_VM, s->vm->vmid, NULL) != 0 || holds(f, s->vm->vmid))
		return false;
	if (!owns(s, f))
		return true;
	if (!*settle || worked_on(s))
		return false;
	*settle = false;
	return true;
}

int shutdown_wait(const struct shutdown *s, struct facts *f, uint64_t deadline, bool *settle, struct err *e)
{
	char remedy[96];

	for (;;) {
		int k = facts_look_for_holders(s->root, f, e);

		if (k < 0)
			return k;
		if (is_over(s, f, settle))
			return 0;
		if (now_ms() >= deadline)
			break;
		sleep_ms(LOOK_MS);
		if (interrupt_pending())
			return err_set(e, -EINTR, "interrupted (%s) while VM %u was giving its cards back", strsignal(interrupt_pending()),
				       s->vm->vmid);
	}
	snprintf(remedy, sizeof(remedy), "see 'gpupt-helper status', then 'gpupt-helper reconcile %u'", s->vm->vmid);
	return refuse(s, remedy, "was shut down, but did not let go of it within %u s", SHUTDOWN_RELEASE_S);
}
