/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pins: lines of the host's configuration, and kernel parameters, that decide which driver a card has. Administrators wrote them, or other
 * tools; they take no notice of a hook that moves the card. Pure.
 */
#ifndef GPUPT_POLICY_PINS_H
#define GPUPT_POLICY_PINS_H

#include "policy/finding.h"
#include "policy/settings.h"
#include "policy/setup.h"

enum pin_kind {
	PIN_OPTIONS,   /* options vfio-pci ids=…, or pci-stub's */
	PIN_BLACKLIST, /* blacklist MODULE */
	PIN_INSTALL,   /* install MODULE /bin/false, or a command in the place of vfio-pci */
	PIN_ALIAS,     /* alias pci:v… MODULE */
	PIN_SOFTDEP,   /* softdep MODULE pre: vfio-pci, or pci-stub */
	PIN_MODULE,    /* vfio-pci ids=… in the initramfs's list of modules */
	PIN_UDEV,      /* a rule of udev */
	PIN_DRIVERCTL, /* an override that driverctl saved */
	PIN_SCRIPT,    /* a script in the initramfs */
	PIN_HOOK,      /* a program that puts things into the initramfs */
	PIN_PARAM,     /* a kernel parameter */
};

enum pin_effect {
	PIN_BINDS, /* gives the cards to another driver than their own */
	PIN_KEEPS, /* keeps the cards' own driver from being loaded */
	PIN_NOTES, /* has to do with them, and does neither by itself */
};

struct pin {
	enum pin_kind kind;
	enum pin_effect effect;
	char *file; /* NULL: of the running kernel alone */
	unsigned int line, last;
	char *text;	/* the line or the parameter, as it stands there */
	bool in_force;	/* as far as the running kernel goes; else from the next boot on */
	bool next_boot; /* it will be in force after it. Of a parameter: it stands in the file that the boot loader reads */
	bool own;	/* of a file of ours: its name has gpupt in it */
	bool regroups;	/* makes IOMMU groups smaller than the hardware's isolation: there is a finding for that */
	bool maybe;	/* whether it does it depends on what cannot be known here */
	char *what;	/* "gives 0000:01:00.0 and 0000:02:00.0 to vfio-pci" */
	struct bdf_list cards;	/* functions of cards that it decides about, sorted; none if nobody can tell */
	struct bdf_list others; /* what is no card and is meant, too: network cards with their ids in the same list */
};

struct pins {
	struct pin *v; /* files in the order in which they are read, then parameters */
	size_t n;
};

/* All of the host. 0 or -ENOMEM. */
int pins_find(const struct setup *s, struct pins *ret);
void pins_done(struct pins *p);
#define _cleanup_pins_ _cleanup_(pins_done)

/* Where it stands: "/etc/modprobe.d/vfio.conf line 3", "the running kernel's command line"; into buf, cut to fit. Returns buf. */
char *pin_where(const struct pin *p, char *buf, size_t size);

/*
 * Findings about the card in b's slot, or, with NULL, about all cards and what is of none: each pin; and each card that is meant to be
 * shared and that pins keep from its native driver. Settings say which are meant to be.
 */
void pins_judge(const struct setup *s, const struct settings *set, const struct pins *p, const struct bdf *slot, struct findings *ret);

#endif
