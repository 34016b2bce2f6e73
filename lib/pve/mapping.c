/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "pve/mapping.h"
#include "pve/pciid.h"
#include "pve/property.h"
#include "pve/section.h"

#define MAPPING_FILE "/etc/pve/mapping/pci.cfg"
#define MAPPING_MAX  (1024 * 1024) /* the largest file pmxcfs keeps */

int node_name(const struct root *r, char ret[static NODE_NAME_MAX], struct err *e)
{
	static const char *const files[] = { "/proc/sys/kernel/hostname", "/etc/hostname" };
	char name[NODE_NAME_MAX] = "";
	int k = root_readlink_base(r, "/etc/pve/local", name, sizeof(name));

	for (size_t i = 0; (k < 0 || !*name) && i < ARRAY_SIZE(files); i++) {
		k = root_read_line(r, files[i], name, sizeof(name));
		/* the domain, if the name has one, is no part of a node's name */
		if (k == 0)
			name[strcspn(name, ". \t\r")] = '\0';
	}
	if (k < 0 || !*name)
		return err_set(e, k < 0 ? k : -ENOENT, "unable to read node name");
	memcpy(ret, name, sizeof(name));
	return 0;
}

static void mapping_clear(struct mapping *m)
{
	for (size_t i = 0; i < m->n_choices; i++)
		free(m->choices[i].devices);
	free(m->choices);
	free(m->name);
	strv_done(&m->warnings);
	*m = (struct mapping){ 0 };
}

static int warn(struct mapping *m, const char *fmt, ...) _printf_(2, 3);

static int warn(struct mapping *m, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return strv_add(&m->warnings, str_printable(text));
}

/* "10de:2204", in either case */
static int parse_ids(const char *s, char ret[static 10])
{
	static const char hex[] = "0123456789abcdefABCDEF";

	if (strspn(s, hex) != 4 || s[4] != ':' || strspn(s + 5, hex) != 4 || s[9])
		return -EINVAL;
	memcpy(ret, s, 10);
	return 0;
}

/* An integer by Proxmox VE's rules, sign and zeros allowed. */
static int parse_group(const char *s, char *buf, size_t size)
{
	const char *digits = s + strspn(s, "+-");

	if (digits - s > 1 || !*digits || digits[strspn(digits, "0123456789")])
		return -EINVAL;
	snprintf(buf, size, "%s", s);
	return 0;
}

/* One key of a `map` line. 0; -EINVAL: Proxmox VE ignores the whole line; 1: not known here. */
static int parse_map_key(struct mapping_choice *c, const struct property *p)
{
	if (str_eq(p->key, "id"))
		return parse_ids(p->value, c->id);
	if (str_eq(p->key, "subsystem-id"))
		return parse_ids(p->value, c->subsystem_id);
	if (str_eq(p->key, "iommugroup"))
		return parse_group(p->value, c->iommu_group, sizeof(c->iommu_group));
	if (str_eq(p->key, "path")) {
		if (!pciid_list_valid(p->value, true))
			return -EINVAL;
		return pciid_list_parse(p->value, &c->devices, &c->n_devices, NULL);
	}
	if (str_eq(p->key, "node") || str_eq(p->key, "description"))
		return 0;
	return property_key_plausible(p->key) ? 1 : -EINVAL;
}

static int parse_choice(struct mapping *m, const struct properties *props, struct mapping_choice *c)
{
	for (size_t i = 0; i < props->n; i++) {
		const struct property *p = &props->v[i];
		int k = parse_map_key(c, p);

		if (k == 1)
			k = warn(m, "mapping '%s': key '%.32s' is not known here", m->name, p->key);
		else if (k == -EINVAL && warn(m, "mapping '%s': line ignored, '%.32s=%.64s' is not valid",
					      m->name, p->key, p->value) < 0)
			return -ENOMEM;
		if (k < 0)
			return k;
	}
	if (property_get(props, "id") && property_get(props, "path"))
		return 0;
	return warn(m, "mapping '%s': line ignored, it lacks 'id' or 'path'", m->name) < 0 ? -ENOMEM
											   : -EINVAL;
}

