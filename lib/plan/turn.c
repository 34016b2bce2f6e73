/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "plan/lease.h"
#include "plan/state.h"
#include "plan/turn.h"

#define TURN_DIR STATE_RUN "/turn"
#define CALL_DIR STATE_RUN "/call"

static char *turn_path(char path[static PATH_MAX], unsigned int vmid)
{
	return path_f(path, TURN_DIR "/%u", vmid);
}

static char *call_path(char path[static PATH_MAX], unsigned int vmid)
{
	return path_f(path, CALL_DIR "/%u", vmid);
}

static int turn_try(const struct root *r, unsigned int vmid, struct proc_id self, struct proc_id *ret_other, struct err *e)
{
	_cleanup_close_ int lock = state_lock(r, e);
	char path[PATH_MAX];
	int k;

	if (lock < 0)
		return lock;
	turn_path(path, vmid);
	if (state_read_who(r, path, ret_other) == 0 && (ret_other->pid != self.pid || ret_other->start != self.start))
		return -EAGAIN;
	k = state_write_who(r, path, self, e);
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
	char path[PATH_MAX];

	return state_read_who(r, turn_path(path, vmid), &other) == 0 && other.pid != getpid();
}

static bool is_mine(const struct root *r, const char *path)
{
	struct proc_id whose;

	return state_read_who(r, path, &whose) == 0 && whose.pid == getpid();
}

void turn_leave(const struct root *r, unsigned int vmid)
{
	char path[PATH_MAX];

	/* a turn that could not be written down for want of room may be another's by now */
	if (is_mine(r, turn_path(path, vmid)))
		root_unlink(r, path);
}

int turn_call(const struct root *r, unsigned int vmid, struct err *e)
{
	/* or turn_drop_dead() takes it for what a dead process has left there before */
	_cleanup_close_ int lock = state_lock(r, e);
	struct proc_id self;
	char path[PATH_MAX];
	int k = lock < 0 ? lock : proc_self(r, &self);

	if (k < 0)
		return lock < 0 ? k : err_errno(e, k, "cannot read /proc/self/stat");
	k = state_write_who(r, call_path(path, vmid), self, e);
	if (k == 0)
		turn_leave(r, vmid);
	return k;
}

void turn_called(const struct root *r, unsigned int vmid)
{
	char path[PATH_MAX];

	if (is_mine(r, call_path(path, vmid)))
		root_unlink(r, path);
}

bool turn_calling(const struct root *r, unsigned int vmid, struct proc_id *ret_who)
{
	struct proc_id who;
	char path[PATH_MAX];

	if (state_read_who(r, call_path(path, vmid), &who) < 0 || who.pid == getpid())
		return false;
	if (ret_who)
		*ret_who = who;
	return true;
}

int turn_callers(const struct root *r, struct strv *ret)
{
	return state_list(r, CALL_DIR, ret);
}

static void drop_dead(const struct root *r, const char *dir)
{
	_cleanup_strv_ struct strv names = { 0 };

	if (state_list(r, dir, &names) < 0)
		return;
	strv_foreach(name, &names) {
		struct proc_id whose;
		char path[PATH_MAX];
		unsigned int vmid;

		if (parse_vmid(name, &vmid) == 0 && state_read_who(r, path_f(path, "%s/%u", dir, vmid), &whose) < 0)
			root_unlink(r, path);
	}
}

void turn_drop_dead(const struct root *r)
{
	drop_dead(r, TURN_DIR);
	drop_dead(r, CALL_DIR);
}
