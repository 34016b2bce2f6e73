/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Option ROMs and the table that the firmware leaves of them: what is right is taken, whatever is wrong is said. */
#include <errno.h>

#include "host/rom_source.h"
#include "host/vfct.h"
#include "tests/fake/option_rom.h"
#include "tree.h"

#define AMD  ((struct pci_id){ 0x1002, 0x73bf, 0x1da2, 0xe438 })
#define TWO  ((struct pci_id){ 0x1002, 0x1638, 0, 0 })
#define PCIR OPTION_ROM_PCIR

static void good(void **state)
{
	_cleanup_text_ struct text t = { 0 };
	struct option_rom r = { 0 };
	struct rom rom = { 0 };

	option_rom_add(&r, ROM_X86, AMD, 2, false);
	option_rom_add(&r, ROM_EFI, AMD, 3, true);
	assert_int_equal(rom_parse(r.v, r.len, &rom, NULL), 0);
	assert_int_equal(rom.n, 2);
	assert_int_equal(rom.len, 5 * 512);
	assert_true(rom.complete);
	assert_int_equal(rom.v[1].offset, 2 * 512);
	assert_true(rom_is_of(r.v, &rom, AMD));
	assert_false(rom_is_of(r.v, &rom, TWO));
	rom_images(&rom, ", ", &t);
	assert_string_equal(text_str(&t), "x86, EFI");
	/* what follows is nobody's */
	assert_int_equal(rom_parse(r.v, sizeof(r.v), &rom, NULL), 0);
	assert_int_equal(rom.len, 5 * 512);
}

/* An x86 image alone, as the firmware copies it: its chain goes on nowhere. */
static void unfinished(void **state)
{
	struct option_rom r = { 0 };
	struct rom rom = { 0 };

	option_rom_add(&r, ROM_X86, AMD, 2, false);
	assert_int_equal(rom_parse(r.v, r.len, &rom, NULL), 0);
	assert_false(rom.complete);
	assert_int_equal(rom_parse(r.v, r.len + 512, &rom, NULL), 0);
	assert_int_equal(rom.len, 1024);
	assert_false(rom.complete);
}

/* The ids of revision 3. */
static void device_list(void **state)
{
	struct option_rom r = { 0 };
	struct rom rom = { 0 };
	struct err e;

	option_rom_add(&r, ROM_X86, AMD, 1, true);
	memcpy(r.v + PCIR + 8, "\x1c\0", 2);
	memcpy(r.v + PCIR + 0x1c, "\x34\x12\x38\x16\0", 6);
	option_rom_sum(&r, 0);
	/* in revision 0 that field is another's */
	assert_int_equal(rom_parse(r.v, r.len, &rom, NULL), 0);
	assert_false(rom_is_of(r.v, &rom, TWO));
	r.v[PCIR + 0x0c] = 3;
	option_rom_sum(&r, 0);
	assert_int_equal(rom_parse(r.v, r.len, &rom, NULL), 0);
	assert_true(rom_is_of(r.v, &rom, TWO));
	assert_true(rom_is_of(r.v, &rom, AMD));
	assert_false(rom_is_of(r.v, &rom, (struct pci_id){ 0x10de, 0x1638, 0, 0 }));
	memset(r.v + PCIR + 0x1c, 0x11, 512 - PCIR - 0x1c);
	assert_int_equal(rom_parse(r.v, r.len, &rom, &e), -EBADMSG);
	assert_string_equal(e.text, "image 1 of the ROM has a list of devices without an end");
}

