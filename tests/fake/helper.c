/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <sys/mman.h>

#include "helper/helper.h"
#include "tests/fake/helper.h"

#define WORDS_MAX 12

/* Puts a file in the place of a stream's descriptor. */
static int redirect(FILE *stream, int *ret_saved)
{
	int fd = memfd_create("said", MFD_CLOEXEC);

	fflush(stream);
	*ret_saved = dup(fileno(stream));
	if (fd < 0 || *ret_saved < 0 || dup2(fd, fileno(stream)) < 0)
		fake_die("cannot catch what the program says");
	return fd;
}

static void restore(FILE *stream, int fd, int saved, struct text *ret)
{
	char buf[4096];
	ssize_t n;

	fflush(stream);
	dup2(saved, fileno(stream));
	close(saved);
	for (off_t at = 0; ret && (n = pread(fd, buf, sizeof(buf), at)) > 0; at += n)
		text_add_n(ret, buf, (size_t)n);
	close(fd);
}

int fake_helper(struct fake *f, const char *command, struct text *out, struct text *err)
{
	_cleanup_free_ char *copy = strdup(command);
	char *argv[WORDS_MAX + 2] = { (char[]){ "gpupt-helper" } }, *save = NULL;
	int saved_out, saved_err, fd_out, fd_err, argc = 1, code;

	for (char *s = strtok_r(copy, " ", &save); s && argc <= WORDS_MAX; s = strtok_r(NULL, " ", &save))
		argv[argc++] = s;
	fd_out = redirect(stdout, &saved_out);
	fd_err = redirect(stderr, &saved_err);
	code = helper_main(&f->root, argc, argv);
	restore(stdout, fd_out, saved_out, out);
	restore(stderr, fd_err, saved_err, err);
	return code;
}
