/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/interrupt.h"
#include "base/log.h"
#include "flow/observe.h"
#include "helper/output.h"

static const struct command *const commands[] = {
	&command_list,	    &command_check, &command_status, &command_release,
	&command_reconcile, &command_reset, &command_settle, &command_rom,
	&command_hooks,	    &command_capture, &command_prepare, &command_revert, &command_help,
};

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

bool helper_settings_or_default(const struct options *o, struct settings *ret, struct err *e)
{
	struct err why = { "out of memory" };

	if (helper_result(settings_load(o->root, ret, &why), &why) == EXIT_DONE)
		return true;
	err_set(e, 0, "%s", why.text);
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

static int run_command(const struct options *o, const struct command *c, int argc, char **argv)
{
	if (c->words && argc > 0) {
		const struct command *w = helper_word(c, argv[0]);

		return w ? run_command(o, w, argc - 1, argv + 1) : helper_usage("there is no '%s %s'", c->name, argv[0]);
	}
	if (helper_check_options(o, c) != EXIT_DONE)
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
	int first = 0, code = helper_parse_options(&o, argc, argv, &first);

	if (code == EXIT_DONE)
		code = dispatch(&o, argc - first, argv + first);
	root_close(&o.other);
	return finish(code);
}
