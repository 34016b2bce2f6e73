/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/exec.h"
#include "base/log.h"
#include "flow/alarm.h"

#define MAIL_TIMEOUT_MS 20000

/* Proxmox VE's postfix forwards root's mail to the address of root@pam (proxmox-mail-forward). */
static int mail_root(const struct root *r, unsigned int vmid, const char *sentence, struct err *e)
{
	char *argv[] = { (char[]){ "sendmail" }, (char[]){ "-oi" }, (char[]){ "root" }, NULL };
	_cleanup_exec_ struct exec_result res = { 0 };
	_cleanup_text_ struct text mail = { 0 };

	text_addf(&mail, "From: root\nTo: root\nSubject: gpupt: the GPUs of VM %u need a look\n\n%s\n\n", vmid, sentence);
	text_add(&mail, "What is left: gpupt-helper status\nTry again:    gpupt-helper reconcile\nThe story:    journalctl -t gpupt -x\n");
	return exec_feed(r, argv, text_str(&mail), MAIL_TIMEOUT_MS, &res, e);
}

void alarm_root(const struct release *rel, const char *sentence)
{
	const struct log_entry entry = { .priority = LOG_ERR, .id = LOG_ID_LEFT, .vmid = rel->vmid };
	struct err e;

	report_complain(rel->report, "%s", sentence);
	log_write(&entry, "%s", sentence);
	/* whoever calls by hand reads the terminal */
	if (!rel->unattended || !root_is_real(rel->root))
		return;
	if (mail_root(rel->root, rel->vmid, sentence, &e) < 0)
		log_debug("no mail to root: %s", e.text);
}
