/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The config step: one line of a container's configuration is there, with its exact text as value, or is not. The target says which and
 * where: "lxc/200 dev0 line=3,rest=HASH,after=HASH,before=HASH" is struct config_place of pve/config_edit.h, and for raw lines, of
 * which the same may stand there twice, ",copy=2" of those that mean the same; ",id=…" says of which container (pve/ctident.h). Proxmox
 * VE may have written the file anew by the time a step is made, since a container's stop does that: so values are compared by what they
 * mean, and the place is a matter of undo.
 *
 * The file is edited and not `pct set` called. That rewrites the whole file in its own order and drops what it does not understand; it
 * ends with status 255 as soon as one devN of the container has no node, although the change is made (update_vm() calls
 * update_lxc_config()); it takes no devN whose node is away, which is the rule after a power cut; of a container that runs it only
 * notes a deletion as pending; and it knows no raw lines. The lock and the manner of writing are Proxmox VE's own.
 */
#include <errno.h>
#include <inttypes.h>

#include "plan/step_config.h"
#include "pve/config_change.h"
#include "pve/config_edit.h"
#include "pve/ctident.h"

#define KEY_MAX	 64   /* the longest of LXC's own are half of it */
#define TEXT_MAX 4096 /* for one line; a record has 1 MiB in all */

struct target {
	unsigned int vmid;
	char key[KEY_MAX];
	size_t copy; /* of a raw line, from 1; 0: a key, of which there is one */
	struct config_place place;
	char ident[CTIDENT_LEN]; /* of the container; "" in records of before */
};

static void target_format(const struct target *t, struct text *ret)
{
	const struct config_place *p = &t->place;

	text_addf(ret, "lxc/%u %s line=%zu,rest=%016" PRIx64 ",after=%016" PRIx64 ",before=%016" PRIx64, t->vmid, t->key, p->line, p->rest,
		  p->after, p->before);
	if (t->copy)
		text_addf(ret, ",copy=%zu", t->copy);
	if (p->torn)
		text_add(ret, ",torn");
	if (t->ident[0])
		text_addf(ret, ",id=%s", t->ident);
}

static int target_parse(const char *s, struct target *ret, struct err *e)
{
	struct target t = { 0 };
	int end = 0, more = 0;

	if (sscanf(s, "lxc/%9u %63s line=%9zu,rest=%16" SCNx64 ",after=%16" SCNx64 ",before=%16" SCNx64 "%n", &t.vmid, t.key, &t.place.line,
		   &t.place.rest, &t.place.after, &t.place.before, &end) != 6)
		return err_set(e, -EINVAL, "'%s' names no line of a container's configuration", s);
	if (sscanf(s + end, ",copy=%9zu%n", &t.copy, &more) == 1)
		end += more;
	t.place.torn = str_starts(s + end, ",torn");
	end += t.place.torn ? (int)strlen(",torn") : 0;
	if (str_starts(s + end, ",id=") && ctident_valid(s + end + strlen(",id=")))
		snprintf(t.ident, sizeof(t.ident), "%s", s + end + strlen(",id="));
	else if (s[end])
		return err_set(e, -EINVAL, "'%s' names no line of a container's configuration", s);
	*ret = t;
	return 0;
}

/* The last line of a key, which is the one that counts, and how many there are. */
static size_t find_key(const struct config *cfg, const char *key, size_t *ret)
{
	size_t n = 0;

	config_foreach(l, cfg, key) {
		if (!str_eq(l->key, key))
			continue;
		*ret = (size_t)(l - cfg->lines);
		n++;
	}
	return n;
}

/* What is there now: its line, if there is any. A raw line is that copy of text or none; a key's may be somebody else's. */
static bool find(const struct config *cfg, const struct target *t, const char *text, size_t *ret)
{
	if (t->copy)
		return config_find_same(cfg, text, t->copy, ret) == 0;
	return find_key(cfg, t->key, ret) > 0;
}

static const char *text_of(const struct step *s)
{
	return s->before ? s->before : s->after ? s->after : "";
}

static int config_get_value(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	_cleanup_config_ struct config cfg = { 0 };
	struct err why = { "" };
	struct target t;
	size_t line;
	int k = target_parse(s->target, &t, e);

	if (k == 0)
		k = ctident_find(en->root, t.vmid, t.ident, &why);
	if (k == -ENODEV)
		return err_set(e, k, "%s; this line had been taken out of a configuration: '%s'", why.text, text_of(s));
	if (k < 0)
		return why.text[0] ? err_set(e, k, "%s", why.text) : k;
	k = config_load(en->root, GUEST_CT, t.vmid, &cfg, e);
	if (k < 0)
		return k;
	*ret = NULL;
	if (!find(&cfg, &t, text_of(s), &line))
		return 0;
	*ret = config_line_text(&cfg, line);
	return *ret ? 0 : -ENOMEM;
}

