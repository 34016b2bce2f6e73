/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "helper/confirm.h"
#include "helper/hook_kinds.h"
#include "helper/hook_script.h"
#include "helper/steps.h"
#include "plan/plan.h"
#include "pve/storage.h"

#define PVESM_MS 60000

static int add(struct plan *plan, const struct step_kind *kind, const char *target, const char *before, const char *after, const char *why,
	       struct err *e)
{
	return plan_add(plan, kind, target, before, after, why) ? 0 : err_set(e, -ENOMEM, "out of memory");
}

static int plan_content(const struct storage_place *p, const char *id, struct plan *plan, struct err *e)
{
	if (p->offered)
		return 0;
	if (!p->content[0])
		return err_set(e, -EOPNOTSUPP, "snippets are not among the content of storage '%s', and what it holds cannot be told: "
			       "add them under Datacenter, Storage", id);
	return add(plan, &step_content, id, p->content, p->wanted, "Proxmox VE lists snippets of no other storage", e);
}

/* 0; -EEXIST: the name is somebody else's. */
static int plan_snippet(const struct engine *en, const char *id, struct plan *plan, struct err *e)
{
	_cleanup_step_ struct step look = { 0 };
	_cleanup_free_ char *now = NULL;
	int k = step_init(&look, &step_snippet, id, NULL, SNIPPET_OURS, NULL);

	if (k == 0)
		k = look.kind->get(en, &look, &now, e);
	if (k < 0 || str_eq(now, SNIPPET_OURS))
		return k;
	if (str_eq(now, SNIPPET_STRANGER))
		return err_set(e, -EEXIST, "%s:snippets/" SNIPPET_NAME " is not gpupt's: move it away, and correct the guests that 'gpupt-helper hooks' "
			       "shows with it", id);
	return add(plan, &step_snippet, id, now, SNIPPET_OURS, "guests name it as their hookscript", e);
}

static int make_plan(const struct engine *en, const char *id, struct plan *plan, struct err *e)
{
	struct storage_place p;
	char node[NODE_NAME_MAX];
	int k;

	if (node_name(en->root, node, NULL) < 0)
		node[0] = '\0';
	k = storage_place(en->root, id, node, &p, e);
	if (k == 0 && !p.here)
		k = err_set(e, -ENODEV, "storage '%s' is disabled, or not for this node: see 'pvesm status'", id);
	if (k == 0)
		k = plan_content(&p, id, plan, e);
	return k < 0 ? k : plan_snippet(en, id, plan, e);
}

static void show(struct steps *s, const struct plan *plan)
{
	_cleanup_text_ struct text t = { 0 };

	for (size_t i = 0; i < plan->n; i++)
		steps_would_make(s, 0, &plan->steps[i]);
	plan_format(plan, &t);
	if (!s->list)
		fputs(text_str(&t), stdout);
}

static int make(const struct engine *en, const struct plan *plan, struct err *e)
{
	int k = 0;

	for (size_t i = 0; k == 0 && i < plan->n; i++) {
		k = step_make(en, &plan->steps[i], e);
		engine_tell(en, k == 0 ? STEP_MADE : STEP_FAILED, &plan->steps[i], k == 0 ? NULL : e->text);
	}
	return k;
}

static int install(struct steps *s, const char *id)
{
	_cleanup_plan_ struct plan plan = { 0 };
	struct report report = steps_report(s, 0);
	struct engine en = { .root = s->o->root, .job_timeout_ms = PVESM_MS, .watch = report_step, .watch_ctx = &report };
	bool shows = helper_shows_only(s->o);
	struct err e = { "" };
	int k = make_plan(&en, id, &plan, &e);

	if (k < 0)
		return helper_result(k, &e);
	if (plan.n == 0) {
		report_say(&report, "%s:snippets/" SNIPPET_NAME " is there already", id);
		return EXIT_DONE;
	}
	if (shows || !s->list)
		show(s, &plan);
	if (shows)
		return EXIT_DONE;
	/* a file of our own is no question; what a storage holds is the administrator's */
	if (plan.steps[0].kind == &step_content && !helper_confirm(s->o, "Let the storage hold snippets?")) {
		helper_complain("what to do: pvesm set %s --content %s", id, plan.steps[0].after);
		return EXIT_REFUSED;
	}
	k = make(&en, &plan, &e);
	if (k == 0)
		report_say(&report, "it is there; a guest gets it by: qm set VMID --hookscript %s:snippets/" SNIPPET_NAME, id);
	return helper_result(k, &e);
}

static int run(const struct options *o, int argc, char **argv)
{
	_cleanup_steps_ struct steps s = { 0 };
	int code = steps_open(o, &s);

	return code != EXIT_DONE ? code : steps_print(&s, install(&s, argc > 0 ? argv[0] : "local"));
}

const struct command command_hooks_install = {
	.name = "hooks install",
	.args = "[STORAGE]",
	.max = 1,
	.changes = true,
	.summary = "put gpupt's snippet into a storage ('local')",
	.help = "A few lines that run the hook which is installed on the node where the guest is, and that do nothing, and say\n"
		"so, where none is. On a storage that nodes share they are there for all of them.\n"
		"If the storage does not hold snippets so far, asks whether it shall.\n"
		"With --json or -o: a list of steps, with what became of each.",
	.columns = &steps_columns,
	.run = run,
};
