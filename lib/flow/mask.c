/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>

#include "flow/mask.h"
#include "host/known.h"

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

/* The length of what may be an address of a network at s: hexadecimal digits, colons and dots. */
static size_t address_len(const char *s)
{
	size_t n = 0;

	while (isxdigit((unsigned char)s[n]) || s[n] == ':' || s[n] == '.')
		n++;
	return n;
}

/* IPv4, IPv6 or MAC: not the address of a PCI function, and not vfio-pci's ids, which have up to five colons between four digits. */
static bool is_address(const char *s, size_t len)
{
	size_t dots = 0, colons = 0, run = 0, longest = 0;
	bool twice = false;

	for (size_t i = 0; i < len; i++) {
		dots += s[i] == '.';
		colons += s[i] == ':';
		twice |= i && s[i] == ':' && s[i - 1] == ':';
		run = isxdigit((unsigned char)s[i]) ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	return (colons == 0 && dots >= 3) || twice || colons > 5 || (colons == 5 && longest <= 2);
}

void mask_line(const char *s, struct text *ret)
{
	const char *end = s + strlen(s);
	bool in_word = false;

	while (s < end) {
		bool uuid = is_uuid(s, end);
		size_t n = in_word ? 0 : address_len(s);
		/* "…d" of "10.0.0.1driver" is a letter of a word */
		bool own = uuid || (is_address(s, n) && !isalnum((unsigned char)s[n]));

		n = uuid ? UUID_LEN : n ? n : 1;
		if (own)
			text_add(ret, "?");
		else
			text_add_n(ret, s, n);
		s += n;
		in_word = !own && isalnum((unsigned char)s[-1]);
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

void mask_kconfig(struct mask_names *n, char *text, struct text *ret)
{
	static const char *const kept[] = { "CONFIG_INTEL_IOMMU_DEFAULT_ON=", "CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF=",
					    "# CONFIG_INTEL_IOMMU_DEFAULT_ON ", NULL };

	/* a line is looked for with the end of the one before it */
	text_add(ret, "#\n");
	keep_lines(text, kept, ret);
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

/* Cuts what inih passes over: all behind a section's bracket, and behind a value a blank and ';' (its find_chars_or_comment()). */
static void cut_remark(char *line)
{
	bool section = line[strspn(line, MASK_BLANK)] == '[';

	for (char *p = line; *p; p++) {
		if (*p == ';' && p > line && strchr(MASK_BLANK, p[-1])) {
			*p = '\0';
			return;
		}
		if (section && *p == ']') {
			p[1] = '\0';
			return;
		}
	}
}

/* The lines stay where they are: errors are told by line. */
void mask_settings(struct mask_names *n, char *text, struct text *ret)
{
	char *line;

	while ((line = str_line(&text))) {
		char first = line[strspn(line, " \t")];

		cut_remark(line);
		text_addf(ret, "%s\n", first == '#' || first == ';' ? "#" : line);
	}
}

/* The text of a line is somebody's prose. */
static void add_known(char *line, struct text *ret)
{
	_cleanup_known_ struct known_cards k = { 0 };
	bool wrong = known_parse(line, "", &k, NULL) < 0;
	const char *text;

	if (k.n != 1) {
		text_add(ret, wrong ? "?" : line[strspn(line, " \t\r")] ? "#" : "");
		return;
	}
	line = str_trim(line);
	text = line + strlen(line) - strlen(k.v[0].text);
	text_add_n(ret, line, (size_t)(text - line));
	mask_line(text, ret);
}

void mask_known(struct mask_names *n, char *text, struct text *ret)
{
	char *line;

	while ((line = str_line(&text))) {
		add_known(line, ret);
		text_add(ret, "\n");
	}
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

void mask_all(struct mask_names *n, char *text, struct text *ret)
{
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
