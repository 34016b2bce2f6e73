/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Binding as drivers/base/dd.c and drivers/pci/pci-driver.c do it, and what drivers make and take away. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/fake/ct.h"
#include "tests/fake/nvidia.h"

#define DEVICES "/sys/bus/pci/devices"
#define DRIVERS "/sys/bus/pci/drivers"

void fake_driver(struct fake *f, const char *driver)
{
	static const char *const attrs[] = { "bind", "unbind", "new_id", "remove_id" };
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++)
		fake_put(f, path_f(path, DRIVERS "/%s/%s", driver, attrs[i]), "");
	fake_put(f, "/sys/bus/pci/drivers_probe", "");
}

/* A new number for a node: names are never the same again, as seen with bochs and radeon. */
static unsigned int next_minor(struct fake *f)
{
	unsigned int n = (unsigned int)strtoul(fake_hidden(f, "minor"), NULL, 10);
	char text[16];

	snprintf(text, sizeof(text), "%u\n", n + 1);
	fake_hide(f, "minor", text);
	return n;
}

static int group_of(const struct fake *f, const char *bdf)
{
	char path[PATH_MAX], full[PATH_MAX], target[PATH_MAX];
	ssize_t n = readlink(fake_path(f, full, path_f(path, DEVICES "/%s/iommu_group", bdf)), target, sizeof(target) - 1);

	if (n < 0 || !fake_exists(f, "/sys/kernel/iommu_groups"))
		return -1;
	target[n] = '\0';
	return atoi(strrchr(target, '/') + 1);
}

static bool vfio_in_group(const struct fake *f, int group)
{
	char path[PATH_MAX], full[PATH_MAX];
	struct dirent **v;
	bool found = false;
	int n = scandir(fake_path(f, full, DRIVERS "/vfio-pci"), &v, NULL, NULL);

	for (int i = 0; i < n; i++) {
		found |= fake_exists(f, path_f(path, "/sys/kernel/iommu_groups/%d/devices/%s", group, v[i]->d_name)) &&
			 v[i]->d_name[0] != '.';
		free(v[i]);
	}
	if (n >= 0)
		free(v);
	return found;
}

static bool any_fb(const struct fake *f)
{
	char full[PATH_MAX];
	struct dirent **v;
	bool found = false;
	int n = scandir(fake_path(f, full, "/sys/class/graphics"), &v, NULL, NULL);

	for (int i = 0; i < n; i++) {
		found |= str_starts(v[i]->d_name, "fb");
		free(v[i]);
	}
	if (n >= 0)
		free(v);
	return found;
}

/* fbcon registers its console with the first frame buffer and takes over; with the last it goes. */
static void fbcon_update(struct fake *f)
{
	const char *old = fake_hidden(f, "fbcon");
	char path[PATH_MAX], name[32];

	if (any_fb(f) && !*old) {
		snprintf(name, sizeof(name), "vtcon%u", next_minor(f) + 1);
		fake_put(f, path_f(path, "/sys/class/vtconsole/%s/name", name), "(M) frame buffer device\n");
		fake_put(f, path_f(path, "/sys/class/vtconsole/%s/bind", name), "1\n");
		fake_hide(f, "fbcon", name);
	} else if (!any_fb(f) && *old) {
		fake_remove(f, path_f(path, "/sys/class/vtconsole/%s", old));
		fake_hide(f, "fbcon", "");
	}
}

/* devtmpfs: nodes come and go with their driver. */
static void card_nodes(struct fake *f, unsigned int n, bool there)
{
	char number[24], path[PATH_MAX];

	snprintf(number, sizeof(number), "226:%u", n);
	fake_node_set(f, number, path_f(path, "/dev/dri/card%u", n), there);
	snprintf(number, sizeof(number), "226:%u", 128 + n);
	fake_node_set(f, number, path_f(path, "/dev/dri/renderD%u", 128 + n), there);
}

