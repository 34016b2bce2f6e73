/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "helper/output.h"

enum { COMMAND_NAME, COMMAND_ARGS, COMMAND_SUMMARY };
enum { COLUMN_NAME, COLUMN_DEFAULT, COLUMN_HELP };
enum { OPTION_NAME, OPTION_COMMANDS, OPTION_SUMMARY };

static const struct column command_v[] = {
	[COMMAND_NAME] = { "command", "its name" },
	[COMMAND_ARGS] = { "arguments", "what it takes" },
	[COMMAND_SUMMARY] = { "summary", "what it does" },
};
static const struct columns command_columns = { "commands", command_v, ARRAY_SIZE(command_v) };

static const struct column column_v[] = {
	[COLUMN_NAME] = { "column", "its name" },
	[COLUMN_DEFAULT] = { "default", "shown without -o", COLUMN_BOOL },
	[COLUMN_HELP] = { "meaning", "what it shows" },
};
static const struct columns column_columns = { "columns", column_v, ARRAY_SIZE(column_v) };

static const struct column option_v[] = {
	[OPTION_NAME] = { "option", "its names, and its argument" },
	[OPTION_COMMANDS] = { "commands", "those that have it; none are named if all do" },
	[OPTION_SUMMARY] = { "summary", "what it does" },
};
static const struct columns option_columns = { "options", option_v, ARRAY_SIZE(option_v) };

/* Help as a list is for programs, completion among them. */
static bool as_list(const struct options *o)
{
	return o->json || o->columns || o->noheadings;
}

static int list_commands(const struct options *o)
{
	_cleanup_table_ struct table t = { 0 };
	size_t n;
	const struct command *const *all = helper_commands(&n);
	int code = table_open(o, &command_columns, &t);

	if (code != EXIT_DONE)
		return code;
	for (size_t i = 0; i < n; i++) {
		table_row(&t);
		table_set(&t, COMMAND_NAME, all[i]->name);
		table_set(&t, COMMAND_ARGS, all[i]->args);
		table_set(&t, COMMAND_SUMMARY, all[i]->summary);
	}
	return table_print(&t);
}

static int list_columns(const struct options *o, const struct command *c)
{
	_cleanup_table_ struct table t = { 0 };
	int code = table_open(o, &column_columns, &t);

	if (code != EXIT_DONE)
		return code;
	for (size_t i = 0; c->columns && i < c->columns->n; i++) {
		const struct column *col = &c->columns->v[i];

		table_row(&t);
		table_set(&t, COLUMN_NAME, col->name);
		table_set(&t, COLUMN_DEFAULT, col->extra || col->detail ? "no" : "yes");
		table_set(&t, COLUMN_HELP, col->help);
	}
	return table_print(&t);
}

static int list_options(const struct options *o)
{
	_cleanup_table_ struct table t = { 0 };
	int code = table_open(o, &option_columns, &t);
	struct option_help h;

	if (code != EXIT_DONE)
		return code;
	for (size_t i = 0; helper_option(i, &h); i++) {
		table_row(&t);
		table_set(&t, OPTION_NAME, h.synopsis);
		table_set(&t, OPTION_COMMANDS, h.of);
		table_set(&t, OPTION_SUMMARY, h.help);
	}
	return table_print(&t);
}

/* Is there a "hooks install" for hooks that has it? */
static bool word_has_option(const char *command, const char *of)
{
	const struct command *c = helper_command(command);

	for (const struct command *const *w = c ? c->words : NULL; w && *w; w++)
		if (helper_option_of(of, (*w)->name))
			return true;
	return false;
}

/* One a line; of a command those that it can have, else all. */
static int show_options(const char *command)
{
	struct option_help h;

	for (size_t i = 0; helper_option(i, &h); i++)
		if (!h.of || !command || helper_option_of(h.of, command) || word_has_option(command, h.of))
			printf("%s\n", h.synopsis);
	return EXIT_DONE;
}

/* Those that every command has, or those of one alone. */
static void print_options(const struct command *c, const char *title)
{
	struct option_help h;
	bool any = false;

	for (size_t i = 0; helper_option(i, &h); i++) {
		if (c ? !helper_option_of(h.of, c->name) : !!h.of)
			continue;
		printf("%s  %-26s %s\n", any ? "" : title, h.synopsis, h.help);
		any = true;
	}
}

static int show_all(void)
{
	size_t n;
	const struct command *const *all = helper_commands(&n);
	char synopsis[64];

	printf("Usage: gpupt-helper [OPTION...] COMMAND [ARGUMENT...]\n\n"
	       "Shows, checks and returns the GPUs of a Proxmox VE host.\n\nCommands:\n");
	for (size_t i = 0; i < n; i++) {
		snprintf(synopsis, sizeof(synopsis), "%s %s", all[i]->name, all[i]->args);
		printf("  %-26s %s\n", synopsis, all[i]->summary);
	}
	print_options(NULL, "\nOptions:\n");
	printf("\nA GPU is an address such as 0000:01:00.0, 01:00.0 or 01:00. 'gpupt-helper check' is harmless.\n"
	       "Exit codes: 0 done; 1 refused, or failed and put back; 2 usage; 3 not everything could be put back.\n"
	       "'gpupt-helper help COMMAND' says more; so does gpupt-helper(8).\n");
	return EXIT_DONE;
}

static void print_words(const struct command *c)
{
	for (const struct command *const *w = c->words; w && *w; w++) {
		char synopsis[64];

		snprintf(synopsis, sizeof(synopsis), "%s %s", (*w)->name, (*w)->args);
		printf("%s  %-26s %s\n", w == c->words ? "\nFurther:\n" : "", synopsis, (*w)->summary);
	}
}

static int show_command(const struct command *c)
{
	printf("Usage: gpupt-helper %s%s%s\n\n%s\n", c->name, *c->args ? " " : "", c->args, c->help);
	print_words(c);
	print_options(c, "\nOptions of its own:\n");
	if (!c->columns)
		return EXIT_DONE;
	printf("\nColumns (* only with -o or --json):\n");
	for (size_t i = 0; i < c->columns->n; i++) {
		const struct column *col = &c->columns->v[i];

		printf("  %-12s%s %s\n", col->name, col->extra || col->detail ? "*" : " ", col->help);
	}
	return EXIT_DONE;
}

static int run(const struct options *o, int argc, char **argv)
{
	const struct command *c;

	if (argc == 0)
		return as_list(o) ? list_commands(o) : show_all();
	/* completion asks for the options by this name */
	if (strcmp(argv[0], "options") == 0)
		return as_list(o) ? list_options(o) : show_options(argv[1]);
	c = helper_command(argv[0]);
	if (!c)
		return helper_usage("there is no command '%s'", argv[0]);
	if (argc > 1 && !c->words)
		return helper_usage("'%s' is one argument too many for help", argv[1]);
	if (argc > 1) {
		c = helper_word(c, argv[1]);
		if (!c)
			return helper_usage("there is no '%s %s'", argv[0], argv[1]);
	}
	return as_list(o) ? list_columns(o, c) : show_command(c);
}

const struct command command_help = {
	.name = "help",
	.args = "[COMMAND]",
	.max = 2,
	.summary = "explain a command",
	.help = "Without a command, names all commands and options.",
	.run = run,
};
