/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fnmatch.h>
#include <sys/sysmacros.h>

#include "host/nodes.h"
#include "base/slow.h"

#define NVIDIA_MAJOR   195 /* Documentation/admin-guide/devices.txt; its minors 254 and 255: nvidia's nv.h */
#define NVIDIA_MODESET 254
#define NVIDIA_CTL     255

/* Where drivers put the nodes below their function's directory, and what udev puts before the name. */
static const struct {
	const char *pattern, *prefix;
} places[] = {
	/* clang-format off */
	{ "drm/*/dev", "dri/" },
	{ "drm/*/*/drm_dp_aux*/dev", "" },
	{ "drm/*/*/i2c-*/i2c-dev/*/dev", "" },
	{ "drm_dp_aux_dev/*/dev", "" },
	{ "virtio*/drm/*/dev", "dri/" },
	{ "accel/*/dev", "accel/" },
	{ "graphics/*/dev", "" },
	{ "virtio*/graphics/*/dev", "" },
	{ "sound/*/*/dev", "snd/" },
	{ "i2c-*/i2c-dev/*/dev", "" },
	{ "vfio-dev/*/dev", "vfio/devices/" },
	/* clang-format on */
};

int node_dev_parse(const char *s, dev_t *ret)
{
	const char *colon = strchr(s, ':');
	char text[16];
	uint64_t major_, minor_;

	if (!colon || (size_t)(colon - s) >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, (size_t)(colon - s));
	text[colon - s] = '\0';
	if (parse_uint(text, UINT32_MAX, &major_) < 0 || parse_uint(colon + 1, UINT32_MAX, &minor_) < 0)
		return -EINVAL;
	*ret = makedev((unsigned int)major_, (unsigned int)minor_);
	return 0;
}

static const struct node *find(const struct node_list *l, dev_t dev, bool block)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].dev == dev && l->v[i].block == block)
			return &l->v[i];
	return NULL;
}

const struct node *nodes_find(const struct node_list *l, dev_t dev)
{
	return find(l, dev, false);
}

const struct node *nodes_find_disk(const struct node_list *l, dev_t dev)
{
	return find(l, dev, true);
}

int node_list_add(struct node_list *l, const struct node *n)
{
	struct node *v;

	if (find(l, n->dev, n->block))
		return 0;
	v = realloc(l->v, (l->n + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	l->v = v;
	v[l->n++] = *n;
	return 0;
}

void node_list_done(struct node_list *l)
{
	free(l->v);
	*l = (struct node_list){ 0 };
}

static int node_add(struct node_list *l, struct bdf bdf, dev_t dev, bool shared, const char *prefix,
		    const char *name)
{
	struct node n = { .dev = dev, .bdf = bdf, .shared = shared };

	snprintf(n.name, sizeof(n.name), "%s%s", prefix, name);
	return node_list_add(l, &n);
}

/* Adds the node whose number is in the file path, if there is one; named after the directory of that file. */
static int node_add_file(const struct root *r, struct node_list *l, struct bdf bdf, bool shared,
			 const char *prefix, char *path)
{
	char line[32], *slash;
	dev_t dev;

	if (root_read_line(r, path, line, sizeof(line)) < 0 || node_dev_parse(line, &dev) < 0)
		return 0;
	slash = strrchr(path, '/');
	*slash = '\0';
	return node_add(l, bdf, dev, shared, prefix, strrchr(path, '/') + 1);
}

/* Adds every node that pattern finds below path, which has room for PATH_MAX and is changed. */
static int place_add(const struct root *r, struct node_list *l, struct bdf bdf, const char *prefix,
		     char *path, const char *pattern)
{
	_cleanup_closedir_ DIR *d = NULL;
	size_t len = strlen(path), n = strcspn(pattern, "/");
	char part[64];

	if (!pattern[n]) {
		if (snprintf(path + len, PATH_MAX - len, "/%s", pattern) >= (int)(PATH_MAX - len))
			return 0;
		return node_add_file(r, l, bdf, false, prefix, path);
	}
	snprintf(part, sizeof(part), "%.*s", (int)n, pattern);
	if (root_opendir(r, path, &d) < 0)
		return 0;
	for (struct dirent *ent; (ent = readdir(d));) {
		int k;

		/* no links: controlD64 is one, to card0 */
		if (ent->d_name[0] == '.' || (ent->d_type != DT_DIR && ent->d_type != DT_UNKNOWN) ||
		    fnmatch(part, ent->d_name, 0) != 0)
			continue;
		if (snprintf(path + len, PATH_MAX - len, "/%s", ent->d_name) >= (int)(PATH_MAX - len))
			continue;
		k = place_add(r, l, bdf, prefix, path, pattern + n + 1);
		path[len] = '\0';
		if (k < 0)
			return k;
	}
	return 0;
}

int nodes_nvidia_minor(char *text, unsigned int *ret)
{
	static const char key[] = "Device Minor:";
	char *line;
	uint64_t n;

	while ((line = str_line(&text))) {
		if (!str_starts(line, key) || parse_uint(str_trim(line + strlen(key)), 0xfffff, &n) < 0)
			continue;
		*ret = (unsigned int)n;
		return 0;
	}
	return -ENOENT;
}

/* The major number of a character device's name in /proc/devices: "507 nvidia-uvm". 0 or -ENOENT. */
static int devices_major(const struct root *r, const char *name, unsigned int *ret)
{
	_cleanup_free_ char *text = NULL;
	char *p, *line;

	if (root_read(r, "/proc/devices", 65536, &text, NULL) < 0)
		return -ENOENT;
	for (p = text; (line = str_line(&p)) && !str_starts(line, "Block devices:");) {
		char *number = str_trim(line), *blank = strchr(number, ' ');
		uint64_t n;

		if (!blank || !str_eq(blank + 1, name))
			continue;
		*blank = '\0';
		if (parse_uint(number, UINT32_MAX, &n) < 0)
			continue;
		*ret = (unsigned int)n;
		return 0;
	}
	return -ENOENT;
}

int nodes_nvidia_card(const struct root *r, struct bdf bdf, struct node *ret)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX], name[BDF_LEN];
	unsigned int n;
	int k;

	path_f(path, "/proc/driver/nvidia/gpus/%s/information", bdf_format(bdf, name));
	if (!root_exists(r, path)) /* no need for a child */
		return -ENOENT;
	k = slow_read(r, path, 65536, &text, NULL);
	if (k == 0)
		k = nodes_nvidia_minor(text, &n);
	if (k < 0)
		return k;
	*ret = (struct node){ .dev = makedev(NVIDIA_MAJOR, n), .bdf = bdf };
	snprintf(ret->name, sizeof(ret->name), "nvidia%u", n);
	return 0;
}

