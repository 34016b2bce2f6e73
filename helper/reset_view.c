/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "helper/reset_view.h"
#include "plan/claim.h"

int reset_view_all(const struct root *r, struct bdf **ret, size_t *ret_n)
{
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_free_ struct bdf *all = NULL;
	size_t n = 0;
	int k = state_list(r, ERRAND_DIR, &names);

	if (k < 0)
		return k;
	all = calloc(names.n + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	strv_foreach(name, &names)
		n += bdf_parse_full(name, &all[n]) == 0;
	*ret = TAKE_PTR(all);
	*ret_n = n;
	return 0;
}

static bool has(const struct reset_view *v, struct bdf b)
{
	for (size_t i = 0; i < v->n; i++)
		if (bdf_eq(v->functions[i], b))
			return true;
	return false;
}

static int find_functions(struct reset_view *v)
{
	v->functions = calloc(v->rec.n_steps + 1, sizeof(*v->functions));
	if (!v->functions)
		return -ENOMEM;
	v->functions[v->n++] = v->gpu;
	for (size_t i = v->rec.n_steps; i > 0; i--) {
		struct bdf b;

		if (record_step_open(&v->rec.steps[i - 1]) && target_bdf(v->rec.steps[i - 1].step.target, &b) && !has(v, b))
			v->functions[v->n++] = b;
	}
	return 0;
}

int reset_view_load(const struct root *r, struct bdf gpu, struct reset_view *ret, struct err *e)
{
	_cleanup_reset_view_ struct reset_view v = { .gpu = gpu, .rec.fd = -1 };
	struct claim claim;
	char path[PATH_MAX];
	int k = record_load(r, errand_path(path, gpu), &v.rec, e);

	if (k == 0)
		k = find_functions(&v);
	if (k < 0)
		return k;
	v.homeward = errand_is_homeward(&v.rec);
	/* whoever is at it, or settles what is left, claims it for no VM as long as it lives */
	if (claim_find(r, gpu, &claim) > 0 && claim.kind == CLAIM_RESET)
		v.pid = claim.owner.pid;
	*ret = v;
	v = (struct reset_view){ .rec.fd = -1 };
	return 0;
}

void reset_view_done(struct reset_view *v)
{
	record_close(&v->rec);
	free(v->functions);
	*v = (struct reset_view){ .rec.fd = -1 };
}
