/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/errand.h"

char *errand_path(char path[static PATH_MAX], struct bdf gpu)
{
	char name[BDF_LEN];

	return path_f(path, ERRAND_DIR "/%s", bdf_format(gpu, name));
}

int errand_begin(const struct root *r, struct bdf gpu, bool homeward, struct record *ret, struct err *e)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	char path[PATH_MAX];
	int k = record_create(r, errand_path(path, gpu), &rec, e);

	if (k < 0)
		return k;
	/* without the note it would be undone, so no step is made without it */
	if (homeward)
		k = record_note(&rec, ERRAND_TOWARD, ERRAND_HOME, e);
	if (k < 0) {
		record_remove(&rec, NULL);
		return k;
	}
	*ret = rec;
	rec = (struct record){ .fd = -1 };
	return 0;
}

bool errand_is_homeward(const struct record *rec)
{
	return str_eq(record_get(rec, ERRAND_TOWARD), ERRAND_HOME);
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
