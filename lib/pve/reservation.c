/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "pve/guest.h"
#include "pve/lock.h"
#include "pve/reservation.h"
#include "pve/reservation_table.h"

#define RESERVATION_DIR	 "/run/qemu-server"
#define RESERVATION_FILE RESERVATION_DIR "/pci-id-reservations"
#define RESERVATION_LOCK RESERVATION_FILE ".lock"
#define RESERVATION_MAX	 (1024 * 1024)

/* seconds: how long reserve_pci_usage() and remove_pci_reservation() wait, and what is added to a time */
#define RESERVE_WAIT 5
#define REMOVE_WAIT  2
#define TIME_EXTRA   5

static int table_load(const struct root *r, size_t extra, struct reservation_table *t, struct err *e)
{
	size_t len = 0;
	int k = root_read(r, RESERVATION_FILE, RESERVATION_MAX, &t->data, &len);

	if (k == -ENOENT) {
		t->data = strdup("");
		k = t->data ? 0 : -ENOMEM;
	}
	/* a NUL spoils its own line, not those behind it */
	for (size_t i = 0; i < len; i++)
		if (!t->data[i])
			t->data[i] = '?';
	if (k == 0)
		k = reservation_table_parse(t->data, extra, t);
	return k < 0 ? err_errno(e, k, "cannot read '%s'", RESERVATION_FILE) : 0;
}

static int table_store(const struct root *r, const struct reservation_table *t, struct err *e)
{
	_cleanup_text_ struct text out = { 0 };
	int k;

	reservation_table_text(t, &out);
	k = out.r < 0 ? out.r : root_write_file(r, RESERVATION_FILE, text_str(&out), out.len, 0644);
	return k < 0 ? err_errno(e, k, "cannot write '%s'", RESERVATION_FILE) : 0;
}

/* Digits of any length, saturating. */
static uint64_t number(const char *digits)
{
	errno = 0;
	return strtoull(digits, NULL, 10);
}

static bool is_of(const struct reservation *en, unsigned int vmid)
{
	return number(en->vmid) == vmid;
}

/* Is the VM that a reservation by pid is for still the process that it names? */
static bool still_runs(const struct root *r, const struct reservation *en)
{
	uint64_t vmid = number(en->vmid);
	pid_t pid;

	return vmid <= 999999999 && guest_running(r, GUEST_VM, (unsigned int)vmid, &pid) == 1 &&
	       number(en->value) == (uint64_t)pid;
}

/* -EBUSY if en, another VM's, holds its function now. */
static int check_other(const struct root *r, const struct reservation *en, time_t now, struct err *e)
{
	if (en->by_pid)
		return still_runs(r, en) ? err_set(e, -EBUSY, "PCI device '%s' already in use by VMID '%s'",
						   en->id, en->vmid)
					 : 0;
	if (number(en->value) > (uint64_t)now)
		return err_set(e, -EBUSY, "PCI device '%s' is currently reserved for use by VMID '%s'",
			       en->id, en->vmid);
	return 0;
}

int reservation_holder(const struct root *r, struct bdf b, unsigned int vmid, unsigned int *ret_vmid,
		       struct err *e)
{
	_cleanup_reservation_table_ struct reservation_table t = { 0 };
	char id[BDF_LEN];
	const struct reservation *en;
	int k = table_load(r, 0, &t, e);

	if (k < 0)
		return k;
	en = reservation_table_find(&t, bdf_format(b, id));
	if (!en || is_of(en, vmid) || check_other(r, en, time(NULL), e) == 0)
		return 0;
	*ret_vmid = (unsigned int)number(en->vmid);
	return 1;
}

/* Takes the lock; the directory is Proxmox VE's and is there wherever a VM has been started. */
static int lock_table(const struct root *r, unsigned int seconds, int *ret_fd, struct err *e)
{
	int k = root_mkdir_p(r, RESERVATION_DIR, 0755);

	if (k == 0)
		k = pve_lock_file(r, RESERVATION_LOCK, seconds * 1000, ret_fd);
	if (k == -ETIMEDOUT)
		return err_set(e, k, "can't lock file '%s' - got timeout", RESERVATION_LOCK);
	return k < 0 ? err_errno(e, k, "can't lock file '%s'", RESERVATION_LOCK) : 0;
}

