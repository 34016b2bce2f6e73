/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "flow/next.h"
#include "hook/hook.h"

extern char **environ;

static int refuse(const struct hook *h, const char *why)
{
	report_complain(&h->report, "the next hookscript of VM %u cannot be run: %s (see [vm %u] in %s)", h->vmid, why, h->vmid,
			SETTINGS_PATH);
	return 127;
}

static int find(const struct hook *h, char ret[static PATH_MAX], struct err *e)
{
	return next_find(&h->root, &h->settings, h->has_config ? &h->cfg : NULL, h->vmid, ret, e);
}

bool hook_next_ready(const struct hook *h)
{
	char path[PATH_MAX];
	struct err e;

	return find(h, path, &e) >= 0 || refuse(h, e.text) == 0;
}

int hook_next(const struct hook *h)
{
	char path[PATH_MAX];
	struct err e;
	pid_t pid;
	int status;
	int k = find(h, path, &e);

	if (k <= 0)
		return k < 0 ? refuse(h, e.text) : 0;
	if (!root_is_real(&h->root) || h->dry_run) {
		report_say(&h->report, "would run %s %s %s", path, h->vmid_text, h->phase);
		return 0;
	}
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return refuse(h, strerror(errno));
	if (pid == 0) {
		signal(SIGPIPE, SIG_DFL); /* as Proxmox VE starts it */
		execve(path, (char *[]){ path, (char *)(uintptr_t)h->vmid_text, (char *)(uintptr_t)h->phase, NULL }, environ);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return refuse(h, strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
