/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes gpupt's snippet out of guests' configurations. The snippet itself stays: backups and snapshots of guests may name it. */
#include <errno.h>

#include "flow/next.h"
#include "flow/observe.h"
#include "helper/confirm.h"
#include "helper/hook_finder.h"
#include "helper/hook_kinds.h"
#include "helper/steps.h"
#include "plan/lease.h"
#include "pve/cfs.h"

/* qm and pct wait 10 s for the guest's lock; pvesh has another node do it, by ssh */
#define TOOL_MS 60000

struct removal {
	struct steps *s;
	struct report report;
	struct settings settings;
	struct cluster cluster;
	struct hook_finder finder;
	const char *const *nodes; /* whose guests: none are named for this one's */
	int n_nodes;
	struct todo {
		unsigned int vmid;
		struct step step;
	} * todo;
	size_t n;
	unsigned int obstacles, failed, elsewhere;
};

static void removal_done(struct removal *m)
{
	for (size_t i = 0; i < m->n; i++)
		step_done(&m->todo[i].step);
	free(m->todo);
	hook_finder_done(&m->finder);
	cluster_done(&m->cluster);
	settings_done(&m->settings);
}

static bool is_meant(const struct removal *m, const struct cluster_guest *g)
{
	for (int i = 0; i < m->n_nodes; i++)
		if (str_eq(m->nodes[i], g->node))
			return true;
	return m->n_nodes == 0 && hook_finder_here(&m->finder, g);
}

static int check_nodes(const struct removal *m, struct err *e)
{
	char path[PATH_MAX];

	for (int i = 0; i < m->n_nodes; i++)
		if (!m->nodes[i][0] || m->nodes[i][0] == '.' || strchr(m->nodes[i], '/') ||
		    !root_exists(m->s->o->root, path_f(path, "/etc/pve/nodes/%s", m->nodes[i])))
			return err_set(e, -ENOENT, "there is no node '%.64s'", m->nodes[i]);
	return 0;
}

/* By what is in the file; where that cannot be seen, by its very name. A script of somebody's own is his, whatever it is called. */
static bool is_ours(const struct hook_script *h, const char *volid)
{
	char storage[128];

	if (h->snippet != SNIPPET_NONE)
		return h->snippet != SNIPPET_FOREIGN;
	return hook_script_storage(volid, storage, sizeof(storage));
}

static int add(struct removal *m, const struct cluster_guest *g, const char *volid, const char *after, const char *why)
{
	struct todo *v = realloc(m->todo, (m->n + 1) * sizeof(*v));
	char target[96];
	int k;

	if (!v)
		return -ENOMEM;
	m->todo = v;
	hook_target(g, hook_finder_here(&m->finder, g), target, sizeof(target));
	v[m->n].vmid = g->vmid;
	k = step_init(&v[m->n].step, &step_hookscript, target, volid, after, why);
	m->n += k == 0;
	return k;
}

/*
 * The script that it had before gpupt's takes its place again. That is in the gpupt.conf of the node that the VM is on, and so are its
 * leases: of another node both are for nobody to see.
 */
static int plan_guest(struct removal *m, const struct cluster_guest *g, const struct config *cfg, const char *volid)
{
	bool is_vm = g->kind == GUEST_VM, here = hook_finder_here(&m->finder, g);
	const struct vm_settings *vm = is_vm && here ? settings_vm(&m->settings, g->vmid) : NULL;
	char path[PATH_MAX], why[64];
	struct err e;

	if (is_vm && here && lease_path(m->s->o->root, g->vmid, path) != -ENOENT) {
		helper_complain("VM %u has cards: stop it, or 'gpupt-helper release %u'", g->vmid, g->vmid);
		m->obstacles++;
		return 0;
	}
	if (is_vm && !here)
		helper_complain("VM %u on %s: from here it cannot be seen whether it has cards now, or 'next' in [vm %u] of gpupt.conf there, which it "
				"would lose: 'gpupt-helper hooks remove' on %s heeds both",
				g->vmid, g->node, g->vmid, g->node);
	if (!vm || !vm->next)
		return add(m, g, volid, NULL, "nothing of gpupt shall run for it");
	if (next_find(m->s->o->root, &m->settings, cfg, g->vmid, path, &e) < 0) {
		helper_complain("the next hookscript of VM %u would be its only one, and cannot be run: %s: correct or remove 'next' in [vm %u] of "
				SETTINGS_PATH, g->vmid, e.text, g->vmid);
		m->obstacles++;
		return 0;
	}
	snprintf(why, sizeof(why), "next in [vm %u] of gpupt.conf", g->vmid);
	return add(m, g, volid, vm->next, why);
}

/* With a command that can still be typed when gpupt is gone from here. */
static int tell_elsewhere(struct removal *m, const struct cluster_guest *g)
{
	_cleanup_step_ struct step step = { 0 };
	_cleanup_text_ struct text command = { 0 };
	char target[96];
	int k = step_init(&step, &step_hookscript, hook_target(g, false, target, sizeof(target)), NULL, NULL, NULL);

	if (k < 0)
		return k;
	hook_command(&step, &command);
	report_say(&m->report, "%s keeps gpupt's snippet: there 'gpupt-helper hooks remove', or from here%s '%s'", target,
		   g->kind == GUEST_VM ? ", if gpupt.conf there has no 'next' for it," : "", text_str(&command));
	m->elsewhere++;
	return 0;
}

