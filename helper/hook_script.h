/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest's hookscript, as `check` and `hooks` judge it. */
#ifndef GPUPT_HOOK_SCRIPT_H
#define GPUPT_HOOK_SCRIPT_H

#include "flow/snippet.h"
#include "pve/kind.h"

#define HOOK_VOLID "local:snippets/" SNIPPET_NAME /* what a remedy attaches */

enum hook_state {
	HOOK_NONE,	     /* the guest has none */
	HOOK_OURS,	     /* gpupt's, and Proxmox VE can run it */
	HOOK_OTHER,	     /* another one that it can run */
	HOOK_MISSING,	     /* its file is not there: with this and the next two the guest cannot start */
	HOOK_NOT_EXECUTABLE,
	HOOK_BAD,	     /* what the configuration says leads to no file */
	HOOK_HANGS,	     /* its storage does not answer */
	HOOK_UNSEEN,	     /* not for this user to see */
	HOOK_ELSEWHERE,	     /* on another node, where this one cannot look */
};

struct hook_script {
	enum hook_state state;
	bool ours;	     /* by its name, whether or not it can be run */
	enum snippet snippet; /* and by what is in it; SNIPPET_NONE if it cannot be seen */
	char path[PATH_MAX]; /* "" unless the volume id leads to one */
	struct err e;	     /* a sentence for what is wrong with it */
};

/* Looks at a volume id, or NULL for none, as this node has it. A storage that does not answer keeps nobody waiting. */
void hook_script_look(const struct root *r, const char *volid, struct hook_script *ret);

/* Is the file at path gpupt's, by its name or by that of what it is a link to? */
bool hook_script_is_ours(const struct root *r, const char *path);

/* Is there nothing at HOOK_VOLID that a guest could have for its hookscript? */
bool hook_script_uninstalled(const struct root *r);

/* The storage of a volume id that has the name of gpupt's snippet, "local" … Into buf, which it returns; NULL for any other name. */
char *hook_script_storage(const char *volid, char *buf, size_t size);

/* "ours", "missing" … */
const char *hook_state_name(enum hook_state s);

struct hook_guest {
	enum guest_kind kind;
	unsigned int vmid;
	bool wants;	   /* it names a GPU, so it should have gpupt's */
	bool uninstalled;  /* and that is not in its storage yet: HOOK_VOLID cannot be attached */
	const char *volid; /* what it has, or NULL */
};

/* What to do: a command, as far as one does it. "" for nothing. Into buf, which it returns. */
const char *hook_script_remedy(const struct hook_script *h, const struct hook_guest *g, char *buf, size_t size);

#endif
