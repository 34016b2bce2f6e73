/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libpci, where it reads from devices, lives in a child: its error callback must not return, and a read waits
 * for as long as the kernel blocks config space (pci_wait_cfg() in drivers/pci/access.c: up to a minute per
 * reset that fails).
 */
#include <errno.h>
#include <pci/pci.h>
#include <signal.h>
#include <sys/mman.h>

#include "base/bounded.h"
#include "host/pci_config.h"

/* For a child, and CHILD_MS_EACH more for every function. A read takes microseconds, but on a busy host the child waits for its turn. */
#define CHILD_MS      4000
#define CHILD_MS_EACH 2
#define HEADER_LEN    64 /* what everybody may read; PCI Local Bus Specification 3.0, 6.1 */

/* What parent and child both see. */
struct shared {
	volatile size_t next; /* the function at which the child is */
	size_t n;
	struct config_fact {
		struct bdf bdf;
		enum pci_config config;
		enum tri no_soft_reset;
	} v[];
};

__attribute__((noreturn)) static void lib_error(char *msg, ...)
{
	_exit(1);
}

static void lib_ignore(char *msg, ...)
{
}

static struct pci_access *lib_open(const struct root *r)
{
	static char param[] = "sysfs.path";
	char path[PATH_MAX + 16];
	struct pci_access *a = pci_alloc();

	a->method = PCI_ACCESS_SYS_BUS_PCI;
	a->error = lib_error;
	a->warning = a->debug = lib_ignore;
	snprintf(path, sizeof(path), "%s/sys/bus/pci", r->path);
	pci_set_param(a, param, path);
	pci_init(a);
	return a;
}

static void config_read(struct pci_access *a, struct config_fact *f)
{
	struct pci_dev *d = pci_get_dev(a, (int)f->bdf.domain, f->bdf.bus, f->bdf.dev, f->bdf.fn);
	uint8_t header[HEADER_LEN], pmcsr[2];
	struct pci_cap *pm;
	size_t ff = 0;

	if (!pci_read_block(d, 0, header, sizeof(header)))
		return;
	/* all of it: a virtual function's ids read ffff:ffff by design (SR-IOV Specification 1.1, 3.4.1) */
	while (ff < sizeof(header) && header[ff] == 0xff)
		ff++;
	f->config = ff == sizeof(header) ? PCI_CONFIG_DEAD : PCI_CONFIG_OK;
	if (f->config == PCI_CONFIG_DEAD)
		return;
	pci_fill_info(d, PCI_FILL_CAPS);
	pm = pci_find_cap(d, PCI_CAP_ID_PM, PCI_CAP_NORMAL);
	if (pm && pci_read_block(d, (int)pm->addr + PCI_PM_CTRL, pmcsr, sizeof(pmcsr)))
		f->no_soft_reset = pmcsr[0] & PCI_PM_CTRL_NO_SOFT_RST ? TRI_YES : TRI_NO;
}

static void child(const struct root *r, void *shared)
{
	struct shared *s = shared;
	struct pci_access *a = lib_open(r);

	for (; s->next < s->n; s->next++)
		if (s->v[s->next].config == PCI_CONFIG_UNREAD)
			config_read(a, &s->v[s->next]);
}

/* One child after the other: where one hangs or dies, the next goes on behind. */
static int children_run(const struct root *r, struct shared *s)
{
	while (s->next < s->n) {
		size_t left = s->n - s->next;
		struct proc_id id;
		int k = bounded_call(r, child, s, CHILD_MS + CHILD_MS_EACH * (unsigned int)left, &id);

		if (k == -ETIMEDOUT) {
			/* it only reads, so it may go as soon as the kernel lets go of it */
			kill(id.pid, SIGKILL);
			if (s->next < s->n)
				s->v[s->next].config = PCI_CONFIG_HANGS;
		} else if (k < 0 && k != -EIO) {
			return k;
		}
		if (k < 0)
			s->next++;
	}
	return 0;
}

int pci_config_load(const struct root *r, struct pci_fn *v, size_t n)
{
	size_t size = sizeof(struct shared) + n * sizeof(struct config_fact);
	struct shared *s;
	bool any = false;
	int k = 0;

	s = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		return -errno;
	s->n = n;
	for (size_t i = 0; i < n; i++) {
		bool asleep = str_eq(v[i].power_state, "D3cold");

		s->v[i] = (struct config_fact){
			.bdf = v[i].bdf,
			.config = asleep ? PCI_CONFIG_ASLEEP : PCI_CONFIG_UNREAD,
			.no_soft_reset = TRI_UNKNOWN,
		};
		any |= !asleep;
	}
	if (any)
		k = children_run(r, s);
	for (size_t i = 0; i < n; i++) {
		v[i].config = s->v[i].config;
		v[i].no_soft_reset = s->v[i].no_soft_reset;
	}
	munmap(s, size);
	return k;
}
