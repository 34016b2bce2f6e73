/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads and never writes: not a directory, not a lock file. */
#include <errno.h>
#include <time.h>

#include "flow/prepare.h"
#include "helper/lease_view.h"
#include "helper/output.h"
#include "helper/reset_view.h"
#include "plan/stuck.h"

#define RESUME "'gpupt-helper prepare --resume' goes on with it, 'gpupt-helper revert --unfinished' puts it back"

enum { VMID, SINCE, STATE, QEMU, CARDS, REMEDY, STEP, TARGET, BEFORE, AFTER, WHY };

static const struct column column_v[] = {
	[VMID] = { "vmid", "the VM", COLUMN_NUMBER },
	[SINCE] = { "since", "when it was given its cards" },
	[STATE] = { "state", "running, starting, settling, not running, earlier boot; resetting, reset; coming home, half-way home; stuck; of the host: prepared, preparing, cut off; of a step: begun, made, undoing, undone, left" },
	[QEMU] = { "qemu", "process of QEMU", COLUMN_NUMBER },
	[CARDS] = { "cards", "the functions", COLUMN_LIST },
	[REMEDY] = { "remedy", "what to do", .detail = true, .wrap = true },
	[STEP] = { "step", "kind of step (below its VM)", .detail = true },
	[TARGET] = { "target", "what the step changed", .detail = true },
	[BEFORE] = { "before", "value that it had", .detail = true },
	[AFTER] = { "after", "value that it was given", .detail = true },
	[WHY] = { "why", "why the step was made", .detail = true },
};
static const struct columns columns = { "leases", column_v, ARRAY_SIZE(column_v) };

static const char *const step_states[] = {
	[RECORD_BEGUN] = "begun", [RECORD_DONE] = "made", [RECORD_UNDOING] = "undoing", [RECORD_UNDONE] = "undone", [RECORD_LEFT] = "left",
};

struct status {
	const struct options *o;
	struct table t;
	struct text below; /* what people read below the table */
	int code;	   /* of records that cannot be read: the others are shown all the same */
	unsigned int busy; /* leases, resets, ways home */
};

static void status_done(struct status *s)
{
	table_done(&s->t);
	text_done(&s->below);
}

/* In JSON with its offset from UTC, for programs. */
static void show_since(struct status *s, const char *text, char when[static 40])
{
	struct tm tm;
	uint64_t n;
	time_t t;

	when[0] = '\0';
	if (!text || parse_uint(text, INT64_MAX, &n) < 0)
		return;
	t = (time_t)n;
	if (localtime_r(&t, &tm) && strftime(when, 40, s->o->json ? "%Y-%m-%dT%H:%M:%S%z" : "%Y-%m-%d %H:%M:%S", &tm))
		table_set(&s->t, SINCE, when);
}

static void show_step(struct status *s, unsigned int vmid, const struct record_step *rs)
{
	table_child(&s->t);
	if (vmid)
		table_setf(&s->t, VMID, "%u", vmid);
	table_set(&s->t, STATE, step_states[rs->state]);
	table_set(&s->t, STEP, rs->step.kind->name);
	table_set(&s->t, TARGET, rs->step.target);
	table_set(&s->t, BEFORE, rs->step.before);
	table_set(&s->t, AFTER, rs->step.after);
	table_set(&s->t, WHY, rs->step.why);
}

/* The steps of a record: below their row in JSON, below the table for people who ask for them. */
static void show_steps(struct status *s, unsigned int vmid, const char *whose, const struct record *rec)
{
	for (size_t i = 0; s->o->json && i < rec->n_steps; i++)
		show_step(s, vmid, &rec->steps[i]);
	if (s->o->json || !s->o->verbose)
		return;
	text_addf(&s->below, "Steps for %s:\n", whose);
	for (size_t i = 0; i < rec->n_steps; i++) {
		text_addf(&s->below, "  %-8s", step_states[rec->steps[i].state]);
		step_format(&rec->steps[i].step, &s->below);
		text_add(&s->below, "\n");
	}
}

static void set_cards(struct status *s, const struct bdf *v, size_t n)
{
	_cleanup_text_ struct text cards = { 0 };
	char name[BDF_LEN];

	for (size_t i = 0; i < n; i++)
		text_join(&cards, "\n", bdf_format(v[i], name));
	table_set(&s->t, CARDS, text_str(&cards));
}