static void bad(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		bool sum; /* put it right afterwards */
		size_t len;
		const char *says;
	} rows[] = {
		{ 0, 0xff, false, 1024, "there is no ROM: it does not begin with 55 aa" },
		{ 0, 0x55, false, 1, "there is no ROM: it does not begin with 55 aa" },
		{ 0, 0x55, false, 20, "image 1 of the ROM is cut off" },
		{ 0, 0x55, false, 1023, "image 1 of the ROM is cut off" },
		{ 0x18, 0x42, true, 1024, "image 1 of the ROM has no PCI data structure" },
		{ 0x18, 0x02, true, 1024, "image 1 of the ROM has no PCI data structure" },
		{ 0x19, 0xff, true, 1024, "image 1 of the ROM has no PCI data structure" },
		{ PCIR, 'p', true, 1024, "image 1 of the ROM has no PCI data structure" },
		{ PCIR + 0x0a, 0x10, true, 1024, "image 1 of the ROM has a PCI data structure of a wrong length" },
		{ PCIR + 0x0b, 0x7f, true, 1024, "image 1 of the ROM has a PCI data structure of a wrong length" },
		{ PCIR + 0x10, 0, true, 1024, "image 1 of the ROM has no length" },
		{ PCIR + 0x11, 0xff, true, 1024, "image 1 of the ROM is cut off" },
		{ PCIR + 0x14, ROM_EFI, true, 1024, "image 1 of the ROM is of EFI and lacks EFI's signature" },
		{ 2, 0, false, 1024, "image 1 of the ROM has a code size that does not fit its length" },
		{ 2, 3, false, 1024, "image 1 of the ROM has a code size that does not fit its length" },
		{ 0x90, 1, false, 1024, "image 1 of the ROM has a wrong checksum" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rom rom = { .n = 77 };
		struct option_rom r = { 0 };
		struct err e = { "" };

		option_rom_add(&r, ROM_X86, AMD, 2, true);
		r.v[rows[i].at] = rows[i].value;
		if (rows[i].sum)
			option_rom_sum(&r, 0);
		assert_int_equal(rom_parse(r.v, rows[i].len, &rom, &e), -EBADMSG);
		assert_string_equal(e.text, rows[i].says);
		assert_int_equal(rom.n, 77);
	}
}

/* In a later image, and too many of them. */
static void bad_chain(void **state)
{
	struct option_rom r = { 0 };
	struct rom rom;
	struct err e;

	option_rom_add(&r, ROM_X86, AMD, 1, false);
	option_rom_add(&r, ROM_X86, AMD, 1, true);
	r.v[512 + 0x90]++;
	assert_int_equal(rom_parse(r.v, r.len, &rom, &e), -EBADMSG);
	assert_string_equal(e.text, "image 2 of the ROM has a wrong checksum");
	{
		_cleanup_free_ uint8_t *many = malloc(20 * 512);
		struct option_rom one = { 0 };

		option_rom_add(&one, ROM_X86, AMD, 1, false);
		for (size_t i = 0; i < 20; i++)
			memcpy(many + i * 512, one.v, 512);
		assert_int_equal(rom_parse(many, 16 * 512, &rom, &e), 0);
		assert_int_equal(rom.n, 16);
		assert_int_equal(rom_parse(many, 17 * 512, &rom, &e), -EBADMSG);
		assert_string_equal(e.text, "the ROM has more than 16 images");
	}
}

static void better(void **state)
{
	/* each is better than all before it */
	const struct rom v[] = {
		{ .n = 1, .len = 512 }, { .n = 1, .len = 1024 }, { .n = 2, .len = 1024 },
		{ .n = 1, .len = 512, .complete = true }, { .n = 2, .len = 1024, .complete = true },
		{ .n = 2, .len = 2048, .complete = true },
	};

	for (size_t a = 0; a < ARRAY_SIZE(v); a++)
		for (size_t b = 0; b < ARRAY_SIZE(v); b++)
			assert_int_equal(rom_compare(&v[a], &v[b]), (a > b) - (a < b));
}

/* --- VFCT ------------------------------------------------------------------------ */

#define AT(b, d) ((struct bdf){ 0, b, d, 0 })

static void image_of(struct option_rom *r, struct pci_id id, uint8_t mark)
{
	option_rom_add(r, ROM_X86, id, 1, true);
	r->v[0x90] = mark;
	option_rom_sum(r, 0);
}

static int find(const struct option_rom *t, struct bdf b, struct pci_id id, uint8_t *ret_mark, struct err *e)
{
	size_t at = 0, len = 0;
	int k = vfct_find(t->v, t->len, b, id, &at, &len, e);

	if (k == 0) {
		assert_int_equal(len, 512);
		*ret_mark = t->v[at + 0x90];
	}
	return k;
}

