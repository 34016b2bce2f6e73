/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/slow.h"
#include "helper/hook_script.h"
#include "pve/storage.h"

#define HOOK_INSTALLED "/usr/libexec/gpupt/" HOOK_NAME /* as in gpupt-hook(8) */

/* What parent and child both see. */
struct look {
	char volid[256];
	int k;
	struct hook_script h;
};

bool hook_script_is_ours(const struct root *r, const char *path)
{
	const char *base = strrchr(path, '/');
	char target[NAME_MAX + 1];

	if (str_starts(base ? base + 1 : path, HOOK_NAME))
		return true;
	return root_readlink_base(r, path, target, sizeof(target)) == 0 && str_starts(target, HOOK_NAME);
}

static void child(const struct root *r, void *shared)
{
	struct look *l = shared;
	char path[PATH_MAX];
	struct stat st;

	l->k = storage_script(r, l->volid, path, &st, &l->h.e);
	/* also of one that cannot be run */
	if (storage_snippet(r, l->volid, l->h.path, NULL) < 0)
		l->h.path[0] = '\0';
	else
		l->h.ours = hook_script_is_ours(r, l->h.path);
}

static enum hook_state state_of(const struct look *l)
{
	switch (l->k) {
	case 0:
		return l->h.ours ? HOOK_OURS : HOOK_OTHER;
	case -ENOEXEC:
		return HOOK_NOT_EXECUTABLE;
	case -EACCES:
		return HOOK_UNSEEN;
	case -ENOENT: /* no such file, or no such storage */
		return l->h.path[0] ? HOOK_MISSING : HOOK_BAD;
	default:
		return HOOK_BAD;
	}
}

void hook_script_look(const struct root *r, const char *volid, struct hook_script *ret)
{
	struct look *l = volid ? slow_map(sizeof(*l)) : NULL;
	int k = -ENOMEM;

	*ret = (struct hook_script){ .state = volid ? HOOK_HANGS : HOOK_NONE };
	if (!volid)
		return;
	if (l && snprintf(l->volid, sizeof(l->volid), "%s", volid) < (int)sizeof(l->volid))
		k = slow_call(r, child, l, SLOW_MS);
	else if (l)
		k = -ENAMETOOLONG;
	if (k == 0) {
		*ret = l->h;
		ret->state = state_of(l);
	} else if (k == -ETIMEDOUT) {
		err_set(&ret->e, k, "the storage of '%.100s' does not answer", volid);
	} else {
		ret->state = HOOK_BAD;
		err_errno(&ret->e, k, "cannot look at '%.100s'", volid);
	}
	slow_unmap(l, sizeof(*l));
}

const char *hook_state_name(enum hook_state s)
{
	static const char *const names[] = {
		[HOOK_NONE] = "none",	[HOOK_OURS] = "ours",	[HOOK_OTHER] = "other",	  [HOOK_MISSING] = "missing",
		[HOOK_NOT_EXECUTABLE] = "not executable", [HOOK_BAD] = "bad", [HOOK_HANGS] = "hangs", [HOOK_UNSEEN] = "unseen",
		[HOOK_ELSEWHERE] = "elsewhere",
	};

	return names[s];
}

const char *hook_script_remedy(const struct hook_script *h, const struct hook_guest *g, char *buf, size_t size)
{
	const char *tool = g->kind == GUEST_CT ? "pct" : "qm";
	bool gone = h->state == HOOK_MISSING || h->state == HOOK_BAD;

	*buf = '\0';
	if (h->state == HOOK_NOT_EXECUTABLE)
		snprintf(buf, size, "chmod +x %.200s", h->path);
	else if (h->state == HOOK_MISSING && g->wants && str_eq(g->volid, HOOK_VOLID))
		snprintf(buf, size, "ln -s " HOOK_INSTALLED " %.200s", h->path);
	else if (g->wants && (gone || h->state == HOOK_NONE))
		snprintf(buf, size, "%s set %u --hookscript " HOOK_VOLID, tool, g->vmid);
	else if (gone)
		snprintf(buf, size, "%s set %u --delete hookscript", tool, g->vmid);
	else if (g->wants && h->state == HOOK_OTHER)
		snprintf(buf, size, "%s set %u --hookscript " HOOK_VOLID ", and 'next = %.60s' in [vm %u] of gpupt.conf", tool, g->vmid,
			 g->volid, g->vmid);
	else if (h->state == HOOK_HANGS)
		snprintf(buf, size, "make its storage answer: see 'pvesm status'");
	return buf;
}
