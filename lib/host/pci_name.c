/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <pci/pci.h>
#include <setjmp.h>

#include "host/pci.h"

struct pci_names {
	struct pci_access *access;
};

/*
 * Where libpci's error callback, which must not return, goes: a broken pci.ids costs the names, not the
 * program.
 */
static jmp_buf lib_failed;

__attribute__((noreturn)) static void lib_error(char *msg, ...)
{
	longjmp(lib_failed, 1);
}

static void lib_ignore(char *msg, ...)
{
}

struct pci_names *pci_names_open(void)
{
	struct pci_names *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->access = pci_alloc(); /* no pci_init(): names need no devices */
	n->access->error = lib_error;
	n->access->warning = n->access->debug = lib_ignore;
	return n;
}

void pci_names_close(struct pci_names *n)
{
	if (!n)
		return;
	pci_free_name_list(n->access);
	pci_cleanup(n->access);
	free(n);
}

char *pci_name(struct pci_names *n, struct pci_id id, char *buf, size_t size)
{
	snprintf(buf, size, "Device %04x", id.device);
	if (n && setjmp(lib_failed) == 0) {
		char name[256];
		const char *found = pci_lookup_name(
			n->access, name, sizeof(name),
			PCI_LOOKUP_DEVICE | PCI_LOOKUP_NO_NUMBERS | PCI_LOOKUP_NO_HWDB, id.vendor, id.device);

		if (found)
			snprintf(buf, size, "%s", found);
	}
	return str_printable(buf);
}
