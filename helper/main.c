/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <locale.h>
#include <signal.h>
#include <sys/auxv.h>

#include "base/stdio.h"
#include "helper/helper.h"

int main(int argc, char **argv)
{
	struct root root;
	struct err e;
	int code;

	if (stdio_check() < 0) {
		helper_complain("standard output or standard error is closed");
		return EXIT_REFUSED;
	}
	/* a setuid copy would let a user's environment choose the libraries of a root process */
	if (getauxval(AT_SECURE)) {
		helper_complain("this program must not be setuid or setgid; call it as root");
		return EXIT_REFUSED;
	}
	/* a reader that went away is reported like any other failure to write */
	signal(SIGPIPE, SIG_IGN);
	/* widths of characters; messages stay as they are */
	setlocale(LC_CTYPE, "");
	if (root_open_dir(&root, "/", &e) < 0) {
		helper_complain("%s", e.text);
		return EXIT_REFUSED;
	}
	code = helper_main(&root, argc, argv);
	root_close(&root);
	return code;
}
