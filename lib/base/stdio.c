/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/stdio.h"

int stdio_check(void)
{
	int r = 0;

	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* the lowest free descriptor is fd itself, since those below are open */
		if (open("/dev/null", O_RDWR | O_NOCTTY) != fd || fd > 0)
			r = -EBADF;
	}
	return r;
}
