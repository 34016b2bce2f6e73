/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>

#include "base/exec.h"
#include "host/modsig.h"

static enum tri look_at_end(const struct root *r, const char *path)
{
	char end[sizeof(MODSIG_MARK) - 1];
	_cleanup_close_ int fd = root_open(r, path, O_RDONLY | O_NONBLOCK, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return TRI_UNKNOWN;
	if (st.st_size < (off_t)sizeof(end))
		return TRI_NO;
	if (pread(fd, end, sizeof(end), st.st_size - (off_t)sizeof(end)) != (ssize_t)sizeof(end))
		return TRI_UNKNOWN;
	return memcmp(end, MODSIG_MARK, sizeof(end)) == 0 ? TRI_YES : TRI_NO;
}

/* sig_id is there whenever there is a signature; the signer's name only if kmod was built to read certificates. */
static enum tri ask(const struct root *r, const char *path)
{
	_cleanup_exec_ struct exec_result res = { 0 };
	char program[] = "modinfo", field[] = "-F", name[] = "sig_id", file[PATH_MAX];
	char *argv[] = { program, field, name, path_f(file, "%s", path), NULL };
	struct err e;

	if (exec_run(r, argv, MODSIG_MS, &res, &e) < 0 || res.status != 0)
		return TRI_UNKNOWN;
	return res.output && *str_trim(res.output) ? TRI_YES : TRI_NO;
}

enum tri modsig_look(const struct root *r, const char *path)
{
	size_t n = strlen(path);

	return n > 3 && strcmp(path + n - 3, ".ko") == 0 ? look_at_end(r, path) : ask(r, path);
}
