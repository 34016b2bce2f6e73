/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Masks for kernel command lines and what leads to them. */
#include <errno.h>

#include "flow/mask.h"
#include "host/kmod.h"

/* Parameters whose values are about booting and about cards: n bytes of a name. */
static bool value_kept(const char *name, size_t n)
{
	static const char *const names[] = {
		"BOOT_IMAGE", "root", "boot", "console", "video", "fbcon", "efi", "acpi", "pci", "pcie", "iommu", "intel_iommu",
		"amd_iommu", "vfio", "kvm", "module_blacklist", "modprobe.", "blacklist", "initcall_blacklist", "nvidia", "nouveau",
		"amdgpu", "radeon", "i915", "xe", "snd_hda", "hugepages", "default_hugepagesz", "mitigations", "isolcpus", "systemd.unit",
		"nomodeset",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t len = strlen(names[i]);

		/* "vfio-pci.ids", "efi_pstore…": a module's parameters begin with its name */
		if (len <= n && strncmp(name, names[i], len) == 0 && (len == n || name[len - 1] == '.' || strchr("._-", name[len])))
			return true;
	}
	return false;
}

/* Where in a value it gets to what is one machine's own: UUIDs and labels of volumes, addresses of servers. NULL: nowhere. */
static const char *own_part(const char *value, bool root)
{
	static const char *const before[] = { "UUID=", "LABEL=", "/dev/disk/by-", "://" };
	const char *at;

	for (size_t i = 0; i < ARRAY_SIZE(before); i++)
		if ((at = strstr(value, before[i])))
			return at + strlen(before[i]);
	return root && strchr(value, ':') ? value : NULL;
}

/* Without quotes, and thus without blanks. */
static void add_unquoted(struct text *t, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] != '"')
			text_add_n(t, strchr(MASK_BLANK, s[i]) ? "_" : s + i, 1);
}

void mask_param(const char *s, size_t len, struct text *ret)
{
	_cleanup_free_ char *word = strndup(s, len);
	const char *name, *value, *own = NULL;
	bool initrd;

	if (!word) {
		ret->r = -ENOMEM;
		return;
	}
	name = word + strspn(word, "\"");
	value = strchr(name, '=');
	if (!value) {
		text_add(ret, word);
		return;
	}
	value++;
	/* a backslash in front says that EFI's loader named the file (loader.h); behind it there can be the machine's id */
	initrd = str_starts(name, "initrd=") && value[strspn(value, "\"")] == '\\';
	if (value_kept(name, (size_t)(value - name - 1)))
		own = own_part(value, str_starts(name, "root="));
	else
		own = value;
	if (!own) {
		text_add(ret, word);
		return;
	}
	add_unquoted(ret, name, (size_t)(own - name));
	text_add(ret, initrd ? "\\?" : "?");
}

size_t mask_param_len(const char *s)
{
	bool quoted = false;
	size_t n = 0;

	for (; s[n] && (quoted || !strchr(MASK_BLANK, s[n])); n++)
		if (s[n] == '"')
			quoted = !quoted;
	return n;
}

/* Of parameters that do not matter the names stay. Behind "--" are words for init. */
void mask_cmdline(struct mask_names *n, char *text, struct text *ret)
{
	size_t len = strlen(text);
	const char *sep = "";

	/* quotes that are not closed do not reach beyond the line */
	while (len && strchr(MASK_BLANK, text[len - 1]))
		text[--len] = '\0';
	for (const char *p = text; *(p += strspn(p, MASK_BLANK)); p += len, sep = " ") {
		len = mask_param_len(p);
		if ((len == 2 && strncmp(p, "--", len) == 0) || (len == 4 && strncmp(p, "\"--\"", len) == 0))
			break;
		text_add(ret, sep);
		mask_param(p, len, ret);
	}
	text_add(ret, "\n");
}

void mask_first_line(struct mask_names *n, char *text, struct text *ret)
{
	text[strcspn(text, "\n")] = '\0';
	mask_cmdline(n, text, ret);
}

void mask_kmods(struct mask_names *n, char *text, struct text *ret)
{
	char *line;

	while ((line = str_line(&text))) {
		if (kmod_listed(line, VENDOR_RESET) || kmod_listed(line, "vfio-pci"))
			text_addf(ret, "%.*s:\n", (int)strcspn(line, ":"), line);
	}
}

void mask_esps(struct mask_names *n, char *text, struct text *ret)
{
	text_add(ret, "0000-0000\n");
}
