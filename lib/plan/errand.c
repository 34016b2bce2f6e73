/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/errand.h"

char *errand_path(char path[static PATH_MAX], struct bdf gpu)
{
	char name[BDF_LEN];

	return path_f(path, ERRAND_DIR "/%s", bdf_format(gpu, name));
}

int errand_claim(const struct root *r, const struct bdf_list *fns, struct claim *ret_conflict, struct err *e)
{
	_cleanup_close_ int lock = state_lock(r, e);

	return lock < 0 ? lock : claim_take(r, fns->v, fns->n, CLAIM_FOR_RESET, ret_conflict, e);
}

void errand_unclaim(const struct root *r, const struct bdf_list *fns)
{
	for (size_t i = 0; i < fns->n; i++)
		claim_drop(r, fns->v[i], CLAIM_FOR_RESET);
}
