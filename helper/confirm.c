/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <unistd.h>

#include "helper/confirm.h"

bool helper_confirm(const struct options *o, const char *question)
{
	char answer[16] = "";

	if (o->yes)
		return true;
	if (!isatty(STDIN_FILENO)) {
		helper_complain("nothing was done: there is no terminal to ask at; run it again with --yes to have it done, or with --dry-run to see it");
		return false;
	}
	fprintf(stderr, "%s [y/N] ", question);
	if (!fgets(answer, sizeof(answer), stdin) || (answer[0] != 'y' && answer[0] != 'Y')) {
		helper_complain("nothing was done");
		return false;
	}
	return true;
}
