/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Masks for what says which kernel boots next, and with what. */
#include <errno.h>

#include "flow/mask.h"
#include "host/boot_entries.h"
#include "host/grub_menu.h"

/* The title or the id of an entry: what would end the word that it becomes is '?', wherever it is named. */
static void add_name(struct text *ret, const char *s)
{
	_cleanup_text_ struct text line = { 0 };

	mask_line(s, &line);
	for (const char *p = text_str(&line); *p; p++)
		text_add_n(ret, strchr("'\"\\$\n\r", *p) ? "?" : p, 1);
	if (line.r < 0)
		ret->r = line.r;
}

/* A line of parameters, with its newline. */
static void add_params(struct mask_names *n, struct text *ret, const char *before, const char *params)
{
	_cleanup_free_ char *copy = strdup(params);

	text_add(ret, before);
	if (copy)
		mask_cmdline(n, copy, ret);
	else
		ret->r = -ENOMEM;
}

static void add_item(struct mask_names *n, const struct grub_item *item, struct text *ret)
{
	text_addf(ret, "%s '", item->submenu ? "submenu" : "menuentry");
	add_name(ret, item->title);
	text_add(ret, "' --id '");
	add_name(ret, item->id);
	text_add(ret, "' {\n");
	if (item->release[0]) {
		text_addf(ret, "linux /boot/vmlinuz-%s ", item->release);
		add_params(n, ret, "", item->params);
	}
	if (item->initrd)
		text_add(ret, "initrd /boot/initrd.img\n");
}

/* The entries of one menu, and of those in it. Submenus are few and not deep (DEPTH_MAX of grub_menu.c). */
static void add_menu(struct mask_names *n, const struct grub_menu *m, int parent, struct text *ret)
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->v[i].parent != parent)
			continue;
		add_item(n, &m->v[i], ret);
		if (m->v[i].submenu)
			add_menu(n, m, (int)i, ret);
		text_add(ret, "}\n");
	}
}

void mask_grub_menu(struct mask_names *n, char *text, struct text *ret)
{
	_cleanup_grub_menu_ struct grub_menu m = { 0 };

	if (grub_menu_parse(text, &m) < 0) {
		ret->r = -ENOMEM;
		return;
	}
	if (strcmp(m.fallback, "${saved_entry}") == 0 || !strchr(m.fallback, '$')) {
		text_add(ret, "set default=\"");
		if (strchr(m.fallback, '$'))
			text_add(ret, m.fallback);
		else
			add_name(ret, m.fallback);
		text_add(ret, "\"\n");
	} else {
		/* nobody but GRUB knows what it is */
		text_add(ret, "set default=\"${?}\"\n");
	}
	add_menu(n, &m, -1, ret);
}

void mask_grub_env(struct mask_names *n, char *text, struct text *ret)
{
	_cleanup_grub_menu_ struct grub_menu m = { 0 };

	if (grub_env_parse(text, &m) < 0)
		ret->r = -ENOMEM;
	if (m.next) {
		text_add(ret, "next_entry=");
		add_name(ret, m.next);
		text_add(ret, "\n");
	}
	if (m.saved) {
		text_add(ret, "saved_entry=");
		add_name(ret, m.saved);
		text_add(ret, "\n");
	}
}

void mask_boot_entry(struct mask_names *n, char *text, struct text *ret)
{
	struct boot_entry e = { 0 };

	if (boot_entry_parse(text, "", &e) < 0) {
		ret->r = -ENOMEM;
	} else if (e.release[0]) {
		text_addf(ret, "linux /vmlinuz-%s\n%s", e.release, e.initrd ? "initrd /initrd.img\n" : "");
		add_params(n, ret, "options ", e.params);
	}
	boot_entry_done(&e);
}

void mask_loader_conf(struct mask_names *n, char *text, struct text *ret)
{
	char *line;

	while ((line = str_line(&text))) {
		if (!str_starts(line = str_trim(line), "default"))
			continue;
		mask_line(line, ret);
		text_add(ret, "\n");
	}
}

/* Names of kernels, one a line. */
void mask_releases(struct mask_names *n, char *text, struct text *ret)
{
	char *line, release[KERNEL_RELEASE_LEN];

	while ((line = str_line(&text)))
		if (kernel_release_parse(str_trim(line), release))
			text_addf(ret, "%s\n", release);
}
