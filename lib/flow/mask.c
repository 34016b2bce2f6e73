/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>

#include "flow/mask.h"

#define UUID_LEN 36

void mask_names_done(struct mask_names *n)
{
	strv_done(&n->macs);
	strv_done(&n->volumes);
	strv_done(&n->nodes);
}

/* The place of s in a list, from 1, adding it if need be; 0 without memory. */
static size_t number_of(struct strv *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->v[i], s))
			return i + 1;
	return strv_add(l, s) < 0 ? 0 : l->n;
}

const char *mask_node(struct mask_names *n, const char *node, char buf[static 24])
{
	size_t i = number_of(&n->nodes, node);

	if (i == 1)
		snprintf(buf, 24, "pve");
	else
		snprintf(buf, 24, "node%zu", i);
	return i ? buf : "";
}

static size_t hex_run(const char *s, const char *end)
{
	size_t n = 0;

	while (s + n < end && isxdigit((unsigned char)s[n]))
		n++;
	return n;
}

/* "enx001122334455", "wlx…": systemd.net-naming-scheme(7). The length of the letters, or 0. */
static size_t named_by_mac(const char *s, const char *end, const char *start)
{
	static const char *const kinds[] = { "enx", "wlx", "wwx" };

	if (s > start && (isalnum((unsigned char)s[-1]) || s[-1] == '_'))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (end - s >= 15 && strncmp(s, kinds[i], 3) == 0 && hex_run(s + 3, end) == 12)
			return 3;
	return 0;
}

static bool is_uuid(const char *s, const char *end)
{
	if (end - s < UUID_LEN)
		return false;
	for (size_t i = 0; i < UUID_LEN; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	}
	return true;
}

void mask_text(struct mask_names *n, const char *s, size_t len, struct text *ret)
{
	static const char btrfs[] = "/sys/fs/btrfs/";
	const char *start = s, *end = s + len;

	while (s < end) {
		size_t letters = named_by_mac(s, end, start);
		char word[UUID_LEN + 1];

		if (letters) {
			snprintf(word, sizeof(word), "%.12s", s + letters);
			text_addf(ret, "%.3s%012zu", s, number_of(&n->macs, word));
			s += letters + 12;
		} else if ((size_t)(end - s) > strlen(btrfs) && str_starts(s, btrfs) && is_uuid(s + strlen(btrfs), end)) {
			snprintf(word, sizeof(word), "%s", s + strlen(btrfs));
			text_addf(ret, "%svolume-%zu", btrfs, number_of(&n->volumes, word));
			s += strlen(btrfs) + UUID_LEN;
		} else {
			text_add_n(ret, s++, 1);
		}
	}
}

/* Keeps the lines that begin with one of the words, of which a NULL is the last. */
static void keep_lines(char *text, const char *const words[], struct text *ret)
{
	char *line;

	while ((line = str_line(&text)))
		for (size_t i = 0; words[i]; i++) {
			if (!str_starts(line, words[i]))
				continue;
			text_addf(ret, "%s\n", line);
			break;
		}
}

void mask_aliases(struct mask_names *n, char *text, struct text *ret)
{
	keep_lines(text, (const char *const[]){ "alias pci:v", NULL }, ret);
}

void mask_udev(struct mask_names *n, char *text, struct text *ret)
{
	keep_lines(text, (const char *const[]){ "E:ID_FS_TYPE=", NULL }, ret);
}

void mask_status(struct mask_names *n, char *text, struct text *ret)
{
	keep_lines(text, (const char *const[]){ "NSpid:", NULL }, ret);
}

void mask_fdinfo(struct mask_names *n, char *text, struct text *ret)
{
	keep_lines(text, (const char *const[]){ "flags:", "drm-driver:", "drm-pdev:", NULL }, ret);
}

void mask_nvidia(struct mask_names *n, char *text, struct text *ret)
{
	static const char *const hidden[] = { "GPU UUID:", "Video BIOS:" };
	char *line;

	while ((line = str_line(&text))) {
		for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
			if (str_starts(line, hidden[i]))
				snprintf(line, strlen(line) + 1, "%s ?", hidden[i]);
		text_addf(ret, "%s\n", line);
	}
}

