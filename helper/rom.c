/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `rom`: a card's video BIOS in a file, for `romfile=` of a VM that cannot read it from the card itself. */
#include <errno.h>

#include "helper/file_arg.h"
#include "helper/gpu_arg.h"
#include "helper/output.h"
#include "host/rom_file.h"
#include "plan/rom_read.h"

enum { BDF, SOURCE, IMAGES, BYTES, COMPLETE, FILE_NAME, ROMFILE, RESULT, MESSAGE };

/* All of them details: without -o or --json there is no list. */
static const struct column column_v[] = {
	[BDF] = { "bdf", "address of the display function", .detail = true },
	[SOURCE] = { "source", "where the ROM is from: card, VFCT (the firmware's copy)", .detail = true },
	[IMAGES] = { "images", "what is in it: x86, EFI …", COLUMN_LIST, .detail = true },
	[BYTES] = { "bytes", "its length", COLUMN_NUMBER, .detail = true },
	[COMPLETE] = { "complete", "does its chain of images have its end?", COLUMN_BOOL, .detail = true },
	[FILE_NAME] = { "file", "the file", .detail = true },
	[ROMFILE] = { "romfile", "what the VM's hostpci entry takes", .detail = true },
	[RESULT] = { "result", "written, would be written, same, kept", .detail = true },
	[MESSAGE] = { "message", "what there is to say about it", .detail = true, .wrap = true },
};
static const struct columns columns = { "roms", column_v, ARRAY_SIZE(column_v) };

struct work {
	const struct options *o;
	struct pci_fn fn;
	bool to_stdout, chosen; /* the file is the caller's choice */
	char path[PATH_MAX];
	struct rom_found found;
	const char *result;
	struct text message;
	struct err e;
};

static void work_done(struct work *w)
{
	rom_found_done(&w->found);
	text_done(&w->message);
}

/* What a hostpci entry would name it by, or NULL: it is in another directory, or has a sign that means something there. */
static const char *romfile_of(const char *path)
{
	const char *name = path + strlen(ROM_DIR "/");

	return str_starts(path, ROM_DIR "/") && !name[strcspn(name, ",;")] ? name : NULL;
}

static bool same(const struct rom_copy *a, const struct rom_copy *b)
{
	return a->rom.len == b->rom.len && memcmp(a->data, b->data, a->rom.len) == 0;
}

/* What to do about a file that is there. 0 with the result set if it stays, 1 if it is to be written, -errno (refused). */
static int judge_old(struct work *w)
{
	_cleanup_rom_copy_ struct rom_copy old = { 0 };
	struct err e = { "" };
	int k = rom_from_file(w->o->root, w->path, w->fn.id, &old, &e), better;

	if (k == -ENOENT)
		return 1;
	/* one that is damaged is no loss where only such files are; elsewhere it may be anything */
	if (k == -EBADMSG && !w->chosen) {
		text_addf(&w->message, "in the place of a damaged one (%s)", e.text);
		return 1;
	}
	if (k < 0)
		return err_set(&w->e, k, "%.150s is there and stays: %.200s; remove it, or name another file", w->path, e.text);
	better = rom_compare(&w->found.copy.rom, &old.rom);
	if (better > 0)
		text_addf(&w->message, "in the place of a worse one (%zu images, %zu bytes)", old.rom.n, old.rom.len);
	if (better > 0)
		return 1;
	w->result = same(&w->found.copy, &old) ? "same" : "kept";
	if (w->result[0] == 'k')
		text_addf(&w->message, "there is another good ROM of this card in it, %s; remove it to have it written anew",
			  better < 0 ? "and a better one" : "as good as this one");
	return 0;
}

static int write_new(struct work *w)
{
	const struct rom_copy *c = &w->found.copy;
	int k;

	if (helper_shows_only(w->o)) {
		w->result = "would be written";
		return 0;
	}
	k = root_write_file(w->o->root, w->path, (const char *)c->data, c->rom.len, 0644);
	if (k == -ENOENT && !w->chosen)
		return err_set(&w->e, k, "there is no " ROM_DIR ", which is Proxmox VE's: name a file to write to");
	if (k < 0)
		return err_errno(&w->e, k, "cannot write %.200s", w->path);
	w->result = "written";
	return 0;
}

