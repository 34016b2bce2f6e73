/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ctnode step: a node in a running container that belongs to a card (ctnode.h). When the card leaves, the node is dead by itself:
 * there is nothing to write, and the step only keeps what the node was like. When the card is home again, the node may have become
 * another's, or nobody's: the card may have another number, and the host's node, or its whole directory, is a new one, while the
 * container still has the old one. Then the container gets a new one, with its old owner and mode, at the same place.
 */
#include <errno.h>
#include <sys/sysmacros.h>

#include "base/exec.h"
#include "host/inside.h"
#include "host/inside_node.h"
#include "plan/ctnode.h"
#include "plan/driver.h"

#define LXC_MS	10000 /* lxc-cgroup asks the container's monitor, which answers at once */
#define NODE_MS 5000  /* for a driver that makes its nodes behind the bind: snd_hda_intel asks its codecs first (azx_probe_work()) */

static int load(const struct engine *en, const struct step *s, struct ctnode *ret, struct err *e)
{
	_cleanup_ctnode_ struct ctnode n = { 0 };
	int k = ctnode_parse(s->target, &n);

	if (k < 0)
		return err_set(e, k, "'%s' is no node of a container", s->target);
	k = target_check_identity(en->root, s->target, e);
	if (k < 0)
		return k;
	if (!proc_alive(en->root, n.init))
		return err_set(e, -ENODEV, "CT %u has ended or was started again since: %s is not the node that it was", n.vmid, n.path);
	*ret = n;
	n = (struct ctnode){ 0 };
	return 0;
}

/* The card's node on the host that has this role now. 0, -ENOENT, -errno. */
static int host_node(const struct engine *en, const struct ctnode *n, struct node *ret, struct err *e)
{
	const struct bdf_list one = { .v = (struct bdf *)(uintptr_t)&n->bdf, .n = 1 };
	_cleanup_node_list_ struct node_list nodes = { 0 };
	_cleanup_pci_list_ struct pci_list fns = { 0 };
	int k = pci_outline_list(en->root, &one, &fns, e);

	if (k == 0 && fns.n)
		k = nodes_add(en->root, &fns.v[0], &nodes);
	if (k < 0)
		return k;
	for (size_t i = 0; i < nodes.n; i++) {
		char role[PATH_ROLE_LEN];

		if (str_starts(nodes.v[i].name, "vfio/") || !str_eq(path_role(nodes.v[i].name, role), n->role))
			continue;
		*ret = nodes.v[i];
		return 0;
	}
	return -ENOENT;
}

static int look(const struct engine *en, const struct ctnode *n, const struct node *node, struct inside_stat *ret, struct err *e)
{
	char path[PATH_MAX];
	int k = inside_stat(en->root, n->init, n->path, n->from ? n->from : path_f(path, "/dev/%s", node->name), ret);

	if (k == -ESRCH)
		return err_set(e, -ENODEV, "CT %u has ended", n->vmid);
	if (k == -ETIMEDOUT) /* which would say that the card hangs */
		return err_set(e, -ETIME, "CT %u does not answer: nobody knows what its %s is", n->vmid, n->path);
	if (k == -ELOOP) {
		*ret = (struct inside_stat){ .kind = INSIDE_OTHER };
		return 0;
	}
	return k < 0 ? err_errno(e, k, "cannot look at %s in CT %u", n->path, n->vmid) : 0;
}

/*
 * Is it right but for the container's leave to open it, which it has if nobody knows better? Its rules are as they were made as long as the
 * number is, unless it was denied while it was another card's.
 */
static bool is_denied(const struct engine *en, const struct ctnode *n, const struct node *node)
{
	char path[PATH_MAX];

	return n->allow[0] && inside_may_open(en->root, n->init, path_f(path, "/dev/%s", node->name), strchr(n->allow, 'w')) == 0;
}

static void dir_value(const struct inside_stat *st, struct text *t)
{
	if (st->kind == INSIDE_DIR && st->is_host)
		text_add(t, CTNODE_HOST);
	else if (st->kind == INSIDE_DIR)
		text_add(t, st->deleted ? CTNODE_STALE " directory" : CTNODE_UNCOVERED);
	else
		text_add(t, st->kind == INSIDE_NOTHING ? CTNODE_STALE " missing" : "no directory");
}