/* The lines stay where they are: errors are told by line. */
void mask_settings(struct mask_names *n, char *text, struct text *ret)
{
	char *line;

	while ((line = str_line(&text))) {
		char first = line[strspn(line, " \t")];

		text_addf(ret, "%s\n", first == '#' || first == ';' ? "#" : line);
	}
}

/* Parameters whose values are about booting and about cards. */
static bool value_kept(const char *word)
{
	static const char *const names[] = {
		"initrd",
		"BOOT_IMAGE", "root", "boot", "console", "video", "fbcon", "efi", "acpi", "pci", "pcie", "iommu", "intel_iommu",
		"amd_iommu", "vfio", "kvm", "module_blacklist", "modprobe.", "initcall_blacklist", "nvidia", "nouveau", "amdgpu", "radeon",
		"i915", "xe", "snd_hda", "hugepages", "default_hugepagesz", "mitigations", "isolcpus", "systemd.unit", "nomodeset",
	};
	size_t n = strcspn(word, "=");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t len = strlen(names[i]);

		/* "vfio-pci.ids", "efi_pstore…": a module's parameters begin with its name */
		if (len <= n && strncmp(word, names[i], len) == 0 &&
		    (len == n || word[len - 1] == '.' || strchr("._-", word[len])))
			return true;
	}
	return false;
}

/* Where in a value it gets to what is one machine's own: UUIDs and labels of volumes, addresses of servers. NULL: nowhere. */
static const char *own_part(const char *value)
{
	static const char *const before[] = { "UUID=", "LABEL=", "/dev/disk/by-" };
	const char *at;

	for (size_t i = 0; i < ARRAY_SIZE(before); i++)
		if ((at = strstr(value, before[i])))
			return at + strlen(before[i]);
	return strchr(value, ':') ? value : NULL;
}

/* Of parameters that do not matter the names stay. Behind "--" are words for init. */
void mask_cmdline(struct mask_names *n, char *text, struct text *ret)
{
	char *word, *save = NULL;

	for (word = strtok_r(text, " \t\n", &save); word && !str_eq(word, "--"); word = strtok_r(NULL, " \t\n", &save)) {
		const char *own = str_starts(word, "root=") ? own_part(word + 5) : NULL;
		size_t name = strcspn(word, "=");

		if (word[name] && !value_kept(word))
			text_addf(ret, "%s%.*s=?", ret->len ? " " : "", (int)name, word);
		else if (own)
			text_addf(ret, "%s%.*s?", ret->len ? " " : "", (int)(own - word), word);
		else
			text_join(ret, " ", word);
	}
	text_add(ret, "\n");
}

/* "4711 (a name) S 1 …": comm may hold blanks and brackets, so its end is the last one; start time is field 22 (proc(5)). */
void mask_stat(struct mask_names *n, char *text, struct text *ret)
{
	char *end = strrchr(text, ')');
	unsigned int field = 2;

	if (!end)
		return;
	for (char *p = end; *p && *p != '\n'; p++)
		if (*p == ' ' && ++field == 23) {
			*p = '\0';
			break;
		}
	text[strcspn(text, "\n")] = '\0';
	text_addf(ret, "%s 0 0\n", text);
}

void mask_boot_id(struct mask_names *n, char *text, struct text *ret)
{
	size_t len = strlen(n->boot_id);
	char *at;

	while (len && (at = strstr(text, n->boot_id))) {
		text_add_n(ret, text, (size_t)(at - text));
		text_add(ret, MASK_BOOT_ID);
		text = at + len;
	}
	text_add(ret, text);
}

static bool argument_kept(const char *arg)
{
	return str_eq(arg, "-id") || str_eq(arg, "-pidfile");
}

static void add_argument(struct text *t, const char *s, size_t len)
{
	text_add_n(t, s, len);
	text_add_n(t, "", 1);
}

void mask_arguments(const char *args, size_t len, struct text *ret)
{
	const char *end = args + len;

	for (const char *p = args; p < end;) {
		size_t n = strnlen(p, (size_t)(end - p));
		const char *next = p + n + 1;

		if (p == args)
			add_argument(ret, p, n);
		if (p > args && next < end && argument_kept(p)) {
			size_t value = strnlen(next, (size_t)(end - next));

			add_argument(ret, p, n);
			add_argument(ret, next, value);
			next += value + 1;
		}
		p = next;
	}
}