static int add_choice(struct mapping *m, const struct mapping_choice *c)
{
	struct mapping_choice *v = realloc(m->choices, (m->n_choices + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	m->choices = v;
	v[m->n_choices++] = *c;
	return 0;
}

/* A `map` line: kept if it is for node, passed over if Proxmox VE passes over it. 0 or -ENOMEM. */
static int parse_map(struct mapping *m, const char *value, const char *node)
{
	_cleanup_property_ struct properties props = { 0 };
	struct mapping_choice c = { 0 };
	struct err why;
	int k = property_parse(value, NULL, &props, &why);

	if (k == -EINVAL)
		return warn(m, "mapping '%s': line ignored, %s", m->name, why.text);
	if (k < 0 || !str_eq(property_get(&props, "node"), node))
		return k;
	k = parse_choice(m, &props, &c);
	if (k == 0)
		k = add_choice(m, &c);
	if (k < 0)
		free(c.devices);
	return k == -EINVAL ? 0 : k;
}

static int parse_mapping_property(struct mapping *m, const char *key, const char *value, const char *node)
{
	bool *flag = str_eq(key, "mdev")		     ? &m->mdev
		     : str_eq(key, "live-migration-capable") ? &m->live_migration_capable
							     : NULL;

	if (str_eq(key, "map"))
		return value ? parse_map(m, value, node) : 0;
	if (str_eq(key, "description"))
		return 0;
	if (!flag)
		return warn(m, "mapping '%s': property '%.32s' is not known here", m->name, key);
	/* of the spellings of a boolean this format has one: check_type() in PVE/JSONSchema.pm */
	if (value && !str_eq(value, "0") && !str_eq(value, "1"))
		return warn(m, "mapping '%s': %s: type check ('boolean') failed", m->name, key);
	*flag = !value || str_eq(value, "1");
	return 0;
}

/* A new section; mapping_find() looks from the end, for the last of one name counts. NULL: out of memory. */
static struct mapping *start_mapping(struct mappings *all, const char *name)
{
	struct mapping *v = realloc(all->v, (all->n + 1) * sizeof(*v)), *m;

	if (!v)
		return NULL;
	all->v = v;
	m = &v[all->n++];
	*m = (struct mapping){ .name = strdup(name) };
	return m->name ? m : NULL;
}

/* A header is one word at the line's start. */
static bool is_header(char *line)
{
	return str_trim(line) == line && !line[strcspn(line, " \t\r\f\v")];
}

static int parse_text(char *data, const char *node, struct mappings *ret)
{
	_cleanup_mapping_ struct mappings all = { 0 };
	struct section_reader sr = section_reader(data);
	struct mapping *m = NULL;
	enum section_event ev;
	char *text, *value;
	int k = 0;

	while (k == 0 && section_next(&sr, &ev, &text, &value)) {
		if (ev == SECTION_HEADER) {
			m = NULL;
			if (!is_header(text)) {
				section_reject(&sr);
			} else if (property_is_configid(text)) { /* else the section is skipped */
				m = start_mapping(&all, text);
				k = m ? 0 : -ENOMEM;
			}
		} else if (ev == SECTION_PROPERTY && m) {
			k = parse_mapping_property(m, text, value, node);
		}
	}
	if (k < 0)
		return k;
	*ret = all;
	all = (struct mappings){ 0 };
	return 0;
}

int mapping_parse(const char *data, size_t len, const char *node, struct mappings *ret)
{
	_cleanup_free_ char *copy = NULL;

	if (len > 0 && memchr(data, '\0', len))
		return -EBADMSG;
	copy = calloc(1, len + 1);
	if (!copy)
		return -ENOMEM;
	if (len > 0)
		memcpy(copy, data, len);
	return parse_text(copy, node, ret);
}

int mapping_load(const struct root *r, struct mappings *ret, struct err *e)
{
	_cleanup_free_ char *data = NULL;
	char node[NODE_NAME_MAX];
	size_t len = 0;
	int k = root_read(r, MAPPING_FILE, MAPPING_MAX, &data, &len);

	if (k == -ENOENT) {
		*ret = (struct mappings){ 0 };
		return 0;
	}
	if (k < 0)
		return err_errno(e, k, "cannot read '%s'", MAPPING_FILE);
	k = node_name(r, node, e);
	if (k < 0)
		return k;
	k = mapping_parse(data, len, node, ret);
	if (k == -EBADMSG)
		return err_set(e, k, "'%s' contains a NUL byte", MAPPING_FILE);
	return k < 0 ? err_errno(e, k, "cannot read '%s'", MAPPING_FILE) : 0;
}

void mapping_done(struct mappings *m)
{
	for (size_t i = 0; i < m->n; i++)
		mapping_clear(&m->v[i]);
	free(m->v);
	*m = (struct mappings){ 0 };
}

const struct mapping *mapping_find(const struct mappings *m, const char *name, struct err *e)
{
	for (size_t i = m->n; i-- > 0;) {
		if (!str_eq(m->v[i].name, name))
			continue;
		if (m->v[i].n_choices > 0)
			return &m->v[i];
		break;
	}
	err_set(e, -ENOENT, "PCI device mapping not found for '%.64s'", name);
	return NULL;
}
