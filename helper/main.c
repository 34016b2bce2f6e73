/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>

#include "helper/helper.h"

/*
 * Fills the standard descriptors that the caller has closed, so that no file opened later becomes "standard output". What stands
 * in for them can be neither read nor written: output that is lost is an error.
 */
static void fill_standard_fds(int fd)
{
	int copy;

	do
		copy = fcntl(fd, F_DUPFD, 0);
	while (copy >= 0 && copy <= STDERR_FILENO);
	if (copy >= 0)
		close(copy);
}

int main(int argc, char **argv)
{
	struct root root;
	struct err e;
	int code;

	/* a reader that went away is reported as any other failure to write */
	signal(SIGPIPE, SIG_IGN);
	/* widths of characters; messages stay as they are */
	setlocale(LC_CTYPE, "");
	if (root_open_dir(&root, "/", &e) < 0) {
		fprintf(stderr, "gpupt-helper: %s\n", e.text);
		return EXIT_REFUSED;
	}
	fill_standard_fds(root.fd);
	code = helper_main(&root, argc, argv);
	root_close(&root);
	return code;
}
