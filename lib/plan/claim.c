/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "plan/claim.h"
#include "plan/lease.h"
#include "plan/state.h"

#define CLAIM_DIR STATE_RUN "/claim"

static char *claim_path(char path[static PATH_MAX], struct bdf b)
{
	char name[BDF_LEN];

	return path_f(path, CLAIM_DIR "/%s", bdf_format(b, name));
}

static int claim_parse(const char *text, struct claim *c)
{
	unsigned long long start;
	int pid;

	if (sscanf(text, "vm %u boot %39s owner %d %llu", &c->vmid, c->boot_id, &pid, &start) == 4 && c->vmid)
		c->kind = CLAIM_VM;
	else if (sscanf(text, "reset boot %39s owner %d %llu", c->boot_id, &pid, &start) == 3)
		c->kind = CLAIM_RESET;
	else
		return -EBADMSG;
	c->owner = (struct proc_id){ .pid = pid, .start = start };
	return 0;
}

static bool counts(const struct root *r, const struct claim *c)
{
	char boot_id[BOOT_ID_LEN];

	if (proc_boot_id(r, boot_id) == 0 && strcmp(boot_id, c->boot_id) != 0)
		return false;
	return proc_alive(r, c->owner) || (c->kind == CLAIM_VM && lease_names(r, c->vmid, c->bdf));
}

bool claim_is_of(const struct root *r, const struct claim *c, unsigned int vmid)
{
	struct proc_id self = { 0 };

	if (c->kind == CLAIM_VM || vmid != CLAIM_FOR_RESET)
		return c->kind == CLAIM_VM && c->vmid == vmid;
	return proc_self(r, &self) == 0 && c->owner.pid == self.pid && c->owner.start == self.start;
}

static int conflict(const struct claim *c, struct err *e)
{
	char name[BDF_LEN];

	bdf_format(c->bdf, name);
	return c->kind == CLAIM_RESET ? err_set(e, -EBUSY, "%s is being reset by process %d", name, (int)c->owner.pid) :
					err_set(e, -EBUSY, "%s belongs to VM %u", name, c->vmid);
}

int claim_find(const struct root *r, struct bdf b, struct claim *ret)
{
	_cleanup_free_ char *text = NULL;
	struct claim c = { .bdf = b };
	char path[PATH_MAX];

	if (state_read(r, claim_path(path, b), &text) < 0 || claim_parse(text, &c) < 0 || !counts(r, &c))
		return 0;
	*ret = c;
	return 1;
}

int claim_all(const struct root *r, unsigned int vmid, struct bdf_list *ret)
{
	_cleanup_bdf_list_ struct bdf_list all = { 0 };
	_cleanup_strv_ struct strv names = { 0 };
	int k = state_list(r, CLAIM_DIR, &names);

	strv_foreach(name, &names) {
		struct claim c;
		struct bdf b;

		if (k == 0 && bdf_parse_full(name, &b) == 0 && claim_find(r, b, &c) > 0 && c.kind == CLAIM_VM && c.vmid == vmid)
			k = bdf_list_add(&all, b);
	}
	if (k < 0)
		return k;
	*ret = all;
	all = (struct bdf_list){ 0 };
	return 0;
}

/* With the lock in hand: between the look and the removal nobody else may have claimed it. */
static void drop(const struct root *r, struct bdf b, unsigned int vmid)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	struct claim c;

	if (state_read(r, claim_path(path, b), &text) == 0 && claim_parse(text, &c) == 0 && claim_is_of(r, &c, vmid))
		root_unlink(r, path);
}

int claim_take(const struct root *r, const struct bdf *b, size_t n, unsigned int vmid, struct claim *ret_conflict,
	       struct err *e)
{
	char boot_id[BOOT_ID_LEN] = "-", path[PATH_MAX];
	_cleanup_text_ struct text t = { 0 };
	_cleanup_free_ bool *own = calloc(n + 1, sizeof(*own));
	struct proc_id self = { 0 };
	struct claim c;

	if (!own)
		return err_errno(e, -ENOMEM, "cannot claim GPUs");
	for (size_t i = 0; i < n; i++) {
		own[i] = claim_find(r, b[i], &c);
		if (own[i] && !claim_is_of(r, &c, vmid)) {
			*ret_conflict = c;
			return conflict(&c, e);
		}
	}
	proc_self(r, &self);
	proc_boot_id(r, boot_id);
	if (vmid == CLAIM_FOR_RESET)
		text_add(&t, "reset");
	else
		text_addf(&t, "vm %u", vmid);
	text_addf(&t, " boot %s owner %d %llu\n", boot_id, (int)self.pid, (unsigned long long)self.start);
	for (size_t i = 0; i < n; i++) {
		int k = state_write(r, claim_path(path, b[i]), text_str(&t), e);

		if (k < 0) {
			while (i-- > 0)
				if (!own[i])
					drop(r, b[i], vmid);
			return k;
		}
	}
	return 0;
}

void claim_drop(const struct root *r, struct bdf b, unsigned int vmid)
{
	_cleanup_close_ int lock = state_lock(r, NULL);

	if (lock >= 0)
		drop(r, b, vmid);
}

int claim_drop_dead(const struct root *r, struct claim **ret, size_t *ret_n)
{
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_free_ struct claim *dead = NULL;
	size_t n = 0;
	int k = state_list(r, CLAIM_DIR, &names);

	if (k < 0)
		return k;
	dead = calloc(names.n + 1, sizeof(*dead));
	if (!dead)
		return -ENOMEM;
	strv_foreach(name, &names) {
		_cleanup_free_ char *text = NULL;
		struct claim c = { 0 };
		char path[PATH_MAX];

		if (bdf_parse_full(name, &c.bdf) < 0 || state_read(r, claim_path(path, c.bdf), &text) < 0 ||
		    claim_parse(text, &c) < 0 || counts(r, &c) || root_unlink(r, path) < 0)
			continue;
		dead[n++] = c;
	}
	*ret = TAKE_PTR(dead);
	*ret_n = n;
	return 0;
}
