/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "policy/settings_parser.h"

/* A piece of the file as a terminal can bear it. */
const char *parser_shown(struct parser *p, const char *s)
{
	char *into = p->shown[p->next_shown++ % ARRAY_SIZE(p->shown)];

	snprintf(into, sizeof(p->shown[0]), "%s", s);
	return str_printable(into);
}

int parser_refuse(struct parser *p, const char *key, const char *value, const char *accepted)
{
	return err_set(p->e, -EINVAL, "%s line %d: %s = '%s' is not accepted: %s", p->name, p->line, key, parser_shown(p, value), accepted);
}

int parser_unknown_key(struct parser *p, const char *key, const char *known)
{
	return err_set(p->e, -EINVAL, "%s line %d: there is no key '%s' in [%s]: known are %s", p->name, p->line, parser_shown(p, key),
		       parser_shown(p, p->section), known);
}

/* What every number of seconds may be. */
int parser_parse_seconds(const char *v, unsigned int *ret)
{
	uint64_t n;

	if (parse_uint(v, 600, &n) < 0 || n == 0)
		return -EINVAL;
	*ret = (unsigned int)n;
	return 0;
}

int parser_seconds(struct parser *p, const char *key, const char *value, unsigned int *ret)
{
	if (parser_parse_seconds(value, ret) < 0)
		return parser_refuse(p, key, value, "use whole seconds, 1 to 600");
	return 0;
}

int parser_bool(struct parser *p, const char *key, const char *value, bool *ret)
{
	if (parse_bool(value, ret) < 0)
		return parser_refuse(p, key, value, "use 0 or 1");
	return 0;
}

static const char *const containers_names[] = {
	[CONTAINERS_HOT] = "hot",
	[CONTAINERS_SHUTDOWN] = "shutdown",
	[CONTAINERS_DETACH] = "detach",
	[CONTAINERS_REFUSE] = "refuse",
};

const char *containers_name(enum containers c)
{
	return containers_names[c];
}

int parser_containers(struct parser *p, const char *key, const char *value, enum containers *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(containers_names); i++)
		if (str_eq(containers_names[i], value)) {
			*ret = (enum containers)i;
			return 0;
		}
	return parser_refuse(p, key, value, "use hot, shutdown, detach or refuse");
}
