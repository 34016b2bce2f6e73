/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What NVIDIA's packages have installed that reaches for its cards without being asked: services, and rules of udev. */
#ifndef GPUPT_HOST_NVIDIA_FILES_H
#define GPUPT_HOST_NVIDIA_FILES_H

#include "base/root.h"

/* Persistence; Dynamic Boost of notebooks; NVSwitches. */
#define NVIDIA_PERSISTENCED  "nvidia-persistenced.service"
#define NVIDIA_POWERD	     "nvidia-powerd.service"
#define NVIDIA_FABRICMANAGER "nvidia-fabricmanager.service"
#define NVIDIA_UNIT_NAMES    NVIDIA_PERSISTENCED " " NVIDIA_POWERD " " NVIDIA_FABRICMANAGER

/* They run nvidia-modprobe, which loads the driver, or start the services: of NVIDIA's own packages, Debian's and Ubuntu's. */
#define NVIDIA_RULE_OWN	   "60-nvidia.rules"		    /* nvidia-kmod-common */
#define NVIDIA_RULE_DEBIAN "60-nvidia-kernel-common.rules"  /* nvidia-kernel-common */
#define NVIDIA_RULE_UBUNTU "71-nvidia.rules"		    /* nvidia-kernel-common-VERSION */
#define NVIDIA_RULE_NAMES  NVIDIA_RULE_OWN " " NVIDIA_RULE_DEBIAN " " NVIDIA_RULE_UBUNTU

enum { NVIDIA_UNITS = 3, NVIDIA_RULES = 3 };

extern const char *const nvidia_units[NVIDIA_UNITS], *const nvidia_rules[NVIDIA_RULES];

#define UDEV_RULES_ETC "/etc/udev/rules.d"

enum nvidia_mask {
	NVIDIA_MASK_NONE,   /* nothing of that name is in UDEV_RULES_ETC */
	NVIDIA_MASK_OURS,   /* what stands there hides the rule, and gpupt has put it there */
	NVIDIA_MASK_OTHERS, /* somebody else's */
};

struct nvidia_files {
	bool unit[NVIDIA_UNITS]; /* installed, and not masked */
	bool rule[NVIDIA_RULES]; /* a package has it */
	enum nvidia_mask mask[NVIDIA_RULES];
};

void nvidia_files_load(const struct root *r, struct nvidia_files *ret);

/* How a file of ours begins that has somebody else's name, and whether a text does. */
#define OWN_MARK "# gpupt"
bool own_mark_is_in(const char *text);

#endif
