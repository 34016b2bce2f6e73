/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/interrupt.h"
#include "base/log.h"
#include "base/proc.h"
#include "flow/handover.h"
#include "flow/late.h"
#include "flow/observe.h"
#include "flow/release.h"
#include "hook/hook.h"
#include "plan/lease.h"
#include "pve/guest.h"

static void to_stdout(void *ctx, const char *line)
{
	printf("gpupt: %s\n", line);
}

static void to_stderr(void *ctx, const char *line)
{
	fprintf(stderr, "gpupt: %s\n", line);
}

static struct release as_release(const struct hook *h)
{
	return (struct release){
		.root = &h->root, .settings = &h->settings, .vmid = h->vmid, .dry_run = h->dry_run,
		.has_lock = true, .report = &h->report,
	};
}

/* Every obstacle a line; the last line says what to do about them. */
static void print_refusal(const struct hook *h, const struct findings *f)
{
	const struct log_entry entry = { .priority = LOG_ERR, .id = LOG_ID_REFUSED, .vmid = h->vmid };
	_cleanup_strv_ struct strv remedies = { 0 };
	_cleanup_text_ struct text remedy = { 0 };

	for (size_t i = 0; i < f->n; i++) {
		const struct finding *x = &f->v[i];

		if (x->severity != SEVERITY_BLOCK)
			continue;
		report_complain(&h->report, "VM %u cannot start: %s", h->vmid, x->message);
		log_write(&entry, "VM %u cannot start: %s (%s)", h->vmid, x->message, finding_name(x->code));
		if (x->remedy && !strv_has(&remedies, x->remedy) && strv_add(&remedies, x->remedy) == 0)
			text_join(&remedy, "; ", x->remedy);
	}
	if (remedy.len)
		report_complain(&h->report, "what to do: %s", text_str(&remedy));
}

/* What costs something at every start is said at every start; the rest is for 'gpupt-helper check'. */
static void print_warnings(const struct hook *h, const struct findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].code == FINDING_SLOT_PARTIAL || f->v[i].code == FINDING_KEY_UNKNOWN)
			report_complain(&h->report, "%s", f->v[i].message);
}

static int exit_code(const struct hook *h, int k, const struct err *e)
{
	if (k < 0)
		report_complain(&h->report, "%s", e->text[0] ? e->text : strerror(-k));
	return k == 0 ? EXIT_DONE : k == -EUCLEAN ? EXIT_LEFT : EXIT_REFUSED;
}

/* Runs the next hookscript. Its failure is ours, as a refusal: its codes mean nothing here. */
static int after_next(const struct hook *h)
{
	int status = hook_next(h);

	if (status == 0)
		return EXIT_DONE;
	report_complain(&h->report, "the next hookscript of VM %u ended with status %d at %s", h->vmid, status, h->phase);
	return EXIT_REFUSED;
}

static int and_next(const struct hook *h, int ours)
{
	int next = after_next(h);

	return ours != EXIT_DONE ? ours : next;
}

static void print_plan(const struct hook *h, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		_cleanup_text_ struct text t = { 0 };

		step_format(&plan->steps[i], &t);
		report_say(&h->report, "would do: %s", text_str(&t));
	}
}

/* What made room for the VM, where its cards are home again. A failure leaves it on record, and is no reason to refuse anything. */
static void come_back_late(const struct hook *h)
{
	struct release release = as_release(h);
	struct err e = { "" };

	if (root_is_live(&h->root) && late_delegate(&release, &e) < 0)
		report_complain(&h->report, "%s", e.text);
}

static int pre_start(struct hook *h)
{
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_plan_ struct plan plan = { 0 };
	struct handover handover = {
		.root = &h->root, .settings = &h->settings, .cfg = &h->cfg, .vmid = h->vmid, .dry_run = h->dry_run, .report = &h->report,
	};
	struct release release = as_release(h);
	struct err e = { "" };
	int k;

	/* no card is moved for a start that will be refused */
	if (!hook_next_ready(h))
		return EXIT_REFUSED;
	k = handover_run(&handover, &findings, &plan, &e);
	print_warnings(h, &findings);
	print_refusal(h, &findings);
	if (k != 0)
		come_back_late(h);
	if (k == HANDOVER_REFUSED)
		return EXIT_REFUSED;
	if (k == -EUCLEAN && !e.text[0])
		err_set(&e, k, "what an earlier start of VM %u left could not be put back: see 'gpupt-helper status'", h->vmid);
	if (k < 0)
		return exit_code(h, k, &e);
	if (h->dry_run || !root_is_live(&h->root))
		print_plan(h, &plan);
	if (after_next(h) == EXIT_DONE)
		return EXIT_DONE;
	/* its refusal is ours: the start fails, and nobody will call post-stop */
	interrupt_clear();
	release.since = now_ms();
	k = release_run(&release, NULL, &e);
	come_back_late(h);
	return k < 0 && k != -ENOENT ? exit_code(h, k, &e) : EXIT_REFUSED;
}

static int post_start(struct hook *h)
{
	struct err e = { "" };
	int k = handover_confirm(&h->root, h->vmid, h->dry_run, &h->report, &e);

	return and_next(h, exit_code(h, k, &e));
}

/* Nothing is given back here: a shutdown that times out leaves the VM running after this phase. */
static int pre_stop(struct hook *h)
{
	return after_next(h);
}

