/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An entry of systemd-boot; the name of a kernel's image; names of files in an initramfs. */
#include "host/boot_entries.h"
#include "host/initramfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_initramfs_ struct initramfs i = { 0 };
	char release[KERNEL_RELEASE_LEN], *next = text, *line;
	struct boot_entry e;

	if (!text)
		return 0;
	if (boot_entry_parse(text, "f", &e) == 0 && (!e.params || strchr(e.params, '\n') || strlen(e.release) >= sizeof(e.release)))
		abort();
	boot_entry_done(&e);
	if (kernel_release(text, release) && (!*release || strpbrk(release, "/ \n\t'\"$")))
		abort();
	while ((line = str_line(&next)))
		if (initramfs_counts(line) && strv_add(&i.names, line) < 0)
			return 0;
	initramfs_has_file(&i, "/scripts/init-top/gpupt");
	if (initramfs_has_module(&i, "vfio-pci") && !i.names.n)
		abort();
	return 0;
}
