/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a write to an attribute does: Documentation/ABI/testing/sysfs-bus-pci, drivers/pci/pci.c, drivers/vfio/pci. */
#include <errno.h>

#include "tests/fake/inside.h"
#include "tests/fake/nvidia.h"

#define DEVICES "/sys/bus/pci/devices/"
#define DRIVERS "/sys/bus/pci/drivers/"

static int write_override(struct fake *f, const char *bdf, const char *path, const char *value)
{
	fake_override(f, bdf, value);
	return 0;
}

static int write_choice(struct fake *f, const char *bdf, const char *path, const char *value)
{
	bool power = strstr(path, "/power/control");

	if (!str_eq(value, power ? "on" : "0") && !str_eq(value, power ? "auto" : "1"))
		return -EINVAL;
	fake_putf(f, path, "%s\n", value);
	return 0;
}

static bool sibling(const struct fake *f, const char *bdf)
{
	char path[PATH_MAX];
	struct bdf b = fake_bdf(bdf);
	char name[BDF_LEN];

	for (b.fn = 0; b.fn < 8; b.fn++)
		if (!str_eq(bdf_format(b, name), bdf) && fake_exists(f, path_f(path, DEVICES "%s", name)))
			return true;
	return false;
}

static bool in_list(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; *p; p += strcspn(p, " "), p += strspn(p, " "))
		if (strcspn(p, " ") == n && strncmp(p, name, n) == 0)
			return true;
	return false;
}

/* Does the hardware have this method, and would it work now (the probe of pci_reset_fn_methods)? */
static bool works(const struct fake *f, const char *bdf, const char *method)
{
	char path[PATH_MAX];

	return in_list(fake_hidden(f, path_f(path, "reset/%s", bdf)), method) &&
	       !(str_eq(method, "bus") && sibling(f, bdf));
}

/* reset_method_store(): all names or none. */
static int write_reset_method(struct fake *f, const char *bdf, const char *path, const char *value)
{
	char copy[128], hidden[PATH_MAX], *save = NULL;
	bool probe = str_eq(value, "default");
	struct text t = { 0 };
	int r = 0;

	snprintf(copy, sizeof(copy), "%s", probe ? fake_hidden(f, path_f(hidden, "reset/%s", bdf)) : value);
	for (char *m = strtok_r(copy, " ", &save); m && r == 0; m = strtok_r(NULL, " ", &save)) {
		if (works(f, bdf, m))
			text_join(&t, " ", m);
		else if (!probe)
			r = -EINVAL;
	}
	if (t.len > 0)
		text_add(&t, "\n");
	if (r == 0)
		fake_put(f, path, text_str(&t));
	text_done(&t);
	return r;
}

static int write_reset(struct fake *f, const char *bdf, const char *path, const char *value)
{
	char copy[128], other[PATH_MAX], *save = NULL;
	char driver[64];

	if (!str_eq(value, "1"))
		return -EINVAL;
	/* few drivers survive it, and none of ours may try */
	if (root_readlink_base(&f->root, path_f(other, DEVICES "%s/driver", bdf), driver, sizeof(driver)) == 0 &&
	    !str_eq(driver, "vfio-pci"))
		__atomic_add_fetch(&f->shared->resets_under_driver, 1, __ATOMIC_SEQ_CST);
	snprintf(copy, sizeof(copy), "%s", fake_get(f, path_f(other, DEVICES "%s/reset_method", bdf)));
	for (char *m = strtok_r(copy, " ", &save); m; m = strtok_r(NULL, " ", &save)) {
		if (!works(f, bdf, m))
			continue;
		__atomic_add_fetch(&f->shared->resets, 1, __ATOMIC_SEQ_CST);
		if (fake_is_hidden(f, path_f(other, "dies-in-reset/%s", bdf)))
			fake_dead(f, bdf);
		return 0;
	}
	return -ENOTTY;
}

