/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/holders.h"

/* Does s end with suffix, and is more than that? */
static bool ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n > m && strcmp(s + n - m, suffix) == 0;
}

/*
 * The control group's name, component by component from the outermost, so that what a container calls itself
 * inside is not believed. Proxmox VE makes /lxc/ID (PVE/LXC.pm, update_lxc_config) and /qemu.slice/ID.scope
 * (PVE/QemuServer.pm, vm_start_nolock); plain LXC makes /lxc.payload.NAME.
 */
static enum holder_kind path_parse(char *path, char *id, size_t size)
{
	const char *before = "";
	unsigned int vmid;
	char *save = NULL;

	for (char *part = strtok_r(path, "/", &save); part;
	     before = part, part = strtok_r(NULL, "/", &save)) {
		static const char *const lxc[] = { "lxc.payload.", "lxc.monitor." };

		if (str_eq(before, "lxc") || str_eq(before, "lxc.payload") || str_eq(before, "lxc.monitor")) {
			snprintf(id, size, "%s", part);
			return HOLDER_CONTAINER;
		}
		for (size_t i = 0; i < ARRAY_SIZE(lxc); i++) {
			if (str_starts(part, lxc[i]) && part[strlen(lxc[i])]) {
				snprintf(id, size, "%s", part + strlen(lxc[i]));
				return HOLDER_CONTAINER;
			}
		}
		if (str_eq(before, "qemu.slice") && ends(part, ".scope")) {
			snprintf(id, size, "%.*s", (int)(strlen(part) - strlen(".scope")), part);
			if (parse_vmid(id, &vmid) == 0)
				return HOLDER_VM;
		}
		if (ends(part, ".service") || ends(part, ".scope")) {
			snprintf(id, size, "%s", part);
			return HOLDER_UNIT;
		}
	}
	return HOLDER_HOST;
}

enum holder_kind holder_cgroup_parse(char *text, char *id, size_t size)
{
	/*
	 * several lines on a host with version 1 hierarchies: a guest named in any of them counts more than a
	 * unit
	 */
	static const int weight[] = {
		[HOLDER_HOST] = 0, [HOLDER_UNIT] = 1, [HOLDER_VM] = 2, [HOLDER_CONTAINER] = 2
	};
	enum holder_kind best = HOLDER_HOST;
	char *line;

	id[0] = '\0';
	while ((line = str_line(&text))) { /* "0::/path", "4:memory:/path": cgroups(7) */
		char *path = strchr(line, ':');
		char this_id[sizeof(((struct holder *)0)->id)] = "";
		enum holder_kind kind;

		path = path ? strchr(path + 1, ':') : NULL;
		if (!path)
			continue;
		kind = path_parse(path + 1, this_id, sizeof(this_id));
		if (weight[kind] > weight[best]) {
			best = kind;
			snprintf(id, size, "%s", str_printable(this_id));
		}
	}
	return best;
}

char *holder_format(const struct holder *h, char *buf, size_t size)
{
	static const char *const where[] = {
		[HOLDER_HOST] = "",
		[HOLDER_VM] = " of VM ",
		[HOLDER_CONTAINER] = " in container ",
		[HOLDER_UNIT] = " of ",
	};

	snprintf(buf, size, "%s (%d)%s%s", h->comm, (int)h->proc.pid, where[h->kind], h->id);
	return buf;
}
