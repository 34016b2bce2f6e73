/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Masks for programs of the initramfs, and for those that make it. */
#include <errno.h>

#include "flow/mask_lines.h"
#include "host/inithook.h"

/* Is a line about drivers, or does it name a function or ids of one? */
static bool script_counts(const char *line)
{
	_cleanup_initscripts_ struct initscripts found = { 0 }, of = { 0 };
	_cleanup_text_ struct text script = { 0 };

	if (initscript_parse(line, "", &found) == 0 && found.n)
		return true;
	/* what is named counts in a program about drivers alone */
	text_addf(&script, "vfio-pci\n%s\n", line);
	return script.r == 0 && initscript_parse(text_str(&script), "", &of) == 0 && of.n && (of.v[0].bdfs.n || of.v[0].n_ids);
}

/* Does it name a rule of udev's? */
static bool rule_counts(const char *line)
{
	_cleanup_inithooks_ struct inithooks found = { 0 };

	return inithook_parse(line, "", &found) == 0 && found.n && found.v[0].rules.n;
}

/* The lines of a program that count for its reader, as they are for it. */
static void mask_program(char *text, bool script, bool rules, struct text *ret)
{
	struct mask_lines l = { .line = 1, .ret = ret };
	char *line;

	for (; (script || rules) && (line = str_line(&text)); l.line++) {
		_cleanup_text_ struct text masked = { 0 };
		char *end = mask_remark(line);

		/* the reader takes what stands behind a line for a part of it (initscript.h, inithook.h) */
		if (*end) {
			*end = ';';
			*end = (script && script_counts(end)) || (rules && rule_counts(end)) ? '#' : '\0';
		}
		mask_line(line, &masked);
		if ((script && script_counts(text_str(&masked))) || (rules && rule_counts(text_str(&masked))))
			mask_add_line(&l, l.line, text_str(&masked));
		if (masked.r < 0)
			ret->r = masked.r;
	}
}

void mask_initscript(struct mask_names *n, char *text, struct text *ret)
{
	_cleanup_initscripts_ struct initscripts whole = { 0 };

	if (initscript_parse(text, "", &whole) < 0)
		ret->r = -ENOMEM;
	mask_program(text, whole.n, false, ret);
}

void mask_inithook(struct mask_names *n, char *text, struct text *ret)
{
	_cleanup_inithooks_ struct inithooks whole = { 0 };

	if (inithook_parse(text, "", &whole) < 0)
		ret->r = -ENOMEM;
	mask_program(text, whole.n && whole.v[0].script.at.file, whole.n && whole.v[0].rules.n, ret);
}
