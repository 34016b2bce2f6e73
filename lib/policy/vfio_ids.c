/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>

#include "policy/vfio_ids.h"

#define ANY 0xffffffffu /* PCI_ANY_ID */

enum { VENDOR, DEVICE, SUBVENDOR, SUBDEVICE, CLASS, MASK, FIELDS };

/* A number as sscanf's %x takes it, at most 8 digits. */
static bool hex(const char **p, const char *end, uint32_t *ret)
{
	const char *s = *p;
	uint32_t v = 0;
	int n = 0;

	if (end - s > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		s += 2;
	for (; s < end && isxdigit((unsigned char)*s) && n < 8; s++, n++)
		v = v << 4 | (uint32_t)(isdigit((unsigned char)*s) ? *s - '0' : tolower((unsigned char)*s) - 'a' + 10);
	*p = s;
	*ret = v;
	return n > 0;
}

static bool member_takes(const char *p, const char *end, const struct pci_fn *fn)
{
	uint32_t f[FIELDS] = { 0, 0, ANY, ANY, 0, 0 };
	int n = 0;

	while (n < FIELDS && hex(&p, end, &f[n])) {
		n++;
		if (p == end || *p++ != ':')
			break;
	}
	return n > DEVICE && (f[VENDOR] == ANY || f[VENDOR] == fn->id.vendor) && (f[DEVICE] == ANY || f[DEVICE] == fn->id.device) &&
	       (f[SUBVENDOR] == ANY || f[SUBVENDOR] == fn->id.subvendor) && (f[SUBDEVICE] == ANY || f[SUBDEVICE] == fn->id.subdevice) &&
	       !((f[CLASS] ^ fn->class) & f[MASK]);
}

bool vfio_ids_take(const char *list, const struct pci_fn *fn)
{
	for (;; list++) {
		const char *end = list + strcspn(list, ",");

		if (member_takes(list, end, fn))
			return true;
		if (!*end)
			return false;
		list = end;
	}
}
