/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc/PID/cmdline, which a process may fill with anything. */
#include "pve/cmdline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_cmdline_devices_ struct cmdline_devices l = { 0 };

	cmdline_is_vm((const char *)data, size, 101);
	if (cmdline_hostpci((const char *)data, size, &l) < 0)
		return 0;
	for (size_t i = 0; i < l.n; i++)
		if (!l.v[i].mdev && (l.v[i].bdf.fn > 7 || l.v[i].bdf.dev > 0x1f))
			abort();
	return 0;
}
