/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/bounded.h"
#include "plan/state.h"
#include "plan/stuck.h"

#define STUCK_DIR STATE_RUN "/stuck"

static char *stuck_path(char path[static PATH_MAX], struct bdf b)
{
	char name[BDF_LEN];

	return path_f(path, STUCK_DIR "/%s", bdf_format(b, name));
}

int stuck_remember(const struct root *r, const struct stuck *s, struct err *e)
{
	_cleanup_text_ struct text t = { 0 };
	char path[PATH_MAX];

	text_addf(&t, "%d %llu %s\n", (int)s->child.pid, (unsigned long long)s->child.start, s->what);
	return state_write(r, stuck_path(path, s->bdf), text_str(&t), e);
}

static int stuck_parse(char *text, struct stuck *ret)
{
	char *save = NULL, *pid = strtok_r(text, " ", &save), *start = strtok_r(NULL, " ", &save),
	     *what = strtok_r(NULL, "\n", &save);
	uint64_t n;

	if (!pid || !start || !what || parse_uint(pid, INT32_MAX, &n) < 0 ||
	    parse_uint(start, UINT64_MAX, &ret->child.start) < 0)
		return -EBADMSG;
	ret->child.pid = (pid_t)n;
	snprintf(ret->what, sizeof(ret->what), "%s", str_printable(what));
	return 0;
}

int stuck_find(const struct root *r, struct bdf b, struct stuck *ret)
{
	_cleanup_free_ char *text = NULL;
	struct stuck s = { .bdf = b };
	char path[PATH_MAX];

	if (state_read(r, stuck_path(path, b), &text) < 0 || stuck_parse(text, &s) < 0)
		return 0;
	if (!proc_alive(r, s.child))
		return 0;
	*ret = s;
	return 1;
}

void stuck_forget(const struct root *r, struct bdf b)
{
	struct stuck s;
	char path[PATH_MAX];

	if (!stuck_find(r, b, &s))
		root_unlink(r, stuck_path(path, b));
}

int stuck_all(const struct root *r, struct stuck **ret, size_t *ret_n)
{
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_free_ struct stuck *all = NULL;
	size_t n = 0;
	int k = state_list(r, STUCK_DIR, &names);

	if (k < 0)
		return k;
	all = calloc(names.n + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	strv_foreach(name, &names) {
		struct bdf b;

		if (bdf_parse_full(name, &b) == 0)
			n += (size_t)stuck_find(r, b, &all[n]);
	}
	*ret = TAKE_PTR(all);
	*ret_n = n;
	return 0;
}

static int refuse(const struct root *r, struct bdf b, struct err *e)
{
	char name[BDF_LEN];
	struct stuck s;

	if (!stuck_find(r, b, &s))
		return 0;
	return err_set(e, -EBUSY, "%s is stuck: process %d still waits in the kernel (%s)", bdf_format(b, name),
		       (int)s.child.pid, s.what);
}

static int timed_out(const struct root *r, struct bdf b, struct proc_id child, const char *path, const char *verb,
		     unsigned int timeout_ms, struct err *e)
{
	struct stuck s = { .bdf = b, .child = child };
	const char *base = strrchr(path, '/');
	char name[BDF_LEN];

	snprintf(s.what, sizeof(s.what), "%s %s", verb, base ? base + 1 : path);
	stuck_remember(r, &s, NULL);
	return err_set(e, -ETIMEDOUT, "%s is stuck: %s did not return within %u s (process %d waits in the kernel)",
		       bdf_format(b, name), s.what, timeout_ms / 1000, (int)child.pid);
}

int stuck_write(const struct root *r, struct bdf b, const char *path, const char *value, unsigned int timeout_ms,
		struct err *e)
{
	struct proc_id child;
	int k = refuse(r, b, e);

	if (k < 0)
		return k;
	k = bounded_write(r, path, value, timeout_ms, &child);
	if (k == -ETIMEDOUT)
		return timed_out(r, b, child, path, "writing", timeout_ms, e);
	return k < 0 ? err_errno(e, k, "cannot write '%s' to %s", value, path) : 0;
}

int stuck_read(const struct root *r, struct bdf b, const char *path, char *buf, size_t size, unsigned int timeout_ms,
	       struct err *e)
{
	struct proc_id child;
	int k = refuse(r, b, e);

	if (k < 0)
		return k;
	k = bounded_read(r, path, buf, size, timeout_ms, &child);
	if (k == -ETIMEDOUT)
		return timed_out(r, b, child, path, "reading", timeout_ms, e);
	return k < 0 ? err_errno(e, k, "cannot read %s", path) : 0;
}