/* pci_write_rom(): all but "0\n" switches it on. Then what is hidden in rom/BDF can be read. */
static int write_rom(struct fake *f, const char *bdf, const char *path, const char *value)
{
	char full[PATH_MAX], hidden[PATH_MAX], data[4096];
	bool on = !str_eq(value, "0\n");
	size_t n = 0;
	FILE *in;

	fake_hide(f, path_f(full, "rom-on/%s", bdf), on ? "1" : "0");
	in = fopen(fake_hidden_path(f, hidden, "rom/%s", bdf), "re");
	if (in && on)
		n = fread(data, 1, sizeof(data), in);
	if (in)
		fclose(in);
	fake_put_bytes(f, path, data, n);
	return 0;
}

static const struct {
	const char *name;
	int (*write)(struct fake *f, const char *bdf, const char *path, const char *value);
} attrs[] = {
	{ "driver_override", write_override }, { "power/control", write_choice }, { "d3cold_allowed", write_choice },
	{ "reset_method", write_reset_method }, { "reset", write_reset }, { "rom", write_rom },
};

static int write_device(struct fake *f, const char *path, const char *value)
{
	const char *rest = path + strlen(DEVICES), *slash = strchr(rest, '/');
	char bdf[BDF_LEN + 8];

	if (!slash)
		return -EISDIR;
	snprintf(bdf, sizeof(bdf), "%.*s", (int)(slash - rest), rest);
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++)
		if (str_eq(slash + 1, attrs[i].name))
			return attrs[i].write(f, bdf, path, value);
	return -EACCES;
}

static int write_driver(struct fake *f, const char *path, const char *value)
{
	const char *rest = path + strlen(DRIVERS), *slash = strchr(rest, '/');
	char driver[64], other[PATH_MAX];
	const char *override;

	snprintf(driver, sizeof(driver), "%.*s", (int)(slash - rest), rest);
	if (str_eq(slash, "/unbind")) {
		if (!fake_exists(f, path_f(other, DRIVERS "%s/%s", driver, value)))
			return -ENODEV;
		/* a real one waits for it, and nothing ends the wait */
		if (str_eq(driver, "nvidia") && fake_persists(f, value))
			__atomic_add_fetch(&f->shared->hung_unbinds, 1, __ATOMIC_SEQ_CST);
		fake_detach(f, value);
		return 0;
	}
	if (!str_eq(slash, "/bind"))
		return -EACCES;
	override = fake_get(f, path_f(other, DEVICES "%s/driver_override", value));
	if (!fake_exists(f, path_f(other, DEVICES "%s", value)) || fake_exists(f, path_f(other, DEVICES "%s/driver", value)) ||
	    (!str_eq(override, driver) && !str_eq(fake_hidden(f, path_f(other, "native/%s", value)), driver)))
		return -ENODEV;
	return fake_attach(f, value, driver);
}

static int effect(struct fake *f, const char *path, const char *value)
{
	if (str_starts(path, "/proc/"))
		return fake_inside_write(f, path, value);
	if (!fake_exists(f, path))
		return -ENOENT;
	if (str_starts(path, DEVICES))
		return write_device(f, path, value);
	if (str_starts(path, DRIVERS))
		return write_driver(f, path, value);
	if (str_eq(path, "/sys/bus/pci/drivers_probe"))
		return fake_probe(f, value);
	fake_putf(f, path, "%s\n", value);
	return 0;
}

/* The function that a write is about: in its path, or as its value. */
static bool about(const char *path, const char *value, struct bdf *ret)
{
	char name[BDF_LEN];

	if (bdf_parse_full(value, ret) == 0)
		return true;
	if (!str_starts(path, DEVICES))
		return false;
	snprintf(name, sizeof(name), "%.12s", path + strlen(DEVICES));
	return bdf_parse_full(name, ret) == 0;
}

int fake_write(void *ctx, const char *path, const char *value)
{
	struct fake *f = ctx;
	char text[256];
	struct bdf b;
	unsigned int n;
	int r;

	/* an attribute gets what was written without its last newline; an empty write never arrives */
	if (!*value)
		return 0;
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(value, "\n"), value);
	/* but here it counts */
	if (strlen(path) > 4 && str_eq(path + strlen(path) - 4, "/rom"))
		snprintf(text, sizeof(text), "%s", value);
	if (!fake_before(f, FAKE_KERNEL, about(path, text, &b) ? &b : NULL, &n, &r))
		return r;
	return fake_after(f, n, effect(f, path, text));
}
