/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Masks for files that decide which driver gets a function. Lines stay where they are: findings tell them by number. */
#include <errno.h>
#include <strings.h>

#include "flow/mask_lines.h"
#include "host/driverctl.h"
#include "host/modload.h"
#include "host/modprobe.h"
#include "host/nvidia_files.h"
#include "host/udev_rule.h"

/* Modules whose options say something about cards; those of others may hold anything, addresses for one. */
static bool about_cards(const char *module)
{
	static const char *const modules[] = {
		"vfio", "pci_stub", "kvm", "nvidia", "nouveau", "amdgpu", "radeon", "i915", "xe", "snd_hda", "vendor_reset",
	};

	for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
		if (str_starts(module, modules[i]))
			return true;
	return false;
}

void mask_add_line(struct mask_lines *l, unsigned int line, const char *s)
{
	for (l->written++; l->written < line; l->written++)
		text_add(l->ret, "\n");
	text_addf(l->ret, "%s\n", s);
}

/* The lines up to one, first of them with something on it. */
static void skip_to(struct mask_lines *l, unsigned int line)
{
	for (; l->line < line && str_line(&l->next); l->line++)
		;
}

char *mask_remark(char *line)
{
	char *p = line;

	while (*p && !(*p == '#' && (p == line || strchr(" \t", p[-1]))))
		p++;
	return p;
}

/* Does the next line belong to this one? Of two backslashes the first is before the second. */
static bool goes_on(const char *line)
{
	size_t n = strlen(line), slashes = 0;

	while (slashes < n && line[n - 1 - slashes] == '\\')
		slashes++;
	return slashes % 2;
}

/* Adds the lines from there to last, without remarks. None of the programs knows such, and so people write them. */
static void add_lines(struct mask_lines *l, unsigned int last)
{
	char *s;

	for (; l->line <= last && (s = str_line(&l->next)); l->line++) {
		char *end = mask_remark(s);

		if (*end)
			snprintf(end, strlen(end) + 1, "%s", goes_on(s) ? "\\" : "");
		mask_add_line(l, l->line, s);
	}
}

static void add_modprobe(struct mask_lines *l, const struct modprobe_line *m)
{
	bool cards = about_cards(m->module), whole = false;
	_cleanup_text_ struct text command = { 0 };

	skip_to(l, m->at.line);
	switch (m->kind) {
	case MODPROBE_BLACKLIST:
	case MODPROBE_SOFTDEP:
	case MODPROBE_WEAKDEP:
		whole = true;
		break;
	case MODPROBE_OPTIONS:
		whole = cards;
		break;
	case MODPROBE_ALIAS:
		whole = str_starts(m->module, "pci:");
		break;
	case MODPROBE_INSTALL:
	case MODPROBE_REMOVE:
		/* of a command no more than whether it is one that does nothing */
		whole = modprobe_is_nothing(m);
		if (whole || !cards)
			break;
		text_addf(&command, "%s %s ?", m->kind == MODPROBE_INSTALL ? "install" : "remove", m->module);
		mask_add_line(l, m->at.line, text_str(&command));
		if (command.r < 0)
			l->ret->r = command.r;
	}
	if (whole)
		add_lines(l, m->at.last);
}

static void add_all_modprobe(char *text, struct text *ret)
{
	_cleanup_modprobe_ struct modprobe m = { 0 };
	struct mask_lines l = { .next = text, .line = 1, .ret = ret };

	if (modprobe_parse(text, "", &m) < 0)
		ret->r = -ENOMEM;
	for (size_t i = 0; i < m.n; i++)
		add_modprobe(&l, &m.v[i]);
}

/* Once more until nothing changes: "blacklist # x" is a line, but without the remark it is none. */
static void until_stable(void (*mask)(char *text, struct text *ret), const char *text, struct text *ret)
{
	_cleanup_free_ char *now = strdup(text);

	for (bool more = true; now && more;) {
		_cleanup_free_ char *before = strdup(now);
		_cleanup_text_ struct text masked = { 0 };

		mask(now, &masked);
		free(now);
		now = before ? text_take(&masked) : NULL;
		more = !str_eq(now, before);
	}
	if (now)
		text_add(ret, now);
	else
		ret->r = -ENOMEM;
}

void mask_modprobe(struct mask_names *n, char *text, struct text *ret)
{
	until_stable(add_all_modprobe, text, ret);
}

void mask_modules(struct mask_names *n, char *text, struct text *ret)
{
	_cleanup_modload_ struct modload m = { 0 };
	struct mask_lines l = { .next = text, .line = 1, .ret = ret };

	if (modload_parse(text, "", false, &m) < 0)
		ret->r = -ENOMEM;
	for (size_t i = 0; i < m.n; i++) {
		skip_to(&l, m.v[i].at.line);
		if (!*m.v[i].args || about_cards(m.v[i].module))
			add_lines(&l, m.v[i].at.last);
		else
			mask_add_line(&l, m.v[i].at.line, m.v[i].module);
	}
}

