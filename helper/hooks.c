/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `hooks`: every guest of the cluster, and whether the hookscript that it names can be run where it is. */
#include <errno.h>

#include "flow/select.h"
#include "flow/sharing.h"
#include "helper/hook_finder.h"
#include "helper/output.h"
#include "host/gpu.h"

enum { NODE, VMID, TYPE, GPU, HOOKSCRIPT, STATE, REMEDY, NAME, OURS, PATH, MESSAGE };

static const struct column column_v[] = {
	[NODE] = { "node", "where the guest is" },
	[VMID] = { "vmid", "its id", COLUMN_NUMBER },
	[TYPE] = { "type", "VM or CT" },
	/* not COLUMN_BOOL: what cannot be told is neither */
	[GPU] = { "gpu", "does it name a GPU? yes, no; of devices of another node that cannot be told" },
	[HOOKSCRIPT] = { "hookscript", "what its configuration has" },
	[STATE] = { "state", "none, ours, other; missing, not executable, bad (it cannot start); hangs, unseen, elsewhere" },
	[REMEDY] = { "remedy", "what to do", .wrap = true },
	[NAME] = { "name", "the guest's name", .extra = true },
	[OURS] = { "ours", "is the hookscript gpupt's, by its name? yes, no", .detail = true },
	[PATH] = { "path", "the file that it is", .detail = true },
	[MESSAGE] = { "message", "what is wrong with it", .detail = true, .wrap = true },
};
static const struct columns columns = { "hooks", column_v, ARRAY_SIZE(column_v) };

enum gpu { GPU_NO, GPU_YES, GPU_UNKNOWN };

struct work {
	const struct root *r;
	struct table t;
	struct cluster cluster;
	struct hook_finder finder;
	struct guest_list cts; /* containers of this node that use a GPU */
	bool uninstalled;      /* gpupt's snippet is not in "local" */
};

static void work_done(struct work *w)
{
	hook_finder_done(&w->finder);
	table_done(&w->t);
	cluster_done(&w->cluster);
	guest_list_done(&w->cts);
}

/* One guest. */
struct subject {
	const struct cluster_guest *guest;
	bool here;
	struct config cfg;
	enum gpu gpu;
	const char *volid;
	struct hook_script h;
};