/* The lowest that is free, as drm_minor_alloc() gives it (drivers/gpu/drm/drm_drv.c); hidden "drm-from": those below are another's. */
static unsigned int drm_minor(const struct fake *f)
{
	unsigned int m = (unsigned int)strtoul(fake_hidden(f, "drm-from"), NULL, 10);
	char path[PATH_MAX], full[PATH_MAX];
	struct stat st;

	while (lstat(fake_path(f, full, path_f(path, "/sys/dev/char/226:%u", m)), &st) == 0)
		m++;
	return m;
}

static void add_nodes(struct fake *f, const char *bdf)
{
	char path[PATH_MAX], hidden[PATH_MAX], target[PATH_MAX];
	unsigned int class, n = next_minor(f), m = drm_minor(f);

	class = (unsigned int)strtoul(fake_get(f, path_f(path, DEVICES "/%s/class", bdf)), NULL, 16);
	if (class >> 16 == 3) {
		card_nodes(f, m, true);
		fake_putf(f, path_f(path, DEVICES "/%s/drm/card%u/dev", bdf, m), "226:%u\n", m);
		fake_putf(f, path_f(path, DEVICES "/%s/drm/renderD%u/dev", bdf, 128 + m), "226:%u\n", 128 + m);
		/* by these numbers a card is looked up whose node somebody else has */
		fake_link(f, path_f(path, "/sys/dev/char/226:%u", m), path_f(target, "/sys/bus/pci/devices/%s/drm/card%u", bdf, m));
		fake_link(f, path_f(path, "/sys/dev/char/226:%u", 128 + m),
			  path_f(target, "/sys/bus/pci/devices/%s/drm/renderD%u", bdf, 128 + m));
	}
	if (class >> 8 == 0x0403)
		fake_putf(f, path_f(path, DEVICES "/%s/sound/card%u/controlC%u/dev", bdf, n, n), "116:%u\n", 32 * n);
	if (fake_is_hidden(f, path_f(hidden, "fb/%s", bdf))) {
		fake_putf(f, path_f(path, DEVICES "/%s/graphics/fb%u/dev", bdf, n), "29:%u\n", n);
		fake_link(f, path_f(path, "/sys/class/graphics/fb%u", n),
			  path_f(target, "/sys/bus/pci/devices/%s/graphics/fb%u", bdf, n));
		fbcon_update(f);
	}
}

