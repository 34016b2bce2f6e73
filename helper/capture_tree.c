/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The entries of a capture, and the archive of them. */
#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "base/tar.h"
#include "helper/capture.h"

#define TOP	  "machine" /* the directory that the archive unpacks to */
#define LINKS_MAX 40	    /* as in the kernel (MAXSYMLINKS in include/linux/namei.h) */

/* A new entry for path, or NULL without memory. */
static struct capture_entry *add(struct capture *c, const char *path, enum capture_type type)
{
	struct capture_entry *e;

	if (c->n == c->room) {
		size_t room = c->room ? c->room * 2 : 1024;
		struct capture_entry *v = realloc(c->v, room * sizeof(*v));

		if (!v) {
			c->r = -ENOMEM;
			return NULL;
		}
		c->v = v;
		c->room = room;
	}
	e = &c->v[c->n];
	*e = (struct capture_entry){ .path = strdup(path), .order = c->n, .type = type, .mode = 0644 };
	if (!e->path) {
		c->r = -ENOMEM;
		return NULL;
	}
	c->n++;
	return e;
}

static void set_data(struct capture *c, struct capture_entry *e, const char *data, size_t len)
{
	char *copy = e ? malloc(len + 1) : NULL;

	if (!copy) {
		c->r = -ENOMEM;
		return;
	}
	memcpy(copy, data, len);
	copy[len] = '\0';
	free(e->data);
	e->data = copy;
	e->len = len;
}

void capture_dir(struct capture *c, const char *path)
{
	add(c, path, CAPTURE_DIR);
}

void capture_bytes(struct capture *c, const char *path, const char *data, size_t len)
{
	set_data(c, add(c, path, CAPTURE_FILE), data, len);
}

void capture_text(struct capture *c, const char *path, const char *text)
{
	capture_bytes(c, path, text, strlen(text));
}

void capture_stub(struct capture *c, const char *path)
{
	struct capture_entry *e;
	struct stat st;

	if (root_stat(c->root, path, &st) < 0)
		return;
	if (S_ISDIR(st.st_mode)) {
		capture_dir(c, path);
		return;
	}
	e = add(c, path, CAPTURE_FILE);
	set_data(c, e, "", 0);
	if (e)
		e->mode = S_ISREG(st.st_mode) && st.st_mode & 0111 ? 0755 : 0644;
}

void capture_link(struct capture *c, const char *path, const char *target)
{
	set_data(c, add(c, path, CAPTURE_LINK), target, strlen(target));
}

void capture_file(struct capture *c, const char *path, size_t max, bool head, mask_fn *mask)
{
	struct capture_entry *e = add(c, path, CAPTURE_FILE);

	if (!e)
		return;
	e->pending = true;
	e->max = max;
	e->head = head;
	e->mask = mask;
}

void capture_if_any(struct capture *c, const char *path, size_t max, mask_fn *mask)
{
	size_t n = c->n;

	capture_file(c, path, max, false, mask);
	if (c->n > n)
		c->v[n].optional = true;
}

void capture_node(struct capture *c, const char *path, dev_t dev)
{
	if (strv_has(&c->numbered, path))
		return;
	if (strv_add(&c->numbered, path) < 0)
		c->r = -ENOMEM;
	text_addf(&c->numbers, "c %u:%u %s\n", major(dev), minor(dev), path);
	if (!str_starts(path, "/proc/") || !strstr(path, "/fd/"))
		capture_text(c, path, "");
}

/* The target of the link at path, if it is one. */
static bool read_link(const struct root *r, const char *path, char target[static PATH_MAX])
{
	const char *name;
	_cleanup_close_ int dir = root_open_parent(r, path, 0, &name);
	ssize_t n = dir < 0 ? -1 : readlinkat(dir, name, target, PATH_MAX - 1);

	if (n < 0)
		return false;
	target[n] = '\0';
	return true;
}

/* Takes the next component of *rest behind out; ".." one off it. False if it gets too long. */
static bool step_into(char out[static PATH_MAX], const char *rest, size_t n)
{
	size_t len = strlen(out);

	if (n == 0 || (n == 1 && rest[0] == '.'))
		return true;
	if (n == 2 && rest[0] == '.' && rest[1] == '.') {
		char *slash = strrchr(out, '/');

		if (slash)
			*slash = '\0';
		return true;
	}
	return snprintf(out + len, PATH_MAX - len, "/%.*s", (int)n, rest) < (int)(PATH_MAX - len);
}