/* What is the same for all functions of one call. */
struct request {
	char (*ids)[BDF_LEN];
	size_t n;
	char vmid[16];
	unsigned int number;
	uint64_t now, seconds;
	char (*untils)[24]; /* the text of each function's new time */
};

static void request_done(struct request *q)
{
	free(q->ids);
	free(q->untils);
}

static int request_init(struct request *q, const struct bdf *bdfs, size_t n, unsigned int vmid, struct err *e)
{
	q->ids = calloc(n + 1, sizeof(*q->ids));
	q->untils = calloc(n + 1, sizeof(*q->untils));
	if (!q->ids || !q->untils)
		return err_set(e, -ENOMEM, "out of memory");
	for (q->n = 0; q->n < n; q->n++) {
		bdf_format(bdfs[q->n], q->ids[q->n]);
		if (bdfs[q->n].fn == BDF_ANY_FN)
			return err_set(e, -EINVAL, "'%s' is no PCI function", q->ids[q->n]);
	}
	q->number = vmid;
	snprintf(q->vmid, sizeof(q->vmid), "%u", vmid);
	return 0;
}

/* One function in the table. 1: vmid runs on it, nothing is to be changed. */
static int reserve_one(const struct root *r, struct reservation_table *t, struct request *q, size_t i,
		       struct err *e)
{
	struct reservation *en = reservation_table_find(t, q->ids[i]);
	int k;

	if (en && !is_of(en, q->number)) {
		k = check_other(r, en, (time_t)q->now, e);
		if (k < 0)
			return k;
	} else if (en && en->by_pid) {
		if (still_runs(r, en))
			return 1;
	} else if (en) {
		/* the longer time counts, for the functions after this one as well */
		uint64_t until = number(en->value);

		if (until > q->now + q->seconds + TIME_EXTRA)
			q->seconds = until - q->now - TIME_EXTRA;
	}
	if (!en)
		en = &t->v[t->n++];
	snprintf(q->untils[i], sizeof(q->untils[i]), "%" PRIu64, q->now + q->seconds + TIME_EXTRA);
	*en = (struct reservation){ .id = q->ids[i], .vmid = q->vmid, .value = q->untils[i] };
	return 0;
}

int reservation_reserve(const struct root *r, const struct bdf *bdfs, size_t n, unsigned int vmid,
			unsigned int seconds, struct err *e)
{
	_cleanup_reservation_table_ struct reservation_table t = { 0 };
	_cleanup_(request_done) struct request q = { .seconds = seconds };
	_cleanup_close_ int lock = -1;
	int k = request_init(&q, bdfs, n, vmid, e);

	if (k < 0 || n == 0)
		return k;
	k = lock_table(r, RESERVE_WAIT, &lock, e);
	if (k == 0)
		k = table_load(r, n, &t, e);
	q.now = (uint64_t)time(NULL);
	for (size_t i = 0; k == 0 && i < n; i++)
		k = reserve_one(r, &t, &q, i, e);
	if (k != 0)
		return k < 0 ? k : 0;
	reservation_table_sort(&t);
	return table_store(r, &t, e);
}

static bool asked_for(const struct request *q, const char *id)
{
	for (size_t i = 0; i < q->n; i++)
		if (str_eq(q->ids[i], id))
			return true;
	return q->n == 0;
}

int reservation_remove(const struct root *r, const struct bdf *bdfs, size_t n, unsigned int vmid,
		       struct err *e)
{
	_cleanup_reservation_table_ struct reservation_table t = { 0 };
	_cleanup_(request_done) struct request q = { 0 };
	_cleanup_close_ int lock = -1;
	size_t kept = 0;
	int k = request_init(&q, bdfs, n, vmid, e);

	if (k < 0)
		return k;
	k = lock_table(r, REMOVE_WAIT, &lock, e);
	if (k == 0)
		k = table_load(r, 0, &t, e);
	if (k < 0)
		return k;
	for (size_t i = 0; i < t.n; i++)
		if (!is_of(&t.v[i], vmid) || !asked_for(&q, t.v[i].id))
			t.v[kept++] = t.v[i];
	if (kept == t.n)
		return 0;
	t.n = kept;
	return table_store(r, &t, e);
}