static int post_stop(struct hook *h)
{
	struct release release = as_release(h);
	struct err e = { "" };
	char path[PATH_MAX];
	const char *why;
	int k;

	release.since = now_ms(); /* systemd may take its time to say whether the node goes down */
	k = lease_path(&h->root, h->vmid, path);
	if (k < 0)
		k = k == -ENOENT ? 0 : err_errno(&e, k, "cannot look for the lease of VM %u", h->vmid);
	else if (node_stopping(&h->root, &why) || release_postponed(&h->root, h->vmid, &why)) {
		report_say(&h->report, "VM %u keeps its GPUs: %s", h->vmid, why);
		if (!h->dry_run)
			release_keep(&h->root, h->vmid);
	} else {
		k = release_run(&release, NULL, &e);
	}
	come_back_late(h);
	return and_next(h, exit_code(h, k, &e));
}

static const struct phase {
	const char *name;
	int (*run)(struct hook *h);
} phases[] = {
	{ "pre-start", pre_start },
	{ "post-start", post_start },
	{ "pre-stop", pre_stop },
	{ "post-stop", post_stop },
};

static const struct phase *phase_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++)
		if (str_eq(phases[i].name, name))
			return &phases[i];
	return NULL;
}

static _printf_(1, 2) int usage(const char *fmt, ...)
{
	va_list ap;

	fputs("gpupt: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("\ngpupt: usage: gpupt-hook [--root DIR] [--dry-run] VMID pre-start|post-start|pre-stop|post-stop\n"
	      "gpupt: Proxmox VE calls it; to attach it: qm set VMID --hookscript local:snippets/gpupt-hook\n", stderr);
	return EXIT_USAGE;
}

/* What the guest's id stands for. EXIT_DONE to go on; *ret_kind says with what. */
static int load_guest(struct hook *h, const struct phase *p, enum guest_kind *ret_kind)
{
	struct err e;
	char path[PATH_MAX];
	int k = config_load(&h->root, GUEST_VM, h->vmid, &h->cfg, &e);

	*ret_kind = GUEST_VM;
	h->has_config = k == 0;
	if (k == 0)
		return EXIT_DONE;
	if (k == -ENOENT && guest_kind(&h->root, h->vmid) == GUEST_CT) {
		*ret_kind = GUEST_CT;
		k = config_load(&h->root, GUEST_CT, h->vmid, &h->cfg, &e);
		h->has_config = k == 0;
		return k == 0 ? EXIT_DONE : exit_code(h, k, &e);
	}
	/* a VM that was destroyed meanwhile still has its lease: it is undone from the record */
	if (p->run != pre_start && (k == -ENOENT || lease_path(&h->root, h->vmid, path) == 0))
		return EXIT_DONE;
	return exit_code(h, k, &e);
}

static int run(struct hook *h, const struct phase *p)
{
	enum guest_kind kind;
	struct err e = { "" };
	int k = load_guest(h, p, &kind);

	if (k != EXIT_DONE)
		return k;
	k = settings_load(&h->root, &h->settings, &e);
	if (k == 0)
		return kind == GUEST_CT ? hook_container(h) : p->run(h);
	report_complain(&h->report, "%s", e.text);
	if (kind == GUEST_CT)
		return EXIT_DONE;
	/* a VM that is none of ours is not held up by our configuration, unless that may have a hookscript for it */
	if (h->has_config && !handover_concerns(&h->root, &h->cfg, h->vmid)) {
		if (!settings_may_concern(&h->root, h->vmid))
			return EXIT_DONE;
		report_complain(&h->report, "what the file has as next for VM %u cannot be told and is not run at %s: correct the file",
				h->vmid, h->phase);
		return EXIT_REFUSED;
	}
	if (p->run != post_stop)
		return EXIT_REFUSED;
	/* what was taken is given back all the same, by the defaults */
	settings_default(&h->settings);
	return p->run(h) | EXIT_REFUSED;
}

static int not_root(void)
{
	fputs("gpupt: gpupt-hook must run as root; to look without changing anything: gpupt-helper check\n", stderr);
	return EXIT_REFUSED;
}

static int hook_run(struct hook *h, int argc, char **argv)
{
	const struct phase *p;

	if (argc != 2)
		return argc < 2 ? usage("a VMID and a phase are needed") : usage("too many arguments, from '%s'", argv[2]);
	h->vmid_text = argv[0];
	h->phase = argv[1];
	if (parse_vmid(argv[0], &h->vmid) < 0)
		return usage("'%s' is not a VMID (100 to 999999999)", str_printable(argv[0]));
	p = phase_find(argv[1]);
	if (!p)
		return usage("there is no phase '%s'", str_printable(argv[1]));
	h->report.vmid = h->vmid;
	if (root_is_real(&h->root)) {
		if (geteuid() != 0)
			return not_root();
		log_to_journal();
	}
	return run(h, p);
}

int hook_main(const struct root *root, int argc, char **argv)
{
	struct hook h = { .root = *root, .report = { .say = to_stdout, .complain = to_stderr } };
	struct err e;
	int k;

	settings_default(&h.settings);
	for (argc--, argv++; argc > 0 && str_starts(argv[0], "--"); argc--, argv++) {
		if (str_eq(argv[0], "--dry-run"))
			h.dry_run = true;
		else if (str_eq(argv[0], "--root") && argc > 1) {
			if (root_open_dir(&h.root, argv[1], &e) < 0)
				return usage("%s", e.text);
			argc--, argv++;
		} else
			return usage("there is no option '%s'", argv[0]);
	}
	k = hook_run(&h, argc, argv);
	config_done(&h.cfg);
	settings_done(&h.settings);
	if (h.root.fd != root->fd)
		root_close(&h.root);
	/* the cards are where the exit status says: output that nobody took must not change it */
	if (fflush(stdout) != 0 || ferror(stdout))
		fprintf(stderr, "gpupt: cannot write to standard output: %s\n", strerror(errno));
	return k;
}
