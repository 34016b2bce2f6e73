/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/observe.h"
#include "helper/check.h"
#include "helper/gpu_arg.h"
#include "helper/lease_view.h"
#include "helper/output.h"
#include "host/gpu.h"
#include "host/kernels.h"
#include "policy/judge.h"

enum { SEVERITY, FINDING, SUBJECT, MESSAGE, REMEDY, MEANING };

static const struct column column_v[] = {
	[SEVERITY] = { "severity", "ok, info, warn, or block: a VM cannot have the card" },
	[FINDING] = { "finding", "stable name; gpupt-helper(8) explains each" },
	[SUBJECT] = { "subject", "what it is about: a function, a VM, a file, the host" },
	[MESSAGE] = { "message", "what was found", .wrap = true },
	[REMEDY] = { "remedy", "what to do", .wrap = true },
	[MEANING] = { "meaning", "what findings of this name mean", .extra = true, .wrap = true },
};
const struct columns check_columns = { "findings", column_v, ARRAY_SIZE(column_v) };

static void check_done(struct check *c)
{
	settings_done(&c->settings);
	findings_done(&c->found);
	text_done(&c->unseen);
	text_done(&c->plans);
	container_list_done(&c->containers);
	setup_done(&c->setup);
	pins_done(&c->pins);
	steps_done(&c->steps);
}

/* The counts of what could not be seen differ from one look to the next; one of them is enough. */
static bool known(const struct findings *l, const struct finding *f)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].code == f->code &&
		    (f->code == FINDING_BLIND || (strcmp(l->v[i].subject, f->subject) == 0 && str_eq(l->v[i].message, f->message))))
			return true;
	return false;
}

int check_merge(struct check *c, struct findings *from)
{
	if (from->r < 0)
		return from->r;
	for (int s = SEVERITY_BLOCK; s >= SEVERITY_OK; s--) {
		for (size_t i = 0; i < from->n; i++) {
			const struct finding *f = &from->v[i];
			struct finding *new;

			if ((int)f->severity != s || known(&c->found, f))
				continue;
			new = finding_add(&c->found, f->code, f->subject, f->remedy, "%s", f->message);
			if (!new)
				return -ENOMEM;
			new->severity = f->severity;
		}
	}
	return c->found.r;
}

void check_unseen(struct check *c, const char *what)
{
	if (!strstr(text_str(&c->unseen), what))
		text_join(&c->unseen, ", ", what);
}

/* A bad gpupt.conf is a finding; what it would have said is then taken as not said. */
static void load_settings(struct check *c)
{
	struct err e;
	int k = settings_load(c->o->root, &c->settings, &e);

	if (k == 0)
		return;
	settings_default(&c->settings);
	finding_add(&c->found, FINDING_CONFIG_BAD, "gpupt.conf", "correct it: until then no VM with a GPU starts", "%s", e.text);
}

/* A lease that outlived its VM. */
static int check_lease(struct check *c, unsigned int vmid)
{
	_cleanup_lease_view_ struct lease_view v = { .rec.fd = -1 };
	_cleanup_text_ struct text cards = { 0 };
	char subject[24], remedy[80], name[BDF_LEN];
	struct err e = { "" };
	int k = lease_view_load(c->o->root, vmid, &v, &e);

	snprintf(subject, sizeof(subject), "VM %u", vmid);
	if (k == -EBADMSG)
		finding_add(&c->found, FINDING_LEASE_OPEN, subject, NULL, "%s", e.text);
	if (k < 0 || !lease_view_remedy(&v, remedy))
		return k == -ENOMEM ? k : 0;
	for (size_t i = 0; i < v.n; i++)
		text_join(&cards, ", ", bdf_format(v.functions[i], name));
	finding_add(&c->found, FINDING_LEASE_OPEN, subject, remedy,
		    v.state == LEASE_EARLIER_BOOT ? "VM %u has a lease of an earlier boot (%s)" : "VM %u does not run and still has %s",
		    vmid, text_str(&cards));
	return 0;
}

