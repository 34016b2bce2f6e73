/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <stddef.h>

#include "base/interrupt.h"
#include "base/log.h"
#include "flow/observe.h"
#include "helper/output.h"

static const struct command *const commands[] = {
	&command_list,	    &command_check, &command_status, &command_release,
	&command_reconcile, &command_reset, &command_settle, &command_rom,
	&command_hooks,	    &command_capture, &command_prepare, &command_revert, &command_help,
};

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
	{ "help", 'h', NULL, "explain the command", FLAG(help) },
	{ "version", 0, NULL, "print the version", FLAG(version) },
};

#define N_ROWS ARRAY_SIZE(rows)
_Static_assert(N_ROWS <= 64, "options.given has a bit for each");
#define FIRST_CODE 256 /* beyond every letter */

const struct command *const *helper_commands(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(commands);
	return commands;
}

const struct command *helper_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

const struct command *helper_word(const struct command *c, const char *word)
{
	size_t n = strlen(c->name) + 1; /* with a blank behind it */

	for (const struct command *const *w = c->words; w && *w; w++)
		if (strcmp((*w)->name + n, word) == 0)
			return *w;
	return NULL;
}

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

static _printf_(1, 0) void complain_v(const char *fmt, const char *end, va_list ap)
{
	fputs("gpupt-helper: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputs(end, stderr);
}

void helper_complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain_v(fmt, "\n", ap);
	va_end(ap);
}

int helper_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain_v(fmt, "; see 'gpupt-helper help'\n", ap);
	va_end(ap);
	return EXIT_USAGE;
}

int helper_result(int k, const struct err *e)
{
	if (k == 0)
		return EXIT_DONE;
	if (k == -ENOMEM)
		helper_complain("out of memory");
	else
		helper_complain("%s", e->text);
	return k == -EUCLEAN ? EXIT_LEFT : EXIT_REFUSED;
}

bool helper_vmid(const char *s, unsigned int *ret)
{
	if (parse_vmid(s, ret) == 0)
		return true;
	helper_usage("'%s' is not a VMID: use a number from 100 to 999999999", s);
	return false;
}

bool helper_settings(const struct options *o, struct settings *ret)
{
	struct err e;

	return helper_result(settings_load(o->root, ret, &e), &e) == EXIT_DONE;
}

bool helper_settings_or_default(const struct options *o, struct settings *ret)
{
	if (helper_settings(o, ret))
		return true;
	helper_complain("going on with the defaults: what was taken is given back all the same");
	settings_default(ret);
	return false;
}

bool helper_shows_only(const struct options *o)
{
	if (!o->dry_run && !root_is_live(o->root))
		helper_complain("%s is the copy of a host: this is what would be done", o->root->path);
	return o->dry_run || !root_is_live(o->root);
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

/* Takes the options out of argv. Returns the place of the first word that is none in *ret_first, and an exit code. */
static int parse_options(struct options *o, int argc, char **argv, int *ret_first)
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

/* Options that are other commands' alone. */
static int check_options(const struct options *o, const struct command *c)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (o->given >> i & 1 && rows[i].of && !helper_option_of(rows[i].of, c->name))
			return helper_usage("%s has no option '--%s': it belongs to %s", c->name, rows[i].name, rows[i].of);
	return EXIT_DONE;
}

static int run_command(const struct options *o, const struct command *c, int argc, char **argv)
{
	if (c->words && argc > 0) {
		const struct command *w = helper_word(c, argv[0]);

		return w ? run_command(o, w, argc - 1, argv + 1) : helper_usage("there is no '%s %s'", c->name, argv[0]);
	}
	if (check_options(o, c) != EXIT_DONE)
		return EXIT_USAGE;
	if (argc < c->min)
		return helper_usage("%s needs an argument: gpupt-helper %s %s", c->name, c->name, c->args);
	if (c->max >= 0 && argc > c->max)
		return helper_usage("'%s' is one argument too many for %s", argv[c->max], c->name);
	if (c->columns && columns_check(o, c->columns) != EXIT_DONE)
		return EXIT_USAGE;
	if (c->changes && root_is_real(o->root) && geteuid() != 0) {
		helper_complain("%s needs root: it works on the host", c->name);
		return EXIT_REFUSED;
	}
	if (c->changes && root_is_real(o->root)) {
		log_to_journal();
		/* at Ctrl-C what was done is put back first */
		interrupt_install();
	}
	return c->run(o, argc, argv);
}

static int dispatch(const struct options *o, int argc, char **argv)
{
	const struct command *c;

	if (o->version) {
		puts("gpupt-helper " GPUPT_VERSION);
		return EXIT_DONE;
	}
	if (argc == 0 && o->help)
		return command_help.run(o, 0, NULL);
	if (argc == 0)
		return helper_usage("what shall be done? Try 'gpupt-helper check'");
	c = helper_command(argv[0]);
	if (!c)
		return helper_usage("there is no command '%s'", argv[0]);
	return o->help ? command_help.run(o, c->words && argc > 1 ? 2 : 1, argv) : run_command(o, c, argc - 1, argv + 1);
}

/* What did not get out is no success. */
static int finish(int code)
{
	if (fflush(stdout) != 0)
		helper_complain("cannot write the output: %s", strerror(errno));
	else if (ferror(stdout)) /* earlier: errno is another's by now */
		helper_complain("cannot write the output");
	else
		return code;
	return code == EXIT_DONE ? EXIT_REFUSED : code;
}

int helper_main(const struct root *root, int argc, char **argv)
{
	struct options o = { .root = root, .other.fd = -1 };
	int first = 0, code = parse_options(&o, argc, argv, &first);

	if (code == EXIT_DONE)
		code = dispatch(&o, argc - first, argv + first);
	root_close(&o.other);
	return finish(code);
}
