/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options: one table, from which parsing, help and completion come. */
#include <getopt.h>
#include <stddef.h>

#include "helper/output.h"

static int set_root(struct options *o, const char *arg)
{
	struct err e;

	root_close(&o->other);
	if (root_open_dir(&o->other, arg, &e) < 0) {
		helper_complain("%s", e.text);
		return EXIT_USAGE;
	}
	o->root = &o->other;
	return EXIT_DONE;
}

static int set_format(struct options *o, const char *arg)
{
	if (strcmp(arg, "json") != 0 && strcmp(arg, "text") != 0)
		return helper_usage("there is no output format '%s': use json or text", arg);
	o->json = strcmp(arg, "json") == 0;
	return EXIT_DONE;
}

static int set_columns(struct options *o, const char *arg)
{
	o->columns = arg;
	return EXIT_DONE;
}

static int set_changed_since(struct options *o, const char *arg)
{
	if (*arg != '/')
		return helper_usage("--changed-since needs a path that begins with a '/'");
	o->changed_since = arg;
	return EXIT_DONE;
}

#define FLAG(member) .flag = offsetof(struct options, member)

static const struct option_row {
	const char *name;
	char letter; /* 0: none */
	const char *arg;
	const char *help;
	int (*set)(struct options *o, const char *arg); /* NULL: it sets the flag */
	size_t flag;
	const char *of; /* the commands that have it, with ", " between; NULL: all */
} rows[] = {
	{ "root", 0, "DIR", "look at the copy of a host below DIR; changes are shown, not made", set_root },
	{ "json", 0, NULL, "print one JSON object", FLAG(json) },
	{ "output-format", 0, "json|text", "the same, as Proxmox VE's tools spell it", set_format },
	{ "output", 'o', "COLUMNS", "show these columns; +COLUMNS: these, too", set_columns },
	{ "noheadings", 0, NULL, "do not print the columns' names", FLAG(noheadings) },
	{ "dry-run", 0, NULL, "show what would be done, and do nothing", FLAG(dry_run) },
	{ "verbose", 'v', NULL, "say more", FLAG(verbose) },
	{ "yes", 'y', NULL, "do not ask", FLAG(yes), "prepare, revert, hooks install, hooks remove" },
	{ "adopt", 0, NULL, "comment out what others have written that decides about cards", FLAG(adopt), "prepare" },
	{ "resume", 0, NULL, "go on with a preparation that was cut off", FLAG(resume), "prepare" },
	{ "unfinished", 0, NULL, "put back only what a preparation that was cut off has made", FLAG(unfinished), "revert" },
	{ "idle", 0, NULL, "exit with 1 if a VM has cards, or a reset is under way", FLAG(idle), "status" },
	{ "next-boot", 0, NULL, "look at each kernel that is installed, and what it would find", FLAG(next_boot), "check" },
	{ "changed-since", 0, "FILE", "with --next-boot: say nothing unless they have changed after FILE", set_changed_since, .of = "check" },
	{ "quiet", 'q', NULL, "say only what is wrong, and nothing if nothing is", FLAG(quiet), "check" },
	{ "help", 'h', NULL, "explain the command", FLAG(help) },
	{ "version", 0, NULL, "print the version", FLAG(version) },
};

#define N_ROWS ARRAY_SIZE(rows)
_Static_assert(N_ROWS <= 64, "options.given has a bit for each");
#define FIRST_CODE 256 /* beyond every letter */

bool helper_option(size_t i, struct option_help *ret)
{
	char letter[8] = "";

	if (i >= N_ROWS)
		return false;
	if (rows[i].letter)
		snprintf(letter, sizeof(letter), "-%c, ", rows[i].letter);
	snprintf(ret->synopsis, sizeof(ret->synopsis), "%s--%s%s%s", letter, rows[i].name, rows[i].arg ? " " : "",
		 rows[i].arg ? rows[i].arg : "");
	ret->help = rows[i].help;
	ret->of = rows[i].of;
	return true;
}

bool helper_option_of(const char *of, const char *command)
{
	size_t n;

	for (const char *p = of; p && *p; p += n + strspn(p + n, ", ")) {
		n = strcspn(p, ",");
		if (strlen(command) == n && strncmp(p, command, n) == 0)
			return true;
	}
	return false;
}

static const struct option_row *row_of(int code)
{
	if (code >= FIRST_CODE)
		return &rows[code - FIRST_CODE];
	for (size_t i = 0; i < N_ROWS; i++)
		if (rows[i].letter && rows[i].letter == code)
			return &rows[i];
	return NULL;
}

int helper_parse_options(struct options *o, int argc, char **argv, int *ret_first)
{
	struct option longs[N_ROWS + 1] = { 0 };
	char shorts[2 * N_ROWS + 2] = ":", *s = shorts + 1;
	const struct option_row *row;
	int code, r = EXIT_DONE;

	for (size_t i = 0; i < N_ROWS; i++) {
		longs[i] = (struct option){ .name = rows[i].name,
					    .has_arg = rows[i].arg ? required_argument : no_argument,
					    .val = FIRST_CODE + (int)i };
		if (rows[i].letter)
			*s++ = rows[i].letter;
		if (rows[i].letter && rows[i].arg)
			*s++ = ':';
	}
	optind = 0; /* from the start, also when called again */
	opterr = 0;
	while (r == EXIT_DONE && (code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (code == ':')
			return helper_usage("option '%s' needs an argument", argv[optind - 1]);
		if (code == '?' && optopt > 0 && optopt < FIRST_CODE)
			return helper_usage("there is no option '-%c'", optopt);
		if (code == '?')
			return helper_usage(optopt ? "option '%s' takes no argument" : "there is no option '%s'", argv[optind - 1]);
		row = row_of(code);
		o->given |= UINT64_C(1) << (row - rows);
		if (row->set)
			r = row->set(o, optarg);
		else
			*(bool *)((char *)o + row->flag) = true;
	}
	*ret_first = optind;
	return r;
}

int helper_check_options(const struct options *o, const struct command *c)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (o->given >> i & 1 && rows[i].of && !helper_option_of(rows[i].of, c->name))
			return helper_usage("%s has no option '--%s': it belongs to %s", c->name, rows[i].name, rows[i].of);
	return EXIT_DONE;
}
