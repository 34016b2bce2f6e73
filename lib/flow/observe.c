/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/unit.h"
#include "flow/observe.h"
#include "host/disks.h"
#include "host/kmod.h"
#include "host/modalias.h"
#include "plan/nvidia.h"
#include "policy/processes.h"
#include "pve/reservation.h"

int settings_load(const struct root *r, struct settings *ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int k = root_read(r, SETTINGS_PATH, SETTINGS_MAX, &text, &len);

	if (k == -ENOENT) {
		settings_default(ret);
		return 0;
	}
	if (k < 0)
		return err_errno(e, k, "cannot read %s", SETTINGS_PATH);
	if (strlen(text) != len)
		return err_set(e, -EINVAL, "%s has NUL bytes: it is not a text file", SETTINGS_PATH);
	return settings_parse(text, SETTINGS_PATH, ret, e);
}

bool settings_may_concern(const struct root *r, unsigned int vmid)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int k = root_read(r, SETTINGS_PATH, SETTINGS_MAX, &text, &len);

	/* a directory in its place has no sections */
	if (k == -ENOENT || k == -EISDIR)
		return false;
	return k < 0 || settings_may_have_vm(text, len, vmid);
}

void engine_init(struct engine *en, const struct root *r, const struct settings *s, const struct selection *sel)
{
	unsigned int timeout = 0;

	for (size_t i = 0; sel && i < sel->n; i++) {
		const struct gpu_settings *g = settings_gpu(s, sel->v[i].bdf);

		if (g->driver_timeout > timeout)
			timeout = g->driver_timeout;
	}
	*en = (struct engine){
		.root = r,
		.driver_timeout_ms = (timeout ? timeout : s->defaults.driver_timeout) * 1000,
		.job_timeout_ms = 30000,
	};
}

/* What a function's modalias asks for; only where nothing better is known, since modules.alias is a megabyte. */
static void guess_home(const struct root *r, struct fn_facts *fn)
{
	_cleanup_strv_ struct strv modules = { 0 }, drivers = { 0 };

	if (fn->has_home && strcmp(fn->home.driver, HOME_UNKNOWN) != 0)
		return;
	if (fn->driver.override[0] || (fn->driver.driver[0] && strcmp(fn->driver.driver, "vfio-pci") != 0))
		return;
	if (modalias_modules(r, &fn->fn, &modules, NULL) < 0 || modules.n == 0)
		return;
	/* a module that is loaded says what its driver is called; most are called like it */
	module_pci_drivers(r, modules.v[0], &drivers);
	snprintf(fn->guess, sizeof(fn->guess), "%s", drivers.n ? drivers.v[0] : modules.v[0]);
}

/* A driver with suppress_bind_attrs has no unbind file: nobody takes a device off it (bus_add_driver() in drivers/base/bus.c). */
static bool never_lets_go(const struct root *r, const char *driver)
{
	char path[PATH_MAX];

	return driver[0] && strcmp(driver, "vfio-pci") != 0 && root_exists(r, path_f(path, "/sys/bus/pci/drivers/%s", driver)) &&
	       !root_exists(r, path_f(path, "/sys/bus/pci/drivers/%s/unbind", driver));
}

static int observe_function(const struct engine *en, const struct picked *p, const struct pci_list *all, unsigned int vmid,
			    struct fn_facts *fn, struct err *e)
{
	const struct pci_fn *there = pci_list_find(all, p->bdf);
	struct claim claim;
	int k;

