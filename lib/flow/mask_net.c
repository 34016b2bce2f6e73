/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Masks for what is about the network, about mounts, and about the cluster. */
#include <strings.h>

#include "flow/mask.h"
#include "pve/section.h"

#define FIELDS_MAX 16
#define ZERO_ADDRESS "00000000000000000000000000000000"

static size_t split(char *line, char *fields[static FIELDS_MAX])
{
	char *save = NULL;
	size_t n = 0;

	for (char *p = strtok_r(line, " \t", &save); p && n < FIELDS_MAX; p = strtok_r(NULL, " \t", &save))
		fields[n++] = p;
	return n;
}

/* Iface Destination Gateway Flags RefCnt Use Metric Mask …: the lines of default routes, by the order of fib_route_seq_show() */
void mask_route(struct mask_names *n, char *text, struct text *ret)
{
	char *line, *f[FIELDS_MAX];

	text_add(ret, "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n");
	while ((line = str_line(&text)))
		if (split(line, f) >= 8 && str_eq(f[1], "00000000"))
			text_addf(ret, "%s\t00000000\t00000000\t%s\t%s\t%s\t%s\t%s\t0\t0\t0\n", f[0], f[3], f[4], f[5], f[6], f[7]);
}

/* destination length source length gateway metric refcnt use flags iface: rt6_info_route() */
void mask_route6(struct mask_names *n, char *text, struct text *ret)
{
	char *line, *f[FIELDS_MAX];

	while ((line = str_line(&text)))
		if (split(line, f) >= 10 && str_eq(f[0], ZERO_ADDRESS) && str_eq(f[1], "00"))
			text_addf(ret, ZERO_ADDRESS " 00 " ZERO_ADDRESS " 00 " ZERO_ADDRESS " %s %s %s %s %s\n", f[5], f[6], f[7], f[8],
				  f[9]);
}

/* "@/var/lib/lxc/200/command": what says that a container runs (guest.h) */
static bool is_command_socket(const char *line)
{
	const char *p = strstr(line, " @/var/lib/lxc/");
	size_t n = p ? strspn(p + strlen(" @/var/lib/lxc/"), "0123456789") : 0;

	return n > 0 && str_eq(p + strlen(" @/var/lib/lxc/") + n, "/command");
}

void mask_sockets(struct mask_names *n, char *text, struct text *ret)
{
	char *line;

	while ((line = str_line(&text)))
		if (str_starts(line, "Num ") || is_command_socket(line))
			text_addf(ret, "%s\n", line);
}

static bool is_network(const char *type)
{
	static const char *const types[] = { "nfs", "cifs", "smb", "ceph", "fuse", "9p", "glusterfs", "afs" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (str_starts(type, types[i]))
			return true;
	return false;
}

/* id parent major:minor root mountpoint options [optional fields] - type source options: proc_pid_mountinfo(5) */
void mask_mountinfo(struct mask_names *n, char *text, struct text *ret)
{
	char *line, *f[FIELDS_MAX];

	while ((line = str_line(&text))) {
		size_t fields = split(line, f), i = 6;

		while (i < fields && !str_eq(f[i], "-"))
			i++;
		if (i + 1 >= fields)
			continue;
		text_addf(ret, "%s %s %s / %s %s - %s none rw\n", f[0], f[1], f[2],
			  str_starts(f[2], "0:") && is_network(f[i + 1]) ? "/network" : f[4], f[5], f[i + 1]);
	}
}

/* Sections stand apart by an empty line. */
static void begin_section(struct text *ret, const char *header)
{
	text_addf(ret, "%s%s\n", ret->len ? "\n" : "", header);
}

/* "node=…" among the properties of a `map` line, with the node's name in the capture. */
static void add_map(struct mask_names *n, char *value, struct text *ret)
{
	const char *sep = "\tmap ";
	char *part, *save = NULL, buf[24];

	for (part = strtok_r(value, ",", &save); part; part = strtok_r(NULL, ",", &save)) {
		part = str_trim(part);
		if (!*part || str_starts(part, "description"))
			continue;
		if (str_starts(part, "node="))
			text_addf(ret, "%snode=%s", sep, mask_node(n, part + strlen("node="), buf));
		else
			text_addf(ret, "%s%s", sep, part);
		sep = ",";
	}
	/* an empty line would end the section */
	text_add(ret, *sep == ',' ? "\n" : "");
}

void mask_mapping(struct mask_names *n, char *text, struct text *ret)
{
	struct section_reader sr = section_reader(text);
	enum section_event ev;
	char *key, *value;

	while (section_next(&sr, &ev, &key, &value)) {
		if (ev == SECTION_HEADER) {
			begin_section(ret, key);
		} else if (ev == SECTION_PROPERTY && value && str_eq(key, "map")) {
			add_map(n, value, ret);
		} else if (ev == SECTION_PROPERTY && (str_eq(key, "mdev") || str_eq(key, "live-migration-capable"))) {
			text_addf(ret, "\t%s %s\n", key, value ? value : "");
		}
	}
}

static void add_nodes(struct mask_names *n, char *value, struct text *ret)
{
	const char *sep = "\tnodes ";
	char *node, *save = NULL, buf[24];

	for (node = strtok_r(value, ",; \t", &save); node; node = strtok_r(NULL, ",; \t", &save), sep = ",")
		text_addf(ret, "%s%s", sep, mask_node(n, node, buf));
	text_add(ret, *sep == ',' ? "\n" : "");
}

void mask_storage(struct mask_names *n, char *text, struct text *ret)
{
	static const char *const keys[] = { "path", "content", "content-dirs", "shared", "disable", "is_mountpoint" };
	struct section_reader sr = section_reader(text);
	enum section_event ev;
	char *key, *value;

	while (section_next(&sr, &ev, &key, &value)) {
		if (ev == SECTION_HEADER) {
			begin_section(ret, key);
		} else if (ev == SECTION_PROPERTY && value && str_eq(key, "nodes")) {
			add_nodes(n, value, ret);
		} else if (ev == SECTION_PROPERTY) {
			for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
				if (str_eq(key, keys[i]))
					text_addf(ret, "\t%s%s%s\n", key, value ? " " : "", value ? value : "");
		}
	}
}

/* "ct: 200", "vm: 101" with their `state`: resources.cfg of the HA manager */
void mask_ha(struct mask_names *n, char *text, struct text *ret)
{
	struct section_reader sr = section_reader(text);
	enum section_event ev;
	char *key, *value;
	bool kept = false;

	while (section_next(&sr, &ev, &key, &value)) {
		if (ev == SECTION_HEADER) {
			kept = strncasecmp(key, "ct:", 3) == 0 || strncasecmp(key, "vm:", 3) == 0;
			if (!kept)
				continue;
			begin_section(ret, key);
		} else if (ev == SECTION_PROPERTY && kept && value && str_eq(key, "state")) {
			text_addf(ret, "\tstate %s\n", value);
		}
	}
}
