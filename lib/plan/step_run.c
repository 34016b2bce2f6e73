/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The run step: an effect with nothing to read back and nothing to put back. Its target is the effect's name and what it
 * works on, its after says how: "pci-reset 0000:01:00.0 1002:73bf/1da2:e438" = "bus"; "process-end 1234 56789" = "TERM".
 */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>

#include "host/pci.h"
#include "plan/step.h"
#include "plan/stuck.h"

/* How long a process gets between SIGTERM and SIGKILL, and to be gone after SIGKILL. */
#define TERM_WAIT_MS 5000
#define KILL_WAIT_MS 2000

/* Documentation/ABI/testing/sysfs-bus-pci, reset: the methods of reset_method are tried in order. */
static int pci_reset(const struct engine *en, const struct step *s, struct err *e)
{
	char name[BDF_LEN], path[PATH_MAX], methods[96] = "", driver[PCI_NAME_LEN] = "";
	struct pci_fn fn;
	struct bdf b;
	int k = target_check_identity(en->root, s->target, e);

	if (k < 0)
		return k;
	target_bdf(s->target, &b);
	/* the kernel resets a function under its driver's feet, which few survive (pci_dev_save_and_disable() in drivers/pci/pci.c) */
	root_readlink_base(en->root, pci_path(path, b, "driver"), driver, sizeof(driver));
	if (driver[0] && strcmp(driver, "vfio-pci") != 0)
		return err_set(e, -EBUSY, "%s is not reset: its driver %s has it", bdf_format(b, name), driver);
	root_read_line(en->root, pci_path(path, b, "reset_method"), methods, sizeof(methods));
	bdf_format(b, name);
	k = stuck_write(en->root, b, pci_path(path, b, "reset"), "1", en->driver_timeout_ms, e);
	/* the words that the kernel has for a bus that holds more than this function */
	if (k == -ENOTTY)
		return err_set(e, k, "%s cannot be reset alone (%s)", name, s->after);
	if (k < 0)
		return k;
	k = pci_fn_load(en->root, b, &fn, e);
	if (k == 0 && fn.config != PCI_CONFIG_OK && fn.config != PCI_CONFIG_UNREAD)
		return err_set(e, -ENXIO,
			       "%s does not answer after its reset (config space reads ff): only a reboot or a power cycle brings it back",
			       name);
	/* one method selected is the one that it was; of several the prediction stands */
	if (k == 0 && methods[0] && !strchr(methods, ' '))
		err_set(e, 0, "%s", methods);
	return k;
}

static bool gone_within(const struct engine *en, struct proc_id id, unsigned int ms)
{
	uint64_t deadline = now_ms() + ms;

	while (proc_alive(en->root, id)) {
		if (now_ms() >= deadline)
			return false;
		sleep_ms(20);
	}
	return true;
}

/* Ends one process by SIGTERM, then SIGKILL. The pidfd makes sure that a reused pid is not hit. */
static int process_end(const struct engine *en, const struct step *s, struct err *e)
{
	unsigned long long start;
	_cleanup_close_ int pidfd = -1;
	struct proc_id id;
	int pid;

	if (sscanf(s->target, "process-end %d %llu", &pid, &start) != 2 || pid <= 1)
		return err_set(e, -EINVAL, "'%s' names no process", s->target);
	id = (struct proc_id){ .pid = pid, .start = start };
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if ((pidfd < 0 && errno == ESRCH) || !proc_alive(en->root, id))
		return 0; /* it ended by itself */
	if (pidfd < 0)
		return err_errno(e, -errno, "cannot signal process %d", pid);
	if (syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) < 0 && errno != ESRCH)
		return err_errno(e, -errno, "cannot signal process %d", pid);
	if (gone_within(en, id, TERM_WAIT_MS))
		return 0;
	syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	return gone_within(en, id, KILL_WAIT_MS) ? 0 : err_set(e, -EBUSY, "process %d does not end, even by SIGKILL", pid);
}

static const struct effect {
	const char *name;
	int (*make)(const struct engine *en, const struct step *s, struct err *e);
} effects[] = {
	{ "pci-reset", pci_reset },
	{ "process-end", process_end },
};

static int run_get(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	*ret = NULL;
	return 0;
}

static int run_set(const struct engine *en, const struct step *s, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(effects); i++) {
		size_t n = strlen(effects[i].name);

		if (strncmp(s->target, effects[i].name, n) == 0 && s->target[n] == ' ')
			return effects[i].make(en, s, e);
	}
	return err_set(e, -EINVAL, "no such effect: '%s'", s->target);
}

const struct step_kind step_run = {
	.name = "run",
	.effect = true,
	.get = run_get,
	.set = run_set,
};
