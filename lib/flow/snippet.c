/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>

#include "flow/snippet.h"

#define SNIPPET_MAX (64 * 1024)
#define MARK	    "\n# gpupt's snippet: "

int snippet_text(const struct root *r, char **ret, struct err *e)
{
	int k = root_read(r, SNIPPET_FILE, SNIPPET_MAX, ret, NULL);

	return k < 0 ? err_errno(e, k, "cannot read %s, which comes with gpupt's package", SNIPPET_FILE) : 0;
}

/* The hook itself under its own name, as a copy; or an empty file, which captured trees have in the place of a script. */
static bool is_copy(const char *name, const char *data, size_t len)
{
	return str_eq(name, SNIPPET_NAME) && (len == 0 || (len > 4 && memcmp(data, "\177ELF", 4) == 0));
}

static enum snippet judge(const char *name, const char *data, size_t len, const char *text)
{
	if (text && len == strlen(text) && memcmp(data, text, len) == 0)
		return SNIPPET_CURRENT;
	if (str_starts(data, "#!") && strstr(data, MARK))
		return text ? SNIPPET_OLD : SNIPPET_CURRENT;
	return is_copy(name, data, len) ? SNIPPET_OLD : SNIPPET_FOREIGN;
}

/* The first bytes: longer than any snippet is a copy of the hook at most. */
static int read_head(const struct root *r, const char *path, char *buf, size_t size, size_t *ret_len)
{
	_cleanup_close_ int fd = root_open(r, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size - 1);

	if (fd < 0 || n < 0)
		return fd < 0 ? fd : -errno;
	buf[n] = '\0';
	*ret_len = (size_t)n;
	return 0;
}

int snippet_look(const struct root *r, const char *path, const char *text, enum snippet *ret)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char target[NAME_MAX + 1], data[SNIPPET_MAX];
	struct stat st;
	size_t len = 0;
	int k = root_lstat(r, path, &st);

	if (k == -ENOENT) {
		*ret = SNIPPET_NONE;
		return 0;
	}
	if (k < 0)
		return k;
	if (S_ISLNK(st.st_mode)) {
		k = root_readlink_base(r, path, target, sizeof(target));
		*ret = k == 0 && str_eq(target, SNIPPET_NAME) ? SNIPPET_OLD : SNIPPET_FOREIGN;
		return 0;
	}
	if (!S_ISREG(st.st_mode)) {
		*ret = SNIPPET_FOREIGN;
		return 0;
	}
	k = read_head(r, path, data, sizeof(data), &len);
	if (k == 0)
		*ret = judge(name, data, len, text);
	return k;
}
