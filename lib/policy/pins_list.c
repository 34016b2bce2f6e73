/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "policy/pins_list.h"
#include "policy/prepare.h"
#include "policy/vfio_ids.h"

void pin_done(struct pin *pin)
{
	free(pin->file);
	free(pin->text);
	free(pin->what);
	bdf_list_done(&pin->cards);
	bdf_list_done(&pin->others);
	*pin = (struct pin){ 0 };
}

void pins_done(struct pins *p)
{
	for (size_t i = 0; i < p->n; i++)
		pin_done(&p->v[i]);
	free(p->v);
	*p = (struct pins){ 0 };
}

int pin_place(struct pin *pin, const struct conf_place *at)
{
	pin->file = strdup(at->file);
	pin->text = strdup(at->text);
	pin->line = at->line;
	pin->last = at->last;
	pin->in_force = pin->next_boot = true;
	return pin->file && pin->text ? 0 : -ENOMEM;
}

int pin_match(struct pin *pin, const struct setup *s, pin_match_fn *match, const void *ctx)
{
	for (size_t i = 0; i < s->n; i++) {
		enum tri is = s->v[i].fn.bridge ? TRI_NO : match(s, &s->v[i], ctx);

		if (is == TRI_NO)
			continue;
		pin->maybe |= is == TRI_UNKNOWN && s->v[i].card;
		if (bdf_list_add(s->v[i].card ? &pin->cards : &pin->others, s->v[i].fn.bdf) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* "0000:01:00.0, 0000:01:00.1 and 0000:02:00.0" */
static void add_cards(struct text *t, const struct bdf_list *l)
{
	char name[BDF_LEN];

	for (size_t i = 0; i < l->n; i++) {
		text_add(t, i == 0 ? "" : i + 1 == l->n ? " and " : ", ");
		text_add(t, bdf_format(l->v[i], name));
	}
}

int pins_add(struct pins *l, struct pin *pin, const char *before, const char *after)
{
	_cleanup_text_ struct text what = { 0 };
	struct pin *v;

	if (!pin->cards.n && pin->kind != PIN_SCRIPT && !(pin->kind == PIN_INSTALL && pin->maybe))
		return 0;
	text_add(&what, before);
	add_cards(&what, &pin->cards);
	text_add(&what, after);
	pin->what = text_take(&what);
	pin->own = pin->file && prepare_is_own(pin->file);
	v = pin->what ? reallocarray(l->v, l->n + 1, sizeof(*v)) : NULL;
	if (!v)
		return -ENOMEM;
	l->v = v;
	v[l->n++] = *pin;
	*pin = (struct pin){ 0 };
	return 0;
}

static bool is_blocked(const struct setup *s, const char *module)
{
	for (size_t i = 0; i < s->modprobe.n; i++) {
		const struct modprobe_line *line = &s->modprobe.v[i];

		if (strcmp(line->module, module) == 0 && (line->kind == MODPROBE_BLACKLIST || modprobe_is_nothing(line)))
			return true;
	}
	return pins_param_blocks(s, module);
}

bool pin_module_decides(const struct setup *s, const struct setup_fn *fn, const char *module)
{
	if (!strv_has(&fn->native, module))
		return false;
	for (size_t i = 0; i < fn->native.n; i++)
		if (strcmp(fn->native.v[i], module) != 0 && !is_blocked(s, fn->native.v[i]))
			return false;
	return true;
}

enum tri pin_match_module(const struct setup *s, const struct setup_fn *fn, const void *module)
{
	return pin_module_decides(s, fn, module) ? TRI_YES : TRI_NO;
}

enum tri pin_match_ids(const struct setup *s, const struct setup_fn *fn, const void *ids)
{
	return vfio_ids_take(ids, &fn->fn) ? TRI_YES : TRI_NO;
}

char *pin_where(const struct pin *p, char *buf, size_t size)
{
	if (!p->file)
		snprintf(buf, size, "the running kernel's command line");
	else if (p->line)
		snprintf(buf, size, "%s line %u", p->file, p->line);
	else
		snprintf(buf, size, "%s", p->file);
	return buf;
}
