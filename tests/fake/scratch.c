/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/fake/scratch.h"

#define MEMORY "/dev/shm"

const char *scratch_dir(bool programs)
{
	const char *tmp = getenv("TMPDIR");
	struct statvfs fs;

	if (tmp)
		return tmp;
	if (access(MEMORY, W_OK) < 0 || (programs && (statvfs(MEMORY, &fs) < 0 || fs.f_flag & ST_NOEXEC)))
		return "/tmp";
	return MEMORY;
}
