/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/containers.h"
#include "policy/judge.h"
#include "policy/processes.h"

/* Would a line in gpupt.conf have its container stopped? One that has its device by no line of its own is none of gpupt's. */
static bool may_be_stopped(const struct facts *f, const struct settings *s, const struct holder *h)
{
	const struct sharer *c = container_of(f, h);

	return c && !f->backup && container_fate(f, s, c) == CONTAINER_STAYS;
}

/* What a person can do about a process, by where it belongs. */
static void holder_remedy(const struct facts *f, const struct settings *s, const struct holder *h, enum process_fate fate, char *buf,
			  size_t size)
{
	if (h->kind == HOLDER_VM)
		snprintf(buf, size, "shut down VM %s", h->id);
	else if (h->kind == HOLDER_UNIT)
		snprintf(buf, size, "stop it: systemctl stop %s", h->id);
	else if (may_be_stopped(f, s, h))
		snprintf(buf, size, "end it in container %s; or containers = shutdown under [ct %s] in " SETTINGS_PATH, h->id, h->id);
	else if (h->kind == HOLDER_CONTAINER)
		snprintf(buf, size, "end it in container %s", h->id);
	else
		snprintf(buf, size, "end process %d", (int)h->proc.pid);
}

static void judge_holder(const struct facts *f, const struct settings *s, const struct holder *h, struct findings *ret)
{
	enum process_fate fate = process_fate(f, s, h);
	_cleanup_text_ struct text nodes = { 0 };
	char who[192], name[BDF_LEN] = "host", remedy[320];

	if (fate == FATE_NONE || fate == FATE_UNIT || fate == FATE_END || fate == FATE_CONTAINER)
		return;
	if (h->bdfs.n > 0)
		bdf_format(h->bdfs.v[0], name);
	holder_remedy(f, s, h, fate, remedy, sizeof(remedy));
	if (fate == FATE_VM) {
		finding_add(ret, FINDING_IN_USE, name, remedy, "%s is in use by VM %s", name, h->id);
		return;
	}
	holder_nodes(h, &nodes);
	finding_add(ret, FINDING_HELD, name, remedy, "%s is held by %s: %s%s", name, holder_format(h, who, sizeof(who)),
		    text_str(&nodes), fate == FATE_PROTECTED ? " (which gpupt never ends)" : "");
}

void judge_holders(const struct facts *f, const struct settings *s, struct findings *ret)
{
	for (size_t i = 0; i < f->holders.n; i++)
		judge_holder(f, s, &f->holders.v[i], ret);
	if (f->holders.unsure > 0)
		finding_add(ret, FINDING_UNSURE, "host", "'dmesg' may show which driver hangs; look again when it does not",
			    "the kernel did not say in time what %u open files are", f->holders.unsure);
	if (f->holders.unseen > 0 && !f->root)
		finding_add(ret, FINDING_BLIND, "host", "run it as root", "the files of %u processes could not be seen", f->holders.unseen);
}