static int id_cmp(const void *pa, const void *pb)
{
	const unsigned int *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

/* Adds who uses the card of a display. */
static int find_cts_of(struct work *w, const struct container_list *containers, const struct pci_list *all, struct bdf gpu, struct err *e)
{
	_cleanup_sharers_ struct sharers sharing = { 0 };
	struct pci_fn fns[8];
	struct pci_list card = { .v = fns };
	int k;

	for (size_t i = 0; i < all->n && card.n < ARRAY_SIZE(fns); i++)
		if (bdf_same_slot(all->v[i].bdf, gpu) && !all->v[i].bridge)
			fns[card.n++] = all->v[i];
	k = sharing_find(w->r, containers, &card, NULL, &sharing, e);
	for (size_t i = 0; k == 0 && i < sharing.n; i++)
		k = guest_list_add(&w->cts, sharing.v[i].vmid);
	return k;
}

/* The containers of this node that use a GPU of it. */
static int find_cts(struct work *w, struct err *e)
{
	_cleanup_container_list_ struct container_list containers = { 0 };
	_cleanup_pci_list_ struct pci_list all = { 0 };
	_cleanup_bdf_list_ struct bdf_list gpus = { 0 };
	int k = container_list_load(w->r, &containers, e);

	if (k < 0 || containers.n == 0)
		return k;
	k = pci_scan(w->r, &all, e);
	if (k == -ENOENT) /* no PCI, no card */
		return 0;
	if (k == 0)
		k = gpu_list(&all, &gpus);
	for (size_t i = 0; k == 0 && i < gpus.n; i++)
		k = find_cts_of(w, &containers, &all, gpus.v[i], e);
	if (w->cts.n)
		qsort(w->cts.v, w->cts.n, sizeof(*w->cts.v), id_cmp);
	return k;
}

/* By the same choice as at a start: what gpupt's hook would do nothing about needs no hook. */
static enum gpu gpu_of_vm(const struct work *w, const struct subject *s)
{
	_cleanup_vm_devices_ struct vm_devices devices = { 0 };
	_cleanup_selection_ struct selection sel = { 0 };

	if (!config_next(&s->cfg, "hostpci", NULL))
		return GPU_NO;
	if (!s->here || vm_devices_load(w->r, &s->cfg, &devices, NULL) < 0 ||
	    select_functions(w->r, &devices, NULL, NULL, &sel, NULL) < 0)
		return GPU_UNKNOWN;
	return sel.n > 0 ? GPU_YES : GPU_NO;
}

static enum gpu gpu_of_ct(const struct work *w, const struct subject *s)
{
	_cleanup_ctdev_list_ struct ctdev_list devices = { 0 };

	if (s->here)
		return guest_list_has(&w->cts, s->guest->vmid) ? GPU_YES : GPU_NO;
	return ctdev_all(&s->cfg, &devices) < 0 || devices.n > 0 ? GPU_UNKNOWN : GPU_NO;
}

static void set_remedy(struct work *w, const struct subject *s)
{
	bool template = config_get_bool(&s->cfg, "template", false), vm = s->guest->kind == GUEST_VM;
	struct hook_guest g = {
		.kind = s->guest->kind, .vmid = s->guest->vmid, .volid = s->volid, .uninstalled = s->here && w->uninstalled,
	};
	const char *on = s->here ? "" : s->guest->node;
	char buf[256];

	g.wants = vm && !template && s->gpu != GPU_NO;
	if (s->h.state == HOOK_ELSEWHERE)
		table_setf(&w->t, REMEDY, "run 'gpupt-helper hooks' on %s", s->guest->node);
	else if (*hook_script_remedy(&s->h, &g, buf, sizeof(buf)))
		table_setf(&w->t, REMEDY, "%s%s%s%s%s", g.wants && s->gpu == GPU_UNKNOWN ? "if it names a GPU, " : "", *on ? "on " : "", on,
			   *on ? ": " : "", buf);
}

static void show(struct work *w, const struct subject *s)
{
	static const char *const colours[] = {
		[HOOK_OURS] = "green", [HOOK_MISSING] = "red", [HOOK_NOT_EXECUTABLE] = "red", [HOOK_BAD] = "red", [HOOK_HANGS] = "red",
	};
	const char *name = config_get(&s->cfg, s->guest->kind == GUEST_CT ? "hostname" : "name");

	table_row(&w->t);
	table_set(&w->t, NODE, s->guest->node);
	table_setf(&w->t, VMID, "%u", s->guest->vmid);
	table_set(&w->t, TYPE, guest_kind_name(s->guest->kind));
	table_set(&w->t, GPU, s->gpu == GPU_UNKNOWN ? NULL : s->gpu == GPU_YES ? "yes" : "no");
	table_set(&w->t, HOOKSCRIPT, s->volid);
	table_set(&w->t, STATE, hook_state_name(s->h.state));
	table_colour(&w->t, STATE, s->h.state < ARRAY_SIZE(colours) ? colours[s->h.state] : NULL);
	table_set(&w->t, NAME, name);
	if (s->volid)
		table_set(&w->t, OURS, s->h.ours ? "yes" : "no");
	table_set(&w->t, PATH, s->h.path);
	table_set(&w->t, MESSAGE, s->h.e.text);
	set_remedy(w, s);
}

static int show_guest(struct work *w, const struct cluster_guest *guest, struct err *e)
{
	_cleanup_config_ struct config cfg = { 0 };
	struct subject s = { .guest = guest, .here = hook_finder_here(&w->finder, guest) };
	int k = cluster_config(w->r, guest, &cfg, e);

	/* gone meanwhile, to another node perhaps; or a file that nobody can use */
	if (k == -ENOENT)
		return 0;
	if (k == -ENOMEM || k == -EACCES)
		return k;
	if (k < 0) {
		helper_complain("%s %u is passed over: %s", guest_kind_name(guest->kind), guest->vmid, e->text);
		return 0;
	}
	s.cfg = cfg;
	s.gpu = guest->kind == GUEST_CT ? gpu_of_ct(w, &s) : gpu_of_vm(w, &s);
	s.volid = config_get(&cfg, "hookscript");
	k = hook_find(&w->finder, guest, s.volid, &s.h);
	if (k == 0)
		show(w, &s);
	return k;
}

static int list(struct work *w, struct err *e)
{
	int k = cluster_load(w->r, &w->cluster, e);

	hook_finder_init(w->r, &w->finder);
	w->uninstalled = hook_script_uninstalled(w->r);
	if (k == 0)
		k = find_cts(w, e);
	for (size_t i = 0; k == 0 && i < w->cluster.n; i++)
		k = show_guest(w, &w->cluster.v[i], e);
	return k == -EACCES ? err_set(e, k, "only root can see Proxmox VE's guests") : k;
}

static int run(const struct options *o, int argc, char **argv)
{
	_cleanup_(work_done) struct work w = { .r = o->root };
	struct err e = { "" };
	int code = table_open(o, &columns, &w.t);

	if (code == EXIT_DONE)
		code = helper_result(list(&w, &e), &e);
	return code != EXIT_DONE ? code : table_print(&w.t);
}

static const struct command *const words[] = { &command_hooks_install, &command_hooks_remove, NULL };

const struct command command_hooks = {
	.name = "hooks",
	.args = "[install|remove ...]",
	.summary = "show the hookscript of every guest of the cluster",
	.help = "Whether its file is there and can be run, whether it is gpupt's, and what to do. Of guests on other\n"
		"nodes as far as this node can see: what is on a shared storage.",
	.columns = &columns,
	.words = words,
	.run = run,
};