/* Is what stands in "KEY{…}" somebody's own? */
static bool is_own(const char *attr, size_t n)
{
	static const char *const words[] = { "serial", "address", "uuid", "label", "mac", "wwn", "wwid" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		for (size_t at = 0; at + strlen(words[i]) <= n; at++)
			if (strncasecmp(attr + at, words[i], strlen(words[i])) == 0)
				return true;
	return false;
}

/* Behind the quote that opens a value, at an operator; NULL if it is none. */
static const char *value_of(const char *p)
{
	p += strspn(p, " \t");
	p += strspn(p, "=!+:-");
	p += p[-1] == '=' ? strspn(p, " \tie") : 0;
	return p[strspn(p, "ie")] == '"' && strchr("= \tie", p[-1]) ? p + 1 : NULL;
}

/* '?' for a value up to its quote, but what makes the rule one about drivers stays. Its end. */
static const char *add_value(const char *s, struct text *ret)
{
	_cleanup_text_ struct text value = { 0 };
	const char *end = s;

	while (*end && *end != '"')
		end += *end == '\\' && end[1] ? 2 : 1;
	/* one that is not closed here may go on with the next line */
	end -= !*end && end > s && end[-1] == '\\';
	text_add_n(&value, s, (size_t)(end - s));
	text_add(ret, udev_is_of_drivers(text_str(&value)) ? text_str(&value) : "?");
	if (value.r < 0)
		ret->r = value.r;
	return end;
}

/* Does a line's end, from there on, have nothing but what sets values off, or a key whose value is on the next line? */
static bool is_between(const char *s)
{
	size_t n = strlen(s), goes_on = n && s[n - 1] == '\\';

	n -= goes_on;
	while (n && strchr(" \t\r,", s[n - 1]))
		n--;
	return !n || (goes_on && s[n - 1] == '=');
}

/* Adds the line, with '#' for what stands behind its last value: udev knows no remarks there, and passes over such a rule. */
static void add_cut(struct mask_lines *l, unsigned int line, const char *s, bool *quoted)
{
	const char *behind = s, *end = s + strlen(s);
	_cleanup_text_ struct text cut = { 0 };

	for (const char *p = s; *p; p++) {
		if (*quoted && *p == '\\' && p[1] == '"') {
			p++;
		} else if (*p == '"') {
			*quoted = !*quoted;
			behind = p + 1;
		}
	}
	if (*quoted || is_between(behind)) {
		mask_add_line(l, line, s);
		return;
	}
	text_add_n(&cut, s, (size_t)(behind - s));
	text_add(&cut, end[-1] == '\\' ? " #\\" : " #");
	mask_add_line(l, line, text_str(&cut));
	if (cut.r < 0)
		l->ret->r = cut.r;
}

/* A line of a rule, with '?' for what such keys are compared with or set to. quoted: it begins within a value. */
static void add_rule_line(struct mask_lines *l, unsigned int line, const char *s, bool *quoted)
{
	_cleanup_text_ struct text own = { 0 }, all = { 0 };

	if (s[strspn(s, " \t\r")] == '#') {
		mask_add_line(l, line, "#");
		return;
	}
	for (const char *brace; (brace = strchr(s, '{'));) {
		size_t n = strcspn(++brace, "}\"");
		const char *value = brace[n] == '}' && is_own(brace, n) ? value_of(brace + n + 1) : NULL;

		text_add_n(&own, s, (size_t)((value ? value : brace) - s));
		s = value ? value : brace;
		if (value)
			s = add_value(value, &own);
	}
	text_add(&own, s);
	mask_line(text_str(&own), &all);
	add_cut(l, line, text_str(&all), quoted);
	if (own.r < 0 || all.r < 0)
		l->ret->r = -ENOMEM;
}

/* A rule goes on behind a backslash at a line's end; comments may stand in between (lib/host/udev_rule.h). */
static void add_all_rules(char *text, struct text *ret)
{
	struct mask_lines l = { .line = 1, .ret = ret };

	/* a file of ours that only hides another one is told by its first line */
	if (own_mark_is_in(text)) {
		mask_add_line(&l, l.line++, OWN_MARK);
		str_line(&text);
	}
	while (text && *text) {
		_cleanup_text_ struct text rule = { 0 };
		unsigned int last = l.line;
		bool more = false, quoted = false;
		char *line;

		l.next = text;
		do {
			size_t len = strcspn(text, "\n");

			if (text[strspn(text, " \t\r")] != '#') {
				more = len && text[len - 1] == '\\';
				text_add_n(&rule, text, len - more);
			}
			text += len + (text[len] == '\n');
			last++;
		} while (more && *text);
		for (bool kept = udev_is_of_drivers(text_str(&rule)); l.line < last && (line = str_line(&l.next)); l.line++)
			if (kept)
				add_rule_line(&l, l.line, line, &quoted);
		if (rule.r < 0)
			ret->r = rule.r;
	}
}

void mask_rules(struct mask_names *n, char *text, struct text *ret)
{
	until_stable(add_all_rules, text, ret);
}

void mask_driverctl(struct mask_names *n, char *text, struct text *ret)
{
	char driver[PCI_NAME_LEN];

	if (driverctl_parse(text, driver) == 0)
		text_addf(ret, "%s\n", driver);
}
