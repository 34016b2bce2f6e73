/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "flow/prepare_record.h"
#include "policy/prepare_judge.h"

static bool is_unloaded(const struct root *r, const char *module)
{
	char path[PATH_MAX];

	return !root_exists(r, path_f(path, "/sys/module/%s", module));
}

/* Of a module that is not loaded nobody can say. */
static bool is_off(const struct root *r, const char *option)
{
	char path[PATH_MAX], value[8];

	return root_read_line(r, path_f(path, "/sys/module/%s", option), value, sizeof(value)) == 0 && (value[0] == 'N' || value[0] == '0');
}

/* Has a service a process? By its cgroup, which is there unless it was told otherwise (systemd.resource-control(5), Slice=). */
static bool has_processes(const struct root *r, const char *unit)
{
	char path[PATH_MAX], line[16];

	return root_read_line(r, path_f(path, "/sys/fs/cgroup/system.slice/%s/cgroup.procs", unit), line, sizeof(line)) == 0 && line[0];
}

/* Of what was prepared, those that the machine says this of. 0 or -ENOMEM. */
static int pick(const struct root *r, const struct prepare_steps *before, int (*list)(const struct prepare_steps *, struct strv *),
		bool (*is)(const struct root *, const char *), struct strv *ret)
{
	_cleanup_strv_ struct strv all = { 0 };
	int k = list(before, &all);

	strv_foreach (one, &all)
		if (k == 0 && is(r, one))
			k = strv_add(ret, one);
	return k;
}

static bool is_last(const struct prepare_steps *l, size_t i)
{
	for (size_t n = i + 1; n < l->n; n++)
		if (l->v[n].step->kind == l->v[i].step->kind && strcmp(l->v[n].step->target, l->v[i].step->target) == 0)
			return false;
	return true;
}

/* What cannot be read is not told: a preparation says why. */
static void look_for_edits(const struct root *r, struct prepare_steps *l)
{
	const struct engine en = { .root = r };

	for (size_t i = 0; i < l->n; i++) {
		const struct step *s = l->v[i].step;
		_cleanup_free_ char *now = NULL;

		if ((s->kind != &step_file && s->kind != &step_param) || !s->after || !is_last(l, i))
			continue;
		if (s->kind->get(&en, s, &now, NULL) < 0)
			continue;
		l->v[i].gone = !now;
		l->v[i].changed = now && !step_same(s, now, s->after);
	}
}

int prepare_read(const struct root *r, struct record *ret, bool *ret_unfinished, struct err *e)
{
	unsigned int first = 0;
	bool adopt;
	int k = prepare_record_load(r, ret, &first, &adopt, e);

	*ret_unfinished = first != 0;
	return k;
}

int prepare_check(const struct root *r, const struct setup *setup, const struct settings *settings, struct findings *ret, struct err *e)
{
	_cleanup_strv_ struct strv unloaded = { 0 }, unset = { 0 }, running = { 0 };
	_cleanup_record_ struct record rec = { .fd = -1 };
	struct prepare_state s = { .setup = setup, .settings = settings, .unset = &unset, .unloaded = &unloaded, .running = &running };
	unsigned int first = 0;
	char boot[BOOT_ID_LEN];
	const char *then;
	bool adopt;
	int k = prepare_record_load(r, &rec, &first, &adopt, e);

	if (k == 0)
		k = prepare_record_steps(&rec, first, &s.before);
	if (k == 0)
		k = pick(r, &s.before, prepare_modules_of, is_unloaded, &unloaded);
	if (k == 0)
		k = pick(r, &s.before, prepare_options_of, is_off, &unset);
	if (k == 0)
		k = pick(r, &s.before, prepare_units_of, has_processes, &running);
	if (k < 0) {
		free(s.before.v);
		return k;
	}
	look_for_edits(r, &s.before);
	then = record_get(&rec, PREPARE_LAST_BOOT);
	s.rebooted = then && proc_boot_id(r, boot) == 0 && strcmp(then, boot) != 0;
	s.cut_off = first != 0;
	prepare_judge(&s, ret);
	free(s.before.v);
	return ret->r;
}
