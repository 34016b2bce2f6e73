/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver step. The order of its writes is the safe one: aim driver_override first, so that neither udev nor a module
 * load can take the function in between; then unbind, probe, and read the driver link back, since a write that "succeeded"
 * proves nothing (Documentation/ABI/testing/sysfs-bus-pci). An override also keeps a new_id that Proxmox VE left with
 * vfio-pci from pulling the function back.
 */
#include <errno.h>

#include "base/exec.h"
#include "plan/aside.h"
#include "plan/driver.h"
#include "plan/nvidia.h"
#include "plan/stuck.h"

#define PCI "/sys/bus/pci"

struct move {
	const struct engine *en;
	struct bdf bdf;
	char name[BDF_LEN];
	struct err *e;
};

static int resolve(const struct engine *en, const char *target, struct move *ret, struct err *e)
{
	struct move m = { .en = en, .e = e };
	int k = target_check_identity(en->root, target, e);

	if (k < 0)
		return k;
	target_bdf(target, &m.bdf);
	bdf_format(m.bdf, m.name);
	*ret = m;
	return 0;
}

static int driver_get(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	_cleanup_text_ struct text t = { 0 };
	struct driver_value v;
	struct move m;
	int k = resolve(en, s->target, &m, e);

	if (k == 0)
		k = driver_read(en, m.bdf, &v, e);
	if (k < 0)
		return k;
	driver_format(&v, &t);
	*ret = text_take(&t);
	return *ret ? 0 : -ENOMEM;
}

static int write_attr(const struct move *m, const char *attr, const char *value)
{
	char path[PATH_MAX];

	path_f(path, PCI "/devices/%s/%s", m->name, attr);
	return stuck_write(m->en->root, m->bdf, path, value, m->en->driver_timeout_ms, m->e);
}

static int set_override(const struct move *m, const char *driver)
{
	/* a newline clears it; an empty write may never reach the kernel */
	return write_attr(m, "driver_override", *driver ? driver : "\n");
}

static int bound_to(const struct move *m, char ret[static DRIVER_NAME_LEN])
{
	char path[PATH_MAX];
	int k;

	ret[0] = '\0';
	k = root_readlink_base(m->en->root, path_f(path, PCI "/devices/%s/driver", m->name), ret, DRIVER_NAME_LEN);
	return k == -ENOENT ? 0 : k;
}

static int modprobe(const struct move *m, const char *flag, const char *module)
{
	char *argv[] = { (char[]){ "modprobe" }, (char *)(uintptr_t)flag, (char *)(uintptr_t)module, NULL };

	int k = exec_check(m->en->root, argv, m->en->job_timeout_ms, m->e);

	/* it was ended: nothing is in flight, and nothing stuck */
	return k == -ETIMEDOUT ? -ETIME : k;
}

/* Registers the driver if it is not. Most modules are called like their driver; what the function's modalias asks for finds the rest. */
static int load_driver(const struct move *m, const char *driver)
{
	char path[PATH_MAX], alias[256];
	int k = 0;

	/* without vfio_iommu_type1 a bound group cannot be opened, and vfio-pci's module does not pull it in */
	if (strcmp(driver, "vfio-pci") == 0 && !root_exists(m->en->root, "/sys/module/vfio_iommu_type1"))
		k = modprobe(m, "-b", "vfio_iommu_type1");
	if (k < 0 || root_exists(m->en->root, path_f(path, PCI "/drivers/%s", driver)))
		return k;
	k = modprobe(m, "-b", driver);
	if (!root_exists(m->en->root, path) &&
	    root_read_line(m->en->root, path_f(path, PCI "/devices/%s/modalias", m->name), alias, sizeof(alias)) == 0)
		k = modprobe(m, "-b", alias);
	return k;
}

static int unbind(const struct move *m, const char *driver)
{
	char path[PATH_MAX];
	int k = m->en->may_unbind ? m->en->may_unbind(m->en, m->bdf, m->e) : 0;

	if (k < 0)
		return k;
	path_f(path, PCI "/drivers/%s/unbind", driver);
	return stuck_write(m->en->root, m->bdf, path, m->name, m->en->driver_timeout_ms, m->e);
}

/* Gives the function to the driver that its override names, from whatever has it now. */
static int bind(const struct move *m, const char *driver)
{
	char now[DRIVER_NAME_LEN];
	int k = load_driver(m, driver);

	if (k < 0)
		return k;
	k = bound_to(m, now);
	if (k < 0)
		return err_errno(m->e, k, "cannot read the driver of %s", m->name);
	/* a module that was just loaded may have taken it already */
	if (*now && strcmp(now, driver) != 0)
		k = unbind(m, now);
	if (k == 0 && strcmp(now, driver) != 0)
		k = stuck_write(m->en->root, m->bdf, PCI "/drivers_probe", m->name, m->en->driver_timeout_ms, m->e);
	if (k < 0)
		return k;
	k = bound_to(m, now);
	if (k < 0)
		return err_errno(m->e, k, "cannot read the driver of %s", m->name);
	if (strcmp(now, driver) != 0)
		return err_set(m->e, -EIO, "%s did not bind to %s (driver now: %s); 'dmesg' says why", m->name, driver,
			       *now ? now : "none");
	return 0;
}

