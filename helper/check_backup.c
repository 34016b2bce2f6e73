/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/handover.h"
#include "helper/check.h"
#include "policy/obstacles.h"
#include "pve/guest.h"

/* The first finding that says that a card is in use, or NULL. */
static const struct finding *in_use(const struct findings *found)
{
	for (size_t i = 0; i < found->n; i++)
		if (obstacle_is_use(found->v[i].code))
			return &found->v[i];
	return NULL;
}

/* What a start may end, a backup may not: so its start is gone through as well. */
static int rehearse(struct check *c, const struct config *cfg, struct findings *ret, struct err *e)
{
	_cleanup_plan_ struct plan plan = { 0 };
	struct report silent = { .vmid = cfg->vmid };
	struct handover h = { .root = c->o->root, .settings = &c->settings, .cfg = cfg, .vmid = cfg->vmid, .dry_run = true,
			      .backup = true, .report = &silent };
	int k = handover_run(&h, ret, &plan, e);

	return k < 0 ? k : 0;
}

static void tell(const struct config *cfg, const char *why, struct findings *found)
{
	char subject[24];
	struct finding *x;

	snprintf(subject, sizeof(subject), "VM %u", cfg->vmid);
	x = finding_add(found, FINDING_BACKUP_REFUSED, subject, "back it up while nobody else uses the card",
			"a backup of VM %u would be refused now: %s", cfg->vmid, why);
	if (x)
		x->severity = SEVERITY_WARN;
}

/* That is somebody's wish, whatever the card does now. */
static void tell_setting(const struct config *cfg, struct bdf b, struct findings *found)
{
	char subject[24], name[BDF_LEN];
	struct finding *x;

	snprintf(subject, sizeof(subject), "VM %u", cfg->vmid);
	x = finding_add(found, FINDING_BACKUP_REFUSED, subject, "back it up while it runs, or set backup = handover",
			"a backup of VM %u is refused while it does not run: %s has backup = refuse", cfg->vmid, bdf_format(b, name));
	if (x)
		x->severity = SEVERITY_INFO;
}

int check_backup(struct check *c, const struct config *cfg, const struct selection *sel, struct findings *found, struct err *e)
{
	_cleanup_findings_ struct findings by_backup = { 0 };
	const struct finding *use = in_use(found);
	bool ends = false;
	int k = 0;

	if (guest_running(c->o->root, GUEST_VM, cfg->vmid, NULL) != 0)
		return 0;
	for (size_t i = 0; i < sel->n; i++) {
		const struct gpu_settings *g = settings_gpu(&c->settings, sel->v[i].bdf);

		if (sel->v[i].role == ROLE_NAMED && g->backup == BACKUP_REFUSE) {
			tell_setting(cfg, sel->v[i].bdf, found);
			return found->r;
		}
		ends |= g->processes == PROCESSES_TERMINATE;
	}
	if (!use && ends && findings_worst(found) < SEVERITY_BLOCK)
		k = rehearse(c, cfg, &by_backup, e);
	if (!use)
		use = in_use(&by_backup);
	if (k == 0 && use)
		tell(cfg, use->message, found);
	return k < 0 ? k : found->r;
}
