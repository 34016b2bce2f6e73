/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "plan/home.h"
#include "plan/state.h"

#define HOME_DIR STATE_VAR "/home"

static char *home_path(char path[static PATH_MAX], struct bdf b)
{
	char name[BDF_LEN];

	return path_f(path, HOME_DIR "/%s", bdf_format(b, name));
}

int home_find(const struct root *r, struct bdf b, struct home *ret)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	struct home h;

	if (state_read(r, home_path(path, b), &text) < 0)
		return -ENOENT;
	if (sscanf(text, "%23s %63s", h.identity, h.driver) != 2)
		return -ENOENT;
	*ret = h;
	return 0;
}

int home_remember(const struct root *r, struct bdf b, const struct home *h, struct err *e)
{
	_cleanup_text_ struct text t = { 0 };
	char path[PATH_MAX];
	struct home old;

	if (home_find(r, b, &old) == 0 && strcmp(old.identity, h->identity) == 0 && strcmp(old.driver, h->driver) == 0)
		return 0;
	text_addf(&t, "%s %s\n", h->identity, h->driver);
	return state_write(r, home_path(path, b), text_str(&t), e);
}
