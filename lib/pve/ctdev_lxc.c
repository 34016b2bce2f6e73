/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>

#include "pve/ctdev_lxc.h"

/* The next field of a line of fstab(5), its octal escapes as bytes: what getmntent(3) makes of it. "" at the end. */
static char *mount_field(char **p)
{
	static const struct {
		const char *code;
		char byte;
	} escapes[] = { { "\\040", ' ' }, { "\\011", '\t' }, { "\\012", '\n' }, { "\\134", '\\' }, { "\\\\", '\\' } };
	char *field = *p + strspn(*p, " \t"), *end = field + strcspn(field, " \t"), *to = field;

	*p = *end ? end + 1 : end;
	for (char *from = field; from < end; to++) {
		size_t skip = 1;

		*to = *from;
		for (size_t i = 0; i < ARRAY_SIZE(escapes); i++) {
			if (*from != '\\' || !str_starts(from, escapes[i].code))
				continue;
			*to = escapes[i].byte;
			skip = strlen(escapes[i].code);
			break;
		}
		from += skip;
	}
	*to = '\0';
	return field;
}

/* Is the word among the options, separated by commas? */
static bool mount_has(const char *options, const char *word)
{
	size_t n = strlen(word);

	for (const char *s = options; s; s = strchr(s, ',')) {
		s += *s == ',';
		if (strncmp(s, word, n) == 0 && (s[n] == ',' || s[n] == '\0'))
			return true;
	}
	return false;
}

/* The path with single slashes, absolute, none at its end, without "."; -EINVAL for the root itself and for "..". */
static int path_normalise(const char *path, char **ret)
{
	_cleanup_text_ struct text t = { 0 };

	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && path[0] == '.' && path[1] == '.')
			return -EINVAL;
		if (n > 0 && !(n == 1 && *path == '.')) {
			text_add(&t, "/");
			text_add_n(&t, path, n);
		}
		path += n + (path[n] == '/');
	}
	if (t.r == 0 && t.len == 0)
		return -EINVAL;
	*ret = text_take(&t);
	return *ret ? 0 : -ENOMEM;
}

/*
 * The target in the container. An absolute one counts below the container's root directory on the host, which is how old lines are
 * written; LXC passes over others (mount_entry_on_absolute_rootfs() in its conf.c).
 */
static int mount_target(const char *field, unsigned int vmid, char **ret)
{
	char rootfs[64];
	int n = snprintf(rootfs, sizeof(rootfs), "/var/lib/lxc/%u/rootfs/", vmid);

	if (*field != '/')
		return path_normalise(field, ret);
	return str_starts(field, rootfs) ? path_normalise(field + n, ret) : -EINVAL;
}

int ctdev_mount_parse(const char *value, unsigned int vmid, struct ctdev *d)
{
	_cleanup_free_ char *line = strdup(value);
	char *p = line, *source, *target, *type, *options;
	bool devtmpfs;
	int k;

	if (!line)
		return -ENOMEM;
	source = mount_field(&p);
	target = mount_field(&p);
	type = mount_field(&p);
	options = mount_field(&p);
	devtmpfs = str_eq(type, "devtmpfs");
	if (*source == '#') /* a comment for getmntent(3) */
		return -EINVAL;
	if (!devtmpfs && ((!mount_has(options, "bind") && !mount_has(options, "rbind")) || *source != '/'))
		return -EINVAL;
	if (mount_has(options, "relative")) /* the source is in the container */
		return -EINVAL;
	d->optional = mount_has(options, "optional");
	d->create = mount_has(options, "create=file") ? 'f' : mount_has(options, "create=dir") ? 'd' : 0;
	k = mount_target(target, vmid, &d->target);
	if (k < 0)
		return k;
	d->path = strdup(devtmpfs ? "/dev" : source);
	if (!d->path)
		return -ENOMEM;
	for (size_t n = strlen(d->path); n > 1 && d->path[n - 1] == '/'; n--)
		d->path[n - 1] = '\0';
	return 0;
}

/* At most three letters count, whatever follows them (device_cgroup_parse_access() in LXC's cgfsng.c). */
static int allow_access(const char *s, struct ctdev *d)
{
	for (int i = 0; i < 3 && s[i]; i++) {
		if (!strchr("rwm", s[i]))
			return -EINVAL;
		d->opens |= s[i] != 'm';
	}
	return *s ? 0 : -EINVAL;
}

/* A number or "*", up to the byte `end`. */
static int allow_number(const char **p, char end, bool *ret_any, unsigned int *ret)
{
	size_t n = strspn(*p, "0123456789");
	char digits[16];
	uint64_t number;

	*ret_any = n == 0 && **p == '*';
	if (*ret_any) {
		n = 1;
	} else {
		if (n == 0 || n >= sizeof(digits))
			return -EINVAL;
		snprintf(digits, sizeof(digits), "%.*s", (int)n, *p);
		if (parse_uint(digits, INT32_MAX, &number) < 0)
			return -EINVAL;
		*ret = (unsigned int)number;
	}
	*p += n;
	if (end == ' ' ? !isspace((unsigned char)**p) : **p != end)
		return -EINVAL;
	++*p;
	return 0;
}

/* "/dev/kfd rw" */
static int allow_path(const char *value, struct ctdev *d)
{
	size_t n = strcspn(value, " ");
	char access[4];

	snprintf(access, sizeof(access), "%.*s", (int)strcspn(value + n + strspn(value + n, " "), " "),
		 value + n + strspn(value + n, " "));
	if (allow_access(access, d) < 0)
		return -EINVAL;
	d->path = strndup(value, n);
	return d->path ? 0 : -ENOMEM;
}

int ctdev_allow_parse(const char *value, bool paths, struct ctdev *d)
{
	const char *p = value + 1;

	if (*value == '/')
		return paths ? allow_path(value, d) : -EINVAL;
	if (*value != 'a' && *value != 'b' && *value != 'c')
		return -EINVAL;
	d->type = *value;
	if (str_eq(value, "a")) {
		d->any_major = d->any_minor = d->opens = true;
		return 0;
	}
	if (!isspace((unsigned char)*p))
		return -EINVAL;
	p++;
	if (allow_number(&p, ':', &d->any_major, &d->major) < 0 || allow_number(&p, ' ', &d->any_minor, &d->minor) < 0)
		return -EINVAL;
	return allow_access(p, d);
}
