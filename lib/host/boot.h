/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the running kernel was started. */
#ifndef GPUPT_HOST_BOOT_H
#define GPUPT_HOST_BOOT_H

#include "base/proc.h"
#include "host/pci.h"

struct boot {
	char release[65];     /* as uname -r; "" if unknown */
	char id[BOOT_ID_LEN]; /* "" if unknown */
	struct strv cmdline;  /* tokens; quotes removed as the kernel does it */
	bool efi;
	bool image; /* of no machine that runs, nor of one that ran when it was copied: a tree that is to be booted */
	enum tri secure_boot; /* unknown also if the firmware does not answer in time (SLOW_MS of slow.h) */
};

/* 0 or -ENOMEM; what cannot be read stays empty or unknown. */
int boot_load(const struct root *r, struct boot *ret);
void boot_done(struct boot *b);
#define _cleanup_boot_ _cleanup_(boot_done)

/*
 * Splits a kernel command line; a double-quoted part may hold blanks (next_arg() in lib/cmdline.c). 0 or
 * -ENOMEM.
 */
int boot_cmdline_parse(const char *text, struct strv *ret);
/*
 * The value of the last token NAME=value, "" for a token NAME alone, NULL if there is none. '-' and '_' are
 * the same. Nothing counts behind a lone "--".
 */
const char *boot_param(const struct boot *b, const char *name);
/* Is the release at least major.minor? False if unknown. */
bool boot_release_at_least(const struct boot *b, unsigned int major, unsigned int minor);

#endif
