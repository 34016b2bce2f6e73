/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <time.h>

#include "pve/task.h"

#define TASKS	 "/var/log/pve/tasks"
#define LIST_MAX (1024 * 1024)
#define LOG_MAX	 (256 * 1024)

/* The next field of an UPID, cut off *p. NULL if there is none. */
static char *field(char **p)
{
	char *s = *p, *end = s ? strchr(s, ':') : NULL;

	if (!end)
		return NULL;
	*end = '\0';
	*p = end + 1;
	return s;
}

static int hex_time(const char *s, time_t *ret)
{
	char *end;
	unsigned long long n = strtoull(s, &end, 16);

	if (strlen(s) != 8 || *end || strspn(s, "0123456789abcdefABCDEF") != 8)
		return -EINVAL;
	*ret = (time_t)n;
	return 0;
}

static int parse_upid(char *upid, struct task *t)
{
	char *p = upid, *start, *type, *id;

	if (!str_eq(field(&p), "UPID") || !field(&p) || !field(&p) || !field(&p) || !(start = field(&p)) || !(type = field(&p)) ||
	    !(id = field(&p)) || !field(&p) || hex_time(start, &t->start) < 0 || strlen(type) >= sizeof(t->type) ||
	    strlen(id) >= sizeof(t->id))
		return -EINVAL;
	snprintf(t->type, sizeof(t->type), "%s", type);
	snprintf(t->id, sizeof(t->id), "%s", id);
	return 0;
}

int task_parse(const char *line, struct task *ret)
{
	_cleanup_free_ char *copy = strdup(line);
	struct task t = { 0 };
	char *rest, *upid, *end;
	time_t ended;

	if (!copy)
		return -ENOMEM;
	rest = copy;
	upid = strsep(&rest, " ");
	if (parse_upid(upid, &t) < 0)
		return -EINVAL;
	end = strsep(&rest, " ");
	if (str_eq(end, "0") || str_eq(end, "1")) /* of active: is it in index, too? */
		end = strsep(&rest, " ");
	if (end && hex_time(end, &ended) < 0)
		return -EINVAL;
	if (end && rest)
		snprintf(t.status, sizeof(t.status), "%.*s", (int)sizeof(t.status) - 1, rest);
	*ret = t;
	return 0;
}

/* What the task's own log ends with, for one of whose end nobody has taken note yet (upid_read_status() in PVE/Tools.pm). */
static void read_status(const struct root *r, const char *line, struct task *t)
{
	_cleanup_free_ char *log = NULL;
	char path[PATH_MAX], *p, *s;

	path_f(path, TASKS "/%llX/%.*s", (unsigned long long)t->start & 0xf, (int)strcspn(line, " "), line);
	if (root_read(r, path, LOG_MAX, &log, NULL) < 0)
		return;
	for (p = log; (s = str_line(&p));) {
		if (str_eq(s, "TASK OK"))
			snprintf(t->status, sizeof(t->status), "OK");
		else if (str_starts(s, "TASK ERROR: "))
			snprintf(t->status, sizeof(t->status), "%.*s", (int)sizeof(t->status) - 1, s + strlen("TASK ERROR: "));
	}
}

static int search(const struct root *r, const char *path, const char *type, const char *id, time_t since, struct task *best)
{
	_cleanup_free_ char *text = NULL;
	char *p, *line;
	int k = root_read(r, path, LIST_MAX, &text, NULL);

	if (k < 0)
		return k == -ENOENT ? 0 : k;
	for (p = text; (line = str_line(&p));) {
		struct task t;

		if (task_parse(line, &t) < 0 || !str_eq(t.type, type) || !str_eq(t.id, id) || t.start < since || t.start < best->start)
			continue;
		if (!t.status[0])
			read_status(r, line, &t);
		if (t.status[0] || t.start > best->start)
			*best = t;
	}
	return 0;
}

int task_last(const struct root *r, const char *type, unsigned int vmid, time_t since, struct task *ret)
{
	static const char *const files[] = { TASKS "/index.1", TASKS "/index", TASKS "/active" };
	struct task best = { 0 };
	char id[16];

	snprintf(id, sizeof(id), "%u", vmid);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		int k = search(r, files[i], type, id, since, &best);

		if (k < 0)
			return k;
	}
	if (!best.start)
		return -ENOENT;
	*ret = best;
	return 0;
}
