/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>

#include "host/pci.h"
#include "host/pci_config.h"

#define DEVICES "/sys/bus/pci/devices"

char *pci_path(char buf[static PATH_MAX], struct bdf bdf, const char *attr)
{
	char name[BDF_LEN];

	return path_f(buf, DEVICES "/%s%s%s", bdf_format(bdf, name), attr[0] ? "/" : "", attr);
}

/* A text attribute; "" if it cannot be read. */
static void attr_text(const struct root *r, struct bdf bdf, const char *attr, char *buf, size_t size)
{
	char path[PATH_MAX];

	if (root_read_line(r, pci_path(path, bdf, attr), buf, size) < 0)
		buf[0] = '\0';
}

static int attr_hex(const struct root *r, struct bdf bdf, const char *attr, uint32_t max, uint32_t *ret)
{
	char path[PATH_MAX];
	uint32_t value;
	int k = root_read_hex(r, pci_path(path, bdf, attr), &value);

	if (k < 0)
		return k;
	if (value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

static bool attr_exists(const struct root *r, struct bdf bdf, const char *attr)
{
	char path[PATH_MAX];

	return root_exists(r, pci_path(path, bdf, attr));
}

/* A link's last component as the address of a function. */
static bool link_bdf(const struct root *r, struct bdf bdf, const char *attr, struct bdf *ret)
{
	char path[PATH_MAX], name[BDF_LEN];

	return root_readlink_base(r, pci_path(path, bdf, attr), name, sizeof(name)) == 0 &&
	       bdf_parse_full(name, ret) == 0;
}

static int identity_load(const struct root *r, struct pci_fn *fn)
{
	uint32_t vendor, device, class, value;
	int k;

	if ((k = attr_hex(r, fn->bdf, "vendor", 0xffff, &vendor)) < 0 ||
	    (k = attr_hex(r, fn->bdf, "device", 0xffff, &device)) < 0 ||
	    (k = attr_hex(r, fn->bdf, "class", 0xffffff, &class)) < 0)
		return k;
	fn->id.vendor = (uint16_t)vendor;
	fn->id.device = (uint16_t)device;
	fn->class = class;
	if (attr_hex(r, fn->bdf, "subsystem_vendor", 0xffff, &value) == 0)
		fn->id.subvendor = (uint16_t)value;
	if (attr_hex(r, fn->bdf, "subsystem_device", 0xffff, &value) == 0)
		fn->id.subdevice = (uint16_t)value;
	if (attr_hex(r, fn->bdf, "revision", 0xff, &value) == 0)
		fn->revision = (uint8_t)value;
	return 0;
}

/*
 * The bridge above: the directory that really holds the function's,
 * /sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0.
 */
static void upstream_load(const struct root *r, struct pci_fn *fn)
{
	_cleanup_bdf_list_ struct bdf_list below = { 0 };
	_cleanup_close_ int dir = root_open(r, DEVICES, O_RDONLY | O_DIRECTORY, 0);
	char name[BDF_LEN], target[PATH_MAX], path[PATH_MAX], *slash;
	ssize_t n;

	if (dir < 0)
		return;
	n = readlinkat(dir, bdf_format(fn->bdf, name), target, sizeof(target) - 1);
	if (n < 0)
		return;
	target[n] = '\0';
	for (int up = 0; up < 2; up++) {
		slash = strrchr(target, '/');
		if (!slash)
			return;
		if (up == 0)
			*slash = '\0';
	}
	if (bdf_parse_full(slash + 1, &fn->upstream) < 0)
		return;
	fn->has_upstream = true;
	if (pci_dir_functions(r, pci_path(path, fn->bdf, ".."), &below) < 0)
		return;
	for (size_t i = 0; i < below.n; i++)
		fn->on_bus += below.v[i].domain == fn->bdf.domain && below.v[i].bus == fn->bdf.bus;
}

static void sriov_load(const struct root *r, struct pci_fn *fn)
{
	char attr[32];
	struct bdf vf;

	fn->is_vf = link_bdf(r, fn->bdf, "physfn", &fn->pf);
	/* numbered without gaps: sriov_add_vfs() in drivers/pci/iov.c */
	do
		snprintf(attr, sizeof(attr), "virtfn%u", fn->active_vfs);
	while (link_bdf(r, fn->bdf, attr, &vf) && ++fn->active_vfs <= UINT16_MAX);
}

static void power_load(const struct root *r, struct pci_fn *fn)
{
	char text[8];

	attr_text(r, fn->bdf, "power_state", fn->power_state, sizeof(fn->power_state));
	attr_text(r, fn->bdf, "power/control", fn->power_control, sizeof(fn->power_control));
	attr_text(r, fn->bdf, "d3cold_allowed", text, sizeof(text));
	fn->d3cold_allowed = str_eq(text, "1") ? TRI_YES : str_eq(text, "0") ? TRI_NO : TRI_UNKNOWN;
}

static int group_number(const struct root *r, struct bdf bdf)
{
	char path[PATH_MAX], text[16];
	uint64_t n;

	if (root_readlink_base(r, pci_path(path, bdf, "iommu_group"), text, sizeof(text)) < 0 ||
	    parse_uint(text, INT32_MAX, &n) < 0)
		return -1;
	return (int)n;
}

/*
 * Everything but config space. 0 with what could be read, -ENODEV if the function is not there, -errno
 * without its identity.
 */
static int sysfs_load(const struct root *r, struct bdf bdf, struct pci_fn *fn)
{
	char path[PATH_MAX], text[8];
	int k;

	*fn = (struct pci_fn){ .bdf = bdf, .no_soft_reset = TRI_UNKNOWN, .d3cold_allowed = TRI_UNKNOWN };
	k = identity_load(r, fn);
	if (k < 0 && !attr_exists(r, bdf, ""))
		return -ENODEV;
	if (root_readlink_base(r, pci_path(path, bdf, "driver"), fn->driver, sizeof(fn->driver)) < 0)
		fn->driver[0] = '\0';
	fn->group = group_number(r, bdf);
	/* 0604 and 0609 are bridges even while nothing is behind them */
	fn->bridge = attr_exists(r, bdf, "pci_bus") || fn->class >> 8 == 0x0604 || fn->class >> 8 == 0x0609;
	attr_text(r, bdf, "boot_vga", text, sizeof(text));
	fn->boot_vga = str_eq(text, "1");
	fn->has_reset = attr_exists(r, bdf, "reset");
	fn->has_reset_method = attr_exists(r, bdf, "reset_method");
	attr_text(r, bdf, "reset_method", fn->reset_method, sizeof(fn->reset_method));
	upstream_load(r, fn);
	sriov_load(r, fn);
	power_load(r, fn);
	return k;
}

int pci_fn_load(const struct root *r, struct bdf bdf, struct pci_fn *ret, struct err *e)
{
	char name[BDF_LEN];
	struct pci_fn fn;
	int k;

	bdf_format(bdf, name);
	if (bdf.fn == BDF_ANY_FN)
		return err_set(e, -EINVAL, "%s is a slot, not a function", name);
	k = sysfs_load(r, bdf, &fn);
	if (k == -ENODEV)
		return err_set(e, k, "there is no PCI device %s", name);
	if (k < 0)
		return err_errno(e, k, "cannot read what the PCI device %s is", name);
	k = pci_config_load(r, &fn, 1);
	if (k < 0)
		return err_errno(e, k, "cannot read the config space of %s", name);
	*ret = fn;
	return 0;
}

/* With config space, for which the cards have to answer, or without. */
static int load_list(const struct root *r, const struct bdf_list *which, bool config, struct pci_list *ret, struct err *e)
{
	_cleanup_pci_list_ struct pci_list l = { 0 };
	int k;

	l.v = calloc(which->n + 1, sizeof(*l.v));
	if (!l.v)
		return err_errno(e, -ENOMEM, "cannot list the PCI devices");
	/* one without identity stays in: a group member that cannot be read is still a group member */
	for (size_t i = 0; i < which->n; i++)
		if (sysfs_load(r, which->v[i], &l.v[l.n]) != -ENODEV)
			l.n++;
	pci_list_sort(&l);
	k = config ? pci_config_load(r, l.v, l.n) : 0;
	if (k < 0)
		return err_errno(e, k, "cannot read the config space of the PCI devices");
	*ret = l;
	l = (struct pci_list){ 0 };
	return 0;
}

int pci_load_list(const struct root *r, const struct bdf_list *which, struct pci_list *ret, struct err *e)
{
	return load_list(r, which, true, ret, e);
}

int pci_outline_list(const struct root *r, const struct bdf_list *which, struct pci_list *ret, struct err *e)
{
	return load_list(r, which, false, ret, e);
}

int pci_scan(const struct root *r, struct pci_list *ret, struct err *e)
{
	_cleanup_bdf_list_ struct bdf_list all = { 0 };
	int k = pci_dir_functions(r, DEVICES, &all);

	if (k < 0)
		return err_errno(e, k, "cannot list %s" DEVICES, r->path);
	return pci_load_list(r, &all, ret, e);
}

static int slot_functions(const struct root *r, struct bdf bdf, bool config, struct pci_list *ret, struct err *e)
{
	_cleanup_pci_list_ struct pci_list l = { 0 };
	_cleanup_bdf_list_ struct bdf_list slot = { 0 };
	char name[BDF_LEN];
	int k;

	for (bdf.fn = 0; bdf.fn < 8; bdf.fn++)
		if (attr_exists(r, bdf, "") && bdf_list_add(&slot, bdf) < 0)
			return err_errno(e, -ENOMEM, "cannot list the PCI devices");
	k = load_list(r, &slot, config, &l, e);
	if (k < 0)
		return k;
	bdf.fn = BDF_ANY_FN;
	if (l.n == 0)
		return err_set(e, -ENODEV, "there is no PCI device %s", bdf_format(bdf, name));
	*ret = l;
	l = (struct pci_list){ 0 };
	return 0;
}

int pci_slot_functions(const struct root *r, struct bdf bdf, struct pci_list *ret, struct err *e)
{
	return slot_functions(r, bdf, true, ret, e);
}

int pci_slot_outline(const struct root *r, struct bdf bdf, struct pci_list *ret, struct err *e)
{
	return slot_functions(r, bdf, false, ret, e);
}
