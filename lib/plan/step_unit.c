/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The unit step: a systemd unit is active or inactive. */
#include <errno.h>

#include "base/unit.h"
#include "plan/step.h"

static const char *plain_state(const char *state)
{
	/* ActiveState has shades; a unit on its way up counts as up, everything else as down (org.freedesktop.systemd1(5)) */
	static const char *const up[] = { "active", "reloading", "activating", "refreshing" };

	for (size_t i = 0; i < ARRAY_SIZE(up); i++)
		if (strcmp(state, up[i]) == 0)
			return "active";
	return "inactive";
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
	*ret = strdup(plain_state(state));
	return *ret ? 0 : -ENOMEM;
}

static int unit_set(const struct engine *en, const struct step *s, struct err *e)
{
	uint64_t deadline = now_ms() + en->job_timeout_ms;
	char state[UNIT_STATE_LEN] = "";
	bool up = str_eq(s->after, "active");
	int k = up ? unit_start(en->root, s->target, e) : unit_stop(en->root, s->target, e);

	while (k == 0) {
		k = unit_state(en->root, s->target, state, e);
		if (k == -ENOENT && !up)
			return 0;
		if (k < 0 || strcmp(state, up ? "active" : "inactive") == 0)
			return k;
		/* a unit that failed holds nothing any more; one that fails to come up will not */
		if (strcmp(state, "failed") == 0)
			return up ? err_set(e, -EIO, "%s failed; 'systemctl status %s' says why", s->target, s->target) : 0;
		if (now_ms() >= deadline)
			return err_set(e, -ETIME, "%s is still '%s' after %u s", s->target, state,
				       en->job_timeout_ms / 1000);
		sleep_ms(50);
	}
	return k;
}

const struct step_kind step_unit = {
	.name = "unit",
	.get = unit_get,
	.set = unit_set,
};
