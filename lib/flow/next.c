/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/proc.h"
#include "flow/next.h"
#include "flow/snippet.h"
#include "pve/storage.h"

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Would running it come back to it? */
static bool calls_itself(const struct root *r, const struct config *cfg, const struct stat *next)
{
	const char *volid = cfg ? config_get(cfg, "hookscript") : NULL;
	char path[PATH_MAX];
	struct stat st;


	if (volid && storage_script(r, volid, path, &st, NULL) == 0 && same_file(&st, next))
		return true;
	return proc_program(r, &st) == 0 && same_file(&st, next);
}

int next_find(const struct root *r, const struct settings *s, const struct config *cfg, unsigned int vmid,
	      char ret[static PATH_MAX], struct err *e)
{
	const struct vm_settings *vm = settings_vm(s, vmid);
	enum snippet kind;
	char path[PATH_MAX];
	struct stat st;
	int k;

	if (!vm || !vm->next)
		return 0;
	k = storage_script(r, vm->next, path, &st, e);
	if (k < 0)
		return k;
	if (calls_itself(r, cfg, &st))
		return err_set(e, -ELOOP, "script '%.100s' is the VM's own hookscript, which would call itself without end", vm->next);
	/* the lines that run the hook may lie in several storages */
	if (snippet_look(r, path, NULL, &kind) == 0 && kind == SNIPPET_CURRENT)
		return err_set(e, -ELOOP, "script '%.100s' is gpupt's snippet, which would call itself without end", vm->next);
	memcpy(ret, path, PATH_MAX);
	return 1;
}
