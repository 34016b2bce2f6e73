/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/slow.h"
#include "pve/cmdline.h"

/*
 * Walks options and their values, "-name value"; what starts with '-' is the next option (parse_cmdline() in
 * PVE/QemuServer/Helpers.pm).
 */
struct walk {
	const char *at, *end;
	const char *option; /* without its dashes, of value */
	const char *value;
};

static bool walk_next(struct walk *w)
{
	const char *option = NULL;

	while (w->at < w->end) {
		const char *arg = w->at;

		w->at += strnlen(arg, (size_t)(w->end - arg)) + 1;
		if (*arg == '-') {
			option = arg + (arg[1] == '-' ? 2 : 1);
		} else if (*arg && option) {
			w->option = option;
			w->value = arg;
			return true;
		}
	}
	return false;
}

/* kvm, /usr/bin/kvm, qemu-system-x86_64 … */
static bool is_qemu(const char *arg0)
{
	const char *base = strrchr(arg0, '/');
	size_t n = strlen(arg0);

	base = base ? base + 1 : arg0;
	return (n >= 3 && str_eq(arg0 + n - 3, "kvm")) || (str_starts(base, "qemu-") && base[5]);
}

bool cmdline_is_vm(const char *args, size_t len, unsigned int vmid)
{
	struct walk w = { .at = args, .end = args + len };
	char id[16], pidfile[64], pidfile_run[64];

	if (len == 0 || args[len - 1] || !is_qemu(args))
		return false;
	snprintf(id, sizeof(id), "%u", vmid);
	snprintf(pidfile, sizeof(pidfile), "/var/run/qemu-server/%u.pid", vmid);
	snprintf(pidfile_run, sizeof(pidfile_run), "/run/qemu-server/%u.pid", vmid);
	while (walk_next(&w)) {
		if (str_eq(w.option, "id") && str_eq(w.value, id))
			return true;
		if (str_eq(w.option, "pidfile") && (str_eq(w.value, pidfile) || str_eq(w.value, pidfile_run)))
			return true;
	}
	return false;
}

/* Reads the next "key=value" of *p, up to a comma (",," stands for one), into buf; false at the end. */
static bool next_part(const char **p, char *buf, size_t size)
{
	size_t n = 0;

	if (!**p)
		return false;
	for (; **p; (*p)++) {
		if (**p == ',' && *++*p != ',')
			break;
		if (n + 1 < size)
			buf[n++] = **p;
	}
	buf[n] = '\0';
	return true;
}

/* An address as QEMU reads it: zeros in front may be missing, the domain too. */
static bool parse_host(const char *s, struct bdf *ret)
{
	unsigned int d = 0, b, dev, fn;
	int end = 0;

	if (sscanf(s, "%8x:%2x:%2x.%1x%n", &d, &b, &dev, &fn, &end) != 4) {
		d = 0;
		if (sscanf(s, "%2x:%2x.%1x%n", &b, &dev, &fn, &end) != 3)
			return false;
	}
	if (s[end] || dev > 0x1f || fn > 7)
		return false;
	*ret = (struct bdf){ .domain = d, .bus = (uint8_t)b, .dev = (uint8_t)dev, .fn = (uint8_t)fn };
	return true;
}

/* Is the value of a -device one of vfio-pci's? */
static bool parse_device(const char *value, struct cmdline_device *ret)
{
	struct cmdline_device d = { 0 };
	bool host = false;
	char part[256];

	if (!next_part(&value, part, sizeof(part)) ||
	    !(str_eq(part, "vfio-pci") || str_eq(part, "vfio-pci-nohotplug")))
		return false;
	while (next_part(&value, part, sizeof(part))) {
		if (str_starts(part, "host=")) {
			host = parse_host(part + 5, &d.bdf);
		} else if (str_starts(part, "sysfsdev=")) {
			const char *base = strrchr(part, '/');

			host = base && bdf_parse_full(base + 1, &d.bdf) == 0;
			d.mdev = !host;
		} else if (str_starts(part, "id=")) {
			snprintf(d.id, sizeof(d.id), "%.*s", (int)sizeof(d.id) - 1, part + 3);
		}
	}
	*ret = d;
	return host || d.mdev;
}

int cmdline_hostpci(const char *args, size_t len, struct cmdline_devices *ret)
{
	_cleanup_cmdline_devices_ struct cmdline_devices l = { 0 };
	struct walk w = { .at = args, .end = args + len };
	struct cmdline_device d, *v;

	/* the last argument of a command line that was cut has no end */
	while (len > 0 && args[len - 1])
		len--;
	w.end = args + len;
	while (walk_next(&w)) {
		if (!str_eq(w.option, "device") || !parse_device(w.value, &d))
			continue;
		v = realloc(l.v, (l.n + 1) * sizeof(*v));
		if (!v)
			return -ENOMEM;
		l.v = v;
		v[l.n++] = d;
	}
	*ret = l;
	l = (struct cmdline_devices){ 0 };
	return 0;
}

int guest_cmdline_hostpci(const struct root *r, pid_t pid, struct cmdline_devices *ret, struct err *e)
{
	_cleanup_free_ char *args = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int k = slow_read(r, path_f(path, "/proc/%d/cmdline", (int)pid), CMDLINE_MAX, &args, &len);

	if (k == -ENOENT || k == -ESRCH || (k == 0 && len == 0))
		return err_set(e, -ESRCH, "there is no process %d", (int)pid);
	if (k == 0)
		k = cmdline_hostpci(args, len, ret);
	return k < 0 ? err_errno(e, k, "cannot read the command line of process %d", (int)pid) : 0;
}

void cmdline_devices_done(struct cmdline_devices *l)
{
	free(l->v);
	*l = (struct cmdline_devices){ 0 };
}
