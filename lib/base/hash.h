/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FNV-1a, 64 bits: to notice a change, not to withstand one that is made up. */
#ifndef GPUPT_HASH_H
#define GPUPT_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START 0xcbf29ce484222325u
#define HASH_PRIME 0x100000001b3u

/* The hash of what h is of, and these n bytes. */
static inline uint64_t hash_add(uint64_t h, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * HASH_PRIME;
	return h;
}

#endif
