/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "base/slow.h"
#include "helper/hook_script.h"
#include "pve/storage.h"

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

	if (str_starts(base ? base + 1 : path, SNIPPET_NAME))
		return true;
	return root_readlink_base(r, path, target, sizeof(target)) == 0 && str_starts(target, SNIPPET_NAME);
}

static void child(const struct root *r, void *shared)
{
	struct look *l = shared;
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	struct stat st;

	l->k = storage_script(r, l->volid, path, &st, &l->h.e);
	/* also of one that cannot be run */
	if (storage_snippet(r, l->volid, l->h.path, NULL) < 0) {
		l->h.path[0] = '\0';
		return;
	}
	l->h.ours = hook_script_is_ours(r, l->h.path);
	if (snippet_text(r, &text, NULL) < 0)
		text = NULL;
	if (snippet_look(r, l->h.path, text, &l->h.snippet) < 0)
		l->h.snippet = SNIPPET_NONE;
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

bool hook_script_uninstalled(const struct root *r)
{
	struct hook_script h;

	hook_script_look(r, HOOK_VOLID, &h);
	return h.state == HOOK_MISSING;
}

char *hook_script_storage(const char *volid, char *buf, size_t size)
{
	static const char name[] = ":snippets/" SNIPPET_NAME;
	const char *colon = volid ? strchr(volid, ':') : NULL;

	if (!colon || !str_eq(colon, name) || (size_t)(colon - volid) >= size)
		return NULL;
	memcpy(buf, volid, (size_t)(colon - volid));
	buf[colon - volid] = '\0';
	return buf;
}

const char *hook_script_remedy(const struct hook_script *h, const struct hook_guest *g, char *buf, size_t size)
{
	const char *tool = g->kind == GUEST_CT ? "pct" : "qm", *first = g->uninstalled ? "gpupt-helper hooks install, then " : "";
	bool gone = h->state == HOOK_MISSING || h->state == HOOK_BAD, old = h->state == HOOK_OURS && h->snippet == SNIPPET_OLD;
	char storage[128];

	*buf = '\0';
	if (h->state == HOOK_NOT_EXECUTABLE)
		snprintf(buf, size, "chmod +x %.200s", h->path);
	else if ((old || (h->state == HOOK_MISSING && g->wants)) && hook_script_storage(g->volid, storage, sizeof(storage)))
		snprintf(buf, size, str_eq(storage, "local") ? "gpupt-helper hooks install" : "gpupt-helper hooks install %s", storage);
	else if (g->wants && (gone || h->state == HOOK_NONE))
		snprintf(buf, size, "%s%s set %u --hookscript " HOOK_VOLID, first, tool, g->vmid);
	else if (gone)
		snprintf(buf, size, "%s set %u --delete hookscript", tool, g->vmid);
	else if (g->wants && h->state == HOOK_OTHER)
		snprintf(buf, size, "%s%s set %u --hookscript " HOOK_VOLID ", and 'next = %.60s' in [vm %u] of gpupt.conf", first, tool,
			 g->vmid, g->volid, g->vmid);
	else if (h->state == HOOK_HANGS)
		snprintf(buf, size, "make its storage answer: see 'pvesm status'");
	return buf;
}
