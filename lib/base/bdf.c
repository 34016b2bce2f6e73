/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/bdf.h"

char *bdf_format(struct bdf b, char out[static BDF_LEN])
{
	if (b.fn == BDF_ANY_FN)
		snprintf(out, BDF_LEN, "%04x:%02x:%02x", b.domain, b.bus, b.dev);
	else
		snprintf(out, BDF_LEN, "%04x:%02x:%02x.%x", b.domain, b.bus, b.dev, b.fn & 0xf);
	return out;
}

/* Reads exactly digits hex digits (or min to digits, for a domain) and moves *s behind them. */
static int hex_field(const char **s, unsigned int min, unsigned int max, uint32_t *ret)
{
	uint32_t v = 0;
	unsigned int n;

	for (n = 0; n < max; n++) {
		char c = (*s)[n];

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			break;
	}
	if (n < min)
		return -EINVAL;
	*s += n;
	*ret = v;
	return 0;
}

int bdf_parse(const char *s, struct bdf *ret)
{
	const char *colon = strchr(s, ':');
	uint32_t domain = 0, bus, dev, fn = BDF_ANY_FN;

	if (!colon)
		return -EINVAL;
	if (strchr(colon + 1, ':')) {
		if (hex_field(&s, 4, 8, &domain) < 0 || *s++ != ':')
			return -EINVAL;
	}
	if (hex_field(&s, 2, 2, &bus) < 0 || *s++ != ':')
		return -EINVAL;
	if (hex_field(&s, 2, 2, &dev) < 0 || dev > 0x1f)
		return -EINVAL;
	if (*s == '.') {
		s++;
		if (hex_field(&s, 1, 1, &fn) < 0 || fn > 7)
			return -EINVAL;
	}
	if (*s)
		return -EINVAL;
	*ret = (struct bdf){ .domain = domain, .bus = (uint8_t)bus, .dev = (uint8_t)dev, .fn = (uint8_t)fn };
	return 0;
}

int bdf_parse_full(const char *s, struct bdf *ret)
{
	char again[BDF_LEN];
	struct bdf b;

	if (bdf_parse(s, &b) < 0 || b.fn == BDF_ANY_FN || strcmp(bdf_format(b, again), s) != 0)
		return -EINVAL;
	*ret = b;
	return 0;
}

int bdf_cmp(struct bdf a, struct bdf b)
{
	if (a.domain != b.domain)
		return a.domain < b.domain ? -1 : 1;
	if (a.bus != b.bus)
		return a.bus - b.bus;
	if (a.dev != b.dev)
		return a.dev - b.dev;
	return a.fn - b.fn;
}

bool bdf_same_slot(struct bdf a, struct bdf b)
{
	return a.domain == b.domain && a.bus == b.bus && a.dev == b.dev;
}