static void node_value(const struct ctnode *n, const struct node *node, const struct inside_stat *st, struct text *t)
{
	if (st->kind == INSIDE_NOTHING || st->kind == INSIDE_FILE)
		text_add(t, CTNODE_STALE " missing");
	else if (st->kind != INSIDE_NODE)
		text_add(t, "no node");
	else if (st->dev == node->dev && st->is_host)
		text_add(t, CTNODE_HOST);
	else if (st->dev == node->dev && !st->deleted)
		text_addf(t, "%u:%u %04o", st->uid, st->gid, st->mode);
	else /* an old number may be the twin's by now */
		text_addf(t, "%s%u:%u", st->dev == node->dev || st->dev == n->dev ? CTNODE_STALE " " : "c ", major(st->dev),
			  minor(st->dev));
}

static int ctnode_get(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	_cleanup_ctnode_ struct ctnode n = { 0 };
	_cleanup_text_ struct text t = { 0 };
	struct ctnode_value value;
	struct inside_stat st;
	struct node node;
	int k = load(en, s, &n, e);

	if (k == 0)
		k = host_node(en, &n, &node, e);
	if (k == -ENOENT) {
		*ret = NULL;
		return 0;
	}
	if (k == 0)
		k = look(en, &n, &node, &st, e);
	if (k < 0)
		return k;
	if (n.from)
		dir_value(&st, &t);
	else
		node_value(&n, &node, &st, &t);
	if ((node.dev != n.dev || s->after) && ctnode_value_parse(text_str(&t), &value) == 0 && is_denied(en, &n, &node)) {
		text_done(&t);
		text_add(&t, CTNODE_STALE " denied");
	}
	*ret = text_take(&t);
	return *ret ? 0 : -ENOMEM;
}

/* The node, for which a driver that has just come may need a moment. 0, 1 (there is none on this driver), -EBUSY, -errno. */
static int wait_for_node(const struct engine *en, const struct ctnode *n, struct node *ret, struct err *e)
{
	uint64_t deadline = now_ms() + NODE_MS;
	struct driver_value v;
	char name[BDF_LEN];
	int k;

	while ((k = host_node(en, n, ret, e)) == -ENOENT) {
		k = driver_read(en, n->bdf, &v, e);
		if (k < 0)
			return k;
		bdf_format(n->bdf, name);
		if (!v.driver[0] || (str_eq(v.driver, "vfio-pci") && v.override[0]))
			return err_set(e, -EBUSY, "%s is not home yet: %s of CT %u waits for that", name, n->path, n->vmid);
		if (!str_eq(v.driver, "vfio-pci") && now_ms() < deadline) {
			sleep_ms(50);
			continue;
		}
		err_set(e, 0, "%s is on %s and has no node like %s in CT %u", name, v.driver, n->path, n->vmid);
		return 1;
	}
	return k;
}

static int rule(const struct engine *en, const struct ctnode *n, const char *verb, dev_t dev, const char *access, int len, struct err *e)
{
	char id[16], text[48];
	char *argv[] = { (char[]){ "lxc-cgroup" }, (char[]){ "-n" }, id, (char *)(uintptr_t)verb, text, NULL };
	int k;

	snprintf(id, sizeof(id), "%u", n->vmid);
	snprintf(text, sizeof(text), "c %u:%u %.*s", major(dev), minor(dev), len, access);
	k = exec_check(en->root, argv, en->job_timeout_ms < LXC_MS ? en->job_timeout_ms : LXC_MS, e);
	return k == -ETIMEDOUT ? -ETIME : k;
}

/*
 * May the old number go? Not where another node of that number is in the container: of the twin, which may have it by now and may be the
 * container's as well, or one that waits for a step of its own. Nor in a container without privileges, which is allowed everything but
 * what is named as denied (PVE/LXC.pm, update_lxc_config()), so that a denial would not take a rule back but make one.
 */
