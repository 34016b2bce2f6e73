/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "plan/record_text.h"
#include "plan/state.h"

#define LOCK_WAIT_MS 300 /* for whoever only makes a node of a record that is not his (aside_return()) */

int record_load(const struct root *r, const char *path, struct record *ret, struct err *e)
{
	_cleanup_record_ struct record rec = { .root = r, .fd = -1 };
	_cleanup_free_ char *text = NULL;
	int k = state_read(r, path, &text);

	if (k < 0)
		return err_errno(e, k, "cannot read the record %s", path);
	path_f(rec.path, "%s", path);
	k = record_parse(&rec, text, e);
	if (k < 0)
		return k;
	*ret = rec;
	rec = (struct record){ .fd = -1 };
	return 0;
}

/* Appends one line so that a crash leaves all of it or a torn end, and a full disk leaves nothing. */
static int append(struct record *rec, const struct text *line, struct err *e)
{
	struct stat st;
	ssize_t n;
	int k;

	if (line->r < 0 || rec->fd < 0)
		return err_errno(e, line->r < 0 ? line->r : -EBADF, "cannot write the record %s", rec->path);
	if (fstat(rec->fd, &st) < 0)
		return err_errno(e, -errno, "cannot write the record %s", rec->path);
	n = write(rec->fd, line->s, line->len);
	k = n < 0 ? -errno : (size_t)n < line->len ? -ENOSPC : fdatasync(rec->fd) < 0 ? -errno : 0;
	if (k < 0) {
		/* half a line that cannot be taken back would swallow the next one: write no more, record_open() mends it */
		if (n > 0 && ftruncate(rec->fd, st.st_size) < 0) {
			close(rec->fd);
			rec->fd = -1;
		}
		return err_errno(e, k, "cannot write the record %s", rec->path);
	}
	return 0;
}

static int write_header(struct record *rec, struct err *e)
{
	_cleanup_text_ struct text line = { 0 };

	text_add(&line, RECORD_HEADER "\n");
	return append(rec, &line, e);
}

/* Cuts a torn last line off. What is left without its first line, by a crash while the record was made, gets it now. */
static int mend(struct record *rec, const char *text, struct err *e)
{
	const char *end = strrchr(text, '\n');
	size_t whole = end ? (size_t)(end + 1 - text) : 0;
	struct stat st;

	if (fstat(rec->fd, &st) < 0)
		return err_errno(e, -errno, "cannot examine the record %s", rec->path);
	if ((size_t)st.st_size != whole && ftruncate(rec->fd, (off_t)whole) < 0 && errno != EINVAL)
		return err_errno(e, -errno, "cannot cut the torn end off the record %s", rec->path);
	return whole ? 0 : write_header(rec, e);
}

/*
 * One process at a time changes a record. Hardly waited for, and gone with its process: so it can be held across other programs. 0,
 * -EBUSY, -errno.
 */
static int lock_record(int fd, const char *path, struct err *e)
{
	uint64_t deadline = now_ms() + LOCK_WAIT_MS;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return err_errno(e, -errno, "cannot lock the record %s", path);
		if (now_ms() >= deadline)
			return err_set(e, -EBUSY, "another gpupt process is working on %s", path);
		sleep_ms(5);
	}
	return 0;
}

static int open_locked(const struct root *r, const char *path, struct err *e)
{
	_cleanup_close_ int fd = state_open(r, path, O_RDWR | O_APPEND);
	struct stat ours, named;
	int k;

	/* a filesystem that became read-only must not keep a card away: what is put back can still be put back */
	if (fd == -EROFS)
		fd = state_open(r, path, O_RDONLY);
	if (fd < 0)
		return err_errno(e, fd, "cannot open the record %s for writing", path);
	k = lock_record(fd, path, e);
	if (k < 0)
		return k;
	/* who had the lock may have removed it, and whoever came next made another */
	if (fstat(fd, &ours) < 0 || root_lstat(r, path, &named) < 0)
		return err_set(e, -ENOENT, "the record %s has gone", path);
	if (ours.st_dev != named.st_dev || ours.st_ino != named.st_ino)
		return err_set(e, -EBUSY, "another gpupt process is working on %s", path);
	return TAKE_FD(fd);
}

int record_open(const struct root *r, const char *path, struct record *ret, struct err *e)
{
	_cleanup_record_ struct record rec = { .fd = -1 };
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = open_locked(r, path, e);
	int k;

	if (fd < 0)
		return fd;
	/* only now is what it says what counts */
	k = record_load(r, path, &rec, e);
	if (k < 0)
		return k;
	rec.fd = TAKE_FD(fd);
	k = state_read(r, path, &text);
	if (k < 0)
		return err_errno(e, k, "cannot read the record %s", path);
	k = mend(&rec, text, e);
	if (k < 0)
		return k;
	*ret = rec;
	rec = (struct record){ .fd = -1 };
	return 0;
}

/* The record's name has to survive a power cut as its lines do. */
static int sync_dir(const struct root *r, const char *dir, struct err *e)
{
	_cleanup_close_ int fd = root_open_nofollow(r, dir, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0 || fsync(fd) < 0)
		return err_errno(e, fd < 0 ? fd : -errno, "cannot sync %s", dir);
	return 0;
}

