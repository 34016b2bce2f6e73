/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/auxv.h>

#include "base/interrupt.h"
#include "base/stdio.h"
#include "hook/hook.h"

int main(int argc, char **argv)
{
	struct root root;
	struct err e;

	/* before anything is changed: nobody would read what became of it */
	if (stdio_check() < 0) {
		fputs("gpupt: standard output or standard error is closed\n", stderr);
		return EXIT_REFUSED;
	}
	/* a setuid copy would let a user's environment choose the libraries of a root process */
	if (getauxval(AT_SECURE)) {
		fputs("gpupt: this program must not be setuid or setgid; call it as root\n", stderr);
		return EXIT_REFUSED;
	}
	/* Proxmox VE reads our output line by line into the task log */
	setvbuf(stdout, NULL, _IOLBF, 0);
	interrupt_install();
	if (root_open_dir(&root, "/", &e) < 0) {
		fprintf(stderr, "gpupt: %s\n", e.text);
		return EXIT_REFUSED;
	}
	return hook_main(&root, argc, argv);
}
