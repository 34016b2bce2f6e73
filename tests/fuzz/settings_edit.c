/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A gpupt.conf that can be understood can be after a change, says what it was changed to, and is the same when changed again. */
#include "policy/settings_edit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size), *edited = NULL, *again = NULL;
	_cleanup_settings_ struct settings was = { 0 }, is = { 0 };
	struct bdf b = { .bus = 1 };
	struct pci_id id = { 0x1002, 0x73bf, 0x1da2, 0xe438 };
	struct err e = { "" };

	if (!text || settings_edit_gpu(text, b, id, "mode", "reserved", &edited) < 0)
		return 0;
	if (settings_edit_gpu(edited, b, id, "mode", "reserved", &again) == 0 && strcmp(edited, again) != 0)
		abort();
	if (settings_parse(text, "gpupt.conf", &was, &e) < 0)
		return 0;
	if (settings_parse(edited, "gpupt.conf", &is, &e) < 0 || settings_gpu(&is, b)->mode != MODE_RESERVED ||
	    is.n_gpus > was.n_gpus + 1 || is.n_vms != was.n_vms || is.n_cts != was.n_cts)
		abort();
	return 0;
}
