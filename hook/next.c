/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "hook/hook.h"
#include "pve/storage.h"

extern char **environ;

static int refuse(const struct hook *h, const char *why)
{
	report_complain(&h->report, "the next hookscript of VM %u cannot be run: %s (see [vm %u] in %s)", h->vmid, why, h->vmid,
			SETTINGS_PATH);
	return 127;
}

int hook_next(const struct hook *h)
{
	const struct vm_settings *vm = settings_vm(&h->settings, h->vmid);
	char path[PATH_MAX];
	_cleanup_close_ int fd = -1;
	struct stat st;
	struct err e;
	pid_t pid;
	int status;

	if (!vm || !vm->next)
		return 0;
	if (storage_snippet(&h->root, vm->next, path, &e) < 0)
		return refuse(h, e.text);
	if (!root_is_real(&h->root) || h->dry_run) {
		report_say(&h->report, "would run %s %s %s", path, h->vmid_text, h->phase);
		return 0;
	}
	/* the two conditions of Proxmox VE's own exec_hookscript() (PVE/GuestHelpers.pm) */
	fd = root_open(&h->root, path, O_PATH, 0);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 0111)) {
		snprintf(e.text, sizeof(e.text), "%.400s is not an executable file", path);
		return refuse(h, e.text);
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
