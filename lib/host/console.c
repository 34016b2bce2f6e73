/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fnmatch.h>

#include "host/console.h"
#include "base/slow.h"

static int compare_vtcon(const void *a, const void *b)
{
	return strverscmp(((const struct vtcon *)a)->name, ((const struct vtcon *)b)->name);
}

/*
 * show_bind() in drivers/tty/vt/vt.c takes the console lock, which a driver that hangs while it gives up its
 * frame buffer holds; show_name() takes no lock.
 */
static void vtcon_bound(const struct root *r, struct vtcon *c)
{
	char path[PATH_MAX], bind[8];
	int k = slow_read_line(r, path_f(path, "/sys/class/vtconsole/%s/bind", c->name), bind, sizeof(bind));

	c->bound = k == 0 && str_eq(bind, "1");
	c->unsure = k == -ETIMEDOUT;
}

static int vtcon_add(const struct root *r, const char *name, struct vtcon_list *l)
{
	struct vtcon c = { 0 }, *v;
	char path[PATH_MAX];

	snprintf(c.name, sizeof(c.name), "%s", name);
	if (root_read_line(r, path_f(path, "/sys/class/vtconsole/%s/name", name), c.title, sizeof(c.title)) <
	    0)
		c.title[0] = '\0';
	c.framebuffer = strstr(
		c.title, "frame buffer"); /* fb_con's con_startup() in drivers/video/fbdev/core/fbcon.c */
	if (c.framebuffer)
		vtcon_bound(r, &c);
	v = realloc(l->v, (l->n + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	l->v = v;
	v[l->n++] = c;
	return 0;
}

int vtcon_scan(const struct root *r, struct vtcon_list *ret)
{
	_cleanup_vtcon_list_ struct vtcon_list l = { 0 };
	_cleanup_closedir_ DIR *d = NULL;
	int k = root_opendir(r, "/sys/class/vtconsole", &d);

	if (k < 0 && k != -ENOENT)
		return k;
	for (struct dirent *ent; d && (ent = readdir(d));)
		if (str_starts(ent->d_name, "vtcon") && strlen(ent->d_name) < sizeof(l.v->name) &&
		    vtcon_add(r, ent->d_name, &l) < 0)
			return -ENOMEM;
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), compare_vtcon);
	*ret = l;
	l = (struct vtcon_list){ 0 };
	return 0;
}

void vtcon_list_done(struct vtcon_list *l)
{
	free(l->v);
	*l = (struct vtcon_list){ 0 };
}

/* Entries of dir that match pattern, sorted as they come. */
static int names_of(const struct root *r, const char *dir, const char *pattern, struct strv *ret)
{
	_cleanup_closedir_ DIR *d = NULL;
	int k = root_opendir(r, dir, &d);

	if (k < 0)
		return k == -ENOENT ? 0 : k;
	for (struct dirent *ent; (ent = readdir(d));)
		if (fnmatch(pattern, ent->d_name, 0) == 0 && strv_add(ret, ent->d_name) < 0)
			return -ENOMEM;
	return 0;
}

int console_framebuffers(const struct root *r, struct bdf bdf, struct strv *ret)
{
	_cleanup_strv_ struct strv l = { 0 };
	char path[PATH_MAX];
	int k = names_of(r, pci_path(path, bdf, "graphics"), "fb[0-9]*", &l);

	if (k < 0)
		return k;
	*ret = l;
	l = (struct strv){ 0 };
	return 0;
}

void console_fb_name(const struct root *r, unsigned int n, char *buf, size_t size)
{
	char path[PATH_MAX];

	/* not /proc/fb: it waits for whoever waits for the console lock (fb_seq_start(),
	 * unregister_framebuffer()) */
	if (root_read_line(r, path_f(path, "/sys/class/graphics/fb%u/name", n), buf, size) < 0)
		buf[0] = '\0';
	str_printable(buf);
}

int console_platform_framebuffers(const struct root *r, struct strv *ret)
{
	_cleanup_strv_ struct strv all = { 0 }, bound = { 0 };
	int k = names_of(r, "/sys/bus/platform/devices", "*-framebuffer.*", &all);

	if (k < 0)
		return k;
	strv_foreach (name, &all) {
		char path[PATH_MAX], driver[PCI_NAME_LEN];

		path_f(path, "/sys/bus/platform/devices/%s/driver", name);
		if (root_readlink_base(r, path, driver, sizeof(driver)) == 0 && strv_add(&bound, name) < 0)
			return -ENOMEM;
	}
	*ret = bound;
	bound = (struct strv){ 0 };
	return 0;
}

/*
 * Does fbcon draw on a frame buffer of the function? It takes the first one that there is, unless told
 * otherwise by fbcon=map. Where the kernel does not say whether fbcon draws at all, it may.
 */
static bool fbcon_on(const struct root *r, struct bdf bdf, const struct vtcon_list *v)
{
	_cleanup_strv_ struct strv own = { 0 }, all = { 0 };
	const char *first = NULL;
	bool active = false;

	for (size_t i = 0; i < v->n; i++)
		active |= v->v[i].framebuffer && (v->v[i].bound || v->v[i].unsure);
	if (!active || console_framebuffers(r, bdf, &own) < 0 || own.n == 0)
		return false;
	if (names_of(r, "/sys/class/graphics", "fb[0-9]*", &all) < 0)
		return false;
	strv_foreach (name, &all)
		if (!first || strverscmp(name, first) < 0)
			first = name;
	return first && strv_has(&own, first);
}

bool console_on_function(const struct root *r, const struct pci_fn *fn, const struct bootfb_list *l,
			 const struct vtcon_list *v)
{
	return bootfb_of(r, l, fn->bdf) || fbcon_on(r, fn->bdf, v);
}
