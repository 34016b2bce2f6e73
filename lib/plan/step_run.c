/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The run step: an effect with nothing to read back and nothing to put back. Its target is the effect's name and what it
 * works on, its after says how: "pci-reset 0000:01:00.0" = "bus"; "process-end 1234 56789" = "TERM".
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>

#include "plan/step.h"
#include "plan/stuck.h"

#define DEVICES "/sys/bus/pci/devices"

/* How long a process gets between SIGTERM and SIGKILL, and to be gone after SIGKILL. */
#define TERM_WAIT_MS 5000
#define KILL_WAIT_MS 2000

/* Config space that reads all ones: nobody answers on the bus. */
static bool answers(const struct engine *en, const char *name)
{
	uint32_t vendor_device = UINT32_MAX;
	char path[PATH_MAX];
	_cleanup_close_ int fd = root_open(en->root, path_f(path, DEVICES "/%s/config", name), O_RDONLY, 0);

	return fd >= 0 && read(fd, &vendor_device, sizeof(vendor_device)) == sizeof(vendor_device) &&
	       vendor_device != UINT32_MAX;
}

/* Documentation/ABI/testing/sysfs-bus-pci, reset: the methods of reset_method are tried in order. */
static int pci_reset(const struct engine *en, const struct step *s, struct err *e)
{
	char name[BDF_LEN], path[PATH_MAX];
	struct bdf b;
	int k;

	if (!target_bdf(s->target, &b))
		return err_set(e, -EINVAL, "'%s' names no function", s->target);
	bdf_format(b, name);
	k = stuck_write(en->root, b, path_f(path, DEVICES "/%s/reset", name), "1", en->driver_timeout_ms, e);
	/* the words that the kernel has for a bus that holds more than this function */
	if (k == -ENOTTY)
		return err_set(e, k, "%s cannot be reset alone (%s)", name, s->after);
	if (k == 0 && !answers(en, name))
		return err_set(e, -ENXIO,
			       "%s does not answer after its reset (config space reads ff): only a reboot or a power cycle brings it back",
			       name);
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
	if (pidfd < 0 || !proc_alive(en->root, id))
		return 0; /* it ended by itself */
	syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0);
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