static int release(const struct move *m)
{
	char now[DRIVER_NAME_LEN];
	int k = bound_to(m, now);

	if (k < 0)
		return err_errno(m->e, k, "cannot read the driver of %s", m->name);
	return *now ? unbind(m, now) : 0;
}

/* The power knobs. A driver moves power/control on its own; d3cold_allowed is somebody else's if it is not as before left it. */
static int set_power(const struct move *m, const struct driver_value *before, const struct driver_value *after)
{
	char now[8], path[PATH_MAX];
	int k = 0;

	path_f(path, PCI "/devices/%s/power/control", m->name);
	if (after->power[0] && root_read_line(m->en->root, path, now, sizeof(now)) == 0 && strcmp(now, after->power))
		k = write_attr(m, "power/control", after->power);
	path_f(path, PCI "/devices/%s/d3cold_allowed", m->name);
	if (k == 0 && after->d3cold[0] && root_read_line(m->en->root, path, now, sizeof(now)) == 0 &&
	    strcmp(now, after->d3cold) && (!before->d3cold[0] || strcmp(now, before->d3cold) == 0))
		k = write_attr(m, "d3cold_allowed", after->d3cold);
	return k;
}

static int driver_set(const struct engine *en, const struct step *s, struct err *e)
{
	struct driver_value before = { 0 }, after;
	struct move m;
	int k = resolve(en, s->target, &m, e), partly = 0;

	if (k < 0)
		return k;
	if (!s->after || driver_parse(s->after, &after) < 0 || (s->before && driver_parse(s->before, &before) < 0))
		return err_set(e, -EINVAL, "'%s' is not a driver", s->after ? s->after : "(absent)");
	/* with no driver wanted the override of before holds until the function is free */
	if (after.driver[0]) {
		if (strcmp(after.driver, "vfio-pci") != 0)
			aside_step(en);
		k = set_override(&m, after.driver);
		if (k == 0)
			k = bind(&m, after.driver);
	} else {
		k = release(&m);
	}
	if (k == 0)
		k = set_power(&m, &before, &after);
	/* while the override still says that this step is under way: killed here, it is made once more */
	if (k == 0 && strcmp(after.driver, NVIDIA_DRIVER) == 0)
		partly = nvidia_node_make(en, m.bdf, e);
	if (k == 0 && (!after.driver[0] || strcmp(after.driver, after.override) != 0))
		k = set_override(&m, after.override);
	return k < 0 ? k : partly;
}

static bool driver_same(const char *a, const char *b)
{
	struct driver_value x, y;

	/* the power knobs are ours to set, and not what a function belongs to */
	return driver_parse(a, &x) == 0 && driver_parse(b, &y) == 0 && strcmp(x.driver, y.driver) == 0 &&
	       strcmp(x.override, y.override) == 0;
}

/* Found on no driver, or on vfio-pci with nobody's override (a new_id of Proxmox VE's, an earlier keep): before is its home then. */
static bool driver_stray(const struct step *s, const char *now_text)
{
	struct driver_value before, now;

	return s->before && driver_parse(s->before, &before) == 0 && driver_parse(now_text, &now) == 0 &&
	       (!now.driver[0] || strcmp(now.driver, "vfio-pci") == 0) && strcmp(now.override, before.override) == 0;
}

static bool driver_transit(const struct step *s, const char *now_text, bool in_flight)
{
	struct driver_value before, after, now;
	bool ours;

	if (!s->before || !s->after || driver_parse(s->before, &before) < 0 || driver_parse(s->after, &after) < 0 ||
	    driver_parse(now_text, &now) < 0)
		return false;
	/* aimed at home is ours also when the way back could not be recorded */
	ours = strcmp(now.override, after.override) == 0 || strcmp(now.override, after.driver) == 0 ||
	       strcmp(now.override, before.driver) == 0;
	/* begun, and nothing done yet */
	if (in_flight && driver_stray(s, now_text))
		return true;
	/* no driver and our override: nobody's but ours, however it came to be */
	if (!now.driver[0])
		return ours || (in_flight && strcmp(now.override, before.override) == 0);
	if (strcmp(now.driver, after.driver) == 0 && strcmp(now.override, before.driver) == 0)
		return true;
	return in_flight && ours && (strcmp(now.driver, before.driver) == 0 || strcmp(now.driver, after.driver) == 0);
}

const struct step_kind step_driver = {
	.name = "driver",
	.get = driver_get,
	.set = driver_set,
	.same = driver_same,
	.transit = driver_transit,
	.stray = driver_stray,
};
