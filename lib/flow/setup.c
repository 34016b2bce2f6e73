/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/setup.h"
#include "host/gpu.h"
#include "host/kernels.h"
#include "host/modalias.h"
#include "host/rom_file.h"
#include "plan/claim.h"
#include "pve/reservation.h"

static bool is_card(const struct pci_list *all, struct bdf b)
{
	for (size_t i = 0; i < all->n; i++)
		if (bdf_same_slot(all->v[i].bdf, b) && gpu_is_display(&all->v[i]) && !gpu_is_bmc(&all->v[i]))
			return true;
	return false;
}

static bool is_taken(const struct root *r, struct bdf b)
{
	unsigned int vmid = 0;
	struct claim claim;

	return claim_find(r, b, &claim) > 0 || reservation_holder(r, b, 0, &vmid, NULL) > 0;
}

/* A captured tree has an empty file in the place of one that is there. */
static bool is_stand_in(const struct root *r, const char *path)
{
	struct stat st;

	return !root_is_live(r) && root_stat(r, path, &st) == 0 && st.st_size == 0;
}

static int look_for_rom(const struct root *r, struct setup_fn *fn)
{
	_cleanup_free_ char *value = NULL;
	char path[PATH_MAX];
	int k;

	if (!fn->card || !gpu_is_amd(&fn->fn))
		return 0;
	k = rom_file_read(r, rom_file_path(path, fn->fn.id), fn->fn.id, &value, NULL);
	if (k < 0 || is_stand_in(r, path))
		fn->rom = ROM_FILE_UNKNOWN;
	else
		fn->rom = !value ? ROM_FILE_ABSENT : rom_value_is_good(value) ? ROM_FILE_GOOD : ROM_FILE_OTHER;
	if (fn->rom == ROM_FILE_OTHER)
		rom_value_why(value, fn->rom_why, sizeof(fn->rom_why));
	return k == -ENOMEM ? k : 0;
}

static int load_fn(const struct root *r, const struct pci_list *all, size_t i, struct setup_fn *fn)
{
	char path[PATH_MAX];
	int k;

	fn->fn = all->v[i];
	fn->card = !fn->fn.bridge && !fn->fn.is_vf && is_card(all, fn->fn.bdf);
	fn->taken = fn->card && is_taken(r, fn->fn.bdf);
	if (!fn->fn.driver[0] ||
	    root_readlink_base(r, path_f(path, "/sys/bus/pci/drivers/%s/module", fn->fn.driver), fn->module, sizeof(fn->module)) < 0)
		fn->module[0] = '\0';
	k = look_for_rom(r, fn);
	if (k < 0)
		return k;
	if (!fn->card || !fn->module[0] || kmod_keeper(fn->module))
		return 0;
	return strv_add(&fn->native, fn->module);
}

/* What the cards' modaliases ask for. A machine without a list of aliases is judged by the drivers that it has now. */
static int load_native(const struct root *r, struct setup *s)
{
	_cleanup_free_ struct pci_fn *cards = calloc(s->n + 1, sizeof(*cards));
	_cleanup_free_ struct strv *native = calloc(s->n + 1, sizeof(*native));
	size_t n = 0;
	int k = 0;

	if (!cards || !native)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].card)
			cards[n++] = s->v[i].fn;
	if (modalias_native(r, cards, n, native, NULL) == -ENOMEM)
		k = -ENOMEM;
	for (size_t i = 0, c = 0; i < s->n && c < n; i++) {
		if (!s->v[i].card)
			continue;
		strv_foreach (module, &native[c])
			if (k == 0 && !strv_has(&s->v[i].native, module))
				k = strv_add(&s->v[i].native, module);
		strv_done(&native[c++]);
	}
	return k;
}

static int load_functions(const struct root *r, struct setup *s, struct err *e)
{
	_cleanup_bdf_list_ struct bdf_list bdfs = { 0 };
	_cleanup_pci_list_ struct pci_list all = { 0 };
	int k = pci_dir_functions(r, "/sys/bus/pci/devices", &bdfs);

	if (k == 0)
		k = pci_outline_list(r, &bdfs, &all, e);
	if (k < 0)
		return k == -ENOENT ? 0 : err_errno(e, k, "cannot list the PCI functions");
	s->v = calloc(all.n + 1, sizeof(*s->v));
	if (!s->v)
		return -ENOMEM;
	s->n = all.n;
	for (size_t i = 0; k == 0 && i < all.n; i++)
		k = load_fn(r, &all, i, &s->v[i]);
	return k < 0 ? k : load_native(r, s);
}

/*
 * An image is prepared for the machine that needs most: one with Intel's IOMMU. AMD's needs no parameter and passes over Intel's. Each of
 * its kernels may be the one that boots.
 */
static int assume_machine(const struct root *r, struct setup *s)
{
	_cleanup_kernels_ struct kernels l = { 0 };
	int k = kernels_load(r, &l);

	snprintf(s->iommu.firmware, sizeof(s->iommu.firmware), "DMAR");
	s->iommu.intel_default = l.n ? TRI_YES : TRI_UNKNOWN;
	for (size_t i = 0; i < l.n; i++)
		if (l.v[i].intel_iommu != TRI_YES)
			s->iommu.intel_default = TRI_UNKNOWN;
	if (l.n && !s->boot.release[0])
		snprintf(s->boot.release, sizeof(s->boot.release), "%s", l.v[0].release);
	return k;
}

int setup_load(const struct root *r, struct setup *ret, struct err *e)
{
	_cleanup_setup_ struct setup s = { 0 };
	int k = iommu_load(r, &s.iommu, e);

	if (k == 0)
		k = load_functions(r, &s, e);
	if (k < 0)
		return k;
	k = boot_load(r, &s.boot);
	if (k == 0 && s.boot.image)
		k = assume_machine(r, &s);
	if (k == 0)
		k = loader_load(r, &s.boot, &s.loader);
	if (k == 0)
		k = modprobe_load(r, &s.modprobe);
	if (k == 0)
		k = modload_load(r, &s.modload);
	if (k == 0)
		k = modrun_load(r, &s.modprobe, &s.modruns);
	if (k == 0)
		k = udev_rules_load(r, &s.udev);
	if (k == 0)
		k = driverctl_load(r, &s.driverctl);
	if (k == 0)
		k = initscripts_load(r, &s.initscripts);
	if (k == 0)
		k = inithooks_load(r, &s.inithooks);
	if (k == 0)
		k = known_load(r, &s.known);
	s.vendor_reset_installed = kmod_installed(r, s.boot.release, VENDOR_RESET);
	s.vendor_reset_loaded = kmod_loaded(r, VENDOR_RESET);
	nvidia_files_load(r, &s.nvidia);
	s.rom_dir = root_exists(r, ROM_DIR);
	if (k < 0)
		return err_errno(e, k, "cannot read how the host is set up");
	*ret = s;
	s = (struct setup){ 0 };
	return 0;
}
