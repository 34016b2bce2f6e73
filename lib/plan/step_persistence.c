/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The persistence step: NVIDIA's persistence mode of one card. Only NVIDIA's driver has such a mode, and it begins with every
 * bind as the driver likes. So a function on another driver counts as Disabled, and its undo comes late, when the function is
 * home; behind that of the daemon's unit, whose affair the mode is as long as it runs.
 */
#include <errno.h>

#include "plan/driver.h"
#include "plan/nvidia.h"

static int find(const struct engine *en, const struct step *s, struct bdf *ret, struct driver_value *ret_value, struct err *e)
{
	int k = target_check_identity(en->root, s->target, e);

	if (k < 0)
		return k;
	target_bdf(s->target, ret);
	return driver_read(en, *ret, ret_value, e);
}

static int persistence_get(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	struct driver_value v;
	char name[BDF_LEN];
	struct bdf b;
	bool on = false;
	int k = find(en, s, &b, &v, e);

	if (k == 0 && strcmp(v.driver, NVIDIA_DRIVER) == 0) {
		k = nvidia_persistence_get(en, b, &on, e);
		/* no later try would find it either */
		if (k == -ENOENT)
			k = err_set(e, -ENODEV, "nvidia-smi is not there any more: the persistence mode of %s stays as it is",
				    bdf_format(b, name));
	}
	if (k < 0)
		return k;
	*ret = strdup(on ? NVIDIA_ENABLED : NVIDIA_DISABLED);
	return *ret ? 0 : -ENOMEM;
}

/* Not home yet: the undo of its driver step failed, or is still to come. */
static bool under_way(const struct driver_value *v)
{
	return !v->driver[0] || (strcmp(v->driver, "vfio-pci") == 0 && v->override[0]);
}

static int persistence_set(const struct engine *en, const struct step *s, struct err *e)
{
	struct driver_value v;
	char name[BDF_LEN];
	struct bdf b;
	bool on;
	int k = find(en, s, &b, &v, e);

	if (k < 0)
		return k;
	if (!s->after || nvidia_persistence_parse(s->after, &on) < 0)
		return err_set(e, -EINVAL, "'%s' is no persistence mode", s->after ? s->after : "(absent)");
	if (strcmp(v.driver, NVIDIA_DRIVER) == 0)
		return nvidia_persistence_set(en, b, on, e);
	bdf_format(b, name);
	if (under_way(&v))
		return err_set(e, -EBUSY, "%s is not back on " NVIDIA_DRIVER ": its persistence mode waits for that", name);
	err_set(e, 0, "%s is on %s, where it has no persistence mode", name, v.driver);
	return 1;
}

const struct step_kind step_persistence = {
	.name = "persistence",
	.late = true,
	.get = persistence_get,
	.set = persistence_set,
};
