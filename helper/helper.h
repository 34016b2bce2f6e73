/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gpupt-helper: its options and its commands. Help, parsing and completion derive from two tables, in helper.c and options.c. */
#ifndef GPUPT_HELPER_H
#define GPUPT_HELPER_H

#include "base/root.h"
#include "flow/report.h"
#include "policy/settings.h"

/* The options that stand before or behind any command. */
struct options {
	const struct root *root;
	bool json, noheadings, dry_run, verbose;
	bool yes;		       /* of commands that ask */
	bool adopt, resume, unfinished; /* of prepare and revert */
	bool idle; /* of status */
	const char *columns; /* of -o, or NULL */
	bool next_boot, quiet;	   /* of check */
	const char *changed_since; /* likewise: a file, or NULL */
	bool help, version;
	struct root other; /* of --root; fd -1 without it */
	uint64_t given;	   /* which there were: a bit for each row of the table */
};

struct columns;

struct command {
	const char *name;
	const char *args; /* of its synopsis */
	int min, max;	  /* how many arguments it takes; max -1: any number */
	bool changes;	  /* it changes the host, so it needs root there */
	const char *summary, *help;
	const struct columns *columns; /* of its list, or NULL */
	const struct command *const *words; /* what its first argument may name: "hooks install"; NULL-terminated, or NULL */
	int (*run)(const struct options *o, int argc, char **argv); /* argv: the arguments alone. Returns an exit code. */
};

extern const struct command command_list, command_check, command_status, command_release, command_reconcile, command_reset,
	command_settle, command_rom, command_hooks, command_hooks_install, command_hooks_remove, command_capture, command_prepare,
	command_revert, command_help;

/* All commands, in the order of the help; *ret_n of them. */
const struct command *const *helper_commands(size_t *ret_n);
/* NULL if there is none of that name. */
const struct command *helper_command(const char *name);
/* The one that a word names as the first argument of c; NULL if there is none. */
const struct command *helper_word(const struct command *c, const char *word);

struct option_help {
	char synopsis[64]; /* "--root DIR" */
	const char *help;
	const char *of; /* the commands that have it, "check, list"; NULL: all */
};

/* False behind the last. */
bool helper_option(size_t i, struct option_help *ret);
/* Is the command in that list? */
bool helper_option_of(const char *of, const char *command);
/* Takes the options out of argv. Returns an exit code, and the place of the first word that is none in *ret_first. */
int helper_parse_options(struct options *o, int argc, char **argv, int *ret_first);
/* EXIT_USAGE (said) if there is one that is other commands' alone. */
int helper_check_options(const struct options *o, const struct command *c);

/* The program. Returns its exit code. */
int helper_main(const struct root *root, int argc, char **argv);

/* One line on stderr, "gpupt-helper: …". */
void helper_complain(const char *fmt, ...) _printf_(1, 2);
/* The same with a hint at the help; returns EXIT_USAGE. */
int helper_usage(const char *fmt, ...) _printf_(1, 2);
/* The exit code for 0 or -errno; complains with e's sentence of a failure. */
int helper_result(int k, const struct err *e);

/* A VMID; complains and returns false if it is none. */
bool helper_vmid(const char *s, unsigned int *ret);
/* Reads gpupt.conf; complains and returns false if it is not to be understood. */
bool helper_settings(const struct options *o, struct settings *ret);
/*
 * The same for commands that give back: an error in the file keeps no card away, so the defaults stand in for it. False if they had to,
 * which has been complained of, and is in e (may be NULL).
 */
bool helper_settings_or_default(const struct options *o, struct settings *ret, struct err *e);
/*
 * Settles what VMs that do not run still have: of one, or of all with vmid 0. unattended: what is left goes to root by mail.
 * Returns an exit code.
 */
int helper_reconcile(const struct options *o, unsigned int vmid, bool unattended);
/* With a captured tree, or --dry-run, changes are shown and not made; says so once. */
bool helper_shows_only(const struct options *o);

#endif
