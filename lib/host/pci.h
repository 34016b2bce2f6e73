/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI functions as the running kernel shows them below /sys/bus/pci. Identity and class are the kernel's own
 * copies, which stay right when the card itself no longer answers. Never read here, because they wait for the
 * device lock: driver_override, sriov_numvfs, uevent. Config space is read by a child with a deadline: the
 * read waits while a reset of the function is under way (pci_wait_cfg() in drivers/pci/access.c).
 */
#ifndef GPUPT_HOST_PCI_H
#define GPUPT_HOST_PCI_H

#include "base/bdf.h"
#include "base/root.h"

struct pci_id {
	uint16_t vendor, device, subvendor, subdevice; /* subsystem 0:0 if the function has none */
};

#define PCI_ID_LEN   20 /* "1002:73bf/1da2:e438" */
#define PCI_NAME_LEN 32

/* What became of reading config space. */
enum pci_config {
	PCI_CONFIG_UNREAD, /* the file could not be read */
	PCI_CONFIG_OK,
	PCI_CONFIG_DEAD,   /* every byte reads ff: off the bus, without power, or a failed reset */
	PCI_CONFIG_ASLEEP, /* D3cold: not read, since that wakes the card (pci_config_pm_runtime_get()) */
	PCI_CONFIG_HANGS,  /* no answer in time: a reset is under way, or stuck */
};

/* A fact from config space that one may not be allowed to see: beyond byte 64 only root reads it. */
enum tri { TRI_UNKNOWN = -1, TRI_NO, TRI_YES };

/* A text that cannot be read is "". */
struct pci_fn {
	struct bdf bdf;
	struct pci_id id;
	uint32_t class; /* base << 16 | sub << 8 | programming interface */
	uint8_t revision;
	char driver[PCI_NAME_LEN]; /* "" if none is bound */
	int group;		   /* IOMMU group, -1 if none */
	/* PCI to PCI, by a pci_bus directory or class 0604, 0609: never goes to a guest, counts in no group
	 */
	bool bridge;
	bool boot_vga;
	bool has_upstream;   /* below a bridge; false: on a root bus, where no bus reset exists */
	struct bdf upstream; /* that bridge */
	unsigned int on_bus; /* functions on its bus, itself included; 0: not counted, on a root bus */
	bool is_vf;
	struct bdf pf;		 /* of a virtual function */
	unsigned int active_vfs; /* of a physical function: its virtfnN links */
	enum pci_config config;
	/* NoSoftRst: D3hot → D0 keeps the state. Unknown also without a power management capability */
	enum tri no_soft_reset;
	bool has_reset;	       /* the file reset exists */
	bool has_reset_method; /* the file reset_method exists: Linux ≥ 5.15, at least one method at boot */
	char reset_method[96]; /* names in the order in which the kernel tries them; "" if all are disabled */
	char power_state[16];  /* "D0", "D3hot", "D3cold", "unknown" …; "" before Linux 5.11 */
	char power_control[8]; /* power/control: "on" or "auto" */
	enum tri d3cold_allowed;
};

struct pci_list {
	struct pci_fn *v;
	size_t n;
};

/* Functions named without their facts. Zero-initialise. */
struct bdf_list {
	struct bdf *v;
	size_t n;
};

int bdf_list_add(struct bdf_list *l, struct bdf b); /* 0 or -ENOMEM; a member twice is one */
bool bdf_list_has(const struct bdf_list *l, struct bdf b);
void bdf_list_done(struct bdf_list *l);
#define _cleanup_bdf_list_ _cleanup_(bdf_list_done)

/*
 * One function, without looking at any other. 0, -ENODEV (there is none at that address), -EINVAL (no
 * function in bdf), -errno.
 */
int pci_fn_load(const struct root *r, struct bdf bdf, struct pci_fn *ret, struct err *e);
/* Several, sorted by address. One that is gone meanwhile is left out. 0 or -errno. */
int pci_load_list(const struct root *r, const struct bdf_list *which, struct pci_list *ret, struct err *e);
/* All of the machine, in every domain, sorted. 0 or -errno (-ENOENT: no PCI bus at all). */
int pci_scan(const struct root *r, struct pci_list *ret, struct err *e);
/*
 * All functions that the slot of bdf really has, sorted; whatever bdf.fn says. 0, -ENODEV if it has none,
 * -errno.
 */
int pci_slot_functions(const struct root *r, struct bdf bdf, struct pci_list *ret, struct err *e);
/*
 * The two without config space: fast, no card has to answer. config is PCI_CONFIG_UNREAD, no_soft_reset unknown. For choosing
 * functions; what is to be judged is loaded in full.
 */
int pci_outline_list(const struct root *r, const struct bdf_list *which, struct pci_list *ret, struct err *e);
int pci_slot_outline(const struct root *r, struct bdf bdf, struct pci_list *ret, struct err *e);
/* The functions of one directory of links such as iommu_groups/N/devices, sorted. 0 or -errno. */
int pci_dir_functions(const struct root *r, const char *dir, struct bdf_list *ret);

void pci_list_sort(struct pci_list *l); /* by address */
/* In a sorted list; NULL if it is not there. */
const struct pci_fn *pci_list_find(const struct pci_list *l, struct bdf bdf);
void pci_list_done(struct pci_list *l);
#define _cleanup_pci_list_ _cleanup_(pci_list_done)

/* "1002:73bf/1da2:e438"; returns out. */
char *pci_id_format(struct pci_id id, char out[static PCI_ID_LEN]);
/*
 * That text, or "1002:73bf" alone: then subvendor and subdevice become 0, which pci_id_match() takes as any.
 * 0 or -EINVAL.
 */
int pci_id_parse(const char *s, struct pci_id *ret);
/* Is `is` what `wanted` (perhaps without subsystem) asks for? */
bool pci_id_match(struct pci_id wanted, struct pci_id is);

/* Path of an attribute of a function, or of its directory (attr ""), into buf; returns buf. */
char *pci_path(char buf[static PATH_MAX], struct bdf bdf, const char *attr);

/*
 * Names from pci.ids. Loading that file takes as long as a whole hook run: only for commands that print.
 * pci_names_open() gives NULL without memory; pci_name() always gives a name, in the worst case "Device
 * 73bf".
 */
struct pci_names;
struct pci_names *pci_names_open(void);
void pci_names_close(struct pci_names *n);
DEFINE_CLEANUP(struct pci_names *, pci_names_close)
#define _cleanup_pci_names_ _cleanup_(cleanup_pci_names_close)
/* "Navi 21 [Radeon RX 6800/6800 XT / 6900 XT]" into buf, cut to fit; returns buf. n may be NULL. */
char *pci_name(struct pci_names *n, struct pci_id id, char *buf, size_t size);

#endif