static void show_lease(struct status *s, const struct lease_view *v)
{
	static const char *const colours[] = {
		[LEASE_RUNNING] = "green", [LEASE_SETTLING] = "brown", [LEASE_NOT_RUNNING] = "brown", [LEASE_EARLIER_BOOT] = "brown",
	};
	char whose[24], buf[80], when[40];
	const char *remedy = lease_view_remedy(v, buf);

	s->busy++;
	table_row(&s->t);
	table_setf(&s->t, VMID, "%u", v->vmid);
	show_since(s, record_get(&v->rec, LEASE_SINCE), when);
	table_set(&s->t, STATE, lease_state_name(v->state));
	table_colour(&s->t, STATE, v->state < ARRAY_SIZE(colours) ? colours[v->state] : NULL);
	if (v->qemu)
		table_setf(&s->t, QEMU, "%d", (int)v->qemu);
	set_cards(s, v->functions, v->n);
	table_set(&s->t, REMEDY, remedy);
	if (remedy)
		text_addf(&s->below, "VM %u has cards and does not run: %s\n", v->vmid, remedy);
	snprintf(whose, sizeof(whose), "VM %u", v->vmid);
	show_steps(s, v->vmid, whose, &v->rec);
}

static int show_leases(struct status *s)
{
	_cleanup_free_ unsigned int *vms = NULL;
	struct err e = { "" };
	size_t n = 0;
	int k;

	k = lease_all(s->o->root, &vms, &n);
	if (k == -EACCES)
		err_set(&e, k, "what VMs have on record only root can see: run it as root");
	else if (k < 0)
		err_errno(&e, k, "cannot list the leases");
	if (k < 0)
		return helper_result(k, &e);
	for (size_t i = 0; i < n; i++) {
		_cleanup_lease_view_ struct lease_view v = { .rec.fd = -1 };

		k = lease_view_load(s->o->root, vms[i], &v, &e);
		if (k == 0)
			show_lease(s, &v);
		else if (k != -ENOENT) /* given back meanwhile */
			s->code = helper_result(k, &e);
	}
	return EXIT_DONE;
}

static void show_reset(struct status *s, const struct reset_view *v)
{
	static const char *const states[2][2] = { { "reset", "resetting" }, { "half-way home", "coming home" } };
	const char *remedy = v->pid ? NULL : "gpupt-helper reconcile";
	char name[BDF_LEN], whose[40];

	s->busy++;
	bdf_format(v->gpu, name);
	table_row(&s->t);
	table_set(&s->t, STATE, states[v->homeward][v->pid != 0]);
	table_colour(&s->t, STATE, v->pid ? NULL : "brown");
	set_cards(s, v->functions, v->n);
	table_set(&s->t, REMEDY, remedy);
	if (v->pid && v->homeward)
		text_addf(&s->below, "%s: it is being brought home for a container (process %d)\n", name, (int)v->pid);
	else if (v->pid)
		text_addf(&s->below, "%s: a reset is under way (process %d)\n", name, (int)v->pid);
	else if (v->homeward)
		text_addf(&s->below, "%s: a container's start was cut short when it brought the card home; it gets there by: %s\n", name, remedy);
	else
		text_addf(&s->below, "%s: a reset was cut short; what it has changed is put back by: %s\n", name, remedy);
	snprintf(whose, sizeof(whose), v->homeward ? "the way home of %s" : "the reset of %s", name);
	show_steps(s, 0, whose, &v->rec);
}

static int show_resets(struct status *s)
{
	_cleanup_free_ struct bdf *all = NULL;
	struct err e = { "" };
	size_t n = 0;
	int k = reset_view_all(s->o->root, &all, &n);

	if (k < 0)
		return helper_result(k, (err_errno(&e, k, "cannot list the records of resets"), &e));
	for (size_t i = 0; i < n; i++) {
		_cleanup_reset_view_ struct reset_view v = { .rec.fd = -1 };

		k = reset_view_load(s->o->root, all[i], &v, &e);
		if (k == 0)
			show_reset(s, &v);
		else if (k != -ENOENT) /* come to its end meanwhile */
			s->code = helper_result(k, &e);
	}
	return EXIT_DONE;
}

