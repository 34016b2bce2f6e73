/* SPDX-License-Identifier: GPL-2.0-or-later */
/* storage.cfg, with a volume id in its first line: a path that is found is absolute, and what has one may be shared or not. */
#include "pve/storage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size), *again = strndup((const char *)data, size);
	char *rest = text, *rest_again = again, *volid, path[PATH_MAX];
	_cleanup_free_ char *third = strndup((const char *)data, size);
	struct storage_place place;
	struct err e = { "" };
	bool shared;
	int k;

	if (!text || !again || !third)
		return 0;
	/* a place is absolute, and what Proxmox VE is to be told has snippets */
	k = storage_place_in(third, "local", "pve", &place, NULL);
	if (k < 0 || !str_starts(place.dir, "/var/lib/vz/"))
		abort();
	if (place.wanted[0] && !strstr(place.wanted, "snippets"))
		abort();
	if (place.offered && !storage_content_same(place.content, place.wanted))
		abort();
	volid = str_line(&rest);
	if (!volid)
		return 0;
	str_line(&rest_again);
	k = storage_shared_in(rest_again ? rest_again : again + strlen(again), volid, "pve", &shared, NULL);
	if (storage_snippet_in(rest ? rest : volid + strlen(volid), volid, path, &e) == 0) {
		if (k < 0)
			abort();
		if (path[0] != '/')
			abort();
	} else if (!e.text[0]) {
		abort();
	}
	return 0;
}
