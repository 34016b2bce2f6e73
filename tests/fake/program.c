/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs and units: what the program under test starts. */
#include <dirent.h>
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/exec.h"
#include "base/proc.h"
#include "base/unit.h"
#include "tests/fake/ct.h"
#include "tests/fake/inside.h"
#include "tests/fake/nvidia.h"
#include "tests/fake/prepare.h"
#include "tests/fake/set.h"

/* A module that is there is named in modules/; the ones that the machine was made with are loaded at once. */
void fake_load_module(struct fake *f, const char *module)
{
	char path[PATH_MAX], name[64];

	fake_hide(f, path_f(path, "modules/%s", module), "1");
	snprintf(name, sizeof(name), "%s", module);
	for (char *p = name; *p; p++)
		if (*p == '-')
			*p = '_';
	fake_mkdir(f, path_f(path, "/sys/module/%s", name));
	if (!str_eq(module, "vfio_iommu_type1"))
		fake_driver(f, module);
}

struct unbound {
	struct fake *f;
	const char *driver;
};

/* A driver that comes takes what it knows and nobody has. */
static void offer(const struct fake *cf, const char *bdf, void *ctx)
{
	struct unbound *u = ctx;
	char path[PATH_MAX];

	if (str_eq(fake_hidden(cf, path_f(path, "native/%s", bdf)), u->driver))
		fake_probe(u->f, bdf);
}

static int modprobe(struct fake *f, const char *module, struct exec_result *ret)
{
	struct unbound u = { .f = f, .driver = module };
	char path[PATH_MAX];

	if (!fake_is_hidden(f, path_f(path, "modules/%s", module))) {
		ret->status = 1;
		ret->output = strdup("modprobe: FATAL: Module not found in directory /lib/modules\n");
		return 0;
	}
	fake_load_module(f, module);
	fake_each(f, offer, &u);
	return 0;
}

int fake_exec(void *ctx, char *const argv[], struct exec_result *ret)
{
	struct fake *f = ctx;
	const char *last = NULL;
	unsigned int n;
	int r;

	__atomic_add_fetch(&f->shared->execs, 1, __ATOMIC_SEQ_CST);
	if (!fake_before(f, FAKE_KERNEL, NULL, &n, &r))
		return r;
	*ret = (struct exec_result){ 0 };
	for (int i = 0; argv[i]; i++)
		last = argv[i];
	if (str_eq(argv[0], "modprobe"))
		r = modprobe(f, last, ret);
	else if (fake_is_set(argv))
		r = fake_set(f, argv, ret);
	else if (str_eq(argv[0], "pct") || str_eq(argv[0], "ha-manager"))
		r = fake_pct(f, argv, ret);
	else if (str_eq(argv[0], "qm"))
		r = fake_qm(f, argv, ret);
	else if (str_eq(argv[0], "lxc-cgroup"))
		r = fake_lxc(f, argv, ret);
	else if (fake_builds(argv[0]))
		r = fake_build(f, argv, ret);
	else
		r = fake_nvidia_exec(f, argv, ret);
	r = fake_after(f, n, r);
	/* a program that could not be run has said nothing */
	if (r < 0) {
		free(ret->output);
		ret->output = NULL;
	}
	return r;
}

/* Signs in as the watcher of that VM does, with the test's own process. */
static int watcher(struct fake *f, const char *vmid, const char *verb)
{
	struct proc_id self;
	char path[PATH_MAX];

	if (str_eq(fake_hidden(f, "watcher"), "refuses"))
		return -EACCES;
	if (!str_eq(fake_hidden(f, "watcher"), "comes"))
		return -ENOTCONN;
	self.pid = f->owner;
	if (proc_start(&f->proc, self.pid, &self.start) < 0)
		fake_die("no start time");
	fake_putf(f, path_f(path, "/run/gpupt/watch/%u", (unsigned int)strtoul(vmid, NULL, 10)), "%d %llu\n", (int)self.pid,
		  (unsigned long long)self.start);
	return 0;
}

/* With a unit its processes end. */
static void end_processes(struct fake *f, const char *unit)
{
	char path[PATH_MAX], full[PATH_MAX];
	struct dirent **v;
	int n = scandir(fake_path(f, full, "/proc"), &v, NULL, NULL);

	for (int i = 0; i < n; i++) {
		const char *in = strrchr(fake_get(f, path_f(path, "/proc/%s/cgroup", v[i]->d_name)), '/');

		if (in && str_eq(in + 1, unit))
			fake_remove(f, path_f(path, "/proc/%s", v[i]->d_name));
		free(v[i]);
	}
	if (n >= 0)
		free(v);
}

/* A client that reconnects at once, say: with the stop of the unit somebody else opens the card. */
static void respawn(struct fake *f, const char *unit)
{
	char path[PATH_MAX], comm[32], dev[32], name[64];
	int pid;

	if (sscanf(fake_hidden(f, path_f(path, "respawns/%s", unit)), "%d %31s %31s %63s", &pid, comm, dev, name) == 4)
		fake_holder(f, pid, comm, "/user.slice", dev, name);
}

static void unit_job(struct fake *f, const char *unit, const char *verb)
{
	bool stops = str_eq(verb, "stop");
	char path[PATH_MAX];
	const char *state = fake_hidden(f, path_f(path, "%s-as/%s", stops ? "stops" : "starts", unit));

	if (str_eq(fake_hidden(f, path_f(path, "units/%s", unit)), "broken"))
		return;
	fake_hide(f, path, *state ? state : stops ? "inactive" : "active");
	if (!stops || (*state && !str_eq(state, "failed")))
		return;
	end_processes(f, unit);
	respawn(f, unit);
}

int fake_unit_call(void *ctx, const char *unit, const char *verb, char *ret_state)
{
	struct fake *f = ctx;
	char path[PATH_MAX];
	unsigned int n;
	int r;

	if (str_eq(verb, "system-state")) {
		snprintf(ret_state, UNIT_STATE_LEN, "%s", fake_is_hidden(f, "system-state") ? fake_hidden(f, "system-state") : "running");
		return 0;
	}
	/* the watcher: unless told otherwise, this is a machine without systemd */
	if (str_starts(unit, "gpupt-settle@"))
		return watcher(f, unit + strlen("gpupt-settle@"), verb);
	path_f(path, "units/%s", unit);
	if (!fake_is_hidden(f, path))
		return -ENOENT;
	if (str_eq(verb, "state")) {
		snprintf(ret_state, UNIT_STATE_LEN, "%s", fake_hidden(f, path));
		return 0;
	}
	if (!fake_before(f, FAKE_KERNEL, NULL, &n, &r))
		return r;
	unit_job(f, unit, verb);
	if (str_eq(unit, "nvidia-persistenced.service"))
		fake_nvidia_daemon(f, str_eq(fake_hidden(f, path), "active"));
	return fake_after(f, n, 0);
}

bool fake_processes_end(void)
{
	return syscall(SYS_pidfd_send_signal, -1, 0, NULL, 0) == 0 || errno != ENOSYS;
}