static int show_stuck(struct status *s)
{
	_cleanup_free_ struct stuck *all = NULL;
	struct err e = { "" };
	size_t n = 0;
	int k = stuck_all(s->o->root, &all, &n);

	if (k < 0)
		return helper_result(k, (err_errno(&e, k, "cannot see which cards are stuck"), &e));
	for (size_t i = 0; i < n; i++) {
		char name[BDF_LEN], remedy[160];

		bdf_format(all[i].bdf, name);
		snprintf(remedy, sizeof(remedy), "end what has the card open, then 'gpupt-helper reconcile'; if nothing has, reboot the host");
		table_row(&s->t);
		table_set(&s->t, STATE, "stuck");
		table_colour(&s->t, STATE, "red");
		table_set(&s->t, CARDS, name);
		table_set(&s->t, REMEDY, remedy);
		text_addf(&s->below, "%s is stuck: process %d waits in the kernel (%s): %s\n", name, (int)all[i].child.pid, all[i].what,
			  remedy);
	}
	return EXIT_DONE;
}

static void show_host(struct status *s, const struct record *rec, unsigned int open, bool unfinished)
{
	bool busy = lease_view_locked(s->o->root, PREPARE_RECORD);
	const char *state = busy ? "preparing" : unfinished ? "cut off" : "prepared";
	const char *remedy = !busy && unfinished ? RESUME : NULL;
	char when[40];

	table_row(&s->t);
	show_since(s, record_get(rec, PREPARE_SINCE), when);
	table_set(&s->t, STATE, state);
	table_colour(&s->t, STATE, remedy ? "brown" : NULL);
	table_set(&s->t, REMEDY, remedy);
	if (busy)
		text_add(&s->below, "host: it is being prepared or reverted\n");
	else if (unfinished)
		text_addf(&s->below, "host: a preparation, or its revert, was cut off: %s\n", RESUME);
	else
		text_addf(&s->below, "host: prepared%s%s, %u step%s: 'gpupt-helper revert' takes it back\n", when[0] ? " since " : "", when, open,
			  open == 1 ? "" : "s");
	show_steps(s, 0, "the host", rec);
}

static int show_preparation(struct status *s)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	unsigned int open = 0;
	struct err e = { "" };
	bool unfinished;
	int k = prepare_read(s->o->root, &rec, &unfinished, &e);

	/* what VMs have is shown all the same */
	if (k < 0)
		s->code = helper_result(k, &e);
	for (size_t i = 0; i < rec.n_steps; i++)
		open += record_step_open(&rec.steps[i]);
	if (k == 0 && (open || unfinished))
		show_host(s, &rec, open, unfinished);
	return EXIT_DONE;
}

static int run(const struct options *o, int argc, char **argv)
{
	_cleanup_(status_done) struct status s = { .o = o };
	int code = table_open(o, &columns, &s.t), printed;

	if (code != EXIT_DONE)
		return code;
	code = show_leases(&s);
	if (code == EXIT_DONE)
		code = show_resets(&s);
	if (code == EXIT_DONE)
		code = show_stuck(&s);
	if (code == EXIT_DONE)
		code = show_preparation(&s);
	if (code == EXIT_DONE)
		code = s.code;
	if (code == EXIT_DONE && table_rows(&s.t) == 0 && !o->json && !o->noheadings)
		puts("No VM has a card.");
	printed = table_print(&s.t);
	if (!o->json && !o->noheadings && s.below.len)
		printf("\n%s", text_str(&s.below));
	if (code == EXIT_DONE)
		code = printed;
	return code == EXIT_DONE && o->idle && s.busy ? EXIT_REFUSED : code;
}

const struct command command_status = {
	.name = "status",
	.args = "",
	.summary = "show which VMs have which cards, stuck cards, and whether the host is prepared",
	.help = "Resets, and cards that a container's start brings home, are shown as long as that lasts, or, where one was\n"
		"cut short, until 'reconcile'.\n"
		"With -v also the steps that were made for each VM and for the host; in JSON they are the children of their VM.\n"
		"Changes nothing.",
	.columns = &columns,
	.run = run,
};
