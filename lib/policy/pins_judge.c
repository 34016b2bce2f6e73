/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What there is to say about pins, and about the cards that they keep from home. */
#include "host/gpu.h"
#include "policy/pins.h"

#define WHERE_LEN 160
#define TEXT_SHOWN 120

/* What a person does about the line itself. */
static const char *cure(const struct setup *s, const struct pin *p, char *buf, size_t size)
{
	const struct loader *l = &s->loader;

	if (p->kind == PIN_DRIVERCTL)
		snprintf(buf, size, "run 'driverctl unset-override' for it");
	else if (p->kind != PIN_PARAM)
		snprintf(buf, size, "comment the line out, run 'update-initramfs -u -k all' and reboot");
	else if (p->file && l->refresh)
		snprintf(buf, size, "take the parameter out, run '%s' and reboot", l->refresh);
	else if (p->file || l->next.why[0])
		snprintf(buf, size, "take the parameter out of the boot loader's configuration and reboot");
	else
		snprintf(buf, size, "reboot: %s does not have it any more", l->file);
	return buf;
}

static bool pin_has_slot(const struct pin *p, struct bdf slot)
{
	for (size_t i = 0; i < p->cards.n; i++)
		if (bdf_same_slot(p->cards.v[i], slot))
			return true;
	return false;
}

static void judge_pin(const struct setup *s, const struct pin *p, struct findings *ret)
{
	char where[WHERE_LEN], text[TEXT_SHOWN + 1], how[160], remedy[384], name[BDF_LEN] = "host";
	bool notes = p->effect == PIN_NOTES && !p->regroups;
	struct finding *f;

	if (p->cards.n && !p->regroups)
		bdf_format(p->cards.v[0], name);
	snprintf(text, sizeof(text), "%.*s", TEXT_SHOWN, p->text);
	for (char *c = text; *c; c++)
		*c = *c == '\t' ? ' ' : *c;
	snprintf(remedy, sizeof(remedy), p->regroups ? "where no card needs it, %s; where one does, give such cards only to VMs that you trust like the host" :
						       "leave it if it is meant; to have the card move freely, %s",
		 cure(s, p, how, sizeof(how)));
	f = finding_add(ret, p->regroups ? FINDING_ACS_OVERRIDE : FINDING_PINNED, name, notes ? NULL : remedy, "%s ('%s') %s%s%s%s",
			pin_where(p, where, sizeof(where)), str_printable(str_trim(text)),
			p->maybe && p->kind != PIN_SCRIPT ? "perhaps " : "", p->what,
			p->others.n ? ", and is about other devices, too" : "",
			p->in_force ? p->next_boot ? "" : ", until the next boot" : ", from the next boot on");
	if (f && notes)
		f->severity = SEVERITY_INFO;
}

/* Meant to go home, and now with a driver that only keeps it, or with none, without a VM that has it. */
static bool is_away(const struct setup_fn *fn, const struct settings *set)
{
	return fn->card && !fn->taken && fn->native.n && (!fn->fn.driver[0] || kmod_keeper(fn->fn.driver)) &&
	       !settings_stays(settings_gpu(set, fn->fn.bdf));
}

/* The pins that keep the function away, in words; false if there is none. */
static bool keepers(const struct pins *l, struct bdf b, struct text *t)
{
	char where[WHERE_LEN];
	bool any = false;

	for (size_t i = 0; i < l->n; i++) {
		const struct pin *p = &l->v[i];

		if (p->own || p->effect == PIN_NOTES || !p->in_force || !bdf_list_has(&p->cards, b))
			continue;
		text_join(t, ", ", pin_where(p, where, sizeof(where)));
		any = true;
	}
	return any;
}

static void judge_away(const struct setup *s, const struct settings *set, const struct pins *l, size_t i, struct findings *ret)
{
	const struct setup_fn *fn = &s->v[i];
	_cleanup_text_ struct text why = { 0 };
	char name[BDF_LEN];

	if (!is_away(fn, set))
		return;
	/* one function stands for its slot */
	for (size_t k = 0; k < i; k++)
		if (bdf_same_slot(s->v[k].fn.bdf, fn->fn.bdf) && is_away(&s->v[k], set) && keepers(l, s->v[k].fn.bdf, &why))
			return;
	if (!keepers(l, fn->fn.bdf, &why))
		return;
	bdf_format(fn->fn.bdf, name);
	finding_add(ret, FINDING_KEPT_AWAY, name,
		    "take these lines out, run 'update-initramfs -u -k all' and reboot; if it is meant, set after-stop = keep for it in " SETTINGS_PATH,
		    "%s is on %s and not on its native driver %s: %s", name, fn->fn.driver[0] ? fn->fn.driver : "no driver",
		    fn->native.v[0], text_str(&why));
}

void pins_judge(const struct setup *s, const struct settings *set, const struct pins *l, const struct bdf *slot, struct findings *ret)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].own && (!slot || pin_has_slot(&l->v[i], *slot)))
			judge_pin(s, &l->v[i], ret);
	for (size_t i = 0; i < s->n; i++)
		if (!slot || bdf_same_slot(s->v[i].fn.bdf, *slot))
			judge_away(s, set, l, i, ret);
}
