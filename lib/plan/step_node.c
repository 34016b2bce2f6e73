/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The node step: "0000:01:00.0 /dev/dri/renderD128" is absent, or "c 226:128 0:104 0660". While a card is away an inert node stands in for
 * each of its own that a container names, with the same number and no driver behind it: Proxmox VE refuses to start a container whose devN
 * is not there (update_lxc_config() in PVE/LXC.pm), and looks before any hook of the container could help. Opening it answers ENXIO. Its
 * owner and mode are the node's, which a container sees that has it mounted. It goes before the driver comes back, whose own node would
 * find its place taken (handle_create() in drivers/base/devtmpfs.c).
 */
#include <errno.h>
#include <sys/sysmacros.h>

#include "host/nodes.h"
#include "plan/path.h"
#include "plan/step_node.h"

#define PLACEHOLDER_MODE 0660
#define LINK_MS		 2000 /* for udev, which removes its links when it comes to that; devtmpfs has removed the node at once */

void node_target(struct bdf b, const char *path, struct text *t)
{
	char name[BDF_LEN];

	text_addf(t, "%s %s", bdf_format(b, name), path);
}

void node_value(dev_t dev, const struct root_own *own, struct text *t)
{
	text_addf(t, "c %u:%u", major(dev), minor(dev));
	if (own)
		text_addf(t, " %u:%u %04o", own->uid, own->gid, own->mode);
}

int node_value_parse(const char *value, dev_t *ret, struct root_own *ret_own)
{
	struct root_own own = { PLACEHOLDER_MODE, 0, 0 };
	_cleanup_text_ struct text again = { 0 };
	unsigned int major_, minor_;
	int n = value ? sscanf(value, "c %10u:%10u %10u:%10u %4o", &major_, &minor_, &own.uid, &own.gid, &own.mode) : 0;

	if (n != 2 && n != 5)
		return -EINVAL;
	node_value(makedev(major_, minor_), n == 5 ? &own : NULL, &again);
	if (!str_eq(value, text_str(&again)) || own.mode > 07777)
		return -EINVAL;
	*ret = makedev(major_, minor_);
	*ret_own = own;
	return 0;
}

static const char *node_path(const struct step *s)
{
	const char *blank = strchr(s->target, ' ');

	return blank && blank[1] == '/' ? blank + 1 : NULL;
}

/* Is a driver behind the number? Then the node is a real one, whoever made it. */
static bool has_driver(const struct root *r, dev_t dev)
{
	char path[PATH_MAX];

	return root_exists(r, path_f(path, "/sys/dev/char/%u:%u", major(dev), minor(dev)));
}

/* As lstat(2); in the place of a node that is to be made, a link that leads nowhere gets the time to go. */
static int look(const struct root *r, const char *path, bool patient, struct stat *st)
{
	uint64_t deadline = now_ms() + LINK_MS;
	struct stat behind;
	int k;

	while ((k = root_lstat(r, path, st)) == 0 && patient && S_ISLNK(st->st_mode) && root_stat(r, path, &behind) == -ENOENT &&
	       now_ms() < deadline)
		sleep_ms(20);
	return k;
}

static int node_get(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	const char *path = node_path(s);
	_cleanup_text_ struct text t = { 0 };
	struct stat st;
	int k;

	if (!path)
		return err_set(e, -EINVAL, "'%s' is not a function and a path", s->target);
	k = look(en->root, path, s->after != NULL, &st);
	if (k == -ENOENT || k == -ENOTDIR) {
		*ret = NULL;
		return 0;
	}
	if (k < 0)
		return err_errno(e, k, "cannot examine %s", path);
	if (S_ISCHR(st.st_mode) && has_driver(en->root, st.st_rdev)) {
		/* the card's own, or that of another which has the name by now: no placeholder, and none that is missed */
		*ret = NULL;
		return 0;
	}
	if (S_ISCHR(st.st_mode))
		node_value(st.st_rdev, &(struct root_own){ st.st_mode & 07777, st.st_uid, st.st_gid }, &t);
	else
		text_add(&t, S_ISLNK(st.st_mode) ? "a link" : "a file");
	*ret = text_take(&t);
	return *ret ? 0 : -ENOMEM;
}

/* The directories above the node, which devtmpfs and udev remove with the last node in them. */
static int make_parents(const struct root *r, const char *path)
{
	char dir[PATH_MAX];
	char *slash;

	path_f(dir, "%s", path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	return root_mkdir_p_nofollow(r, dir, 0755);
}

/*
 * Takes away what make_parents() may have made: what is in use is not empty. But /dev/dri itself stays for the nodes that come: a container
 * that has it mounted would be left with a directory that is gone.
 */
static void remove_parents(const struct root *r, const char *path)
{
	char dir[PATH_MAX];
	char *slash;

	path_f(dir, "%s", path);
	while ((slash = strrchr(dir, '/')) && slash != dir) {
		*slash = '\0';
		if (strcmp(dir, "/dev") == 0 || strchr(dir + strlen("/dev/"), '/') == NULL || root_rmdir(r, dir) < 0)
			return;
	}
}

static int node_set(const struct engine *en, const struct step *s, struct err *e)
{
	const char *path = node_path(s);
	struct root_own own;
	dev_t dev;
	int k;

	if (!path)
		return err_set(e, -EINVAL, "'%s' is not a function and a path", s->target);
	if (!s->after) {
		k = root_unlink(en->root, path);
		if (k == 0)
			remove_parents(en->root, path);
		return k < 0 ? err_errno(e, k, "cannot remove %s", path) : 0;
	}
	if (!str_starts(path, "/dev/") || node_value_parse(s->after, &dev, &own) < 0)
		return err_set(e, -EINVAL, "'%s' cannot stand at %s", s->after, path);
	/* it would be a working node, and another card's */
	if (has_driver(en->root, dev))
		return err_set(e, -EBUSY, "%s is not made: another driver has %s by now", path, s->after);
	k = make_parents(en->root, path);
	if (k == 0)
		k = root_mknod(en->root, path, &own, dev);
	return k < 0 ? err_errno(e, k, "cannot make %s", path) : 0;
}

struct drop {
	const struct root *root;
	const struct bdf_list *fns;
};

/*
 * NVIDIA's stay: whether a driver is behind one cannot be seen by its number, which is in its name, so that it does not become another's;
 * and nvidia-modprobe makes anew what is not as it should be.
 */
static void drop_kept(void *ctx, const char *path, const struct path_memory *m)
{
	const struct drop *d = ctx;
	dev_t dev = makedev(m->major, m->minor);
	struct stat st;

	if (m->common || m->type != 'c' || m->major == NODE_NVIDIA_MAJOR || !bdf_list_has(d->fns, m->bdf) || !str_starts(path, "/dev/") ||
	    strstr(path, "/../"))
		return;
	if (root_lstat(d->root, path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == dev && !has_driver(d->root, dev) &&
	    root_unlink(d->root, path) == 0)
		remove_parents(d->root, path);
}

void node_drop_kept(const struct root *r, const struct bdf_list *fns)
{
	struct drop d = { .root = r, .fns = fns };

	path_each(r, drop_kept, &d);
}

/* Whoever changes the owner of a placeholder does not make it his. */
static bool node_same(const char *a, const char *b)
{
	struct root_own own;
	dev_t x, y;

	return node_value_parse(a, &x, &own) == 0 && node_value_parse(b, &y, &own) == 0 ? x == y : str_eq(a, b);
}

const struct step_kind step_node = {
	.name = "node",
	.get = node_get,
	.set = node_set,
	.same = node_same,
};
