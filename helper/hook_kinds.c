/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/exec.h"
#include "helper/hook_kinds.h"
#include "pve/storage.h"

#define ARGS_MAX 8

/* A program and its arguments. */
struct call {
	char *argv[ARGS_MAX + 1];
	char words[PATH_MAX];
	size_t n, used;
	bool full;
};

static void add_word(struct call *c, const char *word)
{
	size_t len = strlen(word) + 1;

	c->full = c->full || c->n >= ARGS_MAX || sizeof(c->words) - c->used < len;
	if (c->full)
		return;
	c->argv[c->n++] = memcpy(c->words + c->used, word, len);
	c->used += len;
}

/* --- hookscript --- */

/* The guest, its node "" if that is this one. */
static bool parse_target(const char *s, struct cluster_guest *ret)
{
	char kind[3], node[NODE_NAME_MAX] = "";
	unsigned int vmid;

	if (sscanf(s, "%2s %u on %63s", kind, &vmid, node) < 2)
		return false;
	*ret = (struct cluster_guest){ .kind = str_eq(kind, "CT") ? GUEST_CT : GUEST_VM, .vmid = vmid };
	snprintf(ret->node, sizeof(ret->node), "%s", node);
	return true;
}

char *hook_target(const struct cluster_guest *g, bool here, char *buf, size_t size)
{
	snprintf(buf, size, "%s %u%s%s", guest_kind_name(g->kind), g->vmid, here ? "" : " on ", here ? "" : g->node);
	return buf;
}

static int hookscript_get(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	_cleanup_config_ struct config cfg = { 0 };
	struct cluster_guest g;
	const char *volid;
	int k;

	if (!parse_target(s->target, &g))
		return err_set(e, -EINVAL, "'%s' is no guest", s->target);
	k = g.node[0] ? cluster_config(en->root, &g, &cfg, e) : config_load(en->root, g.kind, g.vmid, &cfg, e);
	if (k < 0)
		return k == -ENOENT ? -ENODEV : k;
	volid = config_get(&cfg, "hookscript");
	*ret = volid ? strdup(volid) : NULL;
	return volid && !*ret ? -ENOMEM : 0;
}

static void make_call(const struct step *s, struct call *ret)
{
	struct cluster_guest g;
	char where[128];

	*ret = (struct call){ .n = 0 };
	if (!parse_target(s->target, &g))
		return;
	if (g.node[0])
		snprintf(where, sizeof(where), "/nodes/%s/%s/%u/config", g.node, g.kind == GUEST_CT ? "lxc" : "qemu", g.vmid);
	else
		snprintf(where, sizeof(where), "%u", g.vmid);
	add_word(ret, g.node[0] ? "pvesh" : g.kind == GUEST_CT ? "pct" : "qm");
	add_word(ret, "set");
	add_word(ret, where);
	add_word(ret, s->after ? "--hookscript" : "--delete");
	add_word(ret, s->after ? s->after : "hookscript");
}

void hook_command(const struct step *s, struct text *ret)
{
	struct call c;

	make_call(s, &c);
	for (size_t i = 0; i < c.n; i++)
		text_addf(ret, "%s%s", i ? " " : "", c.argv[i]);
}

static bool reads_back(const struct engine *en, const struct step *s)
{
	_cleanup_free_ char *now = NULL;

	return s->kind->get(en, s, &now, NULL) == 0 && step_same(s, now, s->after);
}

static int run(const struct engine *en, const struct step *s, struct call *c, struct err *e)
{
	_cleanup_exec_ struct exec_result res = { 0 };
	int k;

	if (c->full || c->n == 0)
		return err_set(e, -E2BIG, "'%s' cannot be a program's argument", s->target);
	k = exec_run_interruptible(en->root, c->argv, en->job_timeout_ms, &res, e);
	if (k == 0)
		k = exec_verdict(c->argv[0], &res, e);
	/* pct ends with 255 if a devN of the container has no node now, although the change is made (update_lxc_config() in PVE/LXC.pm) */
	return k == -EIO && reads_back(en, s) ? 0 : k;
}

static int hookscript_set(const struct engine *en, const struct step *s, struct err *e)
{
	struct call c;

	make_call(s, &c);
	return run(en, s, &c, e);
}

const struct step_kind step_hookscript = { .name = "hookscript", .survives_reboot = true, .get = hookscript_get, .set = hookscript_set };

/* --- content --- */

static int place_of(const struct engine *en, const char *id, struct storage_place *ret, struct err *e)
{
	char node[NODE_NAME_MAX];

	if (node_name(en->root, node, NULL) < 0)
		node[0] = '\0';
	return storage_place(en->root, id, node, ret, e);
}

static int content_get(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	struct storage_place p;
	int k = place_of(en, s->target, &p, e);

	if (k < 0)
		return k == -ENOENT ? -ENODEV : k;
	*ret = strdup(p.content);
	return *ret ? 0 : -ENOMEM;
}

static int content_set(const struct engine *en, const struct step *s, struct err *e)
{
	struct call c = { .n = 0 };

	add_word(&c, "pvesm");
	add_word(&c, "set");
	add_word(&c, s->target);
	add_word(&c, "--content");
	add_word(&c, s->after);
	return run(en, s, &c, e);
}

const struct step_kind step_content = {
	.name = "content", .survives_reboot = true, .get = content_get, .set = content_set, .same = storage_content_same,
};
