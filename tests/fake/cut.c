/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "tests/fake/cut.h"

#define CALLS_MAX 800

static void must_be_as_before(const struct cut *c, struct fake *f, const char *before, unsigned int n)
{
	_cleanup_free_ char *after = fake_snapshot(f);

	if (strcmp(before, after) != 0)
		fake_die("%s at call %u:\n%s", c->what, n, fake_difference(before, after));
}

static void settle(const struct cut *c, struct fake *f, const char *before, unsigned int n)
{
	static const char *const dirs[] = { "/run/gpupt/lease", "/var/lib/gpupt/lease" };
	_cleanup_vm_ struct vm_result v = { 0 };
	char path[PATH_MAX];

	vm_reconcile(f, 0, &v);
	if (v.r != 0 || v.undo.foreign || !undo_complete(&v.undo))
		fake_die("%s at call %u: reconcile %d (foreign %u, failed %u, stuck %u): %s\n%s%s", c->what, n, v.r, v.undo.foreign,
			 v.undo.failed, v.undo.stuck, v.e.text, text_str(&v.said), text_str(&v.complained));
	must_be_as_before(c, f, before, n);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (fake_exists(f, path_f(path, "%s/%u", dirs[i], c->vmid)))
			fake_die("%s at call %u: %s is still there", c->what, n, path);
	if (f->shared->hung_unbinds)
		fake_die("%s at call %u: taken off its driver while that was in use", c->what, n);
}

/* The wait status of the walk with this fault at call n. */
static int walk(const struct cut *c, struct fake *f, unsigned int kinds, enum fake_fault fault, unsigned int n, int error, bool *ret_reached)
{
	unsigned int vmid = c->vmid;
	int status;

	if (c->returning && fake_run(f, vm_start_run, &vmid) != 0)
		fake_die("%s: VM %u does not start", c->what, vmid);
	fake_arm(f, kinds, fault, n, error);
	status = fake_run(f, c->returning ? vm_stop_run : vm_start_run, &vmid);
	*ret_reached = fake_count(f) >= n;
	fake_disarm(f);
	return status;
}

unsigned int cut_killed(const struct cut *c, enum fake_fault fault)
{
	for (unsigned int n = 1; n < CALLS_MAX; n += FAKE_EVERY) {
		_cleanup_fake_ struct fake *f = c->make();
		_cleanup_free_ char *before = fake_snapshot(f);
		bool reached;
		int status = walk(c, f, FAKE_KERNEL | FAKE_STORAGE, fault, n, 0, &reached);

		if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
			fake_die("%s: it fails without a fault", c->what);
		settle(c, f, before, n);
		if (WIFEXITED(status))
			return n - 1;
	}
	fake_die("%s: no end of calls", c->what);
}

unsigned int cut_failing(const struct cut *c, enum fake_fault fault, bool at_once, unsigned int *ret_failed)
{
	unsigned int calls = 0;

	for (unsigned int n = 1; n < CALLS_MAX; n += FAKE_EVERY) {
		_cleanup_fake_ struct fake *f = c->make();
		_cleanup_free_ char *before = fake_snapshot(f);
		bool reached;
		int status = walk(c, f, FAKE_KERNEL, fault, n, EIO, &reached);

		if (!WIFEXITED(status))
			fake_die("%s at call %u: it was killed", c->what, n);
		*ret_failed += WEXITSTATUS(status) != 0;
		if (at_once && WEXITSTATUS(status) != 0)
			must_be_as_before(c, f, before, n);
		settle(c, f, before, n);
		if (!reached)
			return calls;
		calls++;
	}
	fake_die("%s: no end of calls", c->what);
}