static int nvidia_add_card(const struct root *r, struct bdf bdf, struct node_list *l)
{
	struct node card;
	int k = nodes_nvidia_card(r, bdf, &card);

	l->unsure += k == -ETIMEDOUT;
	return k < 0 ? 0 : node_add(l, bdf, card.dev, false, "", card.name);
}

static int nvidia_add(const struct root *r, const struct pci_fn *fn, struct node_list *l)
{
	unsigned int n;

	if (nvidia_add_card(r, fn->bdf, l) < 0)
		return -ENOMEM;
	if (node_add(l, fn->bdf, makedev(NVIDIA_MAJOR, NVIDIA_CTL), true, "", "nvidiactl") < 0 ||
	    node_add(l, fn->bdf, makedev(NVIDIA_MAJOR, NVIDIA_MODESET), true, "", "nvidia-modeset") < 0)
		return -ENOMEM;
	if (devices_major(r, "nvidia-uvm", &n) == 0 &&
	    (node_add(l, fn->bdf, makedev(n, 0), true, "", "nvidia-uvm") < 0 ||
	     node_add(l, fn->bdf, makedev(n, 1), true, "", "nvidia-uvm-tools") < 0))
		return -ENOMEM;
	return 0;
}

static int compare_name(const void *a, const void *b)
{
	return strverscmp(((const struct node *)a)->name, ((const struct node *)b)->name);
}

int nodes_add(const struct root *r, const struct pci_fn *fn, struct node_list *l)
{
	char path[PATH_MAX];
	int k = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places) && k == 0; i++)
		k = place_add(r, l, fn->bdf, places[i].prefix, pci_path(path, fn->bdf, ""),
			      places[i].pattern);
	/* whoever holds the group holds each of its devices */
	if (k == 0 && fn->group >= 0)
		k = node_add_file(r, l, fn->bdf, false, "vfio/",
				  path_f(path, "/sys/class/vfio/%d/dev", fn->group));
	if (k == 0 && str_eq(fn->driver, "amdgpu"))
		k = node_add_file(r, l, fn->bdf, true, "", path_f(path, "/sys/class/kfd/kfd/dev"));
	if (k == 0 && str_eq(fn->driver, "nvidia"))
		k = nvidia_add(r, fn, l);
	if (l->n) /* a directory has no order */
		qsort(l->v, l->n, sizeof(*l->v), compare_name);
	return k;
}
