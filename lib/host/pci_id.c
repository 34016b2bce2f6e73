/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/pci.h"

char *pci_id_format(struct pci_id id, char out[static PCI_ID_LEN])
{
	snprintf(out, PCI_ID_LEN, "%04x:%04x/%04x:%04x", id.vendor, id.device, id.subvendor, id.subdevice);
	return out;
}

/* Reads "VVVV:DDDD" and moves *s behind it. */
static int id_pair(const char **s, uint16_t *ret_a, uint16_t *ret_b)
{
	char text[10];
	uint32_t a, b;

	if (strnlen(*s, 9) < 9 || (*s)[4] != ':')
		return -EINVAL;
	memcpy(text, *s, 9);
	text[4] = text[9] = '\0';
	if (parse_hex(text, 4, &a) < 0 || parse_hex(text + 5, 4, &b) < 0)
		return -EINVAL;
	*ret_a = (uint16_t)a;
	*ret_b = (uint16_t)b;
	*s += 9;
	return 0;
}

int pci_id_parse(const char *s, struct pci_id *ret)
{
	struct pci_id id = { 0 };

	if (id_pair(&s, &id.vendor, &id.device) < 0)
		return -EINVAL;
	if (*s == '/') {
		s++;
		if (id_pair(&s, &id.subvendor, &id.subdevice) < 0)
			return -EINVAL;
	}
	if (*s)
		return -EINVAL;
	*ret = id;
	return 0;
}

bool pci_id_match(struct pci_id wanted, struct pci_id is)
{
	if (wanted.vendor != is.vendor || wanted.device != is.device)
		return false;
	if (!wanted.subvendor && !wanted.subdevice)
		return true;
	return wanted.subvendor == is.subvendor && wanted.subdevice == is.subdevice;
}