static void vfct(void **state)
{
	struct pci_id other = AMD, no_sub = AMD;
	struct option_rom a = { 0 }, b = { 0 }, c = { 0 }, t = { 0 };
	uint8_t mark = 0;
	struct err e;

	other.subdevice++;
	no_sub.subvendor = no_sub.subdevice = 0;
	image_of(&a, AMD, 1);
	image_of(&b, AMD, 2);
	image_of(&c, TWO, 3);
	option_rom_vfct(&t, AT(3, 0), AMD, &a);
	option_rom_vfct(&t, AT(4, 0), TWO, &c);
	assert_int_equal(find(&t, AT(3, 0), AMD, &mark, NULL), 0);
	assert_int_equal(mark, 1);
	/* the kernel has other bus numbers than the firmware, or the domain is one that the table cannot tell */
	assert_int_equal(find(&t, AT(9, 0), AMD, &mark, NULL), 0);
	assert_int_equal(find(&t, (struct bdf){ 1, 4, 0, 0 }, TWO, &mark, NULL), 0);
	assert_int_equal(mark, 3);
	/* an address alone is not enough */
	assert_int_equal(find(&t, AT(4, 0), other, &mark, &e), -ENOENT);
	assert_int_equal(find(&t, AT(3, 0), no_sub, &mark, NULL), 0);
	/* a twin: by the address, or not at all */
	option_rom_vfct(&t, AT(5, 0), AMD, &b);
	assert_int_equal(find(&t, AT(5, 0), AMD, &mark, NULL), 0);
	assert_int_equal(mark, 2);
	assert_int_equal(find(&t, AT(3, 0), AMD, &mark, NULL), 0);
	assert_int_equal(mark, 1);
	assert_int_equal(find(&t, AT(9, 0), AMD, &mark, &e), -ENOTUNIQ);
}

/* Twins with the same image need no telling apart. */
static void vfct_twins(void **state)
{
	struct option_rom a = { 0 }, t = { 0 };
	uint8_t mark;

	image_of(&a, AMD, 1);
	option_rom_vfct(&t, AT(3, 0), AMD, &a);
	option_rom_vfct(&t, AT(5, 0), AMD, &a);
	assert_int_equal(find(&t, AT(9, 0), AMD, &mark, NULL), 0);
	assert_int_equal(mark, 1);
}

static void vfct_bad(void **state)
{
	struct option_rom a = { 0 }, t = { 0 }, u;
	uint8_t mark;
	struct err e;

	image_of(&a, AMD, 1);
	option_rom_vfct(&t, AT(3, 0), AMD, &a);
	u = t;
	u.v[0] = 'X';
	assert_int_equal(find(&u, AT(3, 0), AMD, &mark, &e), -EBADMSG);
	u = t;
	u.len = 0x4b;
	assert_int_equal(find(&u, AT(3, 0), AMD, &mark, &e), -EBADMSG);
	u = t;
	u.len--; /* shorter than it says */
	assert_int_equal(find(&u, AT(3, 0), AMD, &mark, &e), -EBADMSG);
	u = t;
	u.v[0x34] = 0x24; /* the offset that it is not at */
	assert_int_equal(find(&u, AT(3, 0), AMD, &mark, &e), -EBADMSG);
	u = t;
	u.v[0x4c + 24 + 3] = 0xff;
	assert_int_equal(find(&u, AT(3, 0), AMD, &mark, &e), -EBADMSG);
	assert_non_null(strstr(e.text, "longer than the table"));
	u = t;
	u.v[0x34 + 3] = 0xff; /* behind the table: nothing is there */
	assert_int_equal(find(&u, AT(3, 0), AMD, &mark, &e), -ENOENT);
	u = t;
	memset(u.v + 0x4c + 24, 0, 4); /* empty */
	assert_int_equal(find(&u, AT(3, 0), AMD, &mark, &e), -ENOENT);
}

static void files(void **state)
{
	struct rom_copy c = { 0 };
	struct option_rom r = { 0 };
	_cleanup_tree_ struct tree t;
	struct err e;

	tree_new(&t);
	option_rom_add(&r, ROM_X86, AMD, 1, true);
	assert_int_equal(root_write_file(&t.root, "/rom", (const char *)r.v, sizeof(r.v), 0644), 0);
	assert_int_equal(rom_from_file(&t.root, "/none", AMD, &c, &e), -ENOENT);
	assert_int_equal(rom_from_file(&t.root, "/rom", TWO, &c, &e), -ESTALE);
	assert_string_equal(e.text, "the ROM is of another device: 1002:73bf instead of 1002:1638");
	assert_null(c.data);
	assert_int_equal(rom_from_file(&t.root, "/rom", AMD, &c, &e), 0);
	assert_int_equal(c.rom.len, 512);
	assert_memory_equal(c.data, r.v, 512);
	rom_copy_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),	  cmocka_unit_test(unfinished), cmocka_unit_test(device_list), cmocka_unit_test(bad),
		cmocka_unit_test(bad_chain), cmocka_unit_test(better),	cmocka_unit_test(vfct),	       cmocka_unit_test(vfct_twins),
		cmocka_unit_test(vfct_bad),  cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
