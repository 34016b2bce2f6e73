/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "plan/textfile.h"

#define TEXTFILE_MAX (1024 * 1024)

int textfile_split(const char *target, bool last, char ret_path[static PATH_MAX], const char **ret_rest)
{
	const char *blank = last ? strrchr(target, ' ') : strchr(target, ' ');
	size_t n = blank ? (size_t)(blank - target) : 0;

	if (target[0] != '/' || n < 2 || n >= PATH_MAX || target[n - 1] == '/' || !blank[1])
		return -EINVAL;
	memcpy(ret_path, target, n);
	ret_path[n] = '\0';
	*ret_rest = blank + 1;
	return 0;
}

int textfile_read(const struct root *r, const char *path, char **ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int k = root_read(r, path, TEXTFILE_MAX, &text, &len);

	if (k == -ENOENT)
		return k;
	if (k < 0)
		return err_errno(e, k, "cannot read %s", path);
	if (strlen(text) != len)
		return err_set(e, -EBADMSG, "%s is not a text file: it has NUL bytes", path);
	*ret = TAKE_PTR(text);
	return 0;
}

int textfile_write(const struct root *r, const char *path, const char *text, const struct root_own *own, struct err *e)
{
	int k = root_write_owned(r, path, text, strlen(text), own);

	if (k == -EINVAL)
		return err_set(e, k, "%s is not replaced, since it is a link or no file: make it a file, then try again", path);
	return k < 0 ? err_errno(e, k, "cannot write %s", path) : 0;
}

int textfile_edit(const struct root *r, const char *path, textfile_edit_fn *edit, const void *ctx, struct err *e)
{
	static const struct root_own own = { 0644, (uid_t)-1, (gid_t)-1 };
	_cleanup_free_ char *text = NULL;
	_cleanup_text_ struct text new = { 0 };
	int k = textfile_read(r, path, &text, e);

	if (k == -ENOENT)
		return err_set(e, -ENODEV, "%s is not there any more", path);
	if (k == 0)
		k = edit(ctx, text, &new, e);
	if (k == 0 && new.r < 0)
		k = new.r;
	if (k != 0)
		return k < 0 ? k : 0;
	return textfile_write(r, path, text_str(&new), &own, e);
}
