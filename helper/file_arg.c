/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "helper/file_arg.h"

bool file_arg_is_stdout(const char *s)
{
	return strcmp(s, "-") == 0;
}

int file_arg(const char *s, char ret[static PATH_MAX])
{
	_cleanup_free_ char *cwd = *s == '/' ? NULL : getcwd(NULL, 0);
	size_t n = strlen(s);

	if (n == 0 || s[n - 1] == '/')
		return helper_usage("'%s' is not the name of a file", s);
	if (*s != '/' && (!cwd || *cwd != '/'))
		return helper_usage("'%s' is in no directory that has a name: use a path that begins with /", s);
	if (!*path_f(ret, "%s%s%s", cwd && cwd[1] ? cwd : "", *s == '/' ? "" : "/", s))
		return helper_usage("'%.40s…' is too long for the name of a file", s);
	return EXIT_DONE;
}

int file_arg_check_stdout(const struct options *o, const char *what)
{
	if (o->json || o->columns)
		return helper_usage("standard output cannot take %s and a list: name a file", what);
	if (isatty(STDOUT_FILENO))
		return helper_usage("a terminal is no place for %s: name a file, or use '-' with a pipe", what);
	return EXIT_DONE;
}

int file_arg_to_stdout(const void *data, size_t len, struct err *e)
{
	if (fwrite(data, 1, len, stdout) != len || fflush(stdout) != 0)
		return err_errno(e, errno ? -errno : -EIO, "cannot write to standard output");
	return 0;
}
