/* SPDX-License-Identifier: GPL-2.0-or-later */
/* BDF: the address of a PCI function, domain:bus:device.function. */
#ifndef GPUPT_BDF_H
#define GPUPT_BDF_H

#include <stdbool.h>
#include <stdint.h>

struct bdf {
	uint32_t domain; /* 16 bits by the PCI firmware specification; VMD and Hyper-V use more in Linux */
	uint8_t bus, dev, fn;
};

#define BDF_LEN 18 /* "ffffffff:ff:1f.7" and its NUL, with room to spare */
#define BDF_ANY_FN 0xff

/* "0000:01:00.0" into out, as the kernel spells it; returns out. With fn BDF_ANY_FN the slot alone, "0000:01:00". */
char *bdf_format(struct bdf b, char out[static BDF_LEN]);

/* Full or short, in either case: "0000:01:00.0", "01:00.0", "01:00" (fn becomes BDF_ANY_FN). 0 or -EINVAL. */
int bdf_parse(const char *s, struct bdf *ret);

/* Only the kernel's own spelling of a function, "0000:01:00.0". 0 or -EINVAL. */
int bdf_parse_full(const char *s, struct bdf *ret);

int bdf_cmp(struct bdf a, struct bdf b);
bool bdf_same_slot(struct bdf a, struct bdf b);

static inline bool bdf_eq(struct bdf a, struct bdf b)
{
	return bdf_cmp(a, b) == 0;
}

/* Does pattern (perhaps a whole slot) cover function b? */
static inline bool bdf_covers(struct bdf pattern, struct bdf b)
{
	return bdf_same_slot(pattern, b) && (pattern.fn == BDF_ANY_FN || pattern.fn == b.fn);
}

#endif
