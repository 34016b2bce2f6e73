/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses, ids, numbers and drivers: what is understood and written again is the same. */
#include "base/bdf.h"
#include "host/pci.h"
#include "plan/driver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void addresses(const char *s)
{
	struct bdf b, again;
	char name[BDF_LEN];

	if (bdf_parse(s, &b) == 0 && (bdf_parse(bdf_format(b, name), &again) < 0 || !bdf_eq(b, again)))
		abort();
	if (bdf_parse_full(s, &b) == 0 && strcmp(bdf_format(b, name), s) != 0)
		abort();
	if (target_bdf(s, &b) && !strstr(s, bdf_format(b, name)))
		abort();
}

static void numbers(const char *s)
{
	char text[32];
	unsigned int vmid;
	uint64_t n;
	uint32_t hex;
	bool yes;

	if (parse_uint(s, UINT64_MAX, &n) == 0) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
		if (strcmp(text, s) != 0)
			abort();
	}
	if (parse_vmid(s, &vmid) == 0 && (vmid < 100 || vmid > 999999999))
		abort();
	if (parse_hex(s, 4, &hex) == 0 && hex > 0xffff)
		abort();
	parse_bool(s, &yes);
}

static void values(const char *s)
{
	_cleanup_text_ struct text t = { 0 };
	struct driver_value v, again;
	struct pci_id id, same;
	char text[PCI_ID_LEN];

	if (pci_id_parse(s, &id) == 0 &&
	    (pci_id_parse(pci_id_format(id, text), &same) < 0 || memcmp(&id, &same, sizeof(id)) != 0))
		abort();
	if (driver_parse(s, &v) < 0)
		return;
	driver_format(&v, &t);
	if (driver_parse(text_str(&t), &again) < 0 || strcmp(v.driver, again.driver) != 0 || strcmp(v.override, again.override) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *s = strndup((const char *)data, size);

	if (!s)
		return 0;
	addresses(s);
	numbers(s);
	values(s);
	return 0;
}
