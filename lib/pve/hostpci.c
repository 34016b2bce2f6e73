/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stddef.h>

#include "pve/hostpci.h"
#include "pve/pciid.h"
#include "pve/property.h"

/* The sentence names the key and is fit for a terminal whatever the value holds. */
static int reject(struct err *e, unsigned int index, const char *fmt, ...) _printf_(3, 4);

static int reject(struct err *e, unsigned int index, const char *fmt, ...)
{
	char why[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return err_set(e, -EINVAL, "hostpci%u: %s", index, str_printable(why));
}

static int set_string(char **field, const char *value)
{
	*field = strdup(value);
	return *field ? 0 : -ENOMEM;
}

static int parse_host(struct hostpci *h, const char *value, struct err *e)
{
	struct err why;
	int k;

	if (!pciid_list_valid(value, false))
		return reject(e, h->index,
			      "host: '%.64s' does not match the regex pattern (HOSTPCIID[;HOSTPCIID2...], "
			      "lower-case hexadecimal, as in 01:00.0 or 0000:01:00)",
			      value);
	k = pciid_list_parse(value, &h->devices, &h->n_devices, &why);
	return k == -EINVAL ? reject(e, h->index, "%s", why.text) : k;
}

static int parse_mapping(struct hostpci *h, const char *value, struct err *e)
{
	if (!property_is_configid(value))
		return reject(e, h->index, "mapping: invalid format - invalid configuration ID '%.64s'",
			      value);
	return set_string(&h->mapping, value);
}

static int parse_driver(struct hostpci *h, const char *value, struct err *e)
{
	if (str_eq(value, "keep"))
		h->driver = HOSTPCI_KEEP;
	else if (!str_eq(value, "vfio"))
		return reject(e, h->index,
			      "driver: value '%.64s' does not have a value in the enumeration 'vfio, keep'",
			      value);
	return 0;
}

static int parse_mdev(struct hostpci *h, const char *value, struct err *e)
{
	if (value[strcspn(value, "/.:")])
		return reject(e, h->index,
			      "mdev: '%.64s' does not match the regex pattern (no '/', '.' or ':')", value);
	return set_string(&h->mdev, value);
}

static int parse_romfile(struct hostpci *h, const char *value, struct err *e)
{
	if (strchr(value, ';'))
		return reject(e, h->index, "romfile: '%.64s' does not match the regex pattern (no ';')",
			      value);
	return set_string(&h->romfile, value);
}

/* The keys, in the order of $hostpci_fmt; each has either a parser or the place of a boolean or an id. */
static const struct field {
	const char *key;
	int (*parse)(struct hostpci *h, const char *value, struct err *e);
	size_t boolean, id;
} fields[] = {
	{ "host", parse_host, 0, 0 },
	{ "mapping", parse_mapping, 0, 0 },
	{ "rombar", NULL, offsetof(struct hostpci, rombar), 0 },
	{ "romfile", parse_romfile, 0, 0 },
	{ "pcie", NULL, offsetof(struct hostpci, pcie), 0 },
	{ "x-vga", NULL, offsetof(struct hostpci, x_vga), 0 },
	{ "legacy-igd", NULL, offsetof(struct hostpci, legacy_igd), 0 },
	{ "mdev", parse_mdev, 0, 0 },
	{ "vendor-id", NULL, 0, offsetof(struct hostpci, vendor_id) },
	{ "device-id", NULL, 0, offsetof(struct hostpci, device_id) },
	{ "sub-vendor-id", NULL, 0, offsetof(struct hostpci, sub_vendor_id) },
	{ "sub-device-id", NULL, 0, offsetof(struct hostpci, sub_device_id) },
	{ "driver", parse_driver, 0, 0 },
};

static int parse_field(const struct field *f, struct hostpci *h, const char *value, struct err *e)
{
	uint32_t id;

	if (f->parse)
		return f->parse(h, value, e);
	if (f->boolean) {
		if (parse_bool(value, (bool *)((char *)h + f->boolean)) < 0)
			return reject(e, h->index, "%s: type check ('boolean') failed - got '%.64s'", f->key,
				      value);
		return 0;
	}
	if (strlen(value) != 6 || !str_starts(value, "0x") || parse_hex(value + 2, 4, &id) < 0)
		return reject(e, h->index,
			      "%s: '%.64s' does not match the regex pattern (0x and four hexadecimal digits)",
			      f->key, value);
	*(int *)((char *)h + f->id) = (int)id;
	return 0;
}

static int parse_property(struct hostpci *h, const struct property *p, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (str_eq(fields[i].key, p->key))
			return parse_field(&fields[i], h, p->value, e);
	if (!property_key_plausible(p->key))
		return reject(e, h->index, "invalid key in comma-separated list property: '%.64s'", p->key);
	return strv_add(&h->unknown, p->key);
}

int hostpci_parse(unsigned int index, const char *value, struct hostpci *ret, struct err *e)
{
	_cleanup_property_ struct properties props = { 0 };
	_cleanup_hostpci_ struct hostpci h = {
		.index = index,
		.rombar = true,
		.vendor_id = -1,
		.device_id = -1,
		.sub_vendor_id = -1,
		.sub_device_id = -1,
	};
	struct err why;
	int k = property_parse(value, "host", &props, &why);

	if (k == -EINVAL)
		return reject(e, index, "%s", why.text);
	for (size_t i = 0; k == 0 && i < props.n; i++)
		k = parse_property(&h, &props.v[i], e);
	if (k == -ENOMEM)
		return err_set(e, k, "hostpci%u: out of memory", index);
	if (k < 0)
		return k;
	if (h.devices && h.mapping)
		return reject(e, index, "Cannot set both 'host' and 'mapping'.");
	if (!h.devices && !h.mapping)
		return reject(e, index, "Either 'host' or 'mapping' must be set.");
	if (h.mdev && h.n_devices > 1)
		return reject(e, index, "cannot use mediated device with multifunction device");
	*ret = h;
	h = (struct hostpci){ 0 };
	return 0;
}

void hostpci_done(struct hostpci *h)
{
	free(h->devices);
	free(h->mapping);
	free(h->mdev);
	free(h->romfile);
	strv_done(&h->unknown);
	*h = (struct hostpci){ 0 };
}

int hostpci_index(const char *key)
{
	uint64_t n;

	if (!str_starts(key, "hostpci") || parse_uint(key + 7, HOSTPCI_MAX - 1, &n) < 0)
		return -1;
	return (int)n;
}

/* machine_type_is_q35() and machine_base_type(), PVE/QemuServer/Machine.pm */
static bool machine_is_q35(const struct config *cfg)
{
	_cleanup_property_ struct properties props = { 0 };
	const char *machine = config_get(cfg, "machine"), *type;

	if (!machine || property_parse(machine, "type", &props, NULL) < 0)
		return false;
	type = property_get(&props, "type");
	return type && strstr(type, "q35");
}

static int check_legacy_igd(const struct config *cfg, const struct hostpci *h, bool q35, struct err *e)
{
	const struct bdf *first = h->devices;

	if (!str_eq(config_get(cfg, "vga"), "none"))
		return reject(e, h->index, "legacy IGD assignment requires VGA mode to be 'none'");
	if (!h->rombar)
		return reject(e, h->index, "legacy IGD assignment requires rombar to be enabled");
	if (h->x_vga)
		return reject(e, h->index, "legacy IGD assignment is not compatible with x-vga");
	if (h->mdev)
		return reject(e, h->index, "legacy IGD assignment is not compatible with mdev");
	if (q35)
		return reject(e, h->index, "legacy IGD assignment is not compatible with q35");
	if (h->n_devices > 1)
		return reject(e, h->index,
			      "legacy IGD assignment is not compatible with multifunction devices");
	if (first && (first->dev != 2 || (first->fn != 0 && first->fn != BDF_ANY_FN)))
		return reject(e, h->index,
			      "legacy IGD assignment only works for devices on host bus 00:02.0");
	return 0;
}

/* The first device of h that stands in it or in an earlier entry already; mediated devices are shared. */
static const struct bdf *find_double(const struct hostpci_list *list, const struct hostpci *h)
{
	for (size_t d = 0; !h->mdev && d < h->n_devices; d++) {
		const struct bdf *mine = &h->devices[d];

		for (const struct hostpci *o = list->v; o <= h; o++)
			for (size_t i = 0; !o->mdev && i < (o == h ? d : o->n_devices); i++)
				if (pciid_overlap(*mine, o->devices[i]))
					return mine;
	}
	return NULL;
}

/* What Proxmox VE would refuse at start, after our pre-start and with no post-stop to follow. */
static int check_entries(const struct config *cfg, const struct hostpci_list *list, struct err *e)
{
	bool q35 = machine_is_q35(cfg), igd = false;

	for (size_t i = 0; i < list->n; i++) {
		const struct hostpci *h = &list->v[i];
		const struct bdf *twice = find_double(list, h);
		char bdf[BDF_LEN];
		int k = 0;

		if (h->pcie && !q35)
			return reject(e, h->index, "q35 machine model is not enabled");
		if (h->legacy_igd && igd)
			return reject(e, h->index, "only one device can be assigned in legacy-igd mode");
		if (h->legacy_igd)
			k = check_legacy_igd(cfg, h, q35, e);
		if (k < 0)
			return k;
		igd |= h->legacy_igd;
		if (twice)
			return reject(e, h->index, "device '%s' assigned more than once",
				      bdf_format(*twice, bdf));
	}
	return 0;
}

int hostpci_all(const struct config *cfg, struct hostpci_list *ret, struct err *e)
{
	_cleanup_hostpci_list_ struct hostpci_list list = { 0 };
	const char *values[HOSTPCI_MAX] = { NULL };
	size_t n = 0;
	int k;

	config_foreach(l, cfg, "hostpci")
	{
		int index = hostpci_index(l->key);

		if (index < 0)
			continue;
		n += !values[index];
		values[index] = l->value;
	}
	list.v = calloc(n + 1, sizeof(*list.v));
	if (!list.v)
		return err_set(e, -ENOMEM, "out of memory");
	for (unsigned int i = 0; i < HOSTPCI_MAX; i++) {
		if (!values[i])
			continue;
		k = hostpci_parse(i, values[i], &list.v[list.n], e);
		if (k < 0)
			return k;
		list.n++;
	}
	k = check_entries(cfg, &list, e);
	if (k < 0)
		return k;
	*ret = list;
	list = (struct hostpci_list){ 0 };
	return 0;
}

void hostpci_list_done(struct hostpci_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		hostpci_done(&list->v[i]);
	free(list->v);
	*list = (struct hostpci_list){ 0 };
}
