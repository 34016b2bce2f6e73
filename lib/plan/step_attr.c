/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The attribute step: a sysfs file. One component of its path may choose by an attribute instead of a name, since names of
 * consoles are renumbered: "/sys/class/vtconsole/[name=(M) frame buffer device]/bind".
 */
#include <errno.h>

#include "base/bounded.h"
#include "plan/step.h"
#include "plan/stuck.h"

#define VALUE_MAX 256

/* Does DIR/NAME/ATTR read VALUE, all of them parts of "[ATTR=VALUE]"? */
static bool chosen(const struct root *r, const char *dir, const char *name, const char *sel, size_t sel_len)
{
	const char *eq = memchr(sel, '=', sel_len);
	char path[PATH_MAX], line[VALUE_MAX];
	size_t value_len;

	if (!eq)
		return false;
	value_len = sel_len - (size_t)(eq + 1 - sel);
	path_f(path, "%s/%s/%.*s", dir, name, (int)(eq - sel), sel);
	return root_read_line(r, path, line, sizeof(line)) == 0 && strlen(str_trim(line)) == value_len &&
	       strncmp(str_trim(line), eq + 1, value_len) == 0;
}

/* Finds the file that a target names. 0, -ENODEV. */
static int resolve(const struct root *r, const char *target, char ret[static PATH_MAX], struct err *e)
{
	const char *open = strstr(target, "/["), *close = open ? strstr(open, "]/") : NULL;
	_cleanup_closedir_ DIR *d = NULL;
	char dir[PATH_MAX];
	struct dirent *de;

	if (!close) {
		path_f(ret, "%s", target);
		return root_exists(r, ret) ? 0 : err_set(e, -ENODEV, "%s is not there any more", target);
	}
	path_f(dir, "%.*s", (int)(open - target), target);
	if (root_opendir(r, dir, &d) == 0) {
		while ((de = readdir(d))) {
			if (de->d_name[0] == '.' || !chosen(r, dir, de->d_name, open + 2, (size_t)(close - open - 2)))
				continue;
			path_f(ret, "%s/%s%s", dir, de->d_name, close + 1);
			return 0;
		}
	}
	return err_set(e, -ENODEV, "%s is not there any more", target);
}

static int attr_get(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	char path[PATH_MAX], line[VALUE_MAX];
	struct proc_id child;
	struct bdf b;
	int k = resolve(en->root, s->target, path, e);

	if (k < 0)
		return k;
	if (target_bdf(s->target, &b)) {
		k = stuck_read(en->root, b, path, line, sizeof(line), en->driver_timeout_ms, e);
	} else {
		/* the console's lock, too, may be held by a driver that hangs (drivers/tty/vt/vt.c, show_bind()) */
		k = bounded_read(en->root, path, line, sizeof(line), en->driver_timeout_ms, &child);
		if (k < 0)
			err_errno(e, k, "cannot read %s", path);
	}
	if (k < 0)
		return k;
	*ret = strdup(str_trim(line));
	return *ret ? 0 : -ENOMEM;
}

static int write_value(const struct engine *en, const char *target, const char *path, const char *value, struct err *e)
{
	const char *text = *value ? value : "\n"; /* an empty write may never reach the kernel */
	struct proc_id child;
	struct bdf b;
	int k;

	if (target_bdf(target, &b))
		return stuck_write(en->root, b, path, text, en->driver_timeout_ms, e);
	/* a console waits for its own lock, not for a card: there is no function to remember as stuck */
	k = bounded_write(en->root, path, text, en->driver_timeout_ms, &child);
	return k < 0 ? err_errno(e, k, "cannot write '%s' to %s", value, path) : 0;
}

/*
 * reset_method re-probes every name that is written, and one that does not work now (bus, with a sibling on it) makes the
 * whole write EINVAL (drivers/pci/pci.c, reset_method_store): so add name after name and keep those that the kernel takes.
 */
static int write_methods(const struct engine *en, const char *target, const char *path, const char *value, struct err *e)
{
	char names[VALUE_MAX], kept[VALUE_MAX] = "", next[VALUE_MAX], *save = NULL;
	int k = write_value(en, target, path, value, e);

	if (k != -EINVAL)
		return k;
	snprintf(names, sizeof(names), "%s", value);
	for (char *name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
		size_t n = strlen(kept);

		if (n + strlen(name) + 2 > sizeof(next))
			return err_set(e, -EINVAL, "'%s' is too long for reset methods", value);
		memcpy(next, kept, n + 1);
		snprintf(next + n, sizeof(next) - n, "%s%s", n ? " " : "", name);
		k = write_value(en, target, path, next, e);
		if (k == 0)
			memcpy(kept, next, sizeof(kept));
		else if (k != -EINVAL)
			return k;
	}
	if (kept[0])
		err_set(e, 0, "the kernel took '%s' of '%s'", kept, value);
	else
		err_set(e, 0, "the kernel takes nothing of '%s' now, and keeps what it has", value);
	return 1;
}

static bool is_methods(const char *path)
{
	const char *base = strrchr(path, '/');

	return base && strcmp(base, "/reset_method") == 0;
}

static int attr_set(const struct engine *en, const struct step *s, struct err *e)
{
	char path[PATH_MAX];
	int k = resolve(en->root, s->target, path, e);

	if (k < 0)
		return k;
	if (!s->after)
		return err_set(e, -EINVAL, "%s cannot be made absent", s->target);
	if (is_methods(path))
		return write_methods(en, s->target, path, s->after, e);
	return write_value(en, s->target, path, s->after, e);
}

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; *p; p += strcspn(p, " "), p += strspn(p, " "))
		if (strcspn(p, " ") == n && strncmp(p, word, n) == 0)
			return true;
	return false;
}

/* A restoration that was cut off between two of its writes left some of the names. */
static bool attr_transit(const struct step *s, const char *now, bool in_flight)
{
	char names[VALUE_MAX], *save = NULL;

	if (!in_flight || !s->before || !is_methods(s->target) || !*now)
		return false;
	snprintf(names, sizeof(names), "%s", now);
	for (char *name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save))
		if (!has_word(s->before, name))
			return false;
	return true;
}

const struct step_kind step_attr = {
	.name = "attr",
	.get = attr_get,
	.set = attr_set,
	.transit = attr_transit,
};