bool capture_resolve(struct capture *c, const char *path, char ret[static PATH_MAX])
{
	char out[PATH_MAX] = "", rest[PATH_MAX], target[PATH_MAX], next[PATH_MAX];
	unsigned int links = 0;

	path_f(rest, "%s", path);
	while (*rest) {
		size_t n = strcspn(rest, "/");
		const char *behind = rest + n + (rest[n] == '/');
		size_t before = strlen(out);

		if (!step_into(out, rest, n))
			return false;
		if (n > 0 && strlen(out) > before && read_link(c->root, out, target)) {
			if (++links > LINKS_MAX)
				return false;
			capture_link(c, out, target);
			out[*target == '/' ? 0 : before] = '\0';
			if (!*path_f(next, "%s%s%s", target, *behind ? "/" : "", behind))
				return false;
			memcpy(rest, next, sizeof(rest));
			continue;
		}
		memmove(rest, behind, strlen(behind) + 1);
	}
	if (!*out || !root_exists(c->root, out))
		return false;
	memcpy(ret, out, PATH_MAX);
	return true;
}

/* What came of reading an entry: its text, masked; one that could not be read is none. */
static void take(struct capture *c, struct capture_entry *e, struct slow_file *f)
{
	_cleanup_text_ struct text t = { 0 };

	c->hanging += f->r == -ETIMEDOUT;
	if (f->r < 0) {
		free(e->path);
		e->path = NULL;
		return;
	}
	e->pending = false;
	if (!e->mask || capture_is_ours(c, e->path, f->data)) {
		set_data(c, e, f->data, f->len);
		return;
	}
	e->mask(&c->names, f->data, &t);
	if (t.r < 0)
		c->r = t.r;
	if (!t.len && e->optional) {
		free(e->path);
		e->path = NULL;
		return;
	}
	set_data(c, e, text_str(&t), t.len);
}

int capture_read(struct capture *c, struct err *err)
{
	_cleanup_free_ struct slow_file *files = calloc(c->n + 1, sizeof(*files));
	_cleanup_free_ size_t *of = calloc(c->n + 1, sizeof(*of));
	size_t n = 0;
	int k;

	if (!files || !of)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < c->n; i++) {
		if (!c->v[i].pending || !c->v[i].path)
			continue;
		of[n] = i;
		files[n++] = (struct slow_file){ .path = c->v[i].path, .max = c->v[i].max, .head = c->v[i].head };
	}
	k = slow_read_list(c->root, files, n);
	for (size_t i = 0; i < n; i++) {
		if (k == 0)
			take(c, &c->v[of[i]], &files[i]);
		free(files[i].data);
	}
	return k < 0 ? err_errno(err, k, "cannot read the files of this machine") : 0;
}

static int compare(const void *pa, const void *pb)
{
	const struct capture_entry *a = pa, *b = pb;
	int d;

	/* those that could not be read come last */
	if (!a->path || !b->path)
		return !a->path - !b->path;
	d = strcmp(a->path, b->path);
	return d ? d : (a->order > b->order) - (a->order < b->order);
}

static void write_entry(struct capture *c, const struct capture_entry *e, struct text *ret)
{
	_cleanup_text_ struct text name = { 0 }, data = { 0 };

	text_add(&name, TOP);
	mask_text(&c->names, e->path, strlen(e->path), &name);
	/* what has NULs is no text in which a name could be */
	if (e->type != CAPTURE_DIR && !memchr(e->data, 0, e->len))
		mask_text(&c->names, e->data, e->len, &data);
	else if (e->type != CAPTURE_DIR)
		text_add_n(&data, e->data, e->len);
	if (name.r < 0 || data.r < 0)
		c->r = -ENOMEM;
	if (e->type == CAPTURE_DIR)
		tar_dir(ret, text_str(&name));
	else if (e->type == CAPTURE_LINK)
		tar_link(ret, text_str(&name), text_str(&data));
	else
		tar_file(ret, text_str(&name), text_str(&data), data.len, e->mode, e->mtime);
}

int capture_write(struct capture *c, struct text *ret, struct err *e)
{
	const char *last = NULL;

	capture_text(c, NODE_MANIFEST, text_str(&c->numbers));
	if (c->n && c->r == 0)
		qsort(c->v, c->n, sizeof(*c->v), compare);
	tar_dir(ret, TOP);
	for (size_t i = 0; i < c->n && c->r == 0 && c->v[i].path; i++) {
		if (!last || !str_eq(last, c->v[i].path))
			write_entry(c, &c->v[i], ret);
		last = c->v[i].path;
	}
	tar_end(ret);
	return c->r < 0 || ret->r < 0 || c->numbers.r < 0 ? err_set(e, -ENOMEM, "out of memory") : 0;
}

void capture_done(struct capture *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].path);
		free(c->v[i].data);
	}
	free(c->v);
	manifest_done(&c->manifest);
	text_done(&c->numbers);
	strv_done(&c->numbered);
	node_list_done(&c->nodes);
	mask_names_done(&c->names);
	record_close(&c->prepared);
}
