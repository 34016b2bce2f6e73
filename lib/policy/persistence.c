/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "plan/nvidia.h"
#include "host/nvidia_files.h"
#include "policy/persistence.h"

bool persistence_is_daemon(const struct holder *h)
{
	return h->kind == HOLDER_UNIT && strcmp(h->id, NVIDIA_PERSISTENCED) == 0;
}

static void judge_daemon(const struct facts *f, struct findings *ret)
{
	for (size_t i = 0; i < f->holders.n; i++) {
		const struct holder *h = &f->holders.v[i];
		char name[BDF_LEN] = "the card";

		if (!persistence_is_daemon(h) || h->shared_only)
			continue;
		if (h->bdfs.n > 0)
			bdf_format(h->bdfs.v[0], name);
		finding_add(ret, FINDING_PERSISTENCED, h->bdfs.n > 0 ? name : "host", NULL,
			    "%s holds %s: it is stopped while a VM has the card, and lets go of every other NVIDIA card, too", h->id, name);
		return;
	}
}

void persistence_judge(const struct facts *f, struct findings *ret)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct fn_facts *fn = &f->v[i];
		char name[BDF_LEN], remedy[224];

		if (fn->persistence != PERSISTENCE_UNKNOWN)
			continue;
		bdf_format(fn->fn.bdf, name);
		snprintf(remedy, sizeof(remedy),
			 "make nvidia-smi answer (on Debian it is a package of its own); 'nvidia-smi -i %s -pm 0' turns the mode off, as does stopping nvidia-persistenced",
			 name);
		finding_add(ret, FINDING_PERSISTENCE_UNKNOWN, name, remedy, "NVIDIA's persistence mode may hold %s: %s", name,
			    fn->persistence_why);
	}
	judge_daemon(f, ret);
}

int persistence_plan(const struct facts *f, struct plan *ret)
{
	for (size_t i = 0; i < f->n; i++) {
		_cleanup_text_ struct text target = { 0 };
		const struct fn_facts *fn = &f->v[i];
		char identity[PCI_ID_LEN];

		if (fn->persistence != PERSISTENCE_ON)
			continue;
		driver_target(fn->fn.bdf, pci_id_format(fn->fn.id, identity), &target);
		if (!plan_add(ret, &step_persistence, text_str(&target), NVIDIA_ENABLED, NVIDIA_DISABLED,
			      "with it NVIDIA's driver does not let go of the card"))
			return -ENOMEM;
	}
	return 0;
}
