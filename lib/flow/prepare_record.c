/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <time.h>

#include "flow/prepare_record.h"
#include "plan/state.h"

#define ADOPT " adopt"

static int read_unfinished(const struct root *r, unsigned int *ret, bool *ret_adopt)
{
	_cleanup_free_ char *text = NULL;
	uint64_t n = 0;
	int k = state_read(r, PREPARE_UNFINISHED, &text);

	*ret = 0;
	*ret_adopt = false;
	if (k == -ENOENT)
		return 0;
	if (k < 0)
		return k;
	*ret_adopt = strstr(text, ADOPT);
	text[strcspn(text, " \n")] = '\0';
	/* one that cannot be read says at least that there was one: then it is about all that is on record */
	*ret = parse_uint(text, UINT32_MAX, &n) == 0 && n ? (unsigned int)n : 1;
	return 0;
}

/* A step that was cut off has been made, or it has not: nothing in between is seen of a file. */
static int settle(const struct engine *en, struct record *rec, struct record_step *rs)
{
	_cleanup_free_ char *now = NULL;
	enum record_state is;

	if (!record_step_in_flight(rs) || rs->step.kind->effect)
		return 0;
	/* what is settled is not put back any more, which would remove it */
	if (rec->fd >= 0 && rs->step.kind->tidy)
		rs->step.kind->tidy(en, &rs->step);
	if (rs->step.kind->get(en, &rs->step, &now, NULL) < 0)
		return 0;
	if (str_eq(now, rs->step.after))
		is = RECORD_DONE;
	else if (str_eq(now, rs->step.before))
		is = RECORD_UNDONE;
	else
		return 0;
	if (rec->fd >= 0)
		return record_mark(rec, rs->seq, is, NULL);
	rs->state = is;
	return 0;
}

static int settle_all(const struct root *r, struct record *rec)
{
	struct engine en = { .root = r };
	int k = 0;

	for (size_t i = 0; k == 0 && i < rec->n_steps; i++)
		k = settle(&en, rec, &rec->steps[i]);
	return k;
}

int prepare_record_load(const struct root *r, struct record *ret, unsigned int *ret_unfinished, bool *ret_adopt, struct err *e)
{
	int k = read_unfinished(r, ret_unfinished, ret_adopt);

	if (k < 0)
		return err_errno(e, k, "cannot read " PREPARE_UNFINISHED);
	k = record_load(r, PREPARE_RECORD, ret, e);
	if (k == 0)
		k = settle_all(r, ret);
	return k == -ENOENT ? 0 : k;
}

int prepare_record_steps(const struct record *rec, unsigned int first, struct prepare_steps *ret)
{
	*ret = (struct prepare_steps){ .v = calloc(rec->n_steps + 1, sizeof(*ret->v)) };
	for (size_t i = 0; ret->v && i < rec->n_steps; i++)
		if (record_step_open(&rec->steps[i]))
			ret->v[ret->n++] = (struct prepare_step){ &rec->steps[i].step, first && rec->steps[i].seq >= first };
	return ret->v ? 0 : -ENOMEM;
}

int prepare_record_open(const struct root *r, struct record *ret, struct err *e)
{
	int k = record_open(r, PREPARE_RECORD, ret, e);

	if (k == -EBUSY)
		return err_set(e, k, "another process is preparing or reverting this host: wait for it to end");
	if (k == 0)
		return settle_all(r, ret);
	if (k == -ENOENT)
		k = record_create(r, PREPARE_RECORD, ret, e);
	return k == -EEXIST ? err_set(e, -EBUSY, "another process has just begun to prepare this host: wait for it to end") : k;
}

int prepare_record_mark(const struct root *r, unsigned int first, bool adopt, struct err *e)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%u%s\n", first, adopt ? ADOPT : "");
	int k = root_write_file(r, PREPARE_UNFINISHED, text, (size_t)n, 0600);

	return k < 0 ? err_errno(e, k, "cannot write " PREPARE_UNFINISHED) : 0;
}

