/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Has a module a signature? It ends in one, with a mark behind (Documentation/admin-guide/module-signing.rst); whether the kernel knows
 * the key is not told. In a compressed one modinfo(8) looks.
 */
#ifndef GPUPT_HOST_MODSIG_H
#define GPUPT_HOST_MODSIG_H

#include "base/root.h"
#include "host/pci.h"

#define MODSIG_MARK "~Module signature appended~\n" /* MODULE_SIG_STRING in include/linux/module_signature.h */
#define MODSIG_MS   10000

/* Unknown if the file cannot be read, or is compressed and no program can be run. */
enum tri modsig_look(const struct root *r, const char *path);

#endif
