/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/vfct.h"

#define TABLE_HEADER_LEN 0x4c /* sizeof(UEFI_ACPI_VFCT) */
#define IMAGE_HEADER_LEN 28   /* sizeof(VFCT_IMAGE_HEADER) */

/* In the table's header … */
enum { TABLE_LEN = 4, FIRST_IMAGE = 0x34 };
/* … and in that of an image. */
enum {
	IMAGE_BUS = 0, IMAGE_DEV = 4, IMAGE_FN = 8, IMAGE_VENDOR = 12, IMAGE_DEVICE = 14, IMAGE_SUBVENDOR = 16, IMAGE_SUBDEVICE = 18,
	IMAGE_LEN = 24,
};

static uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t le32(const uint8_t *p)
{
	return le16(p) | (uint32_t)le16(p + 2) << 16;
}

/* A subsystem that either side does not tell is no difference. */
static bool same_ids(const uint8_t *h, struct pci_id id)
{
	struct pci_id is = {
		.vendor = le16(h + IMAGE_VENDOR), .device = le16(h + IMAGE_DEVICE),
		.subvendor = le16(h + IMAGE_SUBVENDOR), .subdevice = le16(h + IMAGE_SUBDEVICE),
	};

	if (id.subvendor == 0 && id.subdevice == 0)
		is.subvendor = is.subdevice = 0;
	return pci_id_match(is, id);
}

static bool same_address(const uint8_t *h, struct bdf b)
{
	return b.domain == 0 && le32(h + IMAGE_BUS) == b.bus && le32(h + IMAGE_DEV) == b.dev && le32(h + IMAGE_FN) == b.fn;
}

/* What has been found so far. */
struct found {
	size_t offset, len;
	bool any, exact, differ;
};

static void consider(struct found *f, const uint8_t *data, size_t at, struct bdf bdf, struct pci_id id)
{
	const uint8_t *h = data + at;
	struct found here = { .offset = at + IMAGE_HEADER_LEN, .len = le32(h + IMAGE_LEN), .any = true };

	if (here.len == 0 || f->exact || !same_ids(h, id))
		return;
	here.exact = same_address(h, bdf);
	if (here.exact || !f->any)
		*f = here;
	else
		f->differ |= f->len != here.len || memcmp(data + f->offset, data + here.offset, here.len) != 0;
}

int vfct_find(const uint8_t *data, size_t len, struct bdf bdf, struct pci_id id, size_t *ret_offset, size_t *ret_len, struct err *e)
{
	struct found f = { 0 };
	size_t at;

	if (len < TABLE_HEADER_LEN || memcmp(data, "VFCT", 4) != 0 || le32(data + TABLE_LEN) < TABLE_HEADER_LEN ||
	    le32(data + TABLE_LEN) > len)
		return err_set(e, -EBADMSG, "the ACPI table VFCT is damaged: its header is wrong");
	len = le32(data + TABLE_LEN);
	at = le32(data + FIRST_IMAGE);
	if (at < TABLE_HEADER_LEN)
		return err_set(e, -EBADMSG, "the ACPI table VFCT is damaged: its images begin in its header");
	/* what is left behind the last image is too short for another */
	while (at < len && len - at >= IMAGE_HEADER_LEN) {
		if (le32(data + at + IMAGE_LEN) > len - at - IMAGE_HEADER_LEN)
			return err_set(e, -EBADMSG, "the ACPI table VFCT is damaged: an image is longer than the table");
		consider(&f, data, at, bdf, id);
		at += IMAGE_HEADER_LEN + le32(data + at + IMAGE_LEN);
	}
	if (!f.any)
		return err_set(e, -ENOENT, "the ACPI table VFCT has no image of this card");
	if (f.differ)
		return err_set(e, -ENOTUNIQ, "the ACPI table VFCT has several images for cards like this one, and none at its address");
	*ret_offset = f.offset;
	*ret_len = f.len;
	return 0;
}
