/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/text.h"
#include "pve/pciid.h"

#define PCIID_HEX "0123456789abcdef"

/* The length of the id at s, which ends at len; 0 if it has not the form. */
static bool id_valid(const char *s, size_t len, bool need_domain)
{
	const char *end = s + len;
	size_t digits = strspn(s, PCIID_HEX);

	if (digits >= 4 && s[digits] == ':')
		s += digits + 1;
	else if (need_domain)
		return false;
	if (strspn(s, PCIID_HEX) != 2 || s[2] != ':' || strspn(s + 3, PCIID_HEX) != 2)
		return false;
	s += 5;
	return s == end || (*s == '.' && strspn(s + 1, PCIID_HEX) == 1 && s + 2 == end);
}

bool pciid_list_valid(const char *s, bool need_domain)
{
	for (;;) {
		size_t len = strcspn(s, ";");

		if (!id_valid(s, len, need_domain))
			return false;
		if (!s[len])
			return true;
		s += len + 1;
	}
}

static int parse_id(const char *s, size_t len, struct bdf *ret)
{
	char id[BDF_LEN], again[BDF_LEN];
	struct bdf b;

	if (len >= sizeof(id))
		return -EINVAL;
	memcpy(id, s, len);
	id[len] = '\0';
	if (bdf_parse(id, &b) < 0)
		return -EINVAL;
	/* the kernel's spelling, perhaps without its "0000:" */
	bdf_format(b, again);
	if (!str_eq(id, again) && !(str_starts(again, "0000:") && str_eq(id, again + 5)))
		return -EINVAL;
	*ret = b;
	return 0;
}

int pciid_list_parse(const char *s, struct bdf **ret, size_t *ret_n, struct err *e)
{
	_cleanup_free_ struct bdf *v = NULL;
	size_t n = 1, i = 0;

	for (const char *c = s; (c = strchr(c, ';')); c++)
		n++;
	v = calloc(n, sizeof(*v));
	if (!v)
		return err_set(e, -ENOMEM, "out of memory");
	for (; i < n; i++) {
		size_t len = strcspn(s, ";");

		if (parse_id(s, len, &v[i]) < 0)
			return err_set(e, -EINVAL, "no PCI device found for '%.*s'", len < 64 ? (int)len : 64,
				       s);
		s += len + (s[len] ? 1 : 0);
	}
	*ret = TAKE_PTR(v);
	*ret_n = n;
	return 0;
}
