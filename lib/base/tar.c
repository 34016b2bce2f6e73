/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <stddef.h>

#include "base/tar.h"

#define BLOCK 512

struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], chksum[8], typeflag, linkname[100];
	char magic[6], version[2], uname[32], gname[32], devmajor[8], devminor[8], prefix[155], pad[12];
};
static_assert(sizeof(struct header) == BLOCK, "a header is a block");

/* Into a field that need not end in a NUL. False if it does not fit. */
static bool put(char *field, size_t size, const char *s, size_t len)
{
	if (len <= size)
		memcpy(field, s, len);
	return len <= size;
}

static void put_octal(char *field, size_t size, unsigned long long n)
{
	char text[24];

	snprintf(text, sizeof(text), "%0*llo", (int)size - 1, n);
	memcpy(field, text, size);
}

/* Splits a long name at a '/', as the format has room for its two halves. */
static bool put_name(struct header *h, const char *name)
{
	size_t len = strlen(name);

	if (put(h->name, sizeof(h->name), name, len))
		return true;
	for (const char *p = name; (p = strchr(p, '/')); p++)
		if (name + len - p - 1 <= (ptrdiff_t)sizeof(h->name) && p > name && p[1])
			return put(h->prefix, sizeof(h->prefix), name, (size_t)(p - name)) &&
			       put(h->name, sizeof(h->name), p + 1, (size_t)(name + len - p - 1));
	return false;
}

static void add_padded(struct text *t, const void *data, size_t len)
{
	static const char zeros[BLOCK];

	text_add_n(t, data, len);
	text_add_n(t, zeros, (BLOCK - len % BLOCK) % BLOCK);
}

static void add_header(struct text *t, struct header *h, char type, size_t len, mode_t mode, time_t mtime)
{
	unsigned int sum = 0;

	put_octal(h->mode, sizeof(h->mode), mode);
	put_octal(h->uid, sizeof(h->uid), 0);
	put_octal(h->gid, sizeof(h->gid), 0);
	put_octal(h->size, sizeof(h->size), len);
	put_octal(h->mtime, sizeof(h->mtime), mtime > 0 && mtime < INT64_C(1) << 33 ? (unsigned long long)mtime : 0);
	h->typeflag = type;
	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	memcpy(h->uname, "root", 5);
	memcpy(h->gname, "root", 5);
	put_octal(h->devmajor, sizeof(h->devmajor), 0);
	put_octal(h->devminor, sizeof(h->devminor), 0);
	/* the sum of all bytes, its own taken as blanks */
	memset(h->chksum, ' ', sizeof(h->chksum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += ((const unsigned char *)h)[i];
	put_octal(h->chksum, sizeof(h->chksum) - 1, sum);
	text_add_n(t, (const char *)h, sizeof(*h));
}

/* "26 path=…": the number counts the whole line, itself included. */
static void pax_record(struct text *t, const char *key, const char *value)
{
	size_t rest = strlen(key) + strlen(value) + 3, len = rest + 1;
	char digits[24];

	while (len != rest + (size_t)snprintf(digits, sizeof(digits), "%zu", len))
		len = rest + strlen(digits);
	text_addf(t, "%zu %s=%s\n", len, key, value);
}

static void add_member(struct text *t, const char *name, const char *target, char type, size_t len, mode_t mode, time_t mtime)
{
	_cleanup_text_ struct text pax = { 0 };
	struct header h = { 0 }, x = { .name = "pax" };

	/* what is in the pax header counts; a part of it here is for those who know no such header */
	if (!put_name(&h, name)) {
		pax_record(&pax, "path", name);
		put(h.name, sizeof(h.name), name, sizeof(h.name));
	}
	if (target && !put(h.linkname, sizeof(h.linkname), target, strlen(target))) {
		pax_record(&pax, "linkpath", target);
		put(h.linkname, sizeof(h.linkname), target, sizeof(h.linkname));
	}
	if (pax.len) {
		add_header(t, &x, 'x', pax.len, 0644, 0);
		add_padded(t, pax.s, pax.len);
	}
	if (pax.r < 0)
		t->r = pax.r;
	add_header(t, &h, type, len, mode, mtime);
}

void tar_dir(struct text *t, const char *name)
{
	add_member(t, name, NULL, '5', 0, 0755, 0);
}

void tar_file(struct text *t, const char *name, const void *data, size_t len, mode_t mode, time_t mtime)
{
	add_member(t, name, NULL, '0', len, mode, mtime);
	add_padded(t, data, len);
}

void tar_link(struct text *t, const char *name, const char *target)
{
	add_member(t, name, target, '2', 0, 0777, 0);
}

void tar_end(struct text *t)
{
	static const char zeros[2 * BLOCK];

	text_add_n(t, zeros, sizeof(zeros));
}
