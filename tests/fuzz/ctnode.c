/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A node in a container, out of a record, and a value of one, and of a placeholder; and where a process's control group is. */
#include "host/inside_node.h"
#include "plan/ctnode.h"
#include "plan/step_node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void value(const char *text)
{
	struct ctnode_value v;

	if (ctnode_value_parse(text, &v) == 0 && !v.host && v.mode > 07777)
		abort();
}

static void placeholder(const char *text)
{
	struct root_own own;
	dev_t dev;

	if (node_value_parse(text, &dev, &own) == 0 && own.mode > 07777)
		abort();
}

static void group(const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	const char *path = copy ? inside_group_parse(copy) : NULL;

	if (path && (*path != '/' || strstr(path, "/..") || strchr(path, '\n')))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_ctnode_ struct ctnode n = { 0 };
	_cleanup_text_ struct text again = { 0 };

	if (!text)
		return 0;
	value(text);
	placeholder(text);
	group(text);
	if (ctnode_parse(text, &n) < 0)
		return 0;
	ctnode_target(&n, &again);
	if (!str_eq(text, text_str(&again)) || *n.path != '/' || (n.from && *n.from != '/'))
		abort();
	return 0;
}
