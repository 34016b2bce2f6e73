/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/select.h"
#include "helper/card_users.h"
#include "helper/naming.h"
#include "helper/output.h"
#include "helper/reset_word.h"
#include "host/console.h"
#include "plan/state.h"
#include "plan/stuck.h"
#include "pve/guest.h"

enum {
	BDF, NAME, VENDOR, DRIVER, GROUP, RESET, BOOT, USER, STATE, ID, COMPANIONS, METHODS, VMS, CTS
};

static const struct column column_v[] = {
	[BDF] = { "bdf", "address of the display function" },
	[NAME] = { "name", "name by pci.ids", .wrap = true },
	[VENDOR] = { "vendor", "who made the chip" },
	[DRIVER] = { "driver", "kernel driver that has it" },
	[GROUP] = { "group", "IOMMU group", COLUMN_NUMBER },
	[RESET] = { "reset", "reset that is likely to work in a VM; hot: of the whole bus, by vfio" },
	[BOOT] = { "boot", "is it the display that the firmware booted with?", COLUMN_BOOL },
	[USER] = { "user", "who has it: VM, container, service, process, or a reset that is under way", .wrap = true },
	[STATE] = { "state", "host, vm, vfio (no VM has it), unbound, d3cold, dead, hangs, stuck" },
	[ID] = { "id", "vendor:device/subvendor:subdevice", .extra = true },
	[COMPANIONS] = { "companions", "the card's other functions", COLUMN_LIST, .extra = true },
	[METHODS] = { "methods", "the kernel's reset_method", .extra = true },
	[VMS] = { "vms", "VMs that name the card", COLUMN_LIST, .extra = true },
	[CTS] = { "cts", "containers that use the card", COLUMN_LIST, .extra = true },
};
static const struct columns columns = { "gpus", column_v, ARRAY_SIZE(column_v) };

/* What is looked at once for all cards. */
struct listing {
	const struct root *r;
	struct table t;
	struct pci_list all;
	struct pci_names *names;
	struct holder_list holders;
	struct bootfb_list bootfb;
	struct container_list containers;
	bool guests; /* Proxmox VE's configurations can be read */
};

static void listing_done(struct listing *l)
{
	table_done(&l->t);
	pci_list_done(&l->all);
	pci_names_close(l->names);
	holder_list_done(&l->holders);
	bootfb_list_done(&l->bootfb);
	container_list_done(&l->containers);
}

static bool on_vfio(const struct pci_fn *fn)
{
	size_t n = strlen(fn->driver);

	/* variant drivers are called like nvgrace-gpu-vfio-pci or mlx5_vfio_pci */
	return n >= 8 && (strcmp(fn->driver + n - 8, "vfio-pci") == 0 || strcmp(fn->driver + n - 8, "vfio_pci") == 0);
}

/* The functions of a GPU's slot, bridges aside. */
static int card_functions(const struct listing *l, struct bdf b, struct pci_list *ret)
{
	struct pci_list card = { .v = calloc(8, sizeof(*card.v)) };

	if (!card.v)
		return -ENOMEM;
	for (size_t i = 0; i < l->all.n && card.n < 8; i++)
		if (bdf_same_slot(l->all.v[i].bdf, b) && !l->all.v[i].bridge)
			card.v[card.n++] = l->all.v[i];
	*ret = card;
	return 0;
}

static int find_holders(struct listing *l, struct err *e)
{
	_cleanup_node_list_ struct node_list nodes = { 0 };
	_cleanup_bdf_list_ struct bdf_list bdfs = { 0 };

	for (size_t i = 0; i < l->all.n; i++) {
		if (!gpu_is_display(&l->all.v[i]))
			continue;
		for (size_t f = 0; f < l->all.n; f++)
			if (bdf_same_slot(l->all.v[f].bdf, l->all.v[i].bdf) && !bdf_list_has(&bdfs, l->all.v[f].bdf) &&
			    (bdf_list_add(&bdfs, l->all.v[f].bdf) < 0 || nodes_add(l->r, &l->all.v[f], &nodes) < 0))
				return -ENOMEM;
	}
	return holders_find(l->r, &nodes, &bdfs, &l->holders, e);
}

