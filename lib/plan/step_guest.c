/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Containers as steps. guest: "lxc/200 timeout=60,force-stop=0" is running or stopped, by `pct`. ha: "ct:200 timeout=60" is what its HA
 * resource asks for, started or stopped: `pct stop` of such a container only sets that request, cluster-wide and for good
 * (PVE/CLI/pct.pm, PVE/API2/LXC/Status.pm), so the request itself is the value, and outlives a power cut.
 */
#include <errno.h>

#include "base/exec.h"
#include "plan/step_guest.h"
#include "pve/cfs.h"
#include "pve/guest.h"
#include "pve/ha.h"

#define START_TIMEOUT_S 120 /* a container's start may wait for its storage and its hooks */
#define STOP_TIMEOUT_S	60
#define MARGIN_S	15 /* for pct to see that its own deadline has passed */

struct target {
	unsigned int vmid;
	unsigned int timeout_s; /* for a shutdown */
	bool force_stop;
};

void guest_target(unsigned int vmid, unsigned int timeout_s, bool force_stop, struct text *t)
{
	text_addf(t, "lxc/%u timeout=%u,force-stop=%d", vmid, timeout_s, force_stop);
}

void ha_target(unsigned int vmid, unsigned int timeout_s, struct text *t)
{
	text_addf(t, "ct:%u timeout=%u", vmid, timeout_s);
}

static int parse(const struct step *s, struct target *ret, struct err *e)
{
	int force = 0;

	if (sscanf(s->target, "lxc/%9u timeout=%4u,force-stop=%1d", &ret->vmid, &ret->timeout_s, &force) != 3 &&
	    sscanf(s->target, "ct:%9u timeout=%4u", &ret->vmid, &ret->timeout_s) != 2)
		return err_set(e, -EINVAL, "'%s' names no container", s->target);
	ret->force_stop = force;
	return 0;
}

static int value(const char *v, char **ret)
{
	*ret = strdup(v);
	return *ret ? 0 : -ENOMEM;
}

static int guest_get(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	struct target t;
	int k = parse(s, &t, e);

	if (k == 0)
		k = cfs_find_ct(en->root, t.vmid, e);
	if (k < 0)
		return k;
	k = guest_running(en->root, GUEST_CT, t.vmid, NULL);
	return k < 0 ? err_errno(e, k, "cannot tell whether CT %u runs", t.vmid) : value(k ? "running" : "stopped", ret);
}

/* pct VERB VMID [OPTION VALUE]…, up to four words behind the id. */
static int pct(const struct engine *en, const char *verb, unsigned int vmid, unsigned int timeout_s, const char *option, const char *arg,
	       struct err *e)
{
	char id[16];
	char *argv[] = { (char[]){ "pct" }, (char *)(uintptr_t)verb, id, (char *)(uintptr_t)option, (char *)(uintptr_t)arg, NULL };

	snprintf(id, sizeof(id), "%u", vmid);
	return exec_check(en->root, argv, timeout_s * 1000, e);
}

static int stop(const struct engine *en, const struct target *t, struct err *e)
{
	char seconds[16];
	int k;

	snprintf(seconds, sizeof(seconds), "%u", t->timeout_s);
	k = pct(en, "shutdown", t->vmid, t->timeout_s + MARGIN_S, "--timeout", seconds, e);
	/* what counts is whether it runs: pct fails, too, when somebody else has stopped it meanwhile */
	if (k < 0 && t->force_stop && guest_running(en->root, GUEST_CT, t->vmid, NULL) != 0)
		k = pct(en, "stop", t->vmid, STOP_TIMEOUT_S, NULL, NULL, e);
	/* a program that was ended leaves nothing in the kernel to wait for */
	return k == -ETIMEDOUT ? -ETIME : k;
}

static int guest_set(const struct engine *en, const struct step *s, struct err *e)
{
	struct target t;
	int k = parse(s, &t, e);

	if (k < 0)
		return k;
	if (str_eq(s->after, "stopped"))
		return stop(en, &t, e);
	k = pct(en, "start", t.vmid, START_TIMEOUT_S, NULL, NULL, e);
	return k == -ETIMEDOUT ? -ETIME : k;
}

static int ha_get_value(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	enum ha_state state;
	struct target t;
	int k = parse(s, &t, e);

	if (k == 0)
		k = ha_find(en->root, GUEST_CT, t.vmid, &state, e);
	if (k == -ENOENT)
		return err_set(e, -ENODEV, "CT %u is no HA resource any more", t.vmid);
	return k < 0 ? k : value(state == HA_STARTED ? "started" : ha_state_name(state), ret);
}

/* The request is carried out by the node's resource manager, in its rounds of some seconds. */
static int wait_until(const struct engine *en, const struct target *t, bool running, struct err *e)
{
	uint64_t deadline = now_ms() + (t->timeout_s + MARGIN_S) * 1000;
	int k;

	while ((k = guest_running(en->root, GUEST_CT, t->vmid, NULL)) >= 0 && (k == 1) != running) {
		if (now_ms() >= deadline)
			return err_set(e, -ETIME, "CT %u is still %s %u s after the HA manager was asked; 'ha-manager status' says why", t->vmid,
				       running ? "stopped" : "running", t->timeout_s + MARGIN_S);
		sleep_ms(200);
	}
	return k < 0 ? err_errno(e, k, "cannot tell whether CT %u runs", t->vmid) : 0;
}

static int ha_set(const struct engine *en, const struct step *s, struct err *e)
{
	char sid[24];
	char *argv[] = { (char[]){ "ha-manager" }, (char[]){ "set" }, sid, (char[]){ "--state" }, s->after, NULL };
	struct target t;
	int k = parse(s, &t, e);

	if (k < 0)
		return k;
	snprintf(sid, sizeof(sid), "ct:%u", t.vmid);
	k = exec_check(en->root, argv, en->job_timeout_ms, e);
	if (k < 0)
		return k == -ETIMEDOUT ? -ETIME : k;
	/* on the way back the HA manager starts it when it likes, and perhaps on another node */
	return str_eq(s->after, "started") ? 0 : wait_until(en, &t, false, e);
}

const struct step_kind step_guest = {
	.name = "guest",
	.late = true,
	.get = guest_get,
	.set = guest_set,
};

const struct step_kind step_ha = {
	.name = "ha",
	.late = true,
	.survives_reboot = true,
	.get = ha_get_value,
	.set = ha_set,
};
