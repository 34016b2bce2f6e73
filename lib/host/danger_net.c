/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/danger_kinds.h"

#define TEXT_MAX    (16 << 20)
#define STACK_DEPTH 8	/* of VLAN on bond on …; MAX_NEST_DEV in the kernel */
#define RTF_UP	    0x1 /* include/uapi/linux/route.h */
#define RTF_REJECT  0x200

/* Interfaces of default routes; those that reject packets are on "*" or lo, which are no card's. */
static int routes4(char *text, struct strv *ret)
{
	char *line;

	while ((line = str_line(&text))) { /* Iface Destination Gateway Flags RefCnt Use Metric Mask …:
					      fib_route_seq_show() */
		char name[32];
		unsigned int destination, flags, mask;

		if (sscanf(line, "%31s %x %*x %x %*u %*u %*u %x", name, &destination, &flags, &mask) != 4)
			continue;
		if (!destination && !mask && flags & RTF_UP && !strv_has(ret, name) &&
		    strv_add(ret, name) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int routes6(char *text, struct strv *ret)
{
	char *line;

	while ((line = str_line(&text))) { /* rt6_info_route(): destination, its length, source, its length,
					      next hop, metric, … */
		char destination[33], name[32];
		unsigned int len, flags;

		if (sscanf(line, "%32s %x %*32s %*x %*32s %*x %*x %*x %x %31s", destination, &len, &flags,
			   name) != 4)
			continue;
		if (len == 0 && flags & RTF_UP && !strv_has(ret, name) && strv_add(ret, name) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int routes_load(const struct root *r, struct strv *ret)
{
	static const struct {
		const char *path;
		int (*parse)(char *text, struct strv *ret);
	} files[] = { { "/proc/net/route", routes4 }, { "/proc/net/ipv6_route", routes6 } };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *text = NULL;
		int k = root_read(r, files[i].path, TEXT_MAX, &text, NULL);

		if (k == -ENOENT) /* a kernel without that protocol */
			continue;
		if (k < 0 || (k = files[i].parse(text, ret)) < 0)
			return k;
	}
	return 0;
}

/* Everything about interface `name`, which is nic itself or, as a VLAN, upon it. */
static int interface_check(const struct root *r, const struct strv *routes, const char *nic, const char *name,
			   struct danger_list *l, unsigned int depth)
{
	_cleanup_closedir_ DIR *d = NULL;
	char path[PATH_MAX], master[32];
	int k = 0;

	if (strv_has(routes, name))
		k = danger_add(l, DANGER_ROUTE, "%s carries the default route%s%s", nic,
			       name == nic ? "" : " as ", name == nic ? "" : name);
	if (k == 0 && root_readlink_base(r, path_f(path, "/sys/class/net/%s/master", name), master,
					 sizeof(master)) == 0)
		k = danger_add(l, DANGER_PORT, "%s is a port of %s", nic, master);
	if (k < 0 || depth == STACK_DEPTH || root_opendir(r, path_f(path, "/sys/class/net/%s", name), &d) < 0)
		return k;
	/* upper_vmbr0, upper_eno1.100: netdev_adjacent_sysfs_add() in net/core/dev.c */
	for (struct dirent *ent; (ent = readdir(d));) {
		if (!str_starts(ent->d_name, "upper_"))
			continue;
		k = interface_check(r, routes, nic, ent->d_name + strlen("upper_"), l, depth + 1);
		if (k < 0)
			return k;
	}
	return 0;
}

int danger_net(const struct root *r, struct bdf bdf, struct danger_list *l)
{
	_cleanup_strv_ struct strv nics = { 0 }, routes = { 0 };
	int k;

	k = danger_devices_below(r, "net", bdf, &nics);
	if (k < 0 || nics.n == 0)
		return k;
	k = routes_load(r, &routes);
	if (k < 0)
		return k;
	strv_foreach (nic, &nics) {
		k = interface_check(r, &routes, nic, nic, l, 0);
		if (k < 0)
			return k;
	}
	return 0;
}
