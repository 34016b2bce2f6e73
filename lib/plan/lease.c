/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>

#include "plan/lease.h"
#include "plan/state.h"

#define LEASE_MAX (4 * 1024 * 1024)

static const char *const dirs[] = { STATE_RUN "/lease", STATE_VAR "/lease" };

int lease_path(const struct root *r, unsigned int vmid, char ret[static PATH_MAX])
{
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		char path[PATH_MAX];
		_cleanup_close_ int fd = state_open(r, path_f(path, "%s/%u", dirs[i], vmid), O_PATH);

		if (fd >= 0) {
			path_f(ret, "%s", path);
			return 0;
		}
		/* not to be able to look is not the same as that there is none */
		if (fd != -ENOENT && fd != -ENOTDIR)
			return fd;
	}
	return -ENOENT;
}

int lease_create(const struct root *r, unsigned int vmid, bool survives_reboot, struct record *ret, struct err *e)
{
	char path[PATH_MAX];

	return record_create(r, path_f(path, "%s/%u", dirs[survives_reboot], vmid), ret, e);
}

int lease_keep(struct record *rec, unsigned int vmid, struct err *e)
{
	const struct root *r = rec->root;
	_cleanup_free_ char *text = NULL;
	char from[PATH_MAX], to[PATH_MAX];
	int k;

	path_f(from, "%s/%u", dirs[0], vmid);
	if (!str_eq(rec->path, from))
		return 0;
	k = root_mkdir_p(r, dirs[1], 0700);
	if (k == 0)
		k = root_read(r, from, LEASE_MAX, &text, NULL);
	if (k == 0)
		k = root_write_file(r, path_f(to, "%s/%u", dirs[1], vmid), text, strlen(text), 0600);
	if (k < 0)
		return err_errno(e, k, "cannot keep the lease of VM %u in %s", vmid, dirs[1]);
	/* lease_path() finds the old one as long as it is there, and so does whoever comes by after a crash here, who drops the copy */
	record_close(rec);
	k = root_unlink(r, from);
	return k < 0 ? err_errno(e, k, "cannot remove %s", from) : record_open(r, to, rec, e);
}

void lease_drop_copy(const struct record *rec, unsigned int vmid)
{
	char first[PATH_MAX], copy[PATH_MAX];

	if (str_eq(rec->path, path_f(first, "%s/%u", dirs[0], vmid)))
		root_unlink(rec->root, path_f(copy, "%s/%u", dirs[1], vmid));
}

static int cmp_vmid(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return (x > y) - (x < y);
}

int lease_all(const struct root *r, unsigned int **ret, size_t *ret_n)
{
	_cleanup_free_ unsigned int *all = NULL;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		_cleanup_strv_ struct strv names = { 0 };
		unsigned int *more;
		int k = state_list(r, dirs[i], &names);

		if (k < 0)
			return k;
		more = reallocarray(all, n + names.n + 1, sizeof(*all));
		if (!more)
			return -ENOMEM;
		all = more;
		strv_foreach(name, &names)
			n += parse_vmid(name, &all[n]) == 0;
	}
	qsort(all, n, sizeof(*all), cmp_vmid);
	*ret_n = 0;
	/* one that lease_keep() has not finished with is in both */
	for (size_t i = 0; i < n; i++)
		if (*ret_n == 0 || all[*ret_n - 1] != all[i])
			all[(*ret_n)++] = all[i];
	*ret = TAKE_PTR(all);
	return 0;
}

bool lease_is_old(const struct root *r, const struct record *rec)
{
	char boot_id[BOOT_ID_LEN];
	const char *taken = record_get(rec, LEASE_BOOT);

	return taken && proc_boot_id(r, boot_id) == 0 && strcmp(boot_id, taken) != 0;
}

int lease_each(const struct root *r, lease_each_fn *fn, void *ctx)
{
	_cleanup_free_ unsigned int *all = NULL;
	size_t n = 0;
	int k = lease_all(r, &all, &n);

	for (size_t i = 0; k == 0 && i < n; i++) {
		_cleanup_record_ struct record rec = { .fd = -1 };
		char path[PATH_MAX];

		if (lease_path(r, all[i], path) == 0 && record_load(r, path, &rec, NULL) == 0 && !lease_is_old(r, &rec))
			fn(ctx, all[i], &rec);
	}
	return k;
}

static bool listed(const struct bdf *all, size_t n, struct bdf b)
{
	for (size_t i = 0; i < n; i++)
		if (bdf_eq(all[i], b))
			return true;
	return false;
}

int lease_functions(const struct record *rec, struct bdf **ret, size_t *ret_n)
{
	const char *cards = record_get(rec, LEASE_CARDS);
	_cleanup_free_ char *copy = strdup(cards ? cards : "");
	_cleanup_free_ struct bdf *all = copy ? calloc(strlen(copy) / 2 + rec->n_steps + 1, sizeof(*all)) : NULL;
	char *save = NULL;
	size_t n = 0;
	struct bdf b;

	if (!all)
		return -ENOMEM;
	for (char *s = strtok_r(copy, " ", &save); s; s = strtok_r(NULL, " ", &save))
		n += bdf_parse_full(s, &all[n]) == 0;
	/* whatever the list says, a function with an open step is the lease's; what comes late comes when it is home */
	for (size_t i = 0; i < rec->n_steps; i++) {
		const struct record_step *rs = &rec->steps[i];

		if (record_step_open(rs) && !rs->step.kind->late && target_bdf(rs->step.target, &b) && !listed(all, n, b))
			all[n++] = b;
	}
	*ret = TAKE_PTR(all);
	*ret_n = n;
	return 0;
}

bool lease_names(const struct root *r, unsigned int vmid, struct bdf b)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	_cleanup_free_ struct bdf *all = NULL;
	char path[PATH_MAX];
	size_t n;
	int k = lease_path(r, vmid, path);

	if (k == -ENOENT)
		return false;
	if (k < 0 || record_load(r, path, &rec, NULL) < 0 || lease_functions(&rec, &all, &n) < 0)
		return true;
	return listed(all, n, b);
}

int lease_set_functions(struct record *rec, const struct bdf *b, size_t n, struct err *e)
{
	_cleanup_text_ struct text t = { 0 };
	char name[BDF_LEN];

	for (size_t i = 0; i < n; i++)
		text_join(&t, " ", bdf_format(b[i], name));
	return record_note(rec, LEASE_CARDS, text_str(&t), e);
}