/* Gets the ROM and brings it into its file. 0 or -errno. */
static int fetch(struct work *w)
{
	int k = rom_read(w->o->root, w->o->dry_run, &w->fn, &w->found, &w->e);

	if (k < 0)
		return k;
	if (w->found.not_card.len)
		helper_complain("not from the card: %s", text_str(&w->found.not_card));
	if (!w->found.copy.rom.complete)
		helper_complain("the ROM has no image that says it is the last: some may be missing");
	if (w->to_stdout)
		return file_arg_to_stdout(w->found.copy.data, w->found.copy.rom.len, &w->e);
	k = judge_old(w);
	return k > 0 ? write_new(w) : k;
}

static int list(const struct work *w)
{
	_cleanup_table_ struct table t = { 0 };
	_cleanup_text_ struct text images = { 0 };
	const struct rom *rom = &w->found.copy.rom;
	const char *romfile = romfile_of(w->path);
	char name[BDF_LEN];
	int code = table_open(w->o, &columns, &t);

	if (code != EXIT_DONE)
		return code;
	rom_images(rom, "\n", &images);
	table_row(&t);
	table_set(&t, BDF, bdf_format(w->fn.bdf, name));
	table_set(&t, SOURCE, w->found.source);
	table_set(&t, IMAGES, text_str(&images));
	table_setf(&t, BYTES, "%zu", rom->len);
	table_set(&t, COMPLETE, rom->complete ? "yes" : "no");
	table_set(&t, FILE_NAME, w->path);
	if (romfile)
		table_setf(&t, ROMFILE, "romfile=%s", romfile);
	table_set(&t, RESULT, w->result);
	table_set(&t, MESSAGE, text_str(&w->message));
	return table_print(&t);
}

static int say(const struct work *w)
{
	_cleanup_text_ struct text images = { 0 };
	const struct rom *rom = &w->found.copy.rom;
	const char *romfile = romfile_of(w->path);
	char name[BDF_LEN];

	rom_images(rom, ", ", &images);
	printf("%s: %zu bytes from %s: %s\n", bdf_format(w->fn.bdf, name), rom->len,
	       w->found.source[0] == 'c' ? "the card" : "the firmware's table VFCT", text_str(&images));
	printf("%s: %s%s%s\n", w->path, w->result, w->message.len ? ": " : "", text_str(&w->message));
	if (romfile)
		printf("romfile=%s\n", romfile);
	else
		printf("Proxmox VE reads romfile= from " ROM_DIR " only.\n");
	return EXIT_DONE;
}

/* Where to. EXIT_DONE or EXIT_USAGE (said). */
static int destination(struct work *w, const char *file)
{
	w->chosen = file;
	w->to_stdout = file && file_arg_is_stdout(file);
	if (w->to_stdout)
		return file_arg_check_stdout(w->o, "a ROM");
	if (file)
		return file_arg(file, w->path);
	rom_file_path(w->path, w->fn.id);
	return EXIT_DONE;
}

static int run(const struct options *o, int argc, char **argv)
{
	_cleanup_(work_done) struct work w = { .o = o };
	struct bdf gpu;
	int code = gpu_arg(o, argv[0], &gpu);

	if (code == EXIT_DONE)
		code = helper_result(pci_fn_load(o->root, gpu, &w.fn, &w.e), &w.e);
	if (code == EXIT_DONE)
		code = destination(&w, argc > 1 ? argv[1] : NULL);
	if (code == EXIT_DONE)
		code = helper_result(fetch(&w), &w.e);
	if (code != EXIT_DONE || w.to_stdout)
		return code;
	return o->json || o->columns ? list(&w) : say(&w);
}

const struct command command_rom = {
	.name = "rom",
	.args = "GPU [FILE]",
	.min = 1,
	.max = 2,
	.changes = true,
	.summary = "get a card's video BIOS, for romfile= of a VM",
	.help = "From the card, or from what the firmware left of it in ACPI's table VFCT, whichever is better; checked first.\n"
		"Without FILE into " ROM_DIR ", where Proxmox VE looks for it; '-' is standard output. A good file\n"
		"is never replaced by a worse one. The card is not asked while a VM has it.\n"
		"With --json or -o: a list of one row.",
	.columns = &columns,
	.run = run,
};
