/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fake/facts.h"
#include "tests/fake/fake.h"

#define ROOM 16

void hand_driver(struct fn_facts *fn, const char *driver, const char *override)
{
	fn->driver = (struct driver_value){ .power = "auto", .d3cold = "1" };
	snprintf(fn->driver.driver, sizeof(fn->driver.driver), "%s", driver);
	snprintf(fn->driver.override, sizeof(fn->driver.override), "%s", override);
	snprintf(fn->fn.driver, sizeof(fn->fn.driver), "%s", driver);
	fn->driver_known = true;
}

struct fn_facts *hand_add(struct hand *h, const char *bdf, uint32_t class, const char *driver, int group)
{
	struct fn_facts *fn;

	if (h->f.n == ROOM || h->f.slots.n == ROOM)
		fake_die("no room for facts");
	fn = &h->f.v[h->f.n++];
	fn->fn = (struct pci_fn){
		.bdf = fake_bdf(bdf),
		.id = { 0x1002, 0x5159, 0x1af4, 0x1100 },
		.class = class,
		.group = group,
		.has_upstream = true,
		.upstream = fake_bdf("0000:00:01.0"),
		.on_bus = 2,
		.config = PCI_CONFIG_OK,
		.no_soft_reset = TRI_NO,
		.power_state = "D0",
	};
	hand_driver(fn, driver, "");
	h->f.slots.v[h->f.slots.n++] = fn->fn;
	return fn;
}

void hand_init(struct hand *h, const char *conf)
{
	struct err e;

	*h = (struct hand){ 0 };
	if (settings_parse(conf ? conf : "", "test.conf", &h->s, &e) < 0)
		fake_die("%s", e.text);
	h->f = (struct facts){ .vmid = 101, .iommu = { .units = 1, .groups = 9, .firmware = "DMAR", .firmware_known = true },
			       .displays = 1, .root = true };
	h->f.v = calloc(ROOM, sizeof(*h->f.v));
	h->f.slots.v = calloc(ROOM, sizeof(*h->f.slots.v));
	if (!h->f.v || !h->f.slots.v)
		fake_die("no memory");
	h->display = hand_add(h, CARD, 0x030000, "radeon", 15);
	h->audio = hand_add(h, CARD1, 0x040300, "snd_hda_intel", 15);
	h->display->fn.has_reset = h->display->fn.has_reset_method = true;
	snprintf(h->display->fn.reset_method, sizeof(h->display->fn.reset_method), "bus");
}

void hand_done(struct hand *h)
{
	facts_done(&h->f);
	settings_done(&h->s);
}

struct holder *hand_holder(struct hand *h, enum holder_kind kind, const char *id, const char *bdf, const char *node)
{
	struct holder_list *l = &h->f.holders;
	struct holder *x;

	l->v = reallocarray(l->v, l->n + 1, sizeof(*l->v));
	if (!l->v)
		fake_die("no memory");
	x = &l->v[l->n++];
	*x = (struct holder){ .proc = { .pid = 4000 + (pid_t)l->n, .start = 77 }, .comm = "player", .kind = kind };
	snprintf(x->id, sizeof(x->id), "%s", id);
	if (strv_add(&x->nodes, node) < 0 || (bdf && bdf_list_add(&x->bdfs, fake_bdf(bdf)) < 0))
		fake_die("no memory");
	return x;
}

void hand_danger(struct fn_facts *fn, const char *text)
{
	struct danger_list *l = &fn->dangers;

	l->v = reallocarray(l->v, l->n + 1, sizeof(*l->v));
	if (!l->v)
		fake_die("no memory");
	l->v[l->n] = (struct danger){ .kind = DANGER_MOUNT };
	snprintf(l->v[l->n++].text, sizeof(l->v->text), "%s", text);
}

void hand_console(struct hand *h, const char *title, bool bound)
{
	struct vtcon_list *l = &h->f.consoles;

	l->v = reallocarray(l->v, l->n + 1, sizeof(*l->v));
	if (!l->v)
		fake_die("no memory");
	l->v[l->n] = (struct vtcon){ .bound = bound, .framebuffer = strstr(title, "frame buffer") };
	snprintf(l->v[l->n].name, sizeof(l->v->name), "vtcon%zu", l->n);
	snprintf(l->v[l->n++].title, sizeof(l->v->title), "%s", title);
}
