/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest step: a container runs or not, by `pct`. A shutdown that was asked for cannot be taken back: pct has signalled the
 * container's init by then (PVE/LXC.pm, vm_stop()), and whether we live to see its end makes no difference to it. So an ask that was
 * cut short is awaited before the container is believed to have stayed.
 */
#include <errno.h>

#include "base/exec.h"
#include "base/interrupt.h"
#include "plan/step_guest.h"
#include "pve/guest.h"
#include "pve/lock.h"

#define START_TIMEOUT_S 120 /* a container's start may wait for its storage and its hooks */
#define STOP_TIMEOUT_S	60
#define MARGIN_S	15 /* for pct to see that its own deadline has passed */
#define LOOK_MS		200

void guest_target(const struct guest_stop *g, struct text *t)
{
	text_addf(t, "lxc/%u timeout=%u,force-stop=%d", g->vmid, g->timeout_s, g->force);
	if (g->ident[0])
		text_addf(t, " id=%s", g->ident);
}

static bool is_target(const char *target, const struct guest_stop *g, void (*format)(const struct guest_stop *g, struct text *t))
{
	_cleanup_text_ struct text t = { 0 };

	format(g, &t);
	return str_eq(target, text_str(&t));
}

int guest_target_parse(const char *target, struct guest_stop *ret, struct err *e)
{
	const char *ident = strstr(target, " id=");
	struct guest_stop g = { 0 };
	int force = 0;

	if (sscanf(target, "lxc/%9u timeout=%4u,force-stop=%1d", &g.vmid, &g.timeout_s, &force) != 3)
		sscanf(target, "ct:%9u timeout=%4u", &g.vmid, &g.timeout_s);
	g.force = force;
	if (ident && ctident_valid(ident + strlen(" id=")))
		snprintf(g.ident, sizeof(g.ident), "%s", ident + strlen(" id="));
	if (!is_target(target, &g, guest_target) && !is_target(target, &g, ha_target))
		return err_set(e, -EINVAL, "'%s' names no container", target);
	*ret = g;
	return 0;
}

static int guest_get(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	struct guest_stop g;
	int k = guest_target_parse(s->target, &g, e);

	if (k == 0)
		k = ctident_find(en->root, g.vmid, g.ident, e);
	if (k < 0)
		return k;
	k = guest_running(en->root, GUEST_CT, g.vmid, NULL);
	if (k < 0)
		return err_errno(e, k, "cannot tell whether CT %u runs", g.vmid);
	*ret = strdup(k ? GUEST_RUNNING : GUEST_STOPPED);
	return *ret ? 0 : -ENOMEM;
}

/* pct VERB VMID [OPTION VALUE], under way. */
static int pct(const struct engine *en, const char *verb, unsigned int vmid, const char *option, const char *value,
	       unsigned int timeout_s, struct exec_job **ret, struct err *e)
{
	char id[16];
	char *argv[] = { (char[]){ "pct" }, (char *)(uintptr_t)verb, id, (char *)(uintptr_t)option, (char *)(uintptr_t)value, NULL };

	snprintf(id, sizeof(id), "%u", vmid);
	return exec_launch(en->root, argv, timeout_s * 1000, ret, e);
}

/* A program that is late leaves nothing in the kernel to wait for, which -ETIMEDOUT would mean. */
static int finish(struct exec_job *job, struct err *e)
{
	_cleanup_exec_ struct exec_result res = { 0 };
	int k = exec_finish(job, &res, e);

	if (k == 0)
		k = exec_verdict("pct", &res, e);
	return k == -ETIMEDOUT ? -ETIME : k;
}

static int guest_launch(const struct engine *en, const struct step *s, void **ret_job, struct err *e)
{
	struct exec_job *job;
	struct guest_stop g;
	char seconds[16];
	int k = guest_target_parse(s->target, &g, e);

	if (k < 0)
		return k;
	snprintf(seconds, sizeof(seconds), "%u", g.timeout_s);
	if (str_eq(s->after, GUEST_STOPPED))
		k = pct(en, "shutdown", g.vmid, "--timeout", seconds, g.timeout_s + MARGIN_S, &job, e);
	else
		k = pct(en, "start", g.vmid, NULL, NULL, START_TIMEOUT_S, &job, e);
	if (k == 0)
		*ret_job = job;
	return k;
}

static int guest_finish(const struct engine *en, const struct step *s, void *job, struct err *e)
{
	bool stop = str_eq(s->after, GUEST_STOPPED);
	struct exec_job *hard;
	struct guest_stop g;
	int k = finish(job, e), r = guest_target_parse(s->target, &g, NULL);

	/* what counts is whether it runs: pct fails, too, when somebody else was faster */
	if (k == 0 || k == -EINTR || r < 0 || guest_running(en->root, GUEST_CT, g.vmid, NULL) == !stop)
		return k == -EINTR ? k : r;
	if (!stop || !g.force)
		return k;
	k = pct(en, "stop", g.vmid, NULL, NULL, STOP_TIMEOUT_S, &hard, e);
	return k < 0 ? k : finish(hard, e);
}

/*
 * Is a task of Proxmox VE at work on it? A reboot from inside stops it for a moment, without a lock; lxc-pve-poststop-hook makes that file.
 */
static bool worked_on(const struct root *r, unsigned int vmid)
{
	_cleanup_close_ int lock = -1;
	char path[PATH_MAX];

	return pve_lock_try(r, GUEST_CT, vmid, &lock) == -EBUSY || root_exists(r, path_f(path, "/var/lib/lxc/%u/reboot", vmid));
}

/* One that has not stopped in its time may do so a little later, when pct has given up: as much later as it had time, or so. */
static unsigned int grace_s(const struct guest_stop *g)
{
	return g->timeout_s < MARGIN_S ? g->timeout_s + 1 : MARGIN_S;
}

static void guest_await(const struct engine *en, const struct step *s)
{
	uint64_t deadline;
	struct guest_stop g;

	if (guest_target_parse(s->target, &g, NULL) < 0 || ctident_find(en->root, g.vmid, g.ident, NULL) < 0)
		return;
	deadline = now_ms() + (g.timeout_s + grace_s(&g)) * 1000;
	while (now_ms() < deadline && !interrupt_pending() &&
	       (worked_on(en->root, g.vmid) ||
		(str_eq(s->after, GUEST_STOPPED) && guest_running(en->root, GUEST_CT, g.vmid, NULL) == 1)))
		sleep_ms(LOOK_MS);
}

const struct step_kind step_guest = {
	.name = "guest",
	.late = true,
	.patient = true,
	.get = guest_get,
	.launch = guest_launch,
	.finish = guest_finish,
	.await = guest_await,
};
