/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "plan/step.h"
#include "plan/stuck.h"

static const struct step_kind *const kinds[] = {
	&step_driver, &step_attr, &step_file, &step_unit, &step_run, &step_persistence, &step_node, &step_guest, &step_ha,
	&step_config, &step_ctnode, &step_dir, &step_param, &step_line, &step_rebuild, &step_rom,
};

const struct step_kind *step_kind_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_eq(kinds[i]->name, name))
			return kinds[i];
	return NULL;
}

static int copy(char **ret, const char *s)
{
	if (s && !(*ret = strdup(s)))
		return -ENOMEM;
	return 0;
}

int step_init(struct step *ret, const struct step_kind *kind, const char *target, const char *before,
	      const char *after, const char *why)
{
	_cleanup_step_ struct step s = { .kind = kind };

	if (copy(&s.target, target) < 0 || copy(&s.before, before) < 0 || copy(&s.after, after) < 0 ||
	    copy(&s.why, why) < 0)
		return -ENOMEM;
	*ret = s;
	s = (struct step){ 0 };
	return 0;
}

void step_done(struct step *s)
{
	free(s->target);
	free(s->before);
	free(s->after);
	free(s->why);
	*s = (struct step){ 0 };
}

struct step step_swapped(const struct step *s)
{
	struct step back = *s;

	back.before = s->after;
	back.after = s->before;
	return back;
}

/* The BDF of that number in a text, from 0. */
static bool find_bdf(const char *text, size_t number, struct bdf *ret)
{
	/* a BDF is cut out where it stands between blanks or slashes */
	for (const char *p = text; *p; p += strcspn(p, " /"), p += strspn(p, " /")) {
		char word[BDF_LEN];
		size_t n = strcspn(p, " /");

		if (n >= sizeof(word))
			continue;
		memcpy(word, p, n);
		word[n] = '\0';
		if (bdf_parse_full(word, ret) == 0 && number-- == 0)
			return true;
	}
	return false;
}

bool target_bdf(const char *target, struct bdf *ret)
{
	return find_bdf(target, 0, ret);
}

bool step_about(const struct step *s, struct bdf *ret)
{
	return step_about_next(s, 0, ret);
}

bool step_about_next(const struct step *s, size_t number, struct bdf *ret)
{
	struct bdf of;

	if (!target_bdf(s->target, &of))
		return s->why && find_bdf(s->why, number, ret);
	if (number > 0)
		return false;
	*ret = of;
	return true;
}

/* "lxc/200 …" and "ct:200 …" */
unsigned int step_container(const struct step *s)
{
	unsigned int vmid = 0;

	if (sscanf(s->target, "lxc/%9u ", &vmid) != 1 && sscanf(s->target, "ct:%9u ", &vmid) != 1)
		return 0;
	return vmid;
}

/* The word behind the address. */
static const char *target_identity(const char *target, struct bdf b)
{
	char name[BDF_LEN];
	const char *at = strstr(target, bdf_format(b, name));

	return at && at[strlen(name)] == ' ' ? at + strlen(name) + 1 : NULL;
}

int target_check_identity(const struct root *r, const char *target, struct err *e)
{
	static const char *const attrs[] = { "vendor", "device", "subsystem_vendor", "subsystem_device" };
	const char *id = NULL;
	char path[PATH_MAX], name[BDF_LEN];
	unsigned int want[4];
	struct bdf b;

	if (target_bdf(target, &b))
		id = target_identity(target, b);
	if (!id || sscanf(id, "%4x:%4x/%4x:%4x", &want[0], &want[1], &want[2], &want[3]) != 4)
		return err_set(e, -EINVAL, "'%s' is not a function and its identity", target);
	bdf_format(b, name);
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++) {
		uint32_t have;
		int k = root_read_hex(r, path_f(path, "/sys/bus/pci/devices/%s/%s", name, attrs[i]), &have);

		if (k == -ENOENT)
			return err_set(e, -ENODEV, "%s is not there any more", name);
		if (k < 0)
			return err_errno(e, k, "cannot read %s", path);
		if (have != want[i])
			return err_set(e, -ENODEV, "another device sits at %s now: %s is %04x, not %04x", name, attrs[i], have, want[i]);
	}
	return 0;
}

bool step_same(const struct step *s, const char *a, const char *b)
{
	if (!a || !b || !s->kind->same)
		return str_eq(a, b);
	return s->kind->same(a, b);
}

bool step_transit(const struct step *s, const char *now, bool in_flight)
{
	return s->kind->transit && now && s->kind->transit(s, now, in_flight);
}

bool step_can_start(const struct step *s, const char *now)
{
	return step_same(s, now, s->before) || (s->kind->stray && now && s->kind->stray(s, now));
}

static int verify(const struct engine *en, const struct step *s, struct err *e)
{
	_cleanup_free_ char *now = NULL;
	int k;

	if (s->kind->effect || (s->kind->follows && !s->after))
		return 0;
	k = s->kind->get(en, s, &now, e);
	if (k < 0)
		return k;
	if (step_same(s, now, s->after))
		return 0;
	return err_set(e, -EIO, "%s %s reads '%s' after '%s' was set", s->kind->name, s->target, now ? now : "(absent)",
		       s->after ? s->after : "(absent)");
}

int step_make(const struct engine *en, const struct step *s, struct err *e)
{
	void *job = NULL;
	int k;

	if (!s->kind->launch) {
		k = s->kind->set(en, s, e);
		return k != 0 ? k : verify(en, s, e);
	}
	k = s->kind->launch(en, s, &job, e);
	return k < 0 ? k : step_finish(en, s, job, e);
}

int step_finish(const struct engine *en, const struct step *s, void *job, struct err *e)
{
	int k = s->kind->finish(en, s, job, e);

	return k != 0 ? k : verify(en, s, e);
}

bool step_is_stuck(const struct engine *en, const struct step *s)
{
	struct stuck which;
	struct bdf b;

	return target_bdf(s->target, &b) && stuck_find(en->root, b, &which) > 0;
}

static void format_value(struct text *t, const char *v)
{
	if (!v)
		text_add(t, "(absent)");
	else if (strchr(v, '\n'))
		text_addf(t, "(%zu bytes)", strlen(v));
	else
		text_add(t, *v ? v : "(empty)");
}

void step_format(const struct step *s, struct text *t)
{
	text_addf(t, "%s %s: ", s->kind->name, s->target);
	if (!s->kind->effect) {
		format_value(t, s->before);
		text_add(t, " -> ");
	}
	/* what derives is done once more on its way back */
	format_value(t, s->kind->derives && !s->after ? s->before : s->after);
	if (s->why && *s->why)
		text_addf(t, " (%s)", s->why);
}

void engine_tell(const struct engine *en, enum step_event event, const struct step *s, const char *text)
{
	if (en->watch)
		en->watch(en->watch_ctx, event, s, text);
}
