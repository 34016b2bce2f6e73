/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/exec.h"
#include "base/log.h"
#include "flow/alarm.h"
#include "plan/lease.h"

#define MAIL_TIMEOUT_MS 20000

/* What is still to be put back, by the record. */
static void add_open_steps(const struct root *r, unsigned int vmid, struct text *t)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	char path[PATH_MAX];

	if (lease_path(r, vmid, path) < 0 || record_load(r, path, &rec, NULL) < 0)
		return;
	for (size_t i = rec.n_steps; i > 0; i--) {
		struct step back = step_swapped(&rec.steps[i - 1].step);

		if (!record_step_open(&rec.steps[i - 1]) || back.kind->effect)
			continue;
		back.why = NULL;
		text_add(t, "    ");
		step_format(&back, t);
		text_add(t, "\n");
	}
}

/* Proxmox VE's postfix forwards root's mail to the address of root@pam (proxmox-mail-forward). */
static int mail_root(const struct root *r, unsigned int vmid, const char *sentence, struct err *e)
{
	char *argv[] = { (char[]){ "sendmail" }, (char[]){ "-oi" }, (char[]){ "root" }, NULL };
	_cleanup_exec_ struct exec_result res = { 0 };
	_cleanup_text_ struct text mail = { 0 };
	int k;

	text_add(&mail, "From: root\nTo: root\nSubject: gpupt: ");
	if (vmid)
		text_addf(&mail, "the GPUs of VM %u need a look\n\n%s\n\nStill to be done:\n\n", vmid, sentence);
	else
		text_addf(&mail, "what an earlier boot left needs a look\n\n%s\n", sentence);
	if (vmid)
		add_open_steps(r, vmid, &mail);
	text_add(&mail, "\nHow it stands: gpupt-helper status\nTry again:     gpupt-helper reconcile\nThe story:     journalctl -t gpupt -x\n");
	k = exec_feed(r, argv, text_str(&mail), MAIL_TIMEOUT_MS, &res, e);
	return k == 0 && res.status != 0 ? err_set(e, -EIO, "sendmail ended with status %d", res.status) : k;
}

void alarm_told(const struct release *rel, const char *sentence)
{
	const struct log_entry entry = { .priority = LOG_ERR, .id = LOG_ID_LEFT, .vmid = rel->vmid };
	struct err e;

	log_write(&entry, "%s", sentence);
	/* whoever calls by hand reads the terminal */
	if (!rel->unattended || rel->dry_run || !root_is_live(rel->root))
		return;
	if (mail_root(rel->root, rel->vmid, sentence, &e) == 0)
		return;
	if (rel->vmid)
		log_write(&entry, "no mail to root about VM %u: %s", rel->vmid, e.text);
	else
		log_write(&entry, "no mail to root: %s", e.text);
}

void alarm_root(const struct release *rel, const char *sentence)
{
	report_complain(rel->report, "%s", sentence);
	alarm_told(rel, sentence);
}
