/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest's configuration: whatever the bytes, they come back unchanged, and every accessor stays inside
 * them. */
#include "pve/guest.h"
#include "pve/hostpci.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_kind(const char *data, size_t size, enum guest_kind kind)
{
	_cleanup_config_ struct config cfg = { 0 };
	_cleanup_hostpci_list_ struct hostpci_list list = { 0 };
	_cleanup_text_ struct text out = { 0 }, descr = { 0 };
	struct err e = { "" };

	if (config_parse(data, size, kind, &cfg) < 0)
		return;
	config_write(&cfg, &out);
	if (out.len != size || (size > 0 && memcmp(out.s, data, size) != 0))
		abort();
	config_foreach(l, &cfg, "") if (!config_get(&cfg, l->key) || strchr(l->value, '\n')) abort();
	config_foreach(l, &cfg, "") config_is_to_go(&cfg, l->key);
	config_description(&cfg, &descr);
	if (hostpci_all(&cfg, &list, &e) < 0 && !e.text[0])
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_kind((const char *)data, size, GUEST_VM);
	try_kind((const char *)data, size, GUEST_CT);
	return 0;
}
