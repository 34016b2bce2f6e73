/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into QEMU: Proxmox VE's QEMU has an option `-id VMID` that does
 * nothing but stand in /proc/PID/cmdline, where Proxmox VE and others look for
 * it. Debian's QEMU knows no such option, so main() gets its arguments without
 * it, while the memory that /proc/PID/cmdline shows stays as it was.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

typedef int main_fn(int argc, char **argv, char **envp);
typedef int start_fn(main_fn *main, int argc, char **argv, void (*init)(void), void (*fini)(void),
		     void (*rtld_fini)(void), void *stack_end);

start_fn __libc_start_main;

int __libc_start_main(main_fn *main, int argc, char **argv, void (*init)(void), void (*fini)(void),
		      void (*rtld_fini)(void), void *stack_end)
{
	start_fn *start = (start_fn *)dlsym(RTLD_NEXT, "__libc_start_main");
	char **out = calloc((size_t)argc + 1, sizeof(*out));
	int n = 0;

	if (!start || !out)
		abort();
	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "-id") && i + 1 < argc)
			i++;
		else
			out[n++] = argv[i];
	}
	return start(main, n, out, init, fini, rtld_fini, stack_end);
}
