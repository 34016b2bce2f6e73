/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rom step: a card's ROM in a file. Its target is the function, its identity and the path; its value is what is in the file
 * (rom_file.h), so that a file that somebody has put there, or put in the place of ours, is his. A file that is there is never
 * replaced: whoever wants another one says so to `gpupt-helper rom`. The value needs no card, and so the file goes again when that is gone.
 */
#include <errno.h>

#include "plan/step_rom.h"

void rom_target_format(const struct pci_fn *fn, const char *path, struct text *ret)
{
	char name[BDF_LEN], id[PCI_ID_LEN];

	text_addf(ret, "%s %s %s", bdf_format(fn->bdf, name), pci_id_format(fn->id, id), path);
}

/* Copies the word at *s and moves behind it and the one blank after it. */
static int word(const char **s, char *buf, size_t size)
{
	size_t n = strcspn(*s, " ");

	if (n >= size || (*s)[n] != ' ')
		return -EINVAL;
	memcpy(buf, *s, n);
	buf[n] = '\0';
	*s += n + 1;
	return 0;
}

int rom_target_parse(const char *target, struct rom_target *ret, struct err *e)
{
	const char *rest = target;
	char name[BDF_LEN], id[PCI_ID_LEN];
	struct rom_target t;

	if (word(&rest, name, sizeof(name)) < 0 || word(&rest, id, sizeof(id)) < 0 || bdf_parse_full(name, &t.bdf) < 0 ||
	    pci_id_parse(id, &t.id) < 0 || rest[0] != '/' || strlen(rest) >= PATH_MAX)
		return err_set(e, -EINVAL, "'%s' is not a function, its identity and the path of a file", target);
	t.path = rest;
	*ret = t;
	return 0;
}

int rom_target_read(const struct root *r, const char *target, struct rom_found *ret, struct err *e)
{
	struct rom_target t;
	struct pci_fn fn;
	int k = rom_target_parse(target, &t, e);

	if (k == 0)
		k = target_check_identity(r, target, e);
	if (k == 0)
		k = pci_fn_load(r, t.bdf, &fn, e);
	return k < 0 ? k : rom_read(r, false, &fn, ret, e);
}

static int rom_get(const struct engine *en, const struct step *s, char **ret, struct err *e)
{
	struct rom_target t;
	int k = rom_target_parse(s->target, &t, e);

	return k < 0 ? k : rom_file_read(en->root, t.path, t.id, ret, e);
}

static int remove_file(const struct root *r, const char *path, struct err *e)
{
	int k = root_unlink(r, path);

	if (k == 0)
		k = root_sync_name(r, path);
	return k < 0 ? err_errno(e, k, "cannot remove %s", path) : 0;
}

static int write_file(const struct root *r, const char *path, const struct rom_copy *c, struct err *e)
{
	struct stat st;
	int k = root_lstat(r, path, &st);

	if (k == 0)
		return err_set(e, -EEXIST, "%s is there and stays", path);
	k = root_write_file(r, path, (const char *)c->data, c->rom.len, 0644);
	if (k == -ENOENT)
		return err_set(e, k, "there is no directory for %s", path);
	return k < 0 ? err_errno(e, k, "cannot write %s", path) : 0;
}

/* What the card says now has to be what was shown, or else the record would have a value that was never set. */
static int rom_set(const struct engine *en, const struct step *s, struct err *e)
{
	_cleanup_rom_found_ struct rom_found found = { 0 };
	char value[ROM_VALUE_LEN], name[BDF_LEN];
	struct rom_target t;
	int k = rom_target_parse(s->target, &t, e);

	if (k < 0)
		return k;
	if (!s->after)
		return remove_file(en->root, t.path, e);
	if (!rom_value_is_good(s->after))
		return err_set(e, -EINVAL, "'%s' is no value for a ROM", s->after);
	k = rom_target_read(en->root, s->target, &found, e);
	if (k < 0)
		return k;
	rom_file_value(found.copy.data, found.copy.rom.len, value);
	if (strcmp(value, s->after) != 0)
		return err_set(e, -ESTALE, "the ROM of %s is %s now, not %s: look again", bdf_format(t.bdf, name), value, s->after);
	return write_file(en->root, t.path, &found.copy, e);
}

static void rom_tidy(const struct engine *en, const struct step *s)
{
	struct rom_target t;

	if (rom_target_parse(s->target, &t, NULL) == 0)
		root_drop_temporary(en->root, t.path);
}

const struct step_kind step_rom = {
	.name = "rom",
	.survives_reboot = true,
	.get = rom_get,
	.set = rom_set,
	.tidy = rom_tidy,
};