	*fn = (struct fn_facts){ .fn.bdf = p->bdf, .role = p->role, .absent = p->absent };
	memcpy(fn->entry, p->entry, sizeof(fn->entry));
	fn->absent |= !there;
	if (fn->absent)
		return 0;
	fn->fn = *there;
	fn->unbindable = never_lets_go(en->root, fn->fn.driver);
	k = driver_read(en, p->bdf, &fn->driver, e);
	fn->driver_known = k == 0;
	/* a read that hung just now has made it so */
	fn->stuck = stuck_find(en->root, p->bdf, &fn->stuck_at) > 0;
	if (k < 0 && !fn->stuck && k != -EACCES)
		return k;
	fn->has_home = home_find(en->root, p->bdf, &fn->home) == 0;
	if (fn->driver_known)
		guess_home(en->root, fn);
	if (claim_find(en->root, p->bdf, &claim) > 0 && !claim_is_of(en->root, &claim, vmid)) {
		fn->claimed = true;
		fn->claim = claim;
	}
	reservation_holder(en->root, p->bdf, vmid, &fn->reserved_by, NULL);
	return danger_find(en->root, p->bdf, &fn->dangers, e);
}

/* All functions that facts are about and the rest of their slots: loaded together, since each load costs a child. */
static int load_functions(const struct root *r, const struct selection *sel, struct pci_list *ret, struct err *e)
{
	_cleanup_bdf_list_ struct bdf_list all = { 0 };

	for (size_t i = 0; i < sel->n; i++) {
		_cleanup_pci_list_ struct pci_list slot = { 0 };
		int k = sel->v[i].absent ? -ENODEV : pci_slot_outline(r, sel->v[i].bdf, &slot, e);

		for (size_t s = 0; k == 0 && s < slot.n; s++)
			k = bdf_list_add(&all, slot.v[s].bdf);
		if (k < 0 && k != -ENODEV)
			return k;
	}
	return pci_load_list(r, &all, ret, e);
}

int facts_look_for_holders(const struct root *r, struct facts *f, struct err *e)
{
	_cleanup_node_list_ struct node_list nodes = { 0 };
	_cleanup_bdf_list_ struct bdf_list bdfs = { 0 };
	char name[BDF_LEN];
	int k;

	for (size_t i = 0; i < f->n; i++) {
		if (f->v[i].absent)
			continue;
		if (nodes_add(r, &f->v[i].fn, &nodes) < 0 || bdf_list_add(&bdfs, f->v[i].fn.bdf) < 0)
			return -ENOMEM;
		k = nodes_add_disks(r, &f->v[i].fn, &nodes);
		if (k < 0)
			return err_errno(e, k, "cannot see the disks of %s", bdf_format(f->v[i].fn.bdf, name));
	}
	holder_list_done(&f->holders);
	f->holders = (struct holder_list){ 0 };
	return holders_find(r, &nodes, &bdfs, &f->holders, e);
}

void facts_ask_persistence(const struct engine *en, struct facts *f)
{
	if (!root_is_live(en->root) || (root_is_real(en->root) && !f->root))
		return;
	for (size_t i = 0; i < f->n; i++) {
		struct fn_facts *fn = &f->v[i];
		struct err e = { "" };
		bool on = false;

		/* of a card that does not answer nobody wants to know */
		if (fn->absent || strcmp(fn->driver.driver, NVIDIA_DRIVER) != 0 || fn->fn.config == PCI_CONFIG_DEAD ||
		    fn->fn.config == PCI_CONFIG_HANGS)
			continue;
		if (nvidia_persistence_get(en, fn->fn.bdf, &on, &e) < 0) {
			fn->persistence = PERSISTENCE_UNKNOWN;
			snprintf(fn->persistence_why, sizeof(fn->persistence_why), "%.150s", e.text);
		} else {
			fn->persistence = on ? PERSISTENCE_ON : PERSISTENCE_OFF;
		}
	}
}

static int observe_consoles(const struct root *r, struct facts *f)
{
	_cleanup_bootfb_list_ struct bootfb_list fbs = { 0 };
	int k = vtcon_scan(r, &f->consoles);

	if (k < 0)
		return k;
	bootfb_load(r, &fbs);
	for (size_t i = 0; i < f->n; i++) {
		struct fn_facts *fn = &f->v[i];

		if (fn->absent || !gpu_is_display(&fn->fn))
			continue;
		fn->console = console_on_function(r, &fn->fn, &fbs, &f->consoles);
		fn->bootfb = bootfb_of(r, &fbs, fn->fn.bdf) != NULL;
	}
	return 0;
}

