/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/gpu.h"
#include "policy/nvidia_units.h"

/*
 * A condition and no mask, so that the services come back with the first card that the driver gets, whatever gives it one: functions
 * that a driver has are links in its directory. Of a unit that is not to start by it systemd notes that, and nothing fails
 * (systemd.unit(5)).
 */
#define DROP_IN(condition)                                                                        \
	OWN_MARK ": starts only while NVIDIA's driver has something to do; see gpupt-helper(8)\n" \
		 "[Unit]\n" condition
#define HAS "ConditionPathExistsGlob="
#define OF(driver) "/sys/bus/pci/drivers/" driver "/*:*:*.*\n"

/*
 * NVSwitches, for which the driver has another name, can stay with the host while VMs have all cards. Of conditions with '|' one is
 * enough.
 */
static const char *drop_in(const char *unit)
{
	return strcmp(unit, NVIDIA_FABRICMANAGER) == 0 ? DROP_IN(HAS "|" OF("nvidia") HAS "|" OF("nvidia-nvswitch")) :
							 DROP_IN(HAS OF("nvidia"));
}

#define MASK OWN_MARK ": hides NVIDIA's file of this name, as no card is left to its driver; see gpupt-helper(8)\n"

static bool all_are_reserved(const struct setup *s, const struct settings *set)
{
	bool any = false;

	for (size_t i = 0; i < s->n; i++) {
		const struct setup_fn *fn = &s->v[i];

		if (!fn->card || !gpu_is_nvidia(&fn->fn))
			continue;
		if (settings_gpu(set, fn->fn.bdf)->mode != MODE_RESERVED)
			return false;
		any = true;
	}
	return any;
}

const char *nvidia_drop_in_path(const char *unit, char ret[static NVIDIA_PATH_LEN])
{
	snprintf(ret, NVIDIA_PATH_LEN, "/etc/systemd/system/%s.d/gpupt.conf", unit);
	return ret;
}

void nvidia_plan(const struct setup *s, const struct settings *set, struct nvidia_plan *ret)
{
	const struct nvidia_files *have = &s->nvidia;
	struct nvidia_plan p = { .n = 0 };
	bool all = all_are_reserved(s, set);

	for (size_t i = 0; i < NVIDIA_UNITS && all; i++) {
		if (!have->unit[i])
			continue;
		nvidia_drop_in_path(nvidia_units[i], p.v[p.n].path);
		p.v[p.n].text = drop_in(nvidia_units[i]);
		p.v[p.n++].why = "no NVIDIA card stays with the host: the service is to start only if the driver has one";
	}
	for (size_t i = 0; i < NVIDIA_RULES && all; i++) {
		if (!have->rule[i] || have->mask[i] == NVIDIA_MASK_OTHERS)
			continue;
		snprintf(p.v[p.n].path, sizeof(p.v[p.n].path), UDEV_RULES_ETC "/%s", nvidia_rules[i]);
		p.v[p.n].text = MASK;
		p.v[p.n++].why = "no NVIDIA card stays with the host: its rule would load the driver";
	}
	*ret = p;
}
