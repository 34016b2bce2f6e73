/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/sysmacros.h>

#include "host/gpu.h"
#include "host/nodes.h"
#include "plan/aside.h"
#include "plan/lease.h"
#include "plan/step_node.h"

#define SOUND_MS 2000 /* snd_hda_intel asks its codecs behind the bind (azx_probe_work()); nobody waits longer in post-stop for a name */

struct aside {
	const struct engine *en;
	struct record *own;
	const struct bdf_list *came;
	bool waited;
};

/* A placeholder that is made, and may be in a driver's way: nvidia-modprobe, not devtmpfs, makes NVIDIA's nodes, named by their numbers. */
static bool is_ours(const struct record_step *rs)
{
	struct root_own own;
	dev_t dev;

	return rs->step.kind == &step_node && record_step_open(rs) && node_value_parse(rs->step.after, &dev, &own) == 0 &&
	       major(dev) != NODE_NVIDIA_MAJOR;
}

static bool is_there(const struct engine *en, const struct step *s)
{
	_cleanup_free_ char *now = NULL;

	return step_node.get(en, s, &now, NULL) == 0 && step_same(s, now, s->after);
}

static void step_each(void *ctx, unsigned int vmid, const struct record *rec)
{
	const struct aside *a = ctx;

	for (size_t i = 0; i < rec->n_steps; i++) {
		struct step back = step_swapped(&rec->steps[i].step);

		if (is_ours(&rec->steps[i]) && is_there(a->en, &rec->steps[i].step))
			step_node.set(a->en, &back, NULL);
	}
}

void aside_step(const struct engine *en)
{
	struct aside a = { .en = en };

	lease_each(en->root, step_each, &a);
}

/* A driver of the host's has it: its own nodes are there, or none will be. */
static bool is_home(const struct root *r, struct bdf b)
{
	char path[PATH_MAX], driver[PCI_NAME_LEN] = "";

	root_readlink_base(r, pci_path(path, b, "driver"), driver, sizeof(driver));
	return driver[0] && !str_eq(driver, "vfio-pci");
}

static bool has_sound(const struct root *r, const struct pci_fn *fn)
{
	_cleanup_node_list_ struct node_list nodes = { 0 };

	if (nodes_add(r, fn, &nodes) < 0)
		return true;
	for (size_t i = 0; i < nodes.n; i++)
		if (str_starts(nodes.v[i].name, "snd/"))
			return true;
	return false;
}

static void wait_for_sound(struct aside *a)
{
	const struct root *r = a->en->root;
	uint64_t deadline = now_ms() + SOUND_MS;
	_cleanup_pci_list_ struct pci_list fns = { 0 };

	if (a->waited || pci_outline_list(r, a->came, &fns, NULL) < 0)
		return;
	a->waited = true;
	for (size_t i = 0; i < fns.n; i++)
		while (gpu_companion(&fns.v[i]) == GPU_COMPANION_AUDIO && is_home(r, fns.v[i].bdf) && !has_sound(r, &fns.v[i]) &&
		       now_ms() < deadline)
			sleep_ms(50);
}

static bool is_missing(const struct aside *a, const struct record_step *rs)
{
	_cleanup_free_ char *now = NULL;
	struct bdf b;

	return is_ours(rs) && rs->state == RECORD_DONE && target_bdf(rs->step.target, &b) && !is_home(a->en->root, b) &&
	       step_node.get(a->en, &rs->step, &now, NULL) == 0 && !now;
}

static void make_missing(struct aside *a, const struct record *rec)
{
	for (size_t i = 0; i < rec->n_steps; i++)
		if (is_missing(a, &rec->steps[i]))
			step_node.set(a->en, &rec->steps[i].step, NULL);
}

static void return_each(void *ctx, unsigned int vmid, const struct record *rec)
{
	_cleanup_record_ struct record locked = { .fd = -1 };
	struct aside *a = ctx;
	bool any = false;

	for (size_t i = 0; i < rec->n_steps && !any; i++)
		any = is_missing(a, &rec->steps[i]);
	if (!any)
		return;
	wait_for_sound(a);
	/* as long as it is ours nobody takes the card home, and no driver comes behind our back */
	if (a->own && str_eq(rec->path, a->own->path))
		make_missing(a, a->own);
	else if (record_open(a->en->root, rec->path, &locked, NULL) == 0)
		make_missing(a, &locked);
}

void aside_return(const struct engine *en, struct record *own, const struct bdf_list *came)
{
	struct aside a = { .en = en, .own = own, .came = came };

	lease_each(en->root, return_each, &a);
}
