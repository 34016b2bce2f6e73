/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/next.h"
#include "pve/storage.h"

int next_find(const struct root *r, const struct settings *s, unsigned int vmid, char ret[static PATH_MAX], struct err *e)
{
	const struct vm_settings *vm = settings_vm(s, vmid);
	struct stat st;
	int k;

	if (!vm || !vm->next)
		return 0;
	k = storage_script(r, vm->next, ret, &st, e);
	return k < 0 ? k : 1;
}