/* Displays that are left to the host. */
static int count_displays(const struct root *r, struct facts *f, struct err *e)
{
	_cleanup_pci_list_ struct pci_list all = { 0 };
	int k = pci_scan(r, &all, e);

	for (size_t i = 0; k == 0 && i < all.n; i++)
		f->displays += gpu_is_display(&all.v[i]) && !facts_find(f, all.v[i].bdf);
	return k;
}

static int add_own_unit(const struct root *r, struct facts *f, pid_t pid)
{
	struct holder h = { .proc.pid = pid };

	if (holder_identify(r, &h) < 0 || h.kind != HOLDER_UNIT || strv_has(&f->own_units, h.id))
		return 0;
	return strv_add(&f->own_units, h.id);
}

/* Whoever started us must not be ended by us, nor the unit in which one of us runs. */
static int observe_ancestors(const struct root *r, struct facts *f)
{
	pid_t pid = getpid();
	int k = add_own_unit(r, f, pid);

	while (k == 0 && f->n_ancestors < ARRAY_SIZE(f->ancestors) && proc_parent(r, pid, &pid) == 0 && pid > 0) {
		f->ancestors[f->n_ancestors++] = pid;
		k = add_own_unit(r, f, pid);
	}
	return k;
}

int facts_look_at_units(const struct root *r, const struct settings *s, struct facts *f)
{
	for (size_t i = 0; i < f->holders.n; i++) {
		const struct holder *h = &f->holders.v[i];
		char state[UNIT_STATE_LEN];

		if (process_fate(f, s, h) == FATE_UNIT && unit_state(r, h->id, state, NULL) == 0 && strcmp(state, "activating") == 0 &&
		    strv_add(&f->batch_units, h->id) < 0)
			return -ENOMEM;
	}
	return 0;
}

int facts_look_at_iommu(const struct root *r, struct facts *f, struct err *e)
{
	int k = iommu_load(r, &f->iommu, e);

	if (k < 0 || iommu_state(&f->iommu) == IOMMU_ON)
		return k;
	k = boot_load(r, &f->boot);
	if (k == 0)
		k = loader_load(r, &f->boot, &f->loader);
	f->boot_known = k == 0;
	return k < 0 ? err_errno(e, k, "cannot tell how this host was booted") : 0;
}

int facts_load(const struct engine *en, const struct selection *sel, unsigned int vmid, bool hurried,
	       struct facts *ret, struct err *e)
{
	_cleanup_facts_ struct facts f = { .vmid = vmid, .root = geteuid() == 0 };
	int k = facts_look_at_iommu(en->root, &f, e);

	f.v = calloc(sel->n + 1, sizeof(*f.v));
	if (!f.v)
		return -ENOMEM;
	if (k == 0)
		k = load_functions(en->root, sel, &f.slots, e);
	for (size_t i = 0; k == 0 && i < sel->n; i++)
		k = observe_function(en, &sel->v[i], &f.slots, vmid, &f.v[f.n++], e);
	if (k == 0)
		k = facts_look_for_holders(en->root, &f, e);
	if (k == 0)
		k = observe_consoles(en->root, &f);
	if (k == 0)
		k = observe_ancestors(en->root, &f);
	if (k == 0)
		k = known_load(en->root, &f.known);
	f.vendor_reset = kmod_loaded(en->root, VENDOR_RESET);
	if (hurried)
		f.displays = 1;
	else if (k == 0)
		k = count_displays(en->root, &f, e);
	if (k < 0)
		return k;
	*ret = f;
	f = (struct facts){ 0 };
	return 0;
}