static bool may_deny(const struct engine *en, const struct ctnode *n)
{
	struct node old = { .dev = n->dev };
	const struct node_list nodes = { .v = &old, .n = 1 };
	char *dir[] = { (char[]){ "/dev" }, NULL };
	const struct strv dev = { .v = dir, .n = 1 };
	const struct inside_place place = { .init = n->init, .in = &dev };
	_cleanup_inside_ struct inside seen = { 0 };
	_cleanup_manifest_ struct manifest manifest = { 0 };

	if (inside_is_privileged(en->root, n->init) != 1 || (!root_is_real(en->root) && manifest_load(en->root, &manifest) < 0) ||
	    inside_find(en->root, &manifest, &place, 1, &nodes, &seen) < 0 || seen.unsure[0])
		return false;
	for (size_t i = 0; i < seen.n; i++)
		if (!str_eq(seen.v[i].path, n->path))
			return false;
	return true;
}

/*
 * The rules by number follow the card: LXC's monitor loads the container's filter anew. A denial takes away the rule of the same numbers
 * and the same access, and is otherwise none. It comes before the node is renewed: a node that is right has its rules.
 */
static int renew_rules(const struct engine *en, const struct ctnode *n, dev_t now, struct err *e)
{
	bool deny = n->allow[0] && now != n->dev && may_deny(en, n);
	int k = 0;

	for (const char *p = n->allow; *p && k == 0; p += strcspn(p, "+"), p += *p == '+') {
		int len = (int)strcspn(p, "+");

		k = rule(en, n, "devices.allow", now, p, len, e);
		if (k == 0 && deny)
			k = rule(en, n, "devices.deny", n->dev, p, len, e);
	}
	return k;
}

int ctnode_deny(const struct engine *en, const struct ctnode *n, struct err *e)
{
	int k = proc_alive(en->root, n->init) ? 0 : -ESRCH;

	for (const char *p = n->allow; *p && k == 0; p += strcspn(p, "+"), p += *p == '+')
		k = rule(en, n, "devices.deny", n->dev, p, (int)strcspn(p, "+"), e);
	return k == -ESRCH ? 0 : k;
}

static int renew_node(const struct engine *en, const struct ctnode *n, const struct node *node, const struct ctnode_value *v, struct err *e)
{
	char path[PATH_MAX];
	struct inside_put what = { .init = n->init, .path = n->path, .dev = node->dev, .uid = v->uid, .gid = v->gid, .mode = v->mode };
	struct inside_stat st;
	int k;

	if (v->host)
		what.host = n->from ? n->from : path_f(path, "/dev/%s", node->name);
	k = look(en, n, node, &st, e);
	if (k < 0)
		return k;
	/* only the rules were missing, or a directory that is the host's shows the card's new node by itself */
	if (v->host ? st.is_host : st.kind == INSIDE_NODE && st.dev == node->dev && !st.deleted)
		return 0;
	k = inside_put(en->root, &what, e);
	if (k == -ESRCH)
		return err_set(e, -ENODEV, "CT %u has ended", n->vmid);
	return k == -ETIMEDOUT ? -ETIME : k;
}

static int ctnode_set(const struct engine *en, const struct step *s, struct err *e)
{
	_cleanup_ctnode_ struct ctnode n = { 0 };
	struct ctnode_value value;
	struct node node;
	int k;

	if (!s->after)
		return 0;
	k = load(en, s, &n, e);
	if (k < 0)
		return k;
	if (ctnode_value_parse(s->after, &value) < 0 || (n.from && !value.host))
		return err_set(e, -EINVAL, "'%s' is no value of a node in a container", s->after);
	k = wait_for_node(en, &n, &node, e);
	if (k != 0)
		return k;
	if (node.dev != n.dev || is_denied(en, &n, &node))
		k = renew_rules(en, &n, node.dev, e);
	return k < 0 ? k : renew_node(en, &n, &node, &value, e);
}

static bool ctnode_transit(const struct step *s, const char *now, bool in_flight)
{
	return str_starts(now, CTNODE_STALE " ") || (in_flight && str_eq(now, CTNODE_UNCOVERED));
}

const struct step_kind step_ctnode = {
	.name = "ctnode",
	.late = true,
	.follows = true,
	.get = ctnode_get,
	.set = ctnode_set,
	.transit = ctnode_transit,
};
