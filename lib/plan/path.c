/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/pci.h"
#include "plan/path.h"
#include "plan/state.h"

#define PATH_DIR STATE_VAR "/path"
#define FILE_NAME_MAX (NAME_MAX - 24) /* root_write_file() adds a pid and more to the name of its temporary file */
#define COMMON	 "-"

/* What needs no escape. A '%' does, so each path has a name of its own; a '/' does, so none begins with a '.'. */
#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,@."

/* Where path is remembered. 0, -EINVAL or -ENAMETOOLONG. */
static int memory_file(const char *path, char file[static PATH_MAX])
{
	_cleanup_text_ struct text name = { 0 };

	if (*path != '/')
		return -EINVAL;
	for (; *path; path++) {
		if (strchr(PLAIN, *path))
			text_add_n(&name, path, 1);
		else
			text_addf(&name, "%%%02X", (unsigned int)(unsigned char)*path);
	}
	if (name.r < 0)
		return name.r;
	if (name.len > FILE_NAME_MAX)
		return -ENAMETOOLONG;
	path_f(file, PATH_DIR "/%s", text_str(&name));
	return 0;
}

int path_unescape(const char *word, char **ret)
{
	_cleanup_text_ struct text t = { 0 };

	for (; *word; word++) {
		char hex[3] = "", c = *word;
		uint32_t byte;

		if (c == '%') {
			snprintf(hex, sizeof(hex), "%.2s", word + 1);
			if (strlen(hex) != 2 || parse_hex(hex, 2, &byte) < 0 || byte == 0)
				return -EINVAL;
			c = (char)byte;
			word += 2;
		}
		text_add_n(&t, &c, 1);
	}
	if (*text_str(&t) != '/')
		return -EINVAL;
	*ret = text_take(&t);
	return *ret ? 0 : -ENOMEM;
}

char *path_role(const char *node, char buf[static PATH_ROLE_LEN])
{
	const char *slash = strrchr(node, '/');
	const char *base = slash ? slash + 1 : node;
	size_t word = str_starts(base, "i2c-") ? strlen("i2c-") : 0; /* that digit is none of the number's */
	size_t before = word + strcspn(base + word, "0123456789"), digits = strspn(base + before, "0123456789");

	snprintf(buf, PATH_ROLE_LEN, "%.*s%s", (int)before, base, base + before + digits);
	return buf;
}

/* "c 226:128" */
static int number_parse(const char *type, char *number, struct path_memory *m)
{
	char *colon = strchr(number, ':');
	uint64_t major, minor;

	if (!colon || (!str_eq(type, "c") && !str_eq(type, "b")))
		return -EINVAL;
	*colon = '\0';
	if (parse_uint(number, UINT32_MAX, &major) < 0 || parse_uint(colon + 1, UINT32_MAX, &minor) < 0)
		return -EINVAL;
	m->type = *type;
	m->major = (unsigned int)major;
	m->minor = (unsigned int)minor;
	return 0;
}

static int card_parse(const char *bdf, const char *identity, struct path_memory *m)
{
	struct pci_id id;

	m->common = str_eq(bdf, COMMON);
	if (m->common)
		return 0;
	if (bdf_parse_full(bdf, &m->bdf) < 0 || pci_id_parse(identity, &id) < 0)
		return -EINVAL;
	pci_id_format(id, m->identity);
	return 0;
}

static void memory_format(const struct path_memory *m, struct text *t)
{
	char name[BDF_LEN];

	text_addf(t, "%s %s %s %c %u:%u\n", m->common ? COMMON : bdf_format(m->bdf, name), m->common ? COMMON : m->identity, m->role,
		  m->type, m->major, m->minor);
}

/* One line: BDF, identity, role, type and number; "- -" in front for what is of all cards. Only what memory_format() writes. */
int path_parse(const char *text, struct path_memory *ret)
{
	_cleanup_free_ char *line = strdup(text);
	_cleanup_text_ struct text again = { 0 };
	struct path_memory m = { 0 };
	char *save = NULL, *field[5];

	if (!line)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(field); i++)
		if (!(field[i] = strtok_r(i ? NULL : line, " \n", &save)))
			return -EINVAL;
	if (strlen(field[2]) >= sizeof(m.role))
		return -EINVAL;
	memcpy(m.role, field[2], strlen(field[2]) + 1);
	if (card_parse(field[0], field[1], &m) < 0 || number_parse(field[3], field[4], &m) < 0)
		return -EINVAL;
	memory_format(&m, &again);
	if (!str_eq(text, text_str(&again)))
		return -EINVAL;
	*ret = m;
	return 0;
}

int path_find(const struct root *r, const char *path, struct path_memory *ret)
{
	_cleanup_free_ char *text = NULL;
	char file[PATH_MAX];

	if (memory_file(path, file) < 0 || state_read(r, file, &text) < 0 || path_parse(text, ret) < 0)
		return -ENOENT;
	return 0;
}

int path_each(const struct root *r, path_each_fn *fn, void *ctx)
{
	_cleanup_strv_ struct strv names = { 0 };
	int k = state_list(r, PATH_DIR, &names);

	if (k < 0)
		return k;
	strv_foreach(name, &names) {
		_cleanup_free_ char *path = NULL;
		struct path_memory m;

		if (path_unescape(name, &path) == 0 && path_find(r, path, &m) == 0)
			fn(ctx, path, &m);
	}
	return 0;
}

int path_remember(const struct root *r, const char *path, const struct path_memory *m, struct err *e)
{
	_cleanup_text_ struct text t = { 0 }, known = { 0 };
	struct path_memory old;
	char file[PATH_MAX];
	int k = memory_file(path, file);

	if (k < 0)
		return err_set(e, k, "cannot remember whose '%.200s' is: that is no name that a file can have", path);
	memory_format(m, &t);
	if (path_parse(text_str(&t), &old) < 0)
		return err_set(e, -EINVAL, "cannot remember whose '%.200s' is: '%s' says it to nobody", path, text_str(&t));
	if (path_find(r, path, &old) == 0)
		memory_format(&old, &known);
	if (str_eq(text_str(&t), text_str(&known)))
		return 0;
	return state_write(r, file, text_str(&t), e);
}