int prepare_record_begin(struct record *rec, unsigned int first, bool adopt, struct err *e)
{
	char boot[BOOT_ID_LEN], since[24];
	int k = proc_boot_id(rec->root, boot);

	/* in an image: no boot of a machine has that, so whichever comes is a later one */
	if (k == -ENOENT && !root_is_live(rec->root))
		k = snprintf(boot, sizeof(boot), PREPARE_NO_BOOT) < 0;
	if (k < 0)
		return err_errno(e, k, "cannot read the boot id");
	if (!record_get(rec, PREPARE_BOOT)) {
		k = record_note(rec, PREPARE_BOOT, boot, e);
		snprintf(since, sizeof(since), "%lld", (long long)time(NULL));
		if (k == 0)
			k = record_note(rec, PREPARE_SINCE, since, e);
	}
	if (k == 0)
		k = record_note(rec, PREPARE_LAST_BOOT, boot, e);
	return k < 0 ? k : prepare_record_mark(rec->root, first, adopt, e);
}

int prepare_record_end(struct record *rec, struct err *e)
{
	int k = 0;

	/* in this order: a crash in between leaves a record without open steps, which says nothing */
	if (!record_any_open(rec))
		k = record_remove(rec, e);
	if (k == 0)
		k = root_unlink(rec->root, PREPARE_UNFINISHED);
	/* one that came back by a power cut would have a preparation that is complete put back at the next boot */
	if (k == 0)
		k = root_sync_name(rec->root, PREPARE_UNFINISHED);
	if (k < 0)
		return err_errno(e, k, "cannot close the record of the preparation");
	root_drop_temporary(rec->root, PREPARE_UNFINISHED);
	return state_rmdir(rec->root, PREPARE_DIR, e);
}

#define REBOOT_REQUIRED	     "/run/reboot-required"
#define REBOOT_REQUIRED_PKGS REBOOT_REQUIRED ".pkgs"
#define REBOOT_TEXT	     "*** System restart required ***\n"
#define REBOOT_US	     "gpupt\n"

/* The line of ours, or NULL. */
static const char *find_us(const char *pkgs)
{
	const char *us = strstr(pkgs, REBOOT_US);

	while (us && us > pkgs && us[-1] != '\n')
		us = strstr(us + 1, REBOOT_US);
	return us;
}

/*
 * The marker of Debian's kernel packages and unattended-upgrades. It is a word to others, like a line in the journal, and nothing is
 * lost with it.
 */
bool prepare_reboot_mark(const struct root *r, const struct text *reasons)
{
	_cleanup_free_ char *pkgs = NULL;
	_cleanup_text_ struct text t = { 0 };

	if (!reasons->len || !root_is_live(r))
		return false;
	if (!root_exists(r, REBOOT_REQUIRED))
		root_write_file(r, REBOOT_REQUIRED, REBOOT_TEXT, strlen(REBOOT_TEXT), 0644);
	if (root_read(r, REBOOT_REQUIRED_PKGS, CONF_MAX, &pkgs, NULL) == 0)
		text_add(&t, pkgs);
	if (find_us(text_str(&t)))
		return false;
	text_add(&t, REBOOT_US);
	return t.r == 0 && root_write_file(r, REBOOT_REQUIRED_PKGS, text_str(&t), t.len, 0644) == 0;
}

void prepare_reboot_unmark(const struct root *r)
{
	_cleanup_free_ char *pkgs = NULL, *marker = NULL;
	_cleanup_text_ struct text others = { 0 };
	const char *us;

	if (!root_is_live(r) || root_read(r, REBOOT_REQUIRED_PKGS, CONF_MAX, &pkgs, NULL) < 0 || !(us = find_us(pkgs)))
		return;
	text_add_n(&others, pkgs, (size_t)(us - pkgs));
	text_add(&others, us + strlen(REBOOT_US));
	if (others.len) {
		root_write_file(r, REBOOT_REQUIRED_PKGS, text_str(&others), others.len, 0644);
		return;
	}
	root_unlink(r, REBOOT_REQUIRED_PKGS);
	/* another text is somebody else's */
	if (root_read(r, REBOOT_REQUIRED, CONF_MAX, &marker, NULL) == 0 && strcmp(marker, REBOOT_TEXT) == 0)
		root_unlink(r, REBOOT_REQUIRED);
}
