/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes into a capture, of any text; the first byte says which file it would be. Once masked there is nothing left to mask. */
#include "flow/mask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static mask_fn *const masks[] = {
	mask_cmdline, mask_mountinfo, mask_route, mask_route6, mask_sockets, mask_nvidia, mask_aliases, mask_modprobe, mask_udev,
	mask_settings, mask_status, mask_fdinfo, mask_mapping, mask_storage, mask_ha, mask_boot_id, mask_stat,
	mask_first_line, mask_grub, mask_esps, mask_kconfig, mask_modules, mask_rules, mask_initscript, mask_driverctl, mask_known,
	mask_kmods,
	mask_grub_menu, mask_grub_env, mask_boot_entry, mask_loader_conf, mask_releases,
	mask_inithook,
};

static void run(mask_fn *mask, const char *s, size_t len, struct text *ret)
{
	struct mask_names n = { .boot_id = "2f2d7a0e-8c5b-4e0a-9a6e-5d5b0c7f4c11" };
	_cleanup_free_ char *text = strndup(s, len);
	_cleanup_text_ struct text masked = { 0 };
	char node[24];

	mask_node(&n, "pve", node);
	mask(&n, text, &masked);
	mask_text(&n, text_str(&masked), masked.len, ret);
	mask_names_done(&n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_text_ struct text once = { 0 }, twice = { 0 };
	size_t which = size ? data[0] % (ARRAY_SIZE(masks) + 1) : 0;
	const char *s = (const char *)data + 1;

	if (size == 0)
		return 0;
	if (which == ARRAY_SIZE(masks)) {
		mask_arguments(s, size - 1, &once);
		if (once.len > size || (once.len && once.s[once.len - 1]))
			abort();
		return 0;
	}
	run(masks[which], s, size - 1, &once);
	run(masks[which], text_str(&once), once.len, &twice);
	if (masks[which] != mask_stat && !str_eq(text_str(&once), text_str(&twice)))
		abort();
	/* what inih takes for a remark */
	if (masks[which] == mask_settings && (strstr(text_str(&once), " ;") || strstr(text_str(&once), "\t;")))
		abort();
	return 0;
}