static int look_at(struct removal *m, const struct cluster_guest *g, struct err *e)
{
	_cleanup_config_ struct config cfg = { 0 };
	struct hook_script h;
	const char *volid;
	int k = cluster_config(m->s->o->root, g, &cfg, e);

	if (k == -ENOENT)
		return 0;
	if (k < 0 && k != -ENOMEM && k != -EACCES) {
		helper_complain("%s %u is passed over: %s", guest_kind_name(g->kind), g->vmid, e->text);
		return 0;
	}
	volid = k == 0 ? config_get(&cfg, "hookscript") : NULL;
	if (k == 0 && volid)
		k = hook_find(&m->finder, g, volid, &h);
	if (k < 0 || !volid)
		return k;
	if (!is_ours(&h, volid)) {
		if (h.ours && h.snippet == SNIPPET_FOREIGN)
			report_say(&m->report, "%s %u keeps its hookscript '%s': it has the name of gpupt's, and is another one",
				   guest_kind_name(g->kind), g->vmid, volid);
		return 0;
	}
	return is_meant(m, g) ? plan_guest(m, g, &cfg, volid) : tell_elsewhere(m, g);
}

/* Without pmxcfs there is no guest to be seen, which does not mean that there is none. No quorum: only looking is possible. */
static int check_cluster(const struct removal *m, bool shows, struct err *e)
{
	int k = root_exists(m->s->o->root, "/etc/pve") ? cfs_ready(m->s->o->root, e) : 0;

	return shows && k == -EROFS ? 0 : k;
}

static int make_plan(struct removal *m, bool shows, struct err *e)
{
	int k = check_cluster(m, shows, e);

	if (k == 0)
		k = cluster_load(m->s->o->root, &m->cluster, e);

	hook_finder_init(m->s->o->root, &m->finder);
	if (k == 0)
		k = check_nodes(m, e);
	for (size_t i = 0; k == 0 && i < m->cluster.n; i++)
		k = look_at(m, &m->cluster.v[i], e);
	return k;
}

static void show(struct removal *m)
{
	for (size_t i = 0; i < m->n; i++) {
		_cleanup_text_ struct text t = { 0 };

		steps_would_make(m->s, m->todo[i].vmid, &m->todo[i].step);
		step_format(&m->todo[i].step, &t);
		text_add(&t, ": ");
		hook_command(&m->todo[i].step, &t);
		if (!m->s->list)
			puts(text_str(&t));
	}
	fflush(stdout);
}

static void make(struct removal *m)
{
	struct engine en = { .root = m->s->o->root, .job_timeout_ms = TOOL_MS, .watch = report_step, .watch_ctx = &m->report };

	for (size_t i = 0; i < m->n; i++) {
		const struct step *step = &m->todo[i].step;
		struct err e = { "" };
		int k = step_make(&en, step, &e);

		m->report.vmid = m->todo[i].vmid;
		engine_tell(&en, k == 0 ? STEP_MADE : STEP_FAILED, step, k == 0 ? NULL : e.text);
		if (k == 0)
			continue;
		helper_complain("%s: %s", step->target, e.text);
		m->failed++;
		/* told to stop: the others keep what they have */
		if (k == -EINTR)
			m->failed += (unsigned int)(m->n - i - 1);
		if (k == -EINTR)
			break;
	}
	m->report.vmid = 0;
}

static void tell_end(const struct removal *m)
{
	char left[64] = "";

	if (m->elsewhere)
		snprintf(left, sizeof(left), "; %u of other nodes keep it, see above", m->elsewhere);
	if (m->n == 0)
		report_say(&m->report, "no guest of %s has gpupt's snippet for its hookscript%s", m->n_nodes ? "these nodes" : "this node", left);
	else
		report_say(&m->report, "%zu of %zu done%s", m->n - m->failed, m->n, left);
}

static int remove_all(struct removal *m)
{
	struct err e = { "" };
	bool shows = helper_shows_only(m->s->o);
	int k;

	if (!helper_settings(m->s->o, &m->settings))
		return EXIT_REFUSED;
	k = make_plan(m, shows, &e);
	if (k < 0)
		return helper_result(k, &e);
	if (m->obstacles) {
		helper_complain("nothing was done");
		return EXIT_REFUSED;
	}
	if (m->n == 0) {
		tell_end(m);
		return EXIT_DONE;
	}
	if (shows || !m->s->list)
		show(m);
	if (shows)
		return EXIT_DONE;
	if (!helper_confirm(m->s->o, "Make these changes?"))
		return EXIT_REFUSED;
	make(m);
	tell_end(m);
	return m->failed ? EXIT_LEFT : EXIT_DONE;
}

static int run(const struct options *o, int argc, char **argv)
{
	_cleanup_steps_ struct steps s = { 0 };
	_cleanup_(removal_done) struct removal m = { .s = &s, .nodes = (const char *const *)argv, .n_nodes = argc };
	int code = steps_open(o, &s);

	m.report = steps_report(&s, 0);
	return code != EXIT_DONE ? code : steps_print(&s, remove_all(&m));
}

const struct command command_hooks_remove = {
	.name = "hooks remove",
	.args = "[NODE ...]",
	.max = -1,
	.changes = true,
	.summary = "take gpupt's snippet out of the guests of this node",
	.help = "A VM that has 'next' in gpupt.conf gets that for its hookscript. Does nothing at all if a VM of this node has cards.\n"
		"With NODE: out of those of these nodes, through Proxmox VE's API, whatever 'next' and cards their VMs have: that is\n"
		"for that node alone to know, so rather run it there. With --dry-run, shows the commands.\n"
		"The snippets stay where they are: backups and snapshots may name them, and without gpupt they do nothing.\n"
		"With --json or -o: a list of steps, with what became of each.",
	.columns = &steps_columns,
	.run = run,
};