static int check_leases(struct check *c, struct err *e)
{
	_cleanup_free_ unsigned int *vms = NULL;
	size_t n = 0;
	int k = lease_all(c->o->root, &vms, &n);

	if (k == -EACCES) {
		check_unseen(c, "what gpupt has on record");
		return 0;
	}
	if (k < 0)
		return err_errno(e, k, "cannot list the leases");
	for (size_t i = 0; k == 0 && i < n; i++)
		k = check_lease(c, vms[i]);
	return k;
}

/* Without a card there is still the host to be judged. */
static int check_bare(struct check *c, struct err *e)
{
	_cleanup_findings_ struct findings found = { 0 };
	_cleanup_facts_ struct facts facts = { 0 };
	int k = facts_look_at_iommu(c->o->root, &facts, e);

	if (k < 0)
		return k;
	judge(&facts, &c->settings, &found);
	finding_add(&found, FINDING_NO_DEVICE, "host", "see 'lspci': a card that is not in its list is not seen by the firmware either",
		    "this host has no GPU: there is no PCI function of class 03");
	return check_merge(c, &found);
}

static int check_host(struct check *c, struct err *e)
{
	_cleanup_pci_list_ struct pci_list all = { 0 };
	bool any = false;
	int k = pci_scan(c->o->root, &all, e);

	/* an image has no devices, and that is no failure */
	if (k == -ENOENT && check_setup_load(c, &(struct err){ "" }) == 0 && c->setup.boot.image)
		k = 0;
	for (size_t i = 0; k == 0 && i < all.n; i++) {
		/* a virtual function is a device of its own, which Proxmox VE hands over without our help */
		if (!gpu_is_display(&all.v[i]) || all.v[i].is_vf)
			continue;
		any = true;
		k = check_card(c, all.v[i].bdf, e);
	}
	if (k == 0 && !any && !c->setup.boot.image)
		k = check_bare(c, e);
	if (k == 0)
		k = check_setup(c, NULL, e);
	/* without devices nothing can be said of VMs that name them */
	if (k == 0 && !c->setup.boot.image)
		k = check_all_vms(c, e);
	return k < 0 ? k : check_leases(c, e);
}

struct target {
	unsigned int vmid; /* 0: a card */
	struct bdf card;
};

static int parse_target(const struct options *o, const char *s, struct target *ret)
{
	*ret = (struct target){ 0 };
	if (*s && s[strspn(s, "0123456789")] == '\0')
		return helper_vmid(s, &ret->vmid) ? EXIT_DONE : EXIT_USAGE;
	return gpu_arg(o, s, &ret->card);
}

/* A list for a person in passing, who did not ask: a line for each, and what to do. */
static void show_lines(const struct findings *found)
{
	for (size_t i = 0; i < found->n; i++) {
		const struct finding *f = &found->v[i];

		printf("gpupt: %s%s%s\n", f->message, f->remedy ? "; what to do: " : "", f->remedy ? f->remedy : "");
	}
}

static int check_targets(struct check *c, const struct target *v, int n)
{
	int code = EXIT_DONE;

	for (int i = 0; i < n; i++) {
		struct err e = { "" };
		int k = v[i].vmid ? check_vm(c, v[i].vmid, &e) : check_card(c, v[i].card, &e);

		if (k == 0 && v[i].vmid)
			k = check_lease(c, v[i].vmid);
		if (helper_result(k, &e) != EXIT_DONE)
			code = EXIT_REFUSED;
	}
	return code;
}

/* judge() says how many processes could not be looked into; this is the rest. */
static void tell_unseen(struct check *c)
{
	if (c->unseen.len > 0)
		finding_add(&c->found, FINDING_BLIND, "host", "run it as root", "without root these cannot be seen: %s",
			    text_str(&c->unseen));
}