static const char *find_state(const struct listing *l, const struct pci_fn *fn, const struct strv *users)
{
	struct stuck stuck;

	if (stuck_find(l->r, fn->bdf, &stuck) > 0)
		return "stuck";
	if (fn->config == PCI_CONFIG_DEAD)
		return "dead";
	if (fn->config == PCI_CONFIG_HANGS)
		return "hangs";
	if (on_vfio(fn) && card_users_vm(users))
		return "vm";
	if (fn->config == PCI_CONFIG_ASLEEP || strcmp(fn->power_state, "D3cold") == 0)
		return "d3cold";
	return on_vfio(fn) ? "vfio" : fn->driver[0] ? "host" : "unbound";
}

static const char *state_colour(const char *state)
{
	static const struct {
		const char *state, *colour;
	} colours[] = {
		{ "vm", "green" }, { "vfio", "brown" }, { "unbound", "brown" }, { "stuck", "red" },
		{ "dead", "red" }, { "d3cold", "red" }, { "hangs", "red" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(colours); i++)
		if (strcmp(colours[i].state, state) == 0)
			return colours[i].colour;
	return NULL;
}

/* What would reset it in a VM that gets the whole card and its group. */
static void show_reset(struct listing *l, const struct pci_fn *fn)
{
	_cleanup_selection_ struct selection sel = { 0 };
	_cleanup_bdf_list_ struct bdf_list bdfs = { 0 };
	_cleanup_pci_list_ struct pci_list set = { 0 };

	if (!table_wants(&l->t, RESET) || select_card(l->r, fn->bdf, &sel, NULL) < 0 || selection_all(&sel, &bdfs) < 0 ||
	    pci_load_list(l->r, &bdfs, &set, NULL) < 0)
		return;
	table_set(&l->t, RESET, reset_word(fn, &set));
}

static void show_companions(struct listing *l, const struct pci_fn *fn, const struct pci_list *card)
{
	_cleanup_text_ struct text lines = { 0 };
	char name[BDF_LEN];

	for (size_t i = 0; i < card->n; i++) {
		if (bdf_eq(card->v[i].bdf, fn->bdf))
			continue;
		text_join(&lines, "\n", bdf_format(card->v[i].bdf, name));
		text_addf(&lines, " %s", gpu_is_display(&card->v[i]) ? "display" : gpu_companion_name(gpu_companion(&card->v[i])));
	}
	table_set(&l->t, COMPANIONS, text_str(&lines));
}

static void show_guests(struct listing *l, const struct guest_uses *vms, const struct sharers *cts)
{
	_cleanup_text_ struct text lines = { 0 }, ct_lines = { 0 };

	for (size_t i = 0; i < vms->n; i++)
		if (naming_first(vms, i))
			text_addf(&lines, "%s%u", lines.len ? "\n" : "", vms->v[i].vmid);
	for (size_t i = 0; i < cts->n; i++)
		text_addf(&ct_lines, "%s%u", ct_lines.len ? "\n" : "", cts->v[i].vmid);
	table_set(&l->t, VMS, text_str(&lines));
	table_set(&l->t, CTS, text_str(&ct_lines));
}

static void show_identity(struct listing *l, const struct pci_fn *fn)
{
	const char *vendor = gpu_vendor(fn->id);
	char text[256];

	table_set(&l->t, BDF, bdf_format(fn->bdf, text));
	table_set(&l->t, NAME, pci_name(l->names, fn->id, text, sizeof(text)));
	if (vendor)
		table_set(&l->t, VENDOR, vendor);
	else
		table_setf(&l->t, VENDOR, "%04x", fn->id.vendor);
	table_set(&l->t, DRIVER, fn->driver);
	if (fn->group >= 0)
		table_setf(&l->t, GROUP, "%d", fn->group);
	table_set(&l->t, BOOT, fn->boot_vga || bootfb_of(l->r, &l->bootfb, fn->bdf) ? "yes" : "no");
	table_set(&l->t, ID, pci_id_format(fn->id, text));
	table_set(&l->t, METHODS, fn->reset_method);
}

static int show_gpu(struct listing *l, const struct pci_fn *fn, struct err *e)
{
	_cleanup_pci_list_ struct pci_list card = { 0 };
	_cleanup_guest_uses_ struct guest_uses vms = { 0 };
	_cleanup_sharers_ struct sharers cts = { 0 };
	_cleanup_strv_ struct strv users = { 0 };
	_cleanup_text_ struct text who = { 0 };
	const char *state;
	int k = card_functions(l, fn->bdf, &card);

	if (k == 0 && l->guests && table_wants(&l->t, VMS))
		k = naming_vms(l->r, &card, &vms, e);
	if (k == 0 && l->guests)
		k = sharing_find(l->r, &l->containers, &card, &l->holders, &cts, e);
	if (k < 0)
		return k;
	card_users(l->r, &card, &l->holders, &cts, &users);
	strv_foreach(u, &users)
		text_join(&who, ", ", u);
	state = find_state(l, fn, &users);
	table_row(&l->t);
	show_identity(l, fn);
	show_reset(l, fn);
	show_companions(l, fn, &card);
	show_guests(l, &vms, &cts);
	table_set(&l->t, USER, text_str(&who));
	table_set(&l->t, STATE, state);
	table_colour(&l->t, STATE, state_colour(state));
	return 0;
}

/* What this user was not shown, in one line. */
static void say_blind(const struct listing *l)
{
	_cleanup_strv_ struct strv claims = { 0 };
	_cleanup_text_ struct text what = { 0 };

	if (state_list(l->r, STATE_RUN, &claims) == -EACCES)
		text_join(&what, ", ", "gpupt's records");
	if (!l->guests)
		text_join(&what, ", ", "Proxmox VE's guests");
	if (l->holders.unseen > 0)
		text_join(&what, ", ", "");
	if (l->holders.unseen > 0)
		text_addf(&what, "the files of %u processes", l->holders.unseen);
	if (what.len > 0 && geteuid() != 0)
		helper_complain("without root these cannot be seen: %s; 'user' and 'state' may lack something", text_str(&what));
}

static int list(struct listing *l, struct err *e)
{
	_cleanup_guest_list_ struct guest_list guests = { 0 };
	int k = pci_scan(l->r, &l->all, e);

	if (k == 0)
		k = find_holders(l, e);
	bootfb_load(l->r, &l->bootfb);
	l->guests = guest_list(l->r, GUEST_VM, &guests, NULL) == 0 && container_list_load(l->r, &l->containers, NULL) == 0;
	if (table_wants(&l->t, NAME))
		l->names = pci_names_open();
	for (size_t i = 0; k == 0 && i < l->all.n; i++)
		if (gpu_is_display(&l->all.v[i]))
			k = show_gpu(l, &l->all.v[i], e);
	return k;
}

static int run(const struct options *o, int argc, char **argv)
{
	_cleanup_(listing_done) struct listing l = { .r = o->root };
	struct err e = { "" };
	int code = table_open(o, &columns, &l.t);

	if (code == EXIT_DONE)
		code = helper_result(list(&l, &e), &e);
	if (code != EXIT_DONE)
		return code;
	if (table_rows(&l.t) == 0 && !o->json)
		helper_complain("this host has no GPU: there is no PCI function of class 03");
	say_blind(&l);
	return table_print(&l.t);
}

const struct command command_list = {
	.name = "list",
	.args = "",
	.summary = "show the GPUs of this host, and who has them",
	.help = "One line for each display function. Without root, users and states may be missing.",
	.columns = &columns,
	.run = run,
};
