/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/backup.h"
#include "policy/obstacles.h"

static void refuse_backup(const struct facts *f, struct findings *found, const char *remedy, const char *why)
{
	char subject[24];

	snprintf(subject, sizeof(subject), "VM %u", f->vmid);
	finding_add(found, FINDING_BACKUP_REFUSED, subject, remedy, "%s", why);
}

/* The first card of the VM whose settings keep it from a backup, or NULL. */
static const struct fn_facts *kept_from_backup(const struct facts *f, const struct settings *s)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].role == ROLE_NAMED && settings_gpu(s, f->v[i].fn.bdf)->backup == BACKUP_REFUSE)
			return &f->v[i];
	return NULL;
}

void judge_backup(const struct facts *f, const struct settings *s, struct findings *found)
{
	const struct fn_facts *kept = f->backup && !f->leased ? kept_from_backup(f, s) : NULL;
	char why[160], name[BDF_LEN];
	size_t n = found->n;

	if (kept) {
		snprintf(why, sizeof(why), "its backup would take %s, and gpupt.conf has backup = refuse", bdf_format(kept->fn.bdf, name));
		refuse_backup(f, found, "back the VM up while it runs, or set backup = handover", why);
	}
	for (size_t i = 0; f->backup && i < n; i++) {
		if (found->v[i].severity != SEVERITY_BLOCK || !obstacle_is_use(found->v[i].code))
			continue;
		refuse_backup(f, found, "back the VM up while nobody else uses the card",
			      "a backup takes no card that is in use: it ends no process, shuts down no VM and waits for nobody");
		return;
	}
}
