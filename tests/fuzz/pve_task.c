/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line of Proxmox VE's list of tasks: what is taken from it stands in it. */
#include "pve/task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *line = strndup((const char *)data, size);
	struct task t;

	if (!line || task_parse(line, &t) < 0)
		return 0;
	if (!str_starts(line, "UPID:") || !strstr(line, t.type) || !strstr(line, t.id) || !strstr(line, t.status) || t.start < 0)
		abort();
	return 0;
}
