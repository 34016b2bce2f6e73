/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>

#include "base/text.h"
#include "policy/pin_script.h"

/* Commands that are harmless to be without, whatever their arguments are. */
static const char *const harmless[] = {
	"[", "[[", "echo", "exit", "for", "local", "log_begin_msg", "log_end_msg", "printf", "read", "return", "set", "shift",
	"sleep", "test", "true", ":",
};
/* Words of the shell's, behind which a command may follow. */
static const char *const words[] = { "!", "do", "done", "elif", "else", "esac", "fi", "if", "in", "prereqs", "then", "while", "{", "}" };
/* These only if what they are about is said in their arguments. */
static const char *const with_arguments[] = { "modprobe", "insmod", ".", "source", "cat", "ls", "basename", "readlink", "tee" };
static const char *const about[] = {
	"vfio", "pci-stub", "pci_stub", "driver_override", "/sys/bus/pci", "/sys/module", "drivers_probe", "/scripts/functions",
};

static bool is_one_of(const char *const list[], size_t n, const char *word, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(list[i]) == len && strncmp(list[i], word, len) == 0)
			return true;
	return false;
}

static bool is_about(const char *s, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(about); i++)
		if (memmem(s, len, about[i], strlen(about[i])))
			return true;
	return false;
}

/* NAME=value, NAME() and a label of `case`, "prereqs)", begin no command. */
static bool is_name(const char *word, size_t len)
{
	size_t n = 0;

	while (n < len && (isalnum((unsigned char)word[n]) || word[n] == '_'))
		n++;
	return str_starts(word + n, "=") || (n + 2 == len && str_starts(word + n, "()")) || (n + 1 == len && word[n] == ')');
}

/* Up to where one simple command goes: quotes are not looked into. */
static size_t command_len(const char *s)
{
	char quote = '\0';
	size_t n = 0;

	for (; s[n]; n++) {
		if (quote && s[n] == quote)
			quote = '\0';
		else if (!quote && (s[n] == '"' || s[n] == '\''))
			quote = s[n];
		else if (!quote && strchr(";|&", s[n]))
			break;
	}
	return n;
}

/* A word, with the blanks before it. */
static size_t word_len(const char *s, const char *end)
{
	size_t n = strspn(s, " \t");

	n += strcspn(s + n, " \t");
	return s + n > end ? (size_t)(end - s) : n;
}

/* Does each '>' go to a descriptor, into /dev, or to what the script is about? */
static bool writes_nowhere_else(const char *s, size_t len)
{
	for (const char *p = s, *end = s + len; (p = memchr(p, '>', (size_t)(end - p)));) {
		size_t n;

		p += strspn(p, ">");
		n = word_len(p, end);
		if (!is_about(p, n) && !str_starts(p + strspn(p, " \t"), "/dev/"))
			return false;
		p += n;
	}
	return true;
}

static bool is_harmless(const char *s, size_t len)
{
	/* a program whose output is taken is a command, too */
	if ((memmem(s, len, "$(", 2) || memchr(s, '`', len)) && !is_about(s, len))
		return false;
	if (!writes_nowhere_else(s, len))
		return false;
	for (const char *p = s, *end = s + len; p < end;) {
		size_t n;

		p += strspn(p, " \t");
		if (p >= end)
			break;
		n = strcspn(p, " \t");
		if (p + n > end)
			n = (size_t)(end - p);
		if (is_one_of(with_arguments, ARRAY_SIZE(with_arguments), p, n))
			return is_about(p, (size_t)(end - p));
		if (is_one_of(harmless, ARRAY_SIZE(harmless), p, n))
			return true;
		/* behind the word and "in" come a label, and a command */
		if (n == 4 && str_starts(p, "case"))
			n += word_len(p + n, end);
		else if (!is_one_of(words, ARRAY_SIZE(words), p, n) && !is_name(p, n))
			return false;
		p += n;
	}
	return true;
}

bool pin_script_is_all(const char *text, char *ret_where, size_t size)
{
	unsigned int nr = 1;

	for (const char *line = text; *line; nr++) {
		size_t n = strcspn(line, "\n"), at = strspn(line, " \t");
		_cleanup_free_ char *copy = strndup(line, n);

		/* a line that goes on is more than is understood here */
		if (!copy || (n && copy[n - 1] == '\\')) {
			snprintf(ret_where, size, "line %u", nr);
			return false;
		}
		for (const char *p = copy + (at < n ? at : n); *p && *p != '#';) {
			size_t len = command_len(p);

			if (!is_harmless(p, len)) {
				snprintf(ret_where, size, "line %u ('%.60s')", nr, copy + at);
				return false;
			}
			p += len + (p[len] != '\0');
			p += strspn(p, " \t;&|");
		}
		line += n + (line[n] == '\n');
	}
	return true;
}