static void remove_nodes(struct fake *f, const char *bdf)
{
	static const char *const kinds[] = { "drm", "sound", "graphics" };
	char path[PATH_MAX], full[PATH_MAX];
	struct dirent **v;
	int n = scandir(fake_path(f, full, path_f(path, DEVICES "/%s/graphics", bdf)), &v, NULL, NULL);

	for (int i = 0; i < n; i++) {
		if (str_starts(v[i]->d_name, "fb"))
			fake_remove(f, path_f(path, "/sys/class/graphics/%s", v[i]->d_name));
		free(v[i]);
	}
	if (n >= 0)
		free(v);
	for (unsigned int m = 0; m < 64; m++) {
		if (!fake_exists(f, path_f(path, DEVICES "/%s/drm/card%u/dev", bdf, m)))
			continue;
		card_nodes(f, m, false);
		fake_remove(f, path_f(path, "/sys/dev/char/226:%u", m));
		fake_remove(f, path_f(path, "/sys/dev/char/226:%u", 128 + m));
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		fake_remove(f, path_f(path, DEVICES "/%s/%s", bdf, kinds[i]));
	fbcon_update(f);
}

int fake_attach(struct fake *f, const char *bdf, const char *driver)
{
	char path[PATH_MAX], target[PATH_MAX];
	int group = group_of(f, bdf);

	if (!fake_exists(f, path_f(path, DRIVERS "/%s", driver)))
		return -ENODEV;
	/* a probe that fails is no error to whoever wrote: "vfio-pci: probe failed with -22" without an IOMMU */
	if (strcmp(driver, "vfio-pci") == 0 && group < 0)
		return 0;
	if (fake_is_hidden(f, path_f(path, "refuse/%s/%s", bdf, driver)))
		return 0;
	fake_link(f, path_f(path, DEVICES "/%s/driver", bdf), path_f(target, "/sys/bus/pci/drivers/%s", driver));
	fake_link(f, path_f(path, DRIVERS "/%s/%s", driver, bdf), path_f(target, "../../devices/%s", bdf));
	if (strcmp(driver, "vfio-pci") != 0) {
		add_nodes(f, bdf);
		if (strcmp(driver, "nvidia") == 0)
			fake_nvidia_attach(f, bdf);
		return 0;
	}
	fake_put(f, path_f(path, DEVICES "/%s/power/control", bdf), "auto\n");
	fake_putf(f, path_f(path, "/sys/class/vfio/%d/dev", group), "511:%d\n", group);
	return 0;
}

void fake_detach(struct fake *f, const char *bdf)
{
	char path[PATH_MAX], full[PATH_MAX], target[PATH_MAX];
	const char *driver;
	int group = group_of(f, bdf);
	ssize_t n;

	n = readlink(fake_path(f, full, path_f(path, DEVICES "/%s/driver", bdf)), target, sizeof(target) - 1);
	if (n < 0)
		return;
	target[n] = '\0';
	driver = strrchr(target, '/') + 1;
	fake_remove(f, path);
	fake_remove(f, path_f(path, DRIVERS "/%s/%s", driver, bdf));
	if (strcmp(driver, "vfio-pci") != 0) {
		remove_nodes(f, bdf);
		if (strcmp(driver, "nvidia") == 0)
			fake_nvidia_detach(f, bdf);
		return;
	}
	fake_put(f, path_f(path, DEVICES "/%s/power/control", bdf), "on\n");
	if (group >= 0 && !vfio_in_group(f, group))
		fake_remove(f, path_f(path, "/sys/class/vfio/%d", group));
}

/* Is "VENDOR DEVICE" of the function among vfio-pci's new_id? */
static bool new_id_wants(struct fake *f, const char *bdf)
{
	char path[PATH_MAX], want[64], list[1024];

	snprintf(want, sizeof(want), "%s %s;", fake_get(f, path_f(path, DEVICES "/%s/vendor", bdf)) + 2,
		 fake_get(f, path_f(path, DEVICES "/%s/device", bdf)) + 2);
	snprintf(list, sizeof(list), "%s", fake_hidden(f, "new_id"));
	return strstr(list, want);
}

int fake_probe(struct fake *f, const char *bdf)
{
	char path[PATH_MAX];
	const char *override, *native;

	if (!fake_exists(f, path_f(path, DEVICES "/%s", bdf)))
		return -ENODEV;
	if (fake_exists(f, path_f(path, DEVICES "/%s/driver", bdf)))
		return 0;
	override = fake_get(f, path_f(path, DEVICES "/%s/driver_override", bdf));
	if (*override && !str_eq(override, "(null)")) {
		fake_attach(f, bdf, override);
		return 0;
	}
	if (new_id_wants(f, bdf))
		fake_attach(f, bdf, "vfio-pci");
	native = fake_hidden(f, path_f(path, "native/%s", bdf));
	if (*native && !fake_exists(f, path_f(path, DEVICES "/%s/driver", bdf)))
		fake_attach(f, bdf, native);
	return 0;
}

void fake_bind(struct fake *f, const char *bdf, const char *driver)
{
	fake_detach(f, bdf);
	if (*driver && fake_attach(f, bdf, driver) < 0)
		fake_die("there is no driver %s", driver);
}

void fake_override(struct fake *f, const char *bdf, const char *driver)
{
	char path[PATH_MAX];

	fake_putf(f, path_f(path, DEVICES "/%s/driver_override", bdf), "%s\n", *driver ? driver : "(null)");
}

void fake_new_id(struct fake *f, const char *vendor_device)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s%s;", fake_hidden(f, "new_id"), vendor_device);
	fake_hide(f, "new_id", text);
}

void fake_refuse_bind(struct fake *f, const char *bdf, const char *driver)
{
	char path[PATH_MAX];

	fake_hide(f, path_f(path, "refuse/%s/%s", bdf, driver), "1");
}
