/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file step: a whole text file, replaced atomically; absent is a value, too. */
#include <errno.h>

#include "plan/step.h"

#define FILE_STEP_MAX (1024 * 1024)

static int file_get(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	size_t len;
	int k = root_read(en->root, s->target, FILE_STEP_MAX, ret, &len);

	if (k == -ENOENT) {
		*ret = NULL;
		return 0;
	}
	if (k < 0)
		return err_errno(e, k, "cannot read %s", s->target);
	if (strlen(*ret) != len) {
		free(TAKE_PTR(*ret));
		return err_set(e, -EBADMSG, "%s is not a text file: it has NUL bytes", s->target);
	}
	return 0;
}

static int file_set(const struct engine *en, const struct step *s, struct err *e)
{
	int k = s->after ? root_write_file(en->root, s->target, s->after, strlen(s->after), 0644) :
			   root_unlink(en->root, s->target);

	return k < 0 ? err_errno(e, k, "cannot %s %s", s->after ? "write" : "remove", s->target) : 0;
}

const struct step_kind step_file = {
	.name = "file",
	.survives_reboot = true,
	.get = file_get,
	.set = file_set,
};