struct edit {
	const struct step *s;
	struct target t;
};

/* Of two lines with one key the last counts; without it the first would come into force. */
static int take_out(const struct edit *ed, const struct config *cfg, size_t line, struct text *ret, struct err *e)
{
	_cleanup_free_ char *now = config_line_text(cfg, line);
	size_t any;

	if (!now)
		return -ENOMEM;
	if (!ed->t.copy && find_key(cfg, ed->t.key, &any) > 1)
		return err_set(e, -ENOTUNIQ, "CT %u has %s more than once in its configuration: leave only the last, which is the one that counts", ed->t.vmid,
			       ed->t.key);
	if (!config_text_same(now, text_of(ed->s)))
		return err_set(e, -ESTALE, "CT %u has '%s' in its configuration by now", ed->t.vmid, now);
	config_remove(cfg, line, ret);
	return 0;
}

static int put_back(const struct edit *ed, const struct config *cfg, struct text *ret, struct err *e)
{
	int k = config_insert(cfg, &ed->t.place, ed->s->after, ret);

	return k < 0 ? err_errno(e, k, "cannot put '%s' into the configuration of CT %u", ed->s->after, ed->t.vmid) : 0;
}

static int edit(void *ctx, const struct config *cfg, struct text *ret, struct err *e)
{
	const struct edit *ed = ctx;
	size_t line = 0;
	bool there = find(cfg, &ed->t, text_of(ed->s), &line);
	int k = ctident_check(ed->t.ident, cfg, e);

	if (k < 0)
		return k;
	if (!ed->s->after)
		return there ? take_out(ed, cfg, line, ret, e) : 1;
	return there ? 1 : put_back(ed, cfg, ret, e); /* what is there is read back: ours, or somebody else's */
}

static int config_set(const struct engine *en, const struct step *s, struct err *e)
{
	struct edit ed = { .s = s };
	int k = target_parse(s->target, &ed.t, e);

	return k < 0 ? k : config_change(en->root, ed.t.vmid, s->after, edit, &ed, e);
}

/* The step for one line; *cfg becomes the configuration without it. */
static int add_step(struct plan *p, struct config *cfg, size_t line, const char *why)
{
	struct target t = { .vmid = cfg->vmid };
	_cleanup_text_ struct text target = { 0 }, bytes = { 0 };
	_cleanup_config_ struct config rest = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t found;
	int k;

	if (cfg->lines[line].raw_len > TEXT_MAX || snprintf(t.key, sizeof(t.key), "%s", cfg->lines[line].key) >= (int)sizeof(t.key))
		return -E2BIG;
	text = config_line_text(cfg, line);
	if (!text)
		return -ENOMEM;
	if (cfg->lines[line].type == CONFIG_LXC)
		for (t.copy = 1; (k = config_find_same(cfg, text, t.copy, &found)) == 0 && found != line;)
			t.copy++;
	config_place_get(cfg, line, &t.place);
	ctident_format(cfg, t.ident);
	target_format(&t, &target);
	if (!plan_add(p, &step_config, text_str(&target), text, NULL, why))
		return -ENOMEM;
	config_remove(cfg, line, &bytes);
	k = bytes.r < 0 ? bytes.r : config_parse(text_str(&bytes), bytes.len, GUEST_CT, &rest);
	if (k < 0)
		return k;
	rest.vmid = cfg->vmid;
	config_done(cfg);
	*cfg = rest;
	rest = (struct config){ 0 };
	return 0;
}

static bool has(const size_t *lines, size_t n, size_t line)
{
	for (size_t i = 0; i < n; i++)
		if (lines[i] == line)
			return true;
	return false;
}

int config_steps(struct plan *p, const struct config *cfg, const size_t *lines, size_t n, const char *why)
{
	_cleanup_config_ struct config rest = { 0 };
	int k = config_parse(cfg->raw, cfg->raw_len, GUEST_CT, &rest);

	rest.vmid = cfg->vmid;
	for (size_t i = 0; k == 0 && i < n; i++)
		k = config_line_movable(cfg, lines[i]) ? 0 : -EINVAL;
	for (size_t at = cfg->n_lines; k == 0 && at-- > 0;)
		if (has(lines, n, at))
			k = add_step(p, &rest, at, why);
	return k;
}

const struct step_kind step_config = {
	.name = "config",
	.late = true,
	.patient = true,
	.survives_reboot = true,
	.get = config_get_value,
	.set = config_set,
	.same = config_text_same,
};