int record_create(const struct root *r, const char *path, struct record *ret, struct err *e)
{
	_cleanup_record_ struct record rec = { .root = r, .fd = -1 };
	char dir[PATH_MAX];
	int k;

	path_f(rec.path, "%s", path);
	path_f(dir, "%.*s", (int)(strrchr(path, '/') - path), path);
	k = state_mkdir(r, dir, e);
	if (k < 0)
		return k;
	rec.fd = state_open(r, path, O_RDWR | O_CREAT | O_EXCL | O_APPEND);
	if (rec.fd < 0)
		return err_errno(e, rec.fd, "cannot make the record %s", path);
	k = lock_record(rec.fd, path, e);
	if (k == 0)
		k = write_header(&rec, e);
	if (k == 0)
		k = sync_dir(r, dir, e);
	if (k < 0) {
		root_unlink(r, path);
		return k;
	}
	*ret = rec;
	rec = (struct record){ .fd = -1 };
	return 0;
}

int record_replace(const struct root *r, const char *path, const struct record_note *notes, size_t n_notes, const struct step *steps,
		   size_t n_steps, struct err *e)
{
	_cleanup_text_ struct text t = { 0 };

	text_add(&t, RECORD_HEADER "\n");
	for (size_t i = 0; i < n_notes; i++)
		record_format_note(&t, notes[i].key, notes[i].value);
	for (size_t i = 0; i < n_steps; i++) {
		record_format_begin(&t, i + 1, &steps[i]);
		text_addf(&t, "%s %zu\n", record_marks[RECORD_DONE], i + 1);
	}
	return t.r < 0 ? err_errno(e, t.r, "cannot make the record %s", path) : state_write(r, path, text_str(&t), e);
}

void record_close(struct record *rec)
{
	if (rec->fd >= 0)
		close(rec->fd);
	for (size_t i = 0; i < rec->n_steps; i++)
		step_done(&rec->steps[i].step);
	for (size_t i = 0; i < rec->n_notes; i++) {
		free(rec->notes[i].key);
		free(rec->notes[i].value);
	}
	free(rec->steps);
	free(rec->notes);
	*rec = (struct record){ .fd = -1 };
}

int record_begin(struct record *rec, const struct step *s, unsigned int *ret_seq, struct err *e)
{
	_cleanup_text_ struct text line = { 0 };
	int k;

	record_format_begin(&line, rec->n_steps + 1, s);
	k = append(rec, &line, e);
	if (k < 0)
		return k;
	k = record_remember_step(rec, s);
	if (k < 0)
		return err_errno(e, k, "cannot keep the record %s", rec->path);
	*ret_seq = (unsigned int)rec->n_steps;
	return 0;
}

int record_adopt(struct record *rec, const struct step *s, struct err *e)
{
	unsigned int seq;
	int k;

	for (size_t i = 0; i < rec->n_steps; i++)
		if (record_step_open(&rec->steps[i]) && rec->steps[i].step.kind == s->kind && str_eq(rec->steps[i].step.target, s->target))
			return 0;
	k = record_begin(rec, s, &seq, e);
	return k < 0 ? k : record_mark(rec, seq, RECORD_DONE, e);
}

int record_mark(struct record *rec, unsigned int seq, enum record_state state, struct err *e)
{
	_cleanup_text_ struct text line = { 0 };
	struct record_step *rs = record_find(rec, seq);
	int k;

	if (!rs)
		return err_set(e, -EINVAL, "%s has no step %u", rec->path, seq);
	text_addf(&line, "%s %u\n", record_marks[state], seq);
	k = append(rec, &line, e);
	/* what happened has happened, written down or not */
	rs->state = state;
	return k;
}

int record_note(struct record *rec, const char *key, const char *value, struct err *e)
{
	_cleanup_text_ struct text line = { 0 };
	int k;

	if (str_eq(record_get(rec, key), value))
		return 0;
	record_format_note(&line, key, value);
	k = append(rec, &line, e);
	if (k < 0)
		return k;
	k = record_remember_note(rec, key, value);
	return k < 0 ? err_errno(e, k, "cannot keep the record %s", rec->path) : 0;
}

const char *record_get(const struct record *rec, const char *key)
{
	for (size_t i = rec->n_notes; i > 0; i--)
		if (str_eq(rec->notes[i - 1].key, key))
			return rec->notes[i - 1].value;
	return NULL;
}

bool record_step_open(const struct record_step *rs)
{
	return rs->state != RECORD_UNDONE && rs->state != RECORD_LEFT;
}

bool record_step_in_flight(const struct record_step *rs)
{
	return rs->state == RECORD_BEGUN || rs->state == RECORD_UNDOING;
}

bool record_any_open(const struct record *rec)
{
	for (size_t i = 0; i < rec->n_steps; i++)
		if (record_step_open(&rec->steps[i]))
			return true;
	return false;
}

int record_remove(struct record *rec, struct err *e)
{
	int k = root_unlink(rec->root, rec->path);

	return k < 0 ? err_errno(e, k, "cannot remove the record %s", rec->path) : 0;
}
