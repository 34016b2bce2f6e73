/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose a node was: a file that is understood has one line, and nothing in it is without meaning. */
#include "plan/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	char role[PATH_ROLE_LEN];
	struct path_memory m;

	if (!text)
		return 0;
	path_role(text, role);
	if (strlen(role) >= sizeof(role) || strchr(role, '/'))
		abort();
	if (path_parse(text, &m) < 0)
		return 0;
	if (strchr(text, '\n') != text + strlen(text) - 1 || !m.role[0] || (m.type != 'c' && m.type != 'b'))
		abort();
	return 0;
}
