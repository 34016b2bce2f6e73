/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "host/kmod.h"
#include "host/modrun.h"

/* What ends a path in a shell's command. */
#define PATH_END " \t'\"`;&|()<>"

/* A path that is no script's: to read one of those can do something, or wait. */
static bool is_kernels(const char *path)
{
	return str_starts(path, "/sys/") || str_starts(path, "/proc/") || str_starts(path, "/dev/");
}

static int scan_scripts(const struct root *r, const char *command, struct initscript *run)
{
	int k = initscript_scan(command, run);

	for (const char *p = command; k == 0 && *(p += strspn(p, PATH_END)); p += strcspn(p, PATH_END)) {
		_cleanup_free_ char *path = NULL, *text = NULL;

		if (*p != '/' || is_kernels(p))
			continue;
		path = strndup(p, strcspn(p, PATH_END));
		k = path ? conf_read(r, path, &text) : -ENOMEM;
		/* programs are no text */
		if (k == 0)
			k = initscript_scan(text, run);
		else if (k != -ENOMEM)
			k = 0;
	}
	return k;
}

int modrun_load(const struct root *r, const struct modprobe *m, struct initscripts *ret)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct modprobe_line *line = &m->v[i];
		_cleanup_initscript_ struct initscript run = { 0 };

		if (line->kind != MODPROBE_INSTALL || !kmod_keeper(line->module) || modprobe_is_nothing(line))
			continue;
		if (conf_place_set(&run.at, line->at.file, line->at.line, line->at.last, line->at.text) < 0 ||
		    scan_scripts(r, line->rest, &run) < 0 || initscripts_add(ret, &run) < 0)
			return -ENOMEM;
	}
	return 0;
}

const struct initscript *modrun_find(const struct initscripts *l, const struct modprobe_line *line)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].at.line == line->at.line && strcmp(l->v[i].at.file, line->at.file) == 0)
			return &l->v[i];
	return NULL;
}
