/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/console.h"

#define IOMEM_MAX      (4 << 20)
#define IORESOURCE_MEM 0x200 /* include/linux/ioport.h */
#define BARS	       7     /* six BARs and the ROM: the first lines of the file resource */

/* Who reserves the firmware's framebuffer, by the name of the resource. */
static const char *const owners[] = {
	"BOOTFB",   /* the platform device itself: drivers/firmware/sysfb_simplefb.c */
	"simplefb", /* drivers/video/fbdev */
	"efifb",    "vesafb",  "simpledrm", /* drivers/gpu/drm/tiny, since 6.16 drivers/gpu/drm/sysfb */
	"efidrm",   "vesadrm", "ofdrm",
};

/* "  e0000000-e0ffffff : BOOTFB", r_show() in kernel/resource.c. 0 or -EINVAL. */
static int iomem_line(char *line, struct bootfb *ret)
{
	char *end, *p = line + strspn(line, " ");
	struct bootfb b = { 0 };

	if (!strchr("0123456789abcdef", *p) || !*p)
		return -EINVAL;
	b.start = strtoull(p, &end, 16);
	if (*end != '-' || !end[1] || !strchr("0123456789abcdef", end[1]))
		return -EINVAL;
	b.end = strtoull(end + 1, &end, 16);
	if (!str_starts(end, " : ") || b.end < b.start)
		return -EINVAL;
	snprintf(b.name, sizeof(b.name), "%s", end + 3);
	*ret = b;
	return 0;
}

static bool is_owner(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++)
		if (str_eq(name, owners[i]))
			return true;
	return false;
}

int bootfb_parse(char *text, struct bootfb_list *ret)
{
	_cleanup_bootfb_list_ struct bootfb_list l = { .blind = true };
	char *line;

	while ((line = str_line(&text))) {
		struct bootfb b, *v;

		if (iomem_line(line, &b) < 0)
			continue;
		l.blind &= b.end == 0;
		if (b.end == 0 || !is_owner(b.name))
			continue;
		v = realloc(l.v, (l.n + 1) * sizeof(*v));
		if (!v)
			return -ENOMEM;
		l.v = v;
		v[l.n++] = b;
	}
	*ret = l;
	l = (struct bootfb_list){ 0 };
	return 0;
}

int bootfb_load(const struct root *r, struct bootfb_list *ret)
{
	_cleanup_free_ char *text = NULL;
	int k = root_read(r, "/proc/iomem", IOMEM_MAX, &text, NULL);

	return k < 0 ? k : bootfb_parse(text, ret);
}

void bootfb_list_done(struct bootfb_list *l)
{
	free(l->v);
	*l = (struct bootfb_list){ 0 };
}

static const struct bootfb *overlap(const struct bootfb_list *l, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].start <= end && start <= l->v[i].end)
			return &l->v[i];
	return NULL;
}

const struct bootfb *bootfb_of(const struct root *r, const struct bootfb_list *l, struct bdf bdf)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX], *p, *line;

	if (l->n == 0 || root_read(r, pci_path(path, bdf, "resource"), 16384, &text, NULL) < 0)
		return NULL;
	p = text;
	for (int bar = 0; bar < BARS && (line = str_line(&p)); bar++) {
		unsigned long long start, end, flags; /* resource_show(): "0x… 0x… 0x…" */
		const struct bootfb *b;

		if (sscanf(line, "%llx %llx %llx", &start, &end, &flags) != 3 || !(flags & IORESOURCE_MEM) ||
		    end <= start)
			continue;
		b = overlap(l, start, end);
		if (b)
			return b;
	}
	return NULL;
}