void check_show(const struct findings *found, struct table *t)
{
	static const char *const colours[] = { [SEVERITY_OK] = "green", [SEVERITY_WARN] = "brown", [SEVERITY_BLOCK] = "red" };

	for (size_t i = 0; i < found->n; i++) {
		const struct finding *f = &found->v[i];

		table_row(t);
		table_set(t, SEVERITY, severity_name(f->severity));
		table_set(t, FINDING, finding_name(f->code));
		table_set(t, SUBJECT, f->subject);
		table_set(t, MESSAGE, f->message);
		table_set(t, REMEDY, f->remedy);
		table_set(t, MEANING, finding_meaning(f->code));
		table_colour(t, SEVERITY, f->severity < ARRAY_SIZE(colours) ? colours[f->severity] : NULL);
	}
}

int check_gather(const struct options *o, struct findings *ret, struct err *e)
{
	_cleanup_(check_done) struct check c = { .o = o };
	int k;

	load_settings(&c);
	k = check_host(&c, e);
	if (k < 0)
		return k;
	tell_unseen(&c);
	*ret = c.found;
	c.found = (struct findings){ 0 };
	return ret->r;
}

/* The steps of a start are a list of their own in JSON, with all its columns: -o is about the findings. */
static int open_steps(struct check *c)
{
	struct options all = *c->o;
	int code;

	if (!all.json || !(all.verbose || all.dry_run))
		return EXIT_DONE;
	all.columns = NULL;
	code = steps_open(&all, &c->steps);
	c->steps.o = c->o;
	return code;
}

static int look(struct check *c, const struct target *v, int n)
{
	struct err e = { "" };

	if (c->o->changed_since && !kernels_changed_since(c->o->root, c->o->changed_since))
		return EXIT_DONE;
	load_settings(c);
	if (n)
		return check_targets(c, v, n);
	return helper_result(c->o->next_boot ? check_next_boot(c, &e) : check_host(c, &e), &e);
}

static int run(const struct options *o, int argc, char **argv)
{
	_cleanup_(check_done) struct check c = { .o = o };
	_cleanup_free_ struct target *targets = calloc((size_t)argc + 1, sizeof(*targets));
	_cleanup_table_ struct table t = { 0 };
	struct err e = { "" };
	int code = table_open(o, &check_columns, &t);

	if (!targets)
		return helper_result(-ENOMEM, &e);
	if (code == EXIT_DONE)
		code = open_steps(&c);
	for (int i = 0; code == EXIT_DONE && i < argc; i++)
		code = parse_target(o, argv[i], &targets[i]);
	if (code == EXIT_DONE && o->next_boot && argc)
		code = helper_usage("--next-boot is about the host: it goes with no GPU and no VMID");
	if (code == EXIT_DONE && o->changed_since && !o->next_boot)
		code = helper_usage("--changed-since goes with --next-boot alone");
	if (code != EXIT_DONE)
		return code;
	code = look(&c, targets, argc);
	tell_unseen(&c);
	if (o->quiet)
		findings_keep(&c.found, SEVERITY_WARN);
	check_show(&c.found, &t);
	if (o->quiet && !o->json && !o->columns)
		show_lines(&c.found);
	else if ((c.steps.list ? table_print_both(&t, &c.steps.t) : table_print(&t)) != EXIT_DONE)
		return EXIT_REFUSED;
	if (!o->json && c.plans.len)
		printf("\n%s", text_str(&c.plans));
	return code == EXIT_DONE && findings_worst(&c.found) == SEVERITY_BLOCK ? EXIT_REFUSED : code;
}

const struct command command_check = {
	.name = "check",
	.args = "[GPU|VMID ...]",
	.max = -1,
	.summary = "say whether cards can go to a VM, what stands in the way, and what helps",
	.help = "Changes nothing. With a GPU: the whole card. With a VMID: what the start of that VM would find,\n"
		"and with -v or --dry-run the steps it would make; in JSON they are a second list, 'steps', with the\n"
		"columns of 'reset'. Without either: the host, all its cards, and all VMs that have one. A card that a VM has now blocks, too: it cannot go to another.\n"
		"With --next-boot: of each kernel that is installed, whether it would find what was prepared.\n"
		"Exit code 1 if anything blocks.",
	.columns = &check_columns,
	.run = run,
};
