/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "plan/claim.h"
#include "plan/lease.h"
#include "plan/state.h"

#define CLAIM_DIR STATE_RUN "/claim"
#define TURN_DIR  STATE_RUN "/turn"

static char *claim_path(char path[static PATH_MAX], struct bdf b)
{
	char name[BDF_LEN];

	return path_f(path, CLAIM_DIR "/%s", bdf_format(b, name));
}

static int claim_parse(const char *text, struct claim *c)
{
	unsigned long long start;
	int pid;

	if (sscanf(text, "vm %u boot %39s owner %d %llu", &c->vmid, c->boot_id, &pid, &start) != 4)
		return -EBADMSG;
	c->owner = (struct proc_id){ .pid = pid, .start = start };
	return 0;
}

static bool counts(const struct root *r, const struct claim *c)
{
	char boot_id[BOOT_ID_LEN];

	if (proc_boot_id(r, boot_id) == 0 && strcmp(boot_id, c->boot_id) != 0)
		return false;
	return proc_alive(r, c->owner) || lease_names(r, c->vmid, c->bdf);
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

int claim_take(const struct root *r, const struct bdf *b, size_t n, unsigned int vmid, struct claim *ret_conflict,
	       struct err *e)
{
	char boot_id[BOOT_ID_LEN] = "-", path[PATH_MAX], name[BDF_LEN];
	_cleanup_text_ struct text t = { 0 };
	_cleanup_free_ bool *own = calloc(n + 1, sizeof(*own));
	struct proc_id self = { 0 };
	struct claim c;

	if (!own)
		return err_errno(e, -ENOMEM, "cannot claim GPUs for VM %u", vmid);
	for (size_t i = 0; i < n; i++) {
		own[i] = claim_find(r, b[i], &c);
		if (own[i] && c.vmid != vmid) {
			*ret_conflict = c;
			return err_set(e, -EBUSY, "%s belongs to VM %u", bdf_format(b[i], name), c.vmid);
		}
	}
	proc_self(r, &self);
	proc_boot_id(r, boot_id);
	text_addf(&t, "vm %u boot %s owner %d %llu\n", vmid, boot_id, (int)self.pid, (unsigned long long)self.start);
	for (size_t i = 0; i < n; i++) {
		int k = state_write(r, claim_path(path, b[i]), text_str(&t), e);

		if (k < 0) {
			while (i-- > 0)
				if (!own[i])
					claim_drop(r, b[i], vmid);
			return k;
		}
	}
	return 0;
}

void claim_drop(const struct root *r, struct bdf b, unsigned int vmid)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	struct claim c;

	if (state_read(r, claim_path(path, b), &text) == 0 && claim_parse(text, &c) == 0 && c.vmid == vmid)
		root_unlink(r, path);
}

int claim_all(const struct root *r, struct claim **ret, size_t *ret_n)
{
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_free_ struct claim *all = NULL;
	size_t n = 0;
	int k = state_list(r, CLAIM_DIR, &names);

	if (k < 0)
		return k;
	all = calloc(names.n + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	strv_foreach(name, &names) {
		struct bdf b;

		if (bdf_parse_full(name, &b) == 0)
			n += (size_t)claim_find(r, b, &all[n]);
	}
	*ret = TAKE_PTR(all);
	*ret_n = n;
	return 0;
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

static char *turn_path(char path[static PATH_MAX], unsigned int vmid)
{
	return path_f(path, TURN_DIR "/%u", vmid);
}

/* Whose turn it is: 0 with the process, or -ENOENT. */
static int turn_find(const struct root *r, unsigned int vmid, struct proc_id *ret)
{
	_cleanup_free_ char *text = NULL;
	unsigned long long start;
	char path[PATH_MAX];
	int pid;

	if (state_read(r, turn_path(path, vmid), &text) < 0 || sscanf(text, "%d %llu", &pid, &start) != 2)
		return -ENOENT;
	*ret = (struct proc_id){ .pid = pid, .start = start };
	return proc_alive(r, *ret) ? 0 : -ENOENT;
}

static int turn_try(const struct root *r, unsigned int vmid, struct proc_id self, struct proc_id *ret_other, struct err *e)
{
	_cleanup_close_ int lock = state_lock(r, e);
	_cleanup_text_ struct text t = { 0 };
	char path[PATH_MAX];
	int k;

	if (lock < 0)
		return lock;
	if (turn_find(r, vmid, ret_other) == 0 && (ret_other->pid != self.pid || ret_other->start != self.start))
		return -EAGAIN;
	text_addf(&t, "%d %llu\n", (int)self.pid, (unsigned long long)self.start);
	k = state_write(r, turn_path(path, vmid), text_str(&t), e);
	/* no room to write it down: a lease can be given back all the same, its record is locked by whoever works on it */
	if ((k == -ENOSPC || k == -EDQUOT || k == -EROFS) && lease_path(r, vmid, path) == 0)
		return 0;
	return k;
}

int turn_take(const struct root *r, unsigned int vmid, unsigned int wait_ms, struct err *e)
{
	uint64_t deadline = now_ms() + wait_ms;
	struct proc_id self, other;
	int k = proc_self(r, &self);

	if (k < 0)
		return err_errno(e, k, "cannot read /proc/self/stat");
	while ((k = turn_try(r, vmid, self, &other, e)) == -EAGAIN) {
		if (now_ms() >= deadline)
			return err_set(e, -EBUSY, "process %d is working on the GPUs of VM %u", (int)other.pid, vmid);
		sleep_ms(50);
	}
	return k;
}

bool turn_taken(const struct root *r, unsigned int vmid)
{
	struct proc_id other;

	return turn_find(r, vmid, &other) == 0 && other.pid != getpid();
}

void turn_leave(const struct root *r, unsigned int vmid)
{
	char path[PATH_MAX];

	root_unlink(r, turn_path(path, vmid));
}

void turn_drop_dead(const struct root *r)
{
	_cleanup_strv_ struct strv names = { 0 };

	if (state_list(r, TURN_DIR, &names) < 0)
		return;
	strv_foreach(name, &names) {
		struct proc_id whose;
		unsigned int vmid;

		if (parse_vmid(name, &vmid) == 0 && turn_find(r, vmid, &whose) < 0)
			turn_leave(r, vmid);
	}
}
