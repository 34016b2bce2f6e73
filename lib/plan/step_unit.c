/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The unit step: a systemd unit is active or inactive. */
#include <errno.h>

#include "base/unit.h"
#include "plan/step.h"

/* ActiveState has shades; a unit on its way up counts as up, everything else as down (org.freedesktop.systemd1(5)). */
static bool is_up(const char *state)
{
	static const char *const up[] = { "active", "reloading", "activating", "refreshing" };

	for (size_t i = 0; i < ARRAY_SIZE(up); i++)
		if (strcmp(state, up[i]) == 0)
			return true;
	return false;
}

static int unit_get(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	char state[UNIT_STATE_LEN];
	int k = unit_state(en->root, s->target, state, e);

	/* systemd forgets a unit that is down and that nothing refers to */
	if (k == -ENOENT)
		snprintf(state, sizeof(state), "inactive");
	else if (k < 0)
		return k;
	*ret = strdup(is_up(state) ? "active" : "inactive");
	return *ret ? 0 : -ENOMEM;
}

/* A unit that failed holds nothing any more, and counts as down. */
static bool arrived(const char *state, bool up)
{
	return up ? is_up(state) : strcmp(state, "inactive") == 0 || strcmp(state, "failed") == 0;
}

/* Until the job is done the unit's state may be that of before: a job waits for the units that it is ordered behind. */
static int unit_wait(const struct engine *en, const char *unit, bool up, const char *job, struct err *e)
{
	uint64_t deadline = now_ms() + en->job_timeout_ms;

	for (;;) {
		/* asked in this order: a job that ends in between has set the state that is read then */
		bool pending = unit_job_pending(en->root, job);
		char state[UNIT_STATE_LEN] = "inactive";
		int k = unit_state(en->root, unit, state, e);

		/* systemd forgets a unit that is down and that nothing refers to */
		if (k < 0 && (k != -ENOENT || up))
			return k;
		if (arrived(state, up) && (up || !pending))
			return 0;
		if (!pending && up)
			return err_set(e, -EIO, "%s is '%s' after its start; 'systemctl status %s' says why", unit, state, unit);
		if (now_ms() >= deadline)
			return err_set(e, -ETIME, "%s is still '%s' after %u s", unit, state, en->job_timeout_ms / 1000);
		sleep_ms(50);
	}
}

static int unit_set(const struct engine *en, const struct step *s, struct err *e)
{
	bool up = str_eq(s->after, "active");
	char job[UNIT_JOB_LEN];
	int k = up ? unit_start(en->root, s->target, job, e) : unit_stop(en->root, s->target, job, e);

	return k < 0 ? k : unit_wait(en, s->target, up, job, e);
}

const struct step_kind step_unit = {
	.name = "unit",
	.late = true,
	.get = unit_get,
	.set = unit_set,
};
