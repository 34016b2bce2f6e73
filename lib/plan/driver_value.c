/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stddef.h>

#include "plan/driver.h"
#include "plan/stuck.h"

#define DEVICES "/sys/bus/pci/devices"

/* The options behind the driver's name, each with where it is kept. */
static const struct option {
	const char *name;
	size_t offset, size;
} options[] = {
	{ "override", offsetof(struct driver_value, override), sizeof(((struct driver_value *)0)->override) },
	{ "power", offsetof(struct driver_value, power), sizeof(((struct driver_value *)0)->power) },
	{ "d3cold", offsetof(struct driver_value, d3cold), sizeof(((struct driver_value *)0)->d3cold) },
};

static int set_text(char *into, size_t size, const char *s, size_t n)
{
	if (n >= size || n == 0)
		return -EINVAL;
	memcpy(into, s, n);
	into[n] = '\0';
	return 0;
}

static int parse_option(const char *s, size_t n, struct driver_value *v)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option *o = &options[i];
		size_t len = strlen(o->name);

		if (n > len && s[len] == '=' && strncmp(s, o->name, len) == 0)
			return set_text((char *)v + o->offset, o->size, s + len + 1, n - len - 1);
	}
	return -EINVAL;
}

int driver_parse(const char *s, struct driver_value *ret)
{
	struct driver_value v = { 0 };
	size_t n = strcspn(s, ",");

	if (set_text(v.driver, sizeof(v.driver), s, n) < 0)
		return -EINVAL;
	if (strcmp(v.driver, "none") == 0)
		v.driver[0] = '\0';
	for (s += n; *s; s += n) {
		s++;
		n = strcspn(s, ",");
		if (parse_option(s, n, &v) < 0)
			return -EINVAL;
	}
	*ret = v;
	return 0;
}

void driver_format(const struct driver_value *v, struct text *t)
{
	text_add(t, v->driver[0] ? v->driver : "none");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const char *value = (const char *)v + options[i].offset;

		if (*value)
			text_addf(t, ",%s=%s", options[i].name, value);
	}
}

int driver_read(const struct engine *en, struct bdf b, struct driver_value *ret, struct err *e)
{
	struct driver_value v = { 0 };
	char name[BDF_LEN], path[PATH_MAX];
	int k;

	bdf_format(b, name);
	if (!root_exists(en->root, path_f(path, DEVICES "/%s", name)))
		return err_set(e, -ENODEV, "%s is not there any more", name);
	k = root_readlink_base(en->root, path_f(path, DEVICES "/%s/driver", name), v.driver, sizeof(v.driver));
	if (k < 0 && k != -ENOENT)
		return err_errno(e, k, "cannot read %s", path);
	k = stuck_read(en->root, b, path_f(path, DEVICES "/%s/driver_override", name), v.override,
		       sizeof(v.override), en->driver_timeout_ms, e);
	if (k < 0)
		return k;
	/* the kernel prints a NULL override so */
	if (strcmp(v.override, "(null)") == 0)
		v.override[0] = '\0';
	/* neither attribute takes the device lock to be read; where power management is off they are absent */
	root_read_line(en->root, path_f(path, DEVICES "/%s/power/control", name), v.power, sizeof(v.power));
	root_read_line(en->root, path_f(path, DEVICES "/%s/d3cold_allowed", name), v.d3cold, sizeof(v.d3cold));
	*ret = v;
	return 0;
}

int driver_target_check(const struct engine *en, const char *target, struct bdf *ret, struct err *e)
{
	static const char *const attrs[] = { "vendor", "device", "subsystem_vendor", "subsystem_device" };
	unsigned int want[4];
	const char *id = strchr(target, ' ');
	char path[PATH_MAX], name[BDF_LEN];
	struct bdf b;

	if (!target_bdf(target, &b) || !id || sscanf(id, " %4x:%4x/%4x:%4x", &want[0], &want[1], &want[2], &want[3]) != 4)
		return err_set(e, -EINVAL, "'%s' is not a function and its identity", target);
	bdf_format(b, name);
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++) {
		uint32_t have;
		int k = root_read_hex(en->root, path_f(path, DEVICES "/%s/%s", name, attrs[i]), &have);

		if (k == -ENOENT)
			return err_set(e, -ENODEV, "%s is not there any more", name);
		if (k < 0)
			return err_errno(e, k, "cannot read %s", path);
		if (have != want[i])
			return err_set(e, -ENODEV, "another device sits at %s now: %s is %04x, not %04x", name, attrs[i],
				       have, want[i]);
	}
	*ret = b;
	return 0;
}

void driver_target(struct bdf b, const char *identity, struct text *t)
{
	char name[BDF_LEN];

	text_addf(t, "%s %s", bdf_format(b, name), identity);
}
