/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file step's target: nothing in one that is understood is without meaning. */
#include "plan/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *target = strndup((const char *)data, size);
	_cleanup_text_ struct text again = { 0 };
	char path[PATH_MAX];
	struct root_own own;

	if (!target || file_target_parse(target, path, &own, NULL) < 0)
		return 0;
	if (path[0] != '/' || path[strlen(path) - 1] == '/' || (own.mode & ~0777U))
		abort();
	if (own.uid == (uid_t)-1) {
		if (strcmp(path, target) != 0)
			abort();
		return 0;
	}
	file_target(path, own.mode, own.uid, own.gid, &again);
	/* what goes without saying may be said */
	if (strcmp(text_str(&again), target) != 0 && (own.mode != 0644 || own.uid || own.gid))
		abort();
	return 0;
}
