/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a host is set up for its cards. Lines stay where they are, since findings tell them by number; one that is left out is empty. */
#include "flow/mask.h"

/* Modules whose lines say something about cards; those of others may hold anything, addresses for one. */
static bool about_cards(const char *module)
{
	static const char *const modules[] = {
		"vfio", "kvm", "nvidia", "nouveau", "amdgpu", "radeon", "i915", "xe", "snd_hda", "vendor_reset", "vendor-reset",
	};

	for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
		if (str_starts(module, modules[i]))
			return true;
	return false;
}

static const char *next_word(const char *line)
{
	line += strcspn(line, " \t");
	return line + strspn(line, " \t");
}

static bool is_word(const char *line, const char *word)
{
	size_t n = strlen(word);

	return strncmp(line, word, n) == 0 && (line[n] == ' ' || line[n] == '\t');
}

/* What is run in the place of a module: nothing, or something of the host's own. */
static void add_command(const char *line, struct text *ret)
{
	const char *module = next_word(line), *command = next_word(module);

	if (strcmp(command, "/bin/false") == 0 || strcmp(command, "/bin/true") == 0 || strcmp(command, "/usr/bin/false") == 0 ||
	    strcmp(command, "/usr/bin/true") == 0)
		text_add(ret, line);
	else
		text_addf(ret, "%.*s?", (int)(command - line), line);
}

void mask_modprobe(struct mask_names *n, char *text, struct text *ret)
{
	static const char *const always[] = { "blacklist", "softdep" };
	static const char *const commands[] = { "install", "remove" };
	char *line;
	bool goes_on = false;

	while ((line = str_line(&text))) {
		size_t len = strlen(line);
		bool kept = goes_on, command = false;

		line += goes_on ? 0 : strspn(line, " \t");
		for (size_t i = 0; i < 2; i++) {
			kept |= is_word(line, always[i]);
			command |= is_word(line, commands[i]) && about_cards(next_word(line));
		}
		kept |= is_word(line, "options") && about_cards(next_word(line));
		kept |= is_word(line, "alias") && str_starts(next_word(line), "pci:");
		if (command)
			add_command(line, ret);
		else if (kept)
			text_add(ret, line);
		text_add(ret, "\n");
		goes_on = kept && !command && len > 0 && line[strlen(line) - (*line != '\0')] == '\\';
	}
}

/* Names of modules, one a line, perhaps with options. */
void mask_modules(struct mask_names *n, char *text, struct text *ret)
{
	char *line;

	while ((line = str_line(&text))) {
		line += strspn(line, " \t");
		if (about_cards(line))
			text_add(ret, line);
		else if (*line != '#')
			text_add_n(ret, line, strcspn(line, " \t"));
		text_add(ret, "\n");
	}
}

/* Is there something like 01:00.0 in it? */
static bool has_address(const char *line)
{
	static const char hex[] = "0123456789abcdefABCDEF";

	for (const char *p = line; (p = strchr(p, ':')); p++)
		if (p - line >= 2 && strspn(p - 2, hex) >= 2 && strspn(p + 1, hex) == 2 && p[3] == '.' && p[4] >= '0' && p[4] <= '7')
			return true;
	return false;
}

static bool about_binding(const char *line)
{
	static const char *const words[] = { "driver_override", "vfio-pci", "vfio_pci", "new_id" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(line, words[i]))
			return true;
	return false;
}

/* A rule may go on over several lines, each but the last with a '\\' at its end. */
static void keep_lines(char *text, bool addresses, struct text *ret)
{
	_cleanup_text_ struct text whole = { 0 };
	unsigned int lines = 0;
	bool kept = false;
	char *line;

	while ((line = str_line(&text))) {
		size_t len = strlen(line);

		kept |= about_binding(line) || (addresses && has_address(line));
		text_addf(&whole, "%s\n", line);
		lines++;
		if (len > 0 && line[len - 1] == '\\' && text && *text)
			continue;
		if (kept)
			text_add(ret, text_str(&whole));
		for (; !kept && lines > 0; lines--)
			text_add(ret, "\n");
		text_done(&whole);
		whole = (struct text){ 0 };
		lines = 0;
		kept = false;
	}
}

void mask_rules(struct mask_names *n, char *text, struct text *ret)
{
	if (about_binding(text))
		keep_lines(text, false, ret);
}

void mask_script(struct mask_names *n, char *text, struct text *ret)
{
	keep_lines(text, true, ret);
}

void mask_uuids(struct mask_names *n, char *text, struct text *ret)
{
	text_add(ret, "0000-0000\n");
}

void mask_kernel_config(struct mask_names *n, char *text, struct text *ret)
{
	char *line;

	while ((line = str_line(&text)))
		if (strstr(line, "CONFIG_INTEL_IOMMU_DEFAULT_ON"))
			text_addf(ret, "%s\n", line);
}

/* One piece of a value, up to a quote: its parameters as those of the running kernel are masked. */
static void add_parameters(char *piece, struct text *ret)
{
	_cleanup_text_ struct text masked = { 0 };
	size_t before = strspn(piece, " \t"), len = strlen(piece);
	bool behind = len > before && (piece[len - 1] == ' ' || piece[len - 1] == '\t');

	mask_cmdline(NULL, piece, &masked);
	text_addf(ret, "%s%.*s%s", before ? " " : "", (int)strcspn(text_str(&masked), "\n"), text_str(&masked), behind ? " " : "");
}

/* GRUB_CMDLINE_LINUX="quiet ip=10.0.0.1": assignments of kernel parameters; of other lines that they are there. */
void mask_grub(struct mask_names *n, char *text, struct text *ret)
{
	char *line;

	while ((line = str_line(&text))) {
		char *value = strchr(line, '=');

		if (!strstr(line, "GRUB_CMDLINE_LINUX") || !value || line[strspn(line, " \t")] == '#') {
			/* what cannot be understood is told by its line; what it says is the host's own */
			text_add(ret, !line[strspn(line, " \t")] || line[strspn(line, " \t")] == '#' || value ? "\n" : ":\n");
			continue;
		}
		text_add_n(ret, line, (size_t)(value + 1 - line));
		for (char *p = value + 1; *p;) {
			size_t len = strcspn(p, "\"'");
			char quote = p[len];

			p[len] = '\0';
			if (len)
				add_parameters(p, ret);
			if (!quote)
				break;
			text_add_n(ret, &quote, 1);
			p += len + 1;
		}
		text_add(ret, "\n");
	}
}
